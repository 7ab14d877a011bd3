"""Texts that resist a value: which are drawn, and when one of the ten counts as conflicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.resistance import drawn, f1, of_ten
from benchmarks.states import TEN
from valex_local.schwartz import CIRCLE, Value


@pytest.fixture
def lens(tmp_path: Path) -> Path:
    """A file of 8 texts that support stimulation, 3 that resist it and 1 that resists it for power."""
    rows = [f"m###for {n}###[Stimulation]###[mild_support]" for n in range(8)]
    rows += [f"m###against {n}###[Stimulation]###[strong_resistance]" for n in range(3)]
    rows += ["m###both###[Stimulation, Power]###[mild_resistance, strong_support]"]
    path = tmp_path / "lens.csv"
    path.write_text("\n".join(["title", "about", "model###text###values###intensity", *rows]))
    return path


def test_texts_that_resist_and_others_come_by_turns(lens: Path) -> None:
    texts, resisted, supported = drawn(lens, 100)
    assert len(set(texts)) == 8, "as many of each kind as resist"
    assert resisted.any(1).tolist() == [True, False] * 4
    both = texts.index("both")
    assert [TEN[at] for at in np.flatnonzero(resisted[both])] == ["Stimulation"]
    assert [TEN[at] for at in np.flatnonzero(supported[both])] == ["Power"]


def test_fewer_are_the_first_of_more(lens: Path) -> None:
    assert drawn(lens, 5)[0] == drawn(lens, 8)[0][:5]


def test_one_of_ten_counts_where_one_of_its_parts_does() -> None:
    answers = np.zeros((1, len(CIRCLE), 2))
    answers[0, CIRCLE.index(Value.POWER_RESOURCES)] = 1
    found = of_ten(answers)[0]
    assert [TEN[at] for at in np.flatnonzero(found[:, 0])] == ["Power"]


def test_f1_is_over_all_pairs() -> None:
    gold = np.array([[True, False], [True, False]])
    assert f1(gold, np.array([[True, True], [False, False]])) == pytest.approx(0.5)
    assert f1(gold, np.zeros_like(gold)) == 0
