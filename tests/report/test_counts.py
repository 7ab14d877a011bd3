"""The figures behind the charts of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import ValueLabel
from valex_local.report.counts import count_authors, count_values, frequent_pairs, letters, together
from valex_local.schwartz import CIRCLE, Polarity, State, Value

STATES = st.text(alphabet="pdcan", min_size=19, max_size=19)


def states(**held: str) -> str:
    """Return the letters of a post in which the given values have the given states and all others are absent."""
    return "".join(held.get(value.code, "a") for value in CIRCLE)


def test_states_become_letters_in_circle_order() -> None:
    found = {
        Value.ACHIEVEMENT: ValueLabel(value=Value.ACHIEVEMENT, present=0.9, state=State.PRESENT, dominant=True),
        Value.FACE: ValueLabel(value=Value.FACE, present=0.1, conflicted=0.8, state=State.CONFLICTED),
        Value.HUMILITY: ValueLabel(value=Value.HUMILITY),
        Value.HEDONISM: ValueLabel(value=Value.HEDONISM, present=0.7, state=State.PRESENT),
    }
    values = [found.get(v, ValueLabel(value=v, present=0.1, state=State.ABSENT)) for v in CIRCLE]
    assert letters(values) == states(AC="d", FAC="c", HUM="n", HE="p")
    assert letters(()) == ""


def test_each_state_is_counted_and_dominant_is_present() -> None:
    counts = count_values([states(AC="d", FAC="c"), states(AC="p", FAC="n"), states(AC="a", FAC="c")])
    by_value = {count.value: count for count in counts}
    assert [c.value for c in counts] == list(CIRCLE)
    achievement, face = by_value[Value.ACHIEVEMENT], by_value[Value.FACE]
    assert (achievement.present, achievement.dominant, achievement.absent) == (2, 1, 1)
    assert (face.conflicted, face.not_assessed, face.present) == (2, 1, 0)


@given(st.lists(STATES, max_size=8))
def test_the_states_of_a_value_add_up_to_the_posts(posts: list[str]) -> None:
    for at, count in enumerate(count_values(posts)):
        assert count.present + count.conflicted + count.absent + count.not_assessed == len(posts)
        assert count.present == sum(post[at] in "pd" for post in posts)
        assert count.dominant == sum(post[at] == "d" for post in posts)


@given(st.lists(STATES, max_size=8))
def test_together_counts_posts_in_which_both_hold(posts: list[str]) -> None:
    for polarity, held in ((Polarity.PRESENT, "pd"), (Polarity.CONFLICTED, "c")):
        counts = together(posts, polarity)
        for i in (0, 7, 18):
            for j in range(19):
                assert counts[i, j] == counts[j, i] == sum(p[i] in held and p[j] in held for p in posts)


def test_pairs_come_with_what_chance_would_give() -> None:
    posts = [states(SDT="p", AC="d"), states(SDT="p", AC="p"), states(SDT="p"), states(AC="p"), states(), states()]
    (pair,) = frequent_pairs(posts, most=5)
    assert (pair.one, pair.other, pair.posts) == (Value.SELF_DIRECTION_THOUGHT, Value.ACHIEVEMENT, 2)
    assert pair.expected == pytest.approx(3 * 3 / 6)


def test_chance_is_taken_where_both_were_assessed() -> None:
    """Posts in which face was not assessed do not count for the pair of face and achievement."""
    posts = [states(AC="p", FAC="p"), states(FAC="p"), states(AC="p", FAC="n"), states(AC="p", FAC="n")]
    (pair,) = frequent_pairs(posts, most=5)
    assert pair.expected == pytest.approx(1 * 2 / 2)


@given(st.lists(STATES, max_size=8), st.integers(0, 5))
def test_pairs_are_the_most_frequent_ones(posts: list[str], most: int) -> None:
    counts = together(posts, Polarity.PRESENT)
    every = sorted((int(counts[i, j]) for i in range(19) for j in range(i) if counts[i, j]), reverse=True)
    assert [pair.posts for pair in frequent_pairs(posts, most)] == every[:most]


def test_nothing_of_no_posts() -> None:
    assert all(count.present == 0 for count in count_values([]))
    assert frequent_pairs([], most=3) == ()
    assert count_authors([], most=3) == ()


def test_authors_with_most_posts_come_first_and_the_rest_shares_a_line() -> None:
    posts = [("b", states(AC="p")), ("a", states(AC="c")), ("b", ""), (None, states(AC="p")), ("c", states(FAC="p"))]
    first, second, rest = count_authors(posts, most=2)
    at = CIRCLE.index(Value.ACHIEVEMENT)
    assert (first.name, first.posts, first.labelled, first.present[at]) == ("b", 2, 1, 1)
    assert (second.name, second.conflicted[at], second.present[at]) == ("a", 1, 0)
    assert (rest.name, rest.others, rest.posts) == (None, 2, 2)
    assert rest.present[at] == 1 and rest.present[CIRCLE.index(Value.FACE)] == 1
