"""Match labels with the texts that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from valex_local.corpus.aggregate import join
from valex_local.corpus.columns import with_author
from valex_local.corpus.documents import DOCUMENT
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.post_finder import PostFinder
from valex_local.corpus.sheet_builder import Blank
from valex_local.corpus.sheets import Sheet, gold_of, read_sheet, sheet_files
from valex_local.corpus.texts import Text, join_texts, read_texts, shown_names
from valex_local.errors import InputError
from valex_local.posts.ids import PostIndex, post_key

AUTHOR = "author"
"""The grouping by author. For a text whose author is not known, its document counts."""

NO_GROUP = "none"
"""The name of the grouping in which every text is a group of its own."""


@dataclass(frozen=True)
class Corpus:
    """Texts with their gold labels.

    Attributes
    ----------
    texts : tuple of Text, (N,)
        Texts that have labels, sorted by id.
    gold : LabelMatrix
        The labels of `texts`, in the same order and under the same ids.
    unmatched_labels : tuple of str
        Labelled posts without a text.
    unlabelled : tuple of Text
        Texts without labels, sorted by id.
    notices : tuple of str
        What was left out, joined or assumed.
    """

    texts: tuple[Text, ...]
    gold: LabelMatrix
    unmatched_labels: tuple[str, ...] = ()
    unlabelled: tuple[Text, ...] = ()
    notices: tuple[str, ...] = ()

    def grouping(self, name: str) -> str:
        """Return what a grouping is by: ``document`` for ``author`` where no author but some document is known."""
        names = {group.casefold() for text in self.texts for group in text.groups}
        return DOCUMENT if name.casefold() == AUTHOR and AUTHOR not in names and DOCUMENT in names else name

    def groups(self, name: str) -> tuple[str, ...]:
        """Return the group of each text, (N,); a text without one is a group of its own.

        Sentences of one document are never in different groups by ``author``, if they name none.

        Parameters
        ----------
        name : str
            ``author``, ``genre`` or another grouping of the texts, in any case; with ``none`` every text is a group of
            its own.

        Raises
        ------
        InputError
            No text has such a group.
        """
        if name == NO_GROUP:
            return tuple(text.id for text in self.texts)
        found = [_group(text, name) for text in self.texts]
        if not any(group is not None for group in found):
            known = sorted({n for text in self.texts for n in text.groups})
            raise InputError(
                f"the texts cannot be grouped by {name!r}", hint=f"Group them by one of {', '.join([*known, NO_GROUP])}"
            )
        named = {group for group in found if group is not None}
        own = (_other_than(named, text.id) for text in self.texts)
        return tuple(name if group is None else group for group, name in zip(found, own, strict=True))


def _group(text: Text, name: str) -> str | None:
    """Return the group of a text; a name in the same case takes precedence over one in another case."""
    wanted = name.casefold()
    alike = (group for other, group in text.groups.items() if other.casefold() == wanted)
    found = text.groups.get(name, next(alike, None))
    return text.groups.get(DOCUMENT) if found is None and wanted == AUTHOR else found


def _other_than(names: set[str], name: str) -> str:
    """Return `name`, in as many parentheses as it takes not to be among `names`."""
    return _other_than(names, f"({name})") if name in names else name


def read_corpus(
    labels: Sequence[Path],
    texts: Sequence[Path],
    *,
    annotator: str | None = None,
    id_column: str | None = None,
    text_column: str | None = None,
    script: str | None = None,
    blank: Blank | None = None,
) -> Corpus:
    """Return the texts and labels in files, matched with each other.

    Parameters
    ----------
    labels : sequence of Path
        Label sheets, or folders of ValueEval'24; see `read_sheet` and `sheet_files`.
    texts : sequence of Path
        Sources of texts; see `read_texts`.
    annotator : str, optional
        The one annotator who counts; when left out, the majority. See `gold_of`.
    id_column, text_column, script : str, optional
        As for `read_texts`.
    blank : {"absent", "missing"}, optional
        As for `read_sheet`.

    Returns
    -------
    Corpus
        Texts with their labels, and what could not be matched.

    Raises
    ------
    InputError
        A file cannot be understood, or labels and texts have no post in common.
    """
    files = sheet_files(labels)
    sheets = [read_sheet(path, blank=blank) for path in files]
    gold = gold_of(sheets, annotator)
    parts = {path: read_texts(path, id_column=id_column, text_column=text_column, script=script) for path in texts}
    found = join_texts(parts)
    corpus = match(found, gold, _groups(sheets))
    names = shown_names(files)
    of_sheets = (f"{names[sheet.path]}: {notice}" for sheet in sheets for notice in sheet.notices)
    left_out = (f"text left out: {reason}" for reason in found.left_out)
    return replace(corpus, notices=(*of_sheets, *left_out, *corpus.notices))


def _groups(sheets: Sequence[Sheet]) -> dict[str, dict[str, str]]:
    """Return the groups of all sheets; for each post the first sheet counts."""
    groups: dict[str, dict[str, str]] = {}
    for sheet in sheets:
        for name, cells in sheet.groups.items():
            groups[name] = {**cells, **groups.get(name, {})}
    return groups


def match(texts: Sequence[Text], gold: LabelMatrix, groups: Mapping[str, Mapping[str, str]] | None = None) -> Corpus:
    """Return texts with the labels that match them by id.

    A TikTok number without a user matches the text of any user, and vice versa, as long as there is only one. Posts of
    a study are also found by their other names; see `PostFinder`.

    Parameters
    ----------
    texts : sequence of Text
        The texts, without duplicate ids.
    gold : LabelMatrix
        The labels.
    groups : mapping of str to mapping of str to str, optional
        More groups of labelled posts, by name and by id in `gold`; groups of the texts take precedence.

    Returns
    -------
    Corpus
        Texts with their labels, and what could not be matched.

    Raises
    ------
    InputError
        Labels and texts have no post in common, or two labels of the same text contradict each other.
    """
    finder = _Finder(texts)
    rows: dict[int, list[int]] = {}
    unmatched, doubtful = [], []
    for row, name in enumerate(gold.ids):
        found = finder.find(name)
        if len(found) == 1:
            rows.setdefault(found[0], []).append(row)
        else:
            unmatched.append(name)
            doubtful += [f"label of {name} left out because it matches {len(found)} texts"] if found else []
    if not rows:
        raise _nothing_in_common(texts, gold)
    order = sorted(rows, key=lambda at: texts[at].id)
    labelled = tuple(_grouped(texts[at], [gold.ids[row] for row in rows[at]], groups or {}) for at in order)
    unlabelled = sorted((text for at, text in enumerate(texts) if at not in rows), key=lambda text: text.id)
    joined = sum(len(found) > 1 for found in rows.values())
    notices = (*doubtful, *([f"texts labelled under two names, with the same labels: {joined}"] if joined else []))
    aligned = _aligned(gold, [(texts[at].id, rows[at]) for at in order])
    return Corpus(labelled, aligned, tuple(unmatched), tuple(unlabelled), notices)


class _Finder:
    """Find the texts that a label may be about."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._by_id = {text.id: at for at, text in enumerate(texts)}
        self._index: PostIndex[int] = PostIndex()
        self._posts = PostFinder()
        for at, text in enumerate(texts):
            self._index.add(at, [post_key(text.id)])
            if text.names:
                self._posts.add_text(text.id, text.names)

    def find(self, name: str) -> list[int]:
        if name in self._by_id:
            return [self._by_id[name]]
        of_posts = (self._by_id[post] for post in self._posts.find([name]))
        return sorted({*of_posts, *self._index.of_key(post_key(name))})


