from hypothesis import given
from hypothesis import strategies as st

from valex_local.schwartz import State, decide

unit = st.floats(0, 1)
maybe = st.none() | unit


@given(maybe, maybe, unit, unit)
def test_a_state_says_only_what_was_assessed(present, conflicted, present_from, conflicted_from):
    state = decide(present, conflicted, present_from=present_from, conflicted_from=conflicted_from)
    if present is None:
        assert state in (State.NOT_ASSESSED, State.CONFLICTED)
    else:
        assert state is not State.NOT_ASSESSED
    if conflicted is None:
        assert state is not State.CONFLICTED
    if state is State.PRESENT:
        assert present >= present_from
    if state is State.CONFLICTED:
        assert conflicted >= conflicted_from
    if state is State.ABSENT:
        assert present < present_from
        assert conflicted is None or conflicted < conflicted_from


@given(unit, unit, unit, unit)
def test_where_both_hold_the_larger_margin_wins(present, conflicted, present_from, conflicted_from):
    state = decide(present, conflicted, present_from=present_from, conflicted_from=conflicted_from)
    if present >= present_from and conflicted >= conflicted_from:
        larger = conflicted - conflicted_from > present - present_from
        assert state is (State.CONFLICTED if larger else State.PRESENT)


@given(unit, maybe, unit, unit)
def test_more_presence_never_takes_presence_away(present, conflicted, present_from, conflicted_from):
    at = {"present_from": present_from, "conflicted_from": conflicted_from}
    if decide(present, conflicted, **at) is State.PRESENT:
        assert decide(1.0, conflicted, **at) is State.PRESENT


@given(unit, unit)
def test_presence_alone_is_a_threshold(present, threshold):
    expected = State.PRESENT if present >= threshold else State.ABSENT
    assert decide(present, None, present_from=threshold) is expected


def test_examples():
    assert decide(None, None) is State.NOT_ASSESSED
    assert decide(None, 0.4) is State.NOT_ASSESSED
    assert decide(None, 0.5) is State.CONFLICTED
    assert decide(0.6, 0.6) is State.PRESENT
    assert decide(0.6, 0.7) is State.CONFLICTED
    assert decide(0.6, 0.65, conflicted_from=0.6) is State.PRESENT
    assert decide(0.2, 0.1) is State.ABSENT
