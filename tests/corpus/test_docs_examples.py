"""The sheets that docs/corpus.md shows."""

from __future__ import annotations

import re
from pathlib import Path

from valex_local.corpus import read_sheet
from valex_local.schwartz import CIRCLE, State, Value

PAGE = Path(__file__).resolve().parents[2] / "docs" / "corpus.md"


def test_every_sheet_of_the_page_says_what_the_page_says(tmp_path):
    blocks = re.findall(r"```csv\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    states = {}
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.csv"
        path.write_text(block, "utf-8")
        sheet = read_sheet(path)
        labels = next(iter(sheet.labels.values()))
        assert labels.ids[0] == "thrift.tilda_7300000000000000001"
        said = {labels.state(0, CIRCLE.index(value)) for value in (Value.HEDONISM, Value.HUMILITY)}
        states[sheet.kind] = said
    assert states == {kind: {State.PRESENT, State.CONFLICTED} for kind in ("authors", "codes", "long")}