def _grouped(text: Text, names: Sequence[str], groups: Mapping[str, Mapping[str, str]]) -> Text:
    """Return a text with the groups of its labels added."""
    for name in names:
        brought = {group: cells[name] for group, cells in groups.items() if name in cells}
        text = replace(text, groups=with_author({**brought, **text.groups}, name))
    return text


def _aligned(gold: LabelMatrix, rows: Sequence[tuple[str, Sequence[int]]]) -> LabelMatrix:
    """Return the labels under the ids of the texts; several labels of one text are joined."""
    first = gold.take([found[0] for _, found in rows])
    aligned = LabelMatrix(tuple(name for name, _ in rows), first.labels, first.probabilities, first.dominant)
    for at, (name, found) in enumerate(rows):
        if len(found) > 1:
            parts = [gold.take([row]) for row in found]
            named = [
                (f"the label of {part.ids[0]}", LabelMatrix((name,), part.labels, part.probabilities, part.dominant))
                for part in parts
            ]
            one = join(named)
            aligned.labels[at], aligned.probabilities[at] = one.labels[0], one.probabilities[0]
            aligned.dominant[at] = one.dominant[0]
    return aligned


def _nothing_in_common(texts: Sequence[Text], gold: LabelMatrix) -> InputError:
    labels, scripts = (", ".join(sorted(names)[:3]) or "none" for names in (gold.ids, [text.id for text in texts]))
    return InputError(
        f"labels and texts have no post in common: {len(gold)} labels ({labels}) and {len(texts)} texts ({scripts})",
        hint="Both must refer to posts in the same way: by TikTok URL, by user_number, or by the same ids",
    )
