"""Checks hold what they say, and results are plain data."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure import Cost
from benchmarks.results import Check, Result

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(value=FINITE, bar=FINITE)
def test_a_figure_keeps_one_of_both_senses_and_both_only_on_the_bar(value, bar):
    least, most = Check("x", value, bar), Check("x", value, bar, "at most")
    assert least.held or most.held
    assert (least.held and most.held) == (value == bar)
    assert least.held == (value >= bar)


@given(bar=FINITE)
def test_what_is_no_number_keeps_no_bar(bar):
    assert not Check("x", math.nan, bar).held
    assert not Check("x", math.nan, bar, "at most").held


@given(st.lists(st.tuples(FINITE, FINITE), max_size=4))
def test_a_result_holds_when_all_its_checks_do(pairs):
    result = Result("r", checks=tuple(Check("x", value, bar) for value, bar in pairs))
    assert result.held == all(value >= bar for value, bar in pairs)


@given(cpu=FINITE, wall=FINITE, value=FINITE, bar=FINITE)
def test_a_result_survives_json(cpu, wall, value, bar):
    result = Result("r", {"ours": Cost(cpu, wall)}, (Check("x", value, bar, "at most"),), {"posts": 5})
    back = json.loads(json.dumps(result.as_json()))
    assert back["costs"] == {"ours": {"cpu": cpu, "wall": wall}}
    (check,) = back["checks"]
    assert Check(*(check[key] for key in ("what", "value", "bar", "sense"))) == result.checks[0]
    assert check["held"] == result.held
    assert back["facts"] == {"posts": 5}
