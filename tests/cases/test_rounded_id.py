"""A table that a spreadsheet has saved: the ids are rounded, the addresses next to them are whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases.tables import ADDRESS_1, ADDRESS_2, NUMBERS, ONE, TWO, USER, captions, found, said, study
from tests.commands import valex
from valex_local.corpus import read_sheet
from valex_local.posts.id_cells import plain_id


@pytest.mark.parametrize("rounded", ["7,31E+18", "7.31111111111111E+18", "7.3E18", '"=""7.31E+18"""', "'7.31E+18"])
def test_the_address_names_the_post(tmp_path: Path, rounded: str) -> None:
    rows = f"id;tiktok_url;body\n{rounded};{ADDRESS_1};First\n{rounded};{ADDRESS_2};Second\n"
    discovery = found(tmp_path, "posts.csv", rows)
    assert captions(discovery) == ["First", "Second"]
    assert discovery.unmatched == []
    assert "column id: 2 ids rounded by a spreadsheet, so another column counts (first: row 2" in said(discovery)


def test_a_number_elsewhere_names_it_together_with_the_author(tmp_path: Path) -> None:
    rows = "".join(f"7.3E+18,{number},{USER},caption {number[-1]}\n" for number in NUMBERS)
    discovery = found(tmp_path, "posts.csv", f"id,stem,username,desc\n{rows}")
    assert captions(discovery) == ["caption 1", "caption 2"]


def test_a_row_without_anything_whole_is_listed_with_the_reason(tmp_path: Path) -> None:
    discovery = found(tmp_path, "posts.csv", f"id,url,body\n7.3E+18,,lost\n7.3E+18,{ADDRESS_2},Second\n")
    assert captions(discovery) == [None, "Second"]
    assert discovery.unmatched == ["row 2: a spreadsheet has rounded its id (column id: '7.3E+18')"]
    assert "1 row of no post because a spreadsheet rounded the id (first: row 2, '7.3E+18')" in said(discovery)


def test_zeros_at_the_end_of_an_unmatched_id_are_explained(tmp_path: Path) -> None:
    discovery = found(tmp_path, "posts.csv", "id,body\n7311111111111110000,lost\n")
    (row,) = discovery.unmatched
    assert row.endswith("a spreadsheet may have rounded its id, which ends in zeros")


def test_the_label_sheet_is_imported(tmp_path: Path) -> None:
    made = study(tmp_path)
    sheet = tmp_path / "labels.csv"
    sheet.write_text(f"id,url,Hedonism,annotator\n7.3E+18,{ADDRESS_1},1,anna\n7.3E+18,{ADDRESS_2},0,anna\n")
    done = valex("import", "labels", sheet, "-s", made.root)
    assert done.returncode == 0, done.stderr
    assert "anna: 2 × post, 2 × label (2 new, 0 replaced)" in done.stdout
    assert "ids in column id that a spreadsheet has rounded, so that another column counts: 2" in done.stdout
    assert read_sheet(made.root / "gold" / "anna.csv").labels["anna"].ids == (ONE, TWO)


@given(st.sampled_from([",", ".", " ", "\u202f", "'"]), st.integers(6 * 10**18, 8 * 10**18 - 1).map(str))
def test_an_id_with_its_digits_in_groups_is_whole(mark: str, number: str) -> None:
    assert plain_id(f"{int(number):,}".replace(",", mark)) == number
