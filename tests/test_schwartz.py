import pytest

from valex_local.schwartz import CIRCLE, HigherOrder, Value


def test_there_are_nineteen_values_in_circle_order():
    assert len(CIRCLE) == 19
    assert CIRCLE[0] is Value.SELF_DIRECTION_THOUGHT
    assert CIRCLE[-1] is Value.UNIVERSALISM_TOLERANCE


@pytest.mark.parametrize("value", CIRCLE)
def test_poles_lie_next_to_each_other_on_the_circle(value):
    at = CIRCLE.index(value)
    before, after = CIRCLE[at - 1], CIRCLE[(at + 1) % len(CIRCLE)]
    assert set(value.higher_orders) & (set(before.higher_orders) | set(after.higher_orders))


def test_openness_opposes_conservation_and_not_itself():
    assert Value.STIMULATION.opposes(Value.TRADITION)
    assert Value.TRADITION.opposes(Value.STIMULATION)
    assert not Value.STIMULATION.opposes(Value.SELF_DIRECTION_ACTION)
    assert Value.ACHIEVEMENT.opposes(Value.BENEVOLENCE_CARING)


@pytest.mark.parametrize("value", CIRCLE)
def test_opposition_is_symmetric(value):
    assert all(value.opposes(other) == other.opposes(value) for other in CIRCLE)


def test_borders():
    assert Value.HEDONISM.higher_orders == (HigherOrder.OPENNESS, HigherOrder.SELF_ENHANCEMENT)
    assert Value.FACE.higher_orders == (HigherOrder.SELF_ENHANCEMENT, HigherOrder.CONSERVATION)
    assert Value.HUMILITY.higher_orders == (HigherOrder.CONSERVATION, HigherOrder.SELF_TRANSCENDENCE)


def test_sheet_columns_are_the_authors():
    assert [v.sheet_column for v in (Value.POWER_DOMINANCE, Value.SECURITY_SOCIETAL, Value.BENEVOLENCE_CARING)] == [
        "Power_dominance",
        "Security_Social",
        "Benevolence_Care",
    ]
    assert len({v.sheet_column for v in CIRCLE}) == 19
