"""Write label sheets: one row for each post and value, or the table of the paper's authors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path

from valex_local.corpus.columns import text_id
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.long_format import BOTH, NO, YES
from valex_local.files.tables import write_table
from valex_local.posts.ids import post_key
from valex_local.schwartz import CIRCLE, State, Value

LONG_COLUMNS = ("post", "value", "state", "p_present", "p_conflicted", "dominant")
CUTOFF_COLUMNS = ("present_from", "conflicted_from")

Pair = tuple[float | None, float | None]
Cutoffs = Mapping[str, Sequence[Pair]]

SHEET_ORDER = (
    Value.SELF_DIRECTION_THOUGHT, Value.SELF_DIRECTION_ACTION, Value.STIMULATION, Value.HEDONISM, Value.ACHIEVEMENT,
    Value.POWER_RESOURCES, Value.POWER_DOMINANCE, Value.FACE, Value.SECURITY_PERSONAL, Value.SECURITY_SOCIETAL,
    Value.CONFORMITY_RULES, Value.CONFORMITY_INTERPERSONAL, Value.TRADITION, Value.HUMILITY,
    Value.BENEVOLENCE_DEPENDABILITY, Value.BENEVOLENCE_CARING, Value.UNIVERSALISM_CONCERN, Value.UNIVERSALISM_NATURE,
    Value.UNIVERSALISM_TOLERANCE,
)  # fmt: skip
"""The values in the order of the columns in the authors' sheet."""


def write_long(
    path: Path,
    runs: Mapping[str, LabelMatrix],
    *,
    extra: Mapping[str, Mapping[str, str]] | None = None,
    cutoffs: Cutoffs | None = None,
) -> None:
    """Write the table of `long_rows`, which `read_sheet` reads back.

    Parameters
    ----------
    path : Path
        The file: TSV if its name ends in .tsv, otherwise CSV. It is written completely or not at all.
    runs, extra, cutoffs
        As in `long_rows`.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    write_table(path, long_rows(runs, extra=extra, cutoffs=cutoffs))


def long_rows(
    runs: Mapping[str, LabelMatrix],
    *,
    extra: Mapping[str, Mapping[str, str]] | None = None,
    cutoffs: Cutoffs | None = None,
) -> Iterator[tuple[str, ...]]:
    """Yield a header, then one row for each run, post and value.

    The columns are ``post, value, state, p_present, p_conflicted, dominant``, then ``present_from, conflicted_from``
    if there are cut-offs, then ``run`` if any run has a name, then those of `extra`. ``p_present`` and ``p_conflicted``
    contain the probability of the polarity with four digits, ``yes`` or ``no`` if it has none, and nothing if it was
    not assessed. A value labelled both present and conflicted has the state ``both``.

    Parameters
    ----------
    runs : mapping of str to LabelMatrix
        The labels by run; "" for a single run without a name. Probabilities of polarities that were not assessed are
        left out.
    extra : mapping of str to mapping of str to str, optional
        More columns: by name, the cell of each post (``{"fold": {"user_7301...": "0"}}``).
    cutoffs : mapping of str to sequence of (float or None, float or None), optional
        For each post and each value, in the order of the circle, the probabilities from which it is called present and
        conflicted.

    Yields
    ------
    tuple of str
        The cells of a row.
    """
    extra = extra or {}
    named = any(runs)
    drawn = [] if cutoffs is None else CUTOFF_COLUMNS
    yield (*LONG_COLUMNS, *drawn, *(["run"] if named else []), *extra)
    for run, labels in runs.items():
        for row, post in enumerate(labels.ids):
            beside = (*([run] if named else []), *(cells.get(post, "") for cells in extra.values()))
            limits = [()] * len(CIRCLE) if cutoffs is None else _limits(cutoffs.get(post))
            for cells, limit in zip(_long_cells(labels, row), limits, strict=True):
                yield (_post(post), *cells, *limit, *beside)


def _limits(cutoffs: Sequence[Pair] | None) -> list[tuple[str, ...]]:
    pairs = [(None, None)] * len(CIRCLE) if cutoffs is None else cutoffs
    return [tuple("" if limit is None else f"{limit:g}" for limit in pair) for pair in pairs]


def _long_cells(labels: LabelMatrix, row: int) -> Iterator[tuple[str, ...]]:
    """Yield value, state, present, conflicted, dominant."""
    holds, probabilities = labels.labels[row].tolist(), labels.probabilities[row].tolist()
    for column, value in enumerate(CIRCLE):
        state = BOTH if holds[column] == [1, 1] else labels.state(row, column).value
        polarities = map(_polarity, holds[column], probabilities[column])
        yield value.value, state, *polarities, str(int(labels.dominant[row, column]))


def _polarity(holds: float, probability: float) -> str:
    if isnan(holds):
        return ""
    if isnan(probability):
        return YES if holds == 1 else NO
    return f"{round(probability, 4):g}"


def write_authors(
    path: Path,
    labels: LabelMatrix,
    *,
    has_sound: Mapping[str, bool | None] | None = None,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the table of `authors_rows`.

    Parameters
    ----------
    path : Path
        The file: TSV if its name ends in .tsv, otherwise CSV. It is written completely or not at all.
    labels, has_sound, notes
        As in `authors_rows`.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    write_table(path, authors_rows(labels, has_sound=has_sound, notes=notes))


def authors_rows(
    labels: LabelMatrix,
    *,
    has_sound: Mapping[str, bool | None] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the authors' table, header first: ``video_id``, 19 values, ``Has_sound``, ``notes``.

    The columns of values have the names and order of the authors' sheet, starting with
    ``1_Value1_Self_Direction_Thought_values``; the number is 1 in all of them. Cells are -1 (conflicted), 0 (absent),
    1 (present), 2 (dominant), or blank if the value was not assessed. The format cannot express probabilities, or that
    only one polarity was assessed.

    Parameters
    ----------
    labels : LabelMatrix
        The labels.
    has_sound : mapping of str to bool or None, optional
        Whether the video of a post has sound; the cell is blank where this is not known.
    notes : mapping of str to str, optional
        Notes on posts.

    Yields
    ------
    tuple of str
        The cells of a row.
    """
    yield ("video_id", *(f"1_Value1_{value.sheet_column}_values" for value in SHEET_ORDER), "Has_sound", "notes")
    places = [CIRCLE.index(value) for value in SHEET_ORDER]
    has_sound, notes = has_sound or {}, notes or {}
    for row, post in enumerate(labels.ids):
        sound = has_sound.get(post)
        codes = (_code(labels, row, place) for place in places)
        yield (_post(post), *codes, "" if sound is None else str(sound), notes.get(post, ""))


def _code(labels: LabelMatrix, row: int, column: int) -> str:
    match labels.state(row, column):
        case State.CONFLICTED:
            return "-1"
        case State.ABSENT:
            return "0"
        case State.PRESENT:
            return "2" if labels.dominant[row, column] else "1"
        case State.NOT_ASSESSED:
            return ""


def _post(post: str) -> str:
    """Return an id as written in sheets: the id of a TikTok post has no leading ``@``."""
    return text_id(post) if post_key(post) is not None else post
