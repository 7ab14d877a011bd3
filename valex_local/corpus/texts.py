"""Read texts as labs keep them: the scripts of a study, a folder of text files, or a column of a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from valex_local.corpus.columns import (
    ID_COLUMNS,
    Groups,
    Ids,
    column_named,
    key_id,
    plain_columns,
    text_id,
    with_author,
)
from valex_local.corpus.documents import language_of_document, language_of_place, tables_named
from valex_local.errors import InputError
from valex_local.files.folders import visible_files
from valex_local.files.tables import Row, Table, read_table
from valex_local.files.text import clean_text, read_text
from valex_local.posts.ids import PostKey, post_keys
from valex_local.records import Post, Script
from valex_local.rendering.render import render
from valex_local.rendering.views import script_of, viewed
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.settings import resolve_settings

TEXT_COLUMNS = ("script", "text", "transcript", "scenario", "body", "premise", "content")
"""Names by which the column of texts is recognised, in plain spelling."""

SENTENCES = "sentences"
"""Begins the names of the files of ValueEval'24 that hold texts."""

_ARGUMENT = {"argumentid", "conclusion", "stance", "premise"}
_SOUND = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}


@dataclass(frozen=True)
class Text:
    """A text that can be labelled.

    Attributes
    ----------
    id : str
        ``user_number`` of a TikTok post, or the number alone if no user is known; otherwise the name in the source.
    text : str
        The text, NFC, never empty.
    language : str or None
        ISO 639-1 code, if known.
    groups : mapping of str to str
        What folds can be grouped by: ``author``, ``genre``, and every other column of short cells.
    where : str
        Location in the source: a file name, ``row 12``, or the post id in a study.
    has_sound : bool or None
        Whether the video is not silent, if known.
    names : tuple of str
        Other names by which a label sheet may refer to it.
    script : Script or None
        The script that the text is a rendering of, if it comes from a study.
    """

    id: str
    text: str
    language: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    has_sound: bool | None = None
    names: tuple[str, ...] = ()
    script: Script | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Texts(Sequence[Text]):
    """The texts of a source, without duplicate ids, and what was left out with the reason."""

    texts: tuple[Text, ...]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, at: int) -> Text: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Text, ...]: ...
    def __getitem__(self, at: int | slice) -> Text | tuple[Text, ...]:
        return self.texts[at]


def read_texts(
    source: Path, *, id_column: str | None = None, text_column: str | None = None, script: str | None = None
) -> Texts:
    """Return the texts of a study, of a folder of ``.txt`` files, of one such file, or of a CSV or TSV file.

    A folder without ``.txt`` files may hold the ``sentences.tsv`` of ValueEval'24 instead, also in subfolders.

    Parameters
    ----------
    source : Path
        The study folder, folder or file.
    id_column, text_column : str, optional
        Columns of a table; recognised by their names when left out. Ignored for other sources.
    script : str, optional
        Variant of a study's scripts; when left out, the variant that is shown first for most posts. Ignored for other
        sources.

    Returns
    -------
    Texts
        The texts, without duplicate ids, and what was left out, such as rows without an id.

    Raises
    ------
    InputError
        There is no such source, it contains no text, the column of ids or texts is not clear, or two different texts
        have the same id.
    """
    if not source.exists():
        raise InputError("there is no such file or folder", path=source)
    if (source / "study.toml").is_file():
        found = _of_study(Study(source), script)
    elif source.is_dir():
        found = _of_folder(source)
    elif source.suffix.lower() == ".txt":
        found = _of_files([source], source.parent)
    else:
        found = _of_table(source, id_column, text_column)
    texts = join_texts({source: found})
    if not texts.texts:
        first = f" ({texts.left_out[0]})" if texts.left_out else ""
        raise InputError(f"no text was found{first}", path=source, hint="Choose a study, a folder or a table")
    return texts


def join_texts(parts: Mapping[Path, Texts]) -> Texts:
    """Return the texts of several sources together; a duplicate is kept once and listed as left out.

    Raises
    ------
    InputError
        Two different texts have the same id.
    """
    names = shown_names(list(parts)) if len(parts) > 1 else {}
    kept: dict[str, tuple[Text, str]] = {}
    left_out = []
    for source, texts in parts.items():
        left_out += [_place(names.get(source), reason) for reason in texts.left_out]
        for text in texts:
            place = _place(names.get(source), text.where)
            first, before = kept.setdefault(text.id, (text, place))
            if first is text:
                continue
            if first.text != text.text:
                raise InputError(
                    f"two different texts have the id {text.id!r}: {before} and {place}",
                    path=source,
                    hint="Keep one of them, or give them different ids",
                )
            left_out.append(f"{place}: same text as {before}")
    return Texts(tuple(text for text, _ in kept.values()), tuple(left_out))


