"""Samples of a study: drawn by author, by month, by what models say, and stored with their probabilities."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from valex_local.corpus.label_matrix import POLARITIES, Floats
from valex_local.corpus.post_facts import GROUPS, group_of
from valex_local.corpus.study_labels import labels_by_model
from valex_local.errors import ConfigError, InputError
from valex_local.files.atomic import writing
from valex_local.files.tables import read_table, write_table
from valex_local.inference.sampling import Drawn, entropy, random_sample, stratified_sample, weighted_sample
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.study import LabelKey, Study

SAMPLES = "samples"
"""The folder of a study with its samples."""

COLUMNS = ("post_id", "inclusion_probability", "stratum", "design", "seed")

UNKNOWN = "unknown"
"""The stratum of posts of which a fact is not known."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True)
class Design:
    """How a sample is drawn.

    Attributes
    ----------
    size : int
        Number of posts.
    by : str, optional
        Strata: a fact of the posts, or ``state``, what labels say of `value`.
    equal : bool
        Whether strata give equal numbers of posts.
    unsure : bool
        Whether posts about which labels are unsure are drawn more often.
    likely : bool
        Whether posts that are likely to show `value` are drawn more often.
    value : Value, optional
        The value that `state`, `unsure` and `likely` are about; all when left out for `unsure`.
    polarity : Polarity
        Whether they are about its presence or about conflict.
    seed : int
        Seed of the draw.
    """

    size: int
    by: str | None = None
    equal: bool = False
    unsure: bool = False
    likely: bool = False
    value: Value | None = None
    polarity: Polarity = Polarity.PRESENT
    seed: int = 0

    def __str__(self) -> str:
        of = "" if self.value is None else f" of {self.value} ({self.polarity})"
        if self.unsure or self.likely:
            return f"{'uncertainty' if self.unsure else 'probability'}{of}, systematic"
        return "random" if self.by is None else f"{'equally ' if self.equal else ''}stratified by {self.by}{of}"


def draw_sample(study: Study, design: Design, labels: LabelKey | None = None) -> list[Drawn]:
    """Draw a sample of the posts of a study.

    Parameters
    ----------
    study : Study
        The study.
    design : Design
        How.
    labels : LabelKey, optional
        The labels by models, for designs that look at them.

    Returns
    -------
    list of Drawn
        The posts, with their probabilities.

    Raises
    ------
    ConfigError
        The design contradicts itself, or needs labels.
    InputError
        There are no posts.
    """
    posts, rng = study.post_ids(), np.random.default_rng(design.seed)
    if not posts:
        raise InputError("there are no posts to draw from", path=study.root, hint="Add some with: valex run VIDEOS")
    _check(design, labels)
    if design.unsure or design.likely:
        return weighted_sample(posts, _weights(study, posts, design, labels), design.size, rng)
    if design.by is None:
        return random_sample(posts, design.size, rng)
    strata = _states(study, posts, design, labels) if design.by == "state" else group_of(study, design.by)
    known = {post_id: strata.get(post_id) or UNKNOWN for post_id in posts}
    return stratified_sample(known, design.size, rng, equal=design.equal)


def _check(design: Design, labels: LabelKey | None) -> None:
    if sum((design.by is not None, design.unsure, design.likely)) > 1:
        raise ConfigError("--by, --unsure and --likely are different designs", hint="Choose one of them")
    if design.by not in (None, "state", *GROUPS):
        raise ConfigError(f"posts cannot be grouped by {design.by!r}", hint=f"Use {', '.join(GROUPS)} or state")
    looks = design.unsure or design.likely or design.by == "state"
    if looks and labels is None:
        raise ConfigError("this design looks at labels by models", hint="Name them: --labels template.encoder")
    if design.value is None and (design.likely or design.by == "state"):
        raise ConfigError("this design is about a value", hint="Name it: --value Hedonism")


def _weights(study: Study, posts: Sequence[str], design: Design, labels: LabelKey | None) -> Floats:
    matrix = labels_by_model(study, labels or LabelKey("", "")).of(posts)
    chances = matrix.probabilities
    if design.value is not None:
        chances = chances[:, [CIRCLE.index(design.value)]][:, :, [POLARITIES.index(design.polarity)]]
    wanted = entropy(chances) if design.unsure else np.nan_to_num(chances, nan=0.0)
    found: Floats = wanted.max(axis=(1, 2))
    return found


def _states(study: Study, posts: Sequence[str], design: Design, labels: LabelKey | None) -> Mapping[str, str]:
    matrix = labels_by_model(study, labels or LabelKey("", "")).of(posts)
    column = CIRCLE.index(design.value) if design.value is not None else 0
    states = {post: matrix.state(row, column) for row, post in enumerate(posts)}
    return {post: "" if state is State.NOT_ASSESSED else state.value for post, state in states.items()}


# --- files ----------------------------------------------------------------------------------------------------------


def sample_file(study: Study, name: str) -> Path:
    """Return the file of a sample.

    Raises
    ------
    ConfigError
        The name cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a sample cannot be named {name!r}", hint="Use letters, digits, - and _")
    return study.root / SAMPLES / f"{name}.csv"


def write_sample(study: Study, name: str, drawn: Sequence[Drawn], design: Design) -> Path:
    """Write a sample; an earlier one of that name is never replaced, since codings may rest on it.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The name of the sample.
    drawn : sequence of Drawn
        The posts.
    design : Design
        How they were drawn.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        The name cannot be used, or there is a sample of that name.
    StudyError
        The file cannot be written.
    """
    path = sample_file(study, name)
    if path.exists():
        raise ConfigError("there is a sample of that name", path=path, hint="Choose another name")
    with writing(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        rows = ((one.post, f"{one.probability:.10g}", one.stratum, str(design), str(design.seed)) for one in drawn)
        write_table(path, [COLUMNS, *rows])
    return path


def read_sample(study: Study, name: str) -> list[Drawn]:
    """Return a sample of a study.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The name of the sample.

    Returns
    -------
    list of Drawn
        Its posts, without those that the study has no more.

    Raises
    ------
    ConfigError
        The name cannot be used.
    InputError
        There is no such sample, or it cannot be understood.
    """
    path = sample_file(study, name)
    table = read_table(path)
    if not {*COLUMNS[:3]} <= set(table.columns):
        raise InputError(f"this sample lacks a column of {', '.join(COLUMNS[:3])}", path=path)
    known = set(study.post_ids())
    found = []
    for row in table.rows:
        try:
            probability = float(row.cells["inclusion_probability"])
        except ValueError:
            probability = 0.0
        if not 0 < probability <= 1:
            raise InputError(
                f"row {row.number}: this is no inclusion probability", path=path, hint="Draw the sample again"
            )
        if row.cells["post_id"] in known:
            found.append(Drawn(row.cells["post_id"], probability, row.cells["stratum"]))
    return found
