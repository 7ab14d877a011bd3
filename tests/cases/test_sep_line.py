"""A CSV whose first line, ``sep=;``, tells a spreadsheet the separator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.tables import ADDRESS_1, ADDRESS_2, captions, found, study
from tests.commands import valex


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("line", ["sep={}", '"sep={}"', "SEP={}", "\ufeffsep={}", "sep={};;;"])
def test_the_line_says_the_separator(tmp_path: Path, separator: str, end: str, line: str) -> None:
    rows = [
        line.format(separator),
        f"url{separator}body",
        f"{ADDRESS_1}{separator}First",
        f"{ADDRESS_2}{separator}Second",
    ]
    discovery = found(tmp_path, "posts.csv", end.join(rows))
    assert captions(discovery) == ["First", "Second"]
    assert discovery.notices == []


def test_it_goes_before_what_is_frequent_in_the_header(tmp_path: Path) -> None:
    rows = f"sep=;\nurl;body, as written, with emoji;body\n{ADDRESS_1};x, y;First\n"
    assert captions(found(tmp_path, "posts.csv", rows)) == ["First", None]


def test_the_label_sheet_is_imported(tmp_path: Path) -> None:
    made = study(tmp_path)
    sheet = tmp_path / "labels.csv"
    sheet.write_text(f"sep=;\nurl;Hedonism;annotator\n{ADDRESS_1};present;anna\n")
    done = valex("import", "labels", sheet, "-s", made.root)
    assert done.returncode == 0, done.stderr
    assert "anna: 1 × post, 1 × label (1 new, 0 replaced)" in done.stdout


def test_a_tab_may_be_spelled_out(tmp_path: Path) -> None:
    rows = f"sep=\\t\nurl\tbody\n{ADDRESS_1}\tFirst\n"
    assert captions(found(tmp_path, "posts.csv", rows)) == ["First", None]