def _place(source: str | None, where: str) -> str:
    return where if source is None else f"{source}, {where}"


def shown_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the names of files as messages show them: with the name of their folder where two are called the same."""
    counts = Counter(path.name for path in paths)
    return {path: path.name if counts[path.name] == 1 else str(Path(*path.parts[-2:])) for path in paths}


# --- a study --------------------------------------------------------------------------------------------------------


def _of_study(study: Study, variant: str | None) -> Texts:
    texts, left_out = [], []
    preferred = resolve_settings(Store(), study).script.variants
    scripts: dict[str, tuple[str, Script]] = {}
    asked, view = (None, "") if variant is None else (script_of(variant) or None, variant)
    for post_id in study.post_ids():
        there = study.script_variants(post_id)
        if there if asked is None else asked in there:
            scripts[post_id] = study.script(post_id, asked, preferred=preferred)
        else:
            left_out.append(f"{post_id}: it has no script{'' if asked is None else f'.{asked}'}")
    counted = Counter(sorted(name for name, _ in scripts.values()))
    chosen = asked or (counted.most_common(1)[0][0] if counted else None)
    for post_id, (name, script) in scripts.items():
        if name != chosen:
            left_out.append(f"{post_id}: it has only script.{name}, while most posts have script.{chosen}")
        elif script.skipped is not None:
            left_out.append(f"{post_id}: it has no script ({script.skipped})")
        else:
            texts.append(_of_script(study.post(post_id), viewed(script, view) if view else script))
    return Texts(tuple(texts), tuple(left_out))


def _of_script(post: Post, script: Script) -> Text:
    key = _key_of_post(post)
    name = post.id if key is None else key_id(key)
    given = {"author": post.text.author, "genre": script.genre or post.text.genre}
    return Text(
        name,
        _clean(render(script, "text")),
        script.language,
        with_author({group: cell.strip() for group, cell in given.items() if cell and cell.strip()}, name),
        where=post.id,
        has_sound=None if script.sound is None else script.sound.has_sound,
        names=(post.id,) if post.video is None else (post.id, text_id(Path(post.video.path).name)),
        script=script,
    )


def _key_of_post(post: Post) -> PostKey | None:
    """Return the key of a TikTok post; the id alone is not enough, as it may have been made when no user was known."""
    keys = post_keys(post)
    return next((key for key in keys if key.user is not None), keys[0] if keys else None)


# --- text files -----------------------------------------------------------------------------------------------------


def _of_folder(folder: Path) -> Texts:
    """Return the texts of the ``.txt`` files in a folder and its subfolders; count other files, skip hidden ones.

    Without such files those of the tables of sentences in it are returned.
    """
    files = list(visible_files(folder))
    texts = [file for file in files if file.suffix.lower() == ".txt"]
    if not texts and (tables := tables_named(SENTENCES, files)):
        return join_texts({table: _of_table(table, None, None) for table in tables})
    if not texts:
        raise InputError(
            "this folder is not a study and contains no .txt files",
            path=folder,
            hint="Choose a study (a folder with study.toml), a folder of .txt files or with sentences.tsv, or a table",
        )
    found = _of_files(texts, folder)
    others = len(files) - len(texts)
    ignored = (f"files that do not end in .txt: {others}",) if others else ()
    return Texts(found.texts, (*found.left_out, *ignored))


def _of_files(files: Iterable[Path], folder: Path) -> Texts:
    texts, left_out = [], []
    for file in files:
        where = str(file.relative_to(folder))
        text = _clean(read_text(file))
        if text:
            name = text_id(file.name)
            texts.append(Text(name, text, groups=with_author({}, name), where=where))
        else:
            left_out.append(f"{where}: the file is empty")
    return Texts(tuple(texts), tuple(left_out))


# --- tables ---------------------------------------------------------------------------------------------------------


def _of_table(path: Path, id_column: str | None, text_column: str | None) -> Texts:
    table = read_table(path, _holds_texts)
    named = None if id_column is None else column_named(id_column, table, path)
    ids = Ids(table, named)
    if not ids.columns:
        raise InputError(
            f"no column of ids was recognised (columns: {table.listed})",
            path=path,
            hint="Choose one with --id-column",
        )
    plain = plain_columns(table)
    if text_column is None and plain.keys() >= _ARGUMENT:
        columns: tuple[str, ...] = tuple(plain[name] for name in ("premise", "stance", "conclusion"))
        taken = columns[:1]
    else:
        taken = columns = (_text_column(table, text_column, path),)
    read = _Rows(ids, columns, Groups(table, (*ids.columns, *taken)), plain, language_of_place(path))
    texts, left_out = [], [*table.left_out]
    for row in table.rows:
        text = read.text(row)
        if not text:
            left_out.append(f"row {row.number}: it has no text")
            continue
        try:
            texts.append(read(row, text))
        except ValueError as error:
            left_out.append(f"row {row.number}: {error}")
    texts, ambiguous = _unambiguous(texts) if ids.sentences is not None else (texts, [])
    return Texts(tuple(texts), (*table.notices, *ids.notices(), *read.notices(), *left_out, *ambiguous))


def _unambiguous(texts: Sequence[Text]) -> tuple[list[Text], list[str]]:
    """Return the sentences without those that share an id but not their text, as no label is known to be about them."""
    first: dict[str, Text] = {}
    doubtful: dict[str, list[str]] = {}
    for text in texts:
        if first.setdefault(text.id, text).text != text.text:
            doubtful.setdefault(text.id, [first[text.id].where]).append(text.where)
    left_out = [f"{' and '.join(rows)}: different sentences with the id {name}" for name, rows in doubtful.items()]
    return [text for text in texts if text.id not in doubtful], left_out


def _holds_texts(head: Sequence[str]) -> bool:
    names = plain_columns(Table(tuple(dict.fromkeys(head)), ())).keys()
    return not names.isdisjoint(TEXT_COLUMNS) and not names.isdisjoint(ID_COLUMNS)


def _text_column(table: Table, named: str | None, path: Path) -> str:
    if named is not None:
        return column_named(named, table, path)
    plain = plain_columns(table)
    known = [plain[name] for name in TEXT_COLUMNS if name in plain]
    if len(known) == 1:
        return known[0]
    what = f"{len(known)} columns may contain the texts" if known else "no column of texts was recognised"
    raise InputError(
        f"{what} (columns: {table.listed})",
        path=path,
        hint="Choose one with --text-column, and the column of ids with --id-column",
    )


@dataclass(frozen=True)
class _Rows:
    """Read the rows of a table.

    `texts` is the column of texts, or premise, stance and conclusion of arguments; `place` is the language that the
    file or its folder names.
    """

    ids: Ids
    texts: tuple[str, ...]
    groups: Groups
    plain: Mapping[str, str]
    place: str | None = None
    translated: Counter[str] = field(default_factory=Counter)
    unclear: list[str] = field(default_factory=list)

    def text(self, row: Row) -> str:
        text, *argued = (_clean(row.cells[column]) for column in self.texts)
        return f"{text} ({argued[0]}: {argued[1]})" if text and argued else text

    def __call__(self, row: Row, text: str) -> Text:
        """Return the text of a row; raise ValueError if the row does not say whose it is."""
        name = self.ids.of(row)
        if not name:
            raise ValueError(f"it has a text but no id (column {', '.join(self.ids.columns)})")
        where = f"row {row.number}"
        groups = with_author(self.groups.of(row), name)
        return Text(name, text, self._language(row), groups, where, self._has_sound(row))

    def _language(self, row: Row) -> str | None:
        """Return the language of a row as an ISO 639-1 code, without a region.

        Without a column of languages, that of sentences is what their file or folder names (translations keep the ids
        of their originals), else what the id of their document begins with.
        """
        column = self.plain.get("language", self.plain.get("lang"))
        if column is None and self.ids.sentences is not None:
            original = language_of_document(row.cells[self.ids.sentences.document])
            if self.place is not None and original not in (None, self.place):
                self.translated[str(original)] += 1
            return self.place or original
        cell = "" if column is None else row.cells[column].strip().lower()
        found = re.fullmatch(r"([a-z]{2})(?:[-_][a-z]+)?", cell)
        return None if found is None else found[1]

    def notices(self) -> tuple[str, ...]:
        """Return notices about the rows read so far."""
        if not self.translated:
            return tuple(self.unclear)
        counts = ", ".join(f"{language} ({count})" for language, count in sorted(self.translated.items()))
        said = f"sentences read as {self.place}, as their file or folder says, although their ids name another language"
        return (*self.unclear, f"{said}: {counts}")

    def _has_sound(self, row: Row) -> bool | None:
        column = self.plain.get("hassound")
        if column is None:
            return None
        cell = row.cells[column].strip().casefold()
        if cell not in _SOUND:
            expected = f"expected true, false or nothing, not {cell[:40]!r}"
            self.unclear.append(f"row {row.number}, column {column}: {expected}, so that its sound is not known")
        return _SOUND.get(cell)


def _clean(text: str) -> str:
    return clean_text(text).replace("\r\n", "\n").strip()
