"""An empty label sheet for coding by hand, with a codebook: what `valex import labels` reads back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from valex_local.corpus.columns import text_id
from valex_local.errors import ConfigError
from valex_local.files.atomic import replacing, writing
from valex_local.files.tables import guarded, write_table
from valex_local.report.links import page_address
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.definitions import Definition, bundled_definitions
from valex_local.study import Study
from valex_local.system.imports import require_extra

CODED = "coded"
"""The column in which coders mark what they have finished: other rows are not read, and in these blanks are absent."""

WORDS = ("present", "dominant", "conflict")
"""What coders write for a value; absent values stay blank."""

HOW = (
    "Write present, dominant (present, and what the post is about) or conflict into the columns of values; leave blank "
    "what is absent. Write x into the column coded when a post is finished: other rows are not read."
)


def write_coding_sheet(study: Study, out: Path, posts: Sequence[str], *, coder: str = "") -> list[Path]:
    """Write an empty label sheet and its codebook.

    Parameters
    ----------
    study : Study
        The study.
    out : Path
        ``.xlsx``, with the codebook on a second page, or ``.csv``, with the codebook in a file beside it.
    posts : sequence of str
        The posts, in the order of the rows.
    coder : str
        Who codes, if known.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ConfigError
        The file has another ending, or exists.
    MissingExtra
        The library that writes workbooks is not installed.
    StudyError
        The posts cannot be read.
    """
    if out.suffix.lower() not in (".csv", ".xlsx"):
        raise ConfigError("expected a file that ends in .csv or .xlsx", path=out)
    beside = out.with_name(f"{out.stem}-codebook.csv")
    for path in (out, beside) if out.suffix.lower() == ".csv" else (out,):
        if path.exists():
            raise ConfigError("this file already exists", path=path, hint="Choose another name, or remove the file")
    rows, codebook = [_head(), *_rows(study, posts, coder)], list(_codebook(bundled_definitions().value))
    if out.suffix.lower() == ".csv":
        write_table(out, rows)
        write_table(beside, codebook)
        return [out, beside]
    _write_workbook(out, rows, codebook)
    return [out]


def _head() -> tuple[str, ...]:
    return ("video_id", "annotator", CODED, *(str(value) for value in CIRCLE), "notes", "caption", "link", "page")


def _rows(study: Study, posts: Iterable[str], coder: str) -> Iterable[tuple[str, ...]]:
    report = study.root / "report"
    for post_id in posts:
        text = study.post(post_id).text
        page = report / "posts" / page_address(post_id)
        empty = ("",) * (len(CIRCLE) + 1)
        yield (
            text_id(post_id),
            coder,
            "",
            *empty,
            text.caption or "",
            text.url or "",
            str(page) if page.exists() else "",
        )


def _codebook(definitions: Iterable[Definition]) -> Iterable[tuple[str, ...]]:
    yield ("codebook", "definition", "conflicted", "example", "example")
    for one in definitions:
        examples = [f"{example.state}: {example.text}" for example in one.examples[:2]]
        yield (str(one.name), one.definition, one.conflict, *examples, *[""] * (2 - len(examples)))
    yield ("How to code", HOW, "", "", "")


_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""The date in a workbook: always the same, so that the same posts give the same file."""


def _write_workbook(out: Path, rows: Sequence[tuple[str, ...]], codebook: Sequence[tuple[str, ...]]) -> None:
    require_extra("exchange", "xlsxwriter")
    import xlsxwriter

    with writing(out.parent), replacing(out) as part:
        part.touch(0o600)  # made by the library, others could read it
        # Texts of posts stay text: neither formulas nor links.
        plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        book = xlsxwriter.Workbook(str(part), plain)
        book.set_properties({"created": _CREATED})
        head, wrapped = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"text_wrap": True})
        sheet = book.add_worksheet("labels")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, map(guarded, row), head if at == 0 else None)
        sheet.freeze_panes(1, 3)
        sheet.set_column(0, 0, 24)
        sheet.set_column(3, 2 + len(CIRCLE), 11)
        sheet.set_column(3 + len(CIRCLE), 3 + len(CIRCLE), 30)
        sheet.set_column(4 + len(CIRCLE), 4 + len(CIRCLE), 60, wrapped)
        choices = {"validate": "list", "source": list(WORDS), "ignore_blank": True}
        sheet.data_validation(1, 3, max(len(rows) - 1, 1), 2 + len(CIRCLE), choices)
        about = book.add_worksheet("codebook")
        for at, row in enumerate(codebook):
            about.write_row(at, 0, row, head if at == 0 else wrapped)
        about.set_column(0, 4, 40)
        book.close()
