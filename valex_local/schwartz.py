"""The 19 refined Schwartz values, their circle, and the rule that turns two probabilities into a state.

Source: Schwartz et al. (2012), "Refining the theory of basic individual values", JPSP 103(4). The order is that of the
circle as the ValueEval shared tasks list it; neighbours are compatible, values across the circle conflict.
"""

from __future__ import annotations

from enum import StrEnum


class HigherOrder(StrEnum):
    """The four higher-order values, the poles of the circle; three values lie on the border between two of them."""

    OPENNESS = "Openness to change"
    SELF_ENHANCEMENT = "Self-enhancement"
    CONSERVATION = "Conservation"
    SELF_TRANSCENDENCE = "Self-transcendence"

    @property
    def opposite(self) -> HigherOrder:
        """The pole across the circle."""
        return _OPPOSITES[self]


_OPPOSITES = {
    HigherOrder.OPENNESS: HigherOrder.CONSERVATION,
    HigherOrder.CONSERVATION: HigherOrder.OPENNESS,
    HigherOrder.SELF_ENHANCEMENT: HigherOrder.SELF_TRANSCENDENCE,
    HigherOrder.SELF_TRANSCENDENCE: HigherOrder.SELF_ENHANCEMENT,
}


class Value(StrEnum):
    """One of the 19 values, in circle order; the member's string is its name in the theory."""

    SELF_DIRECTION_THOUGHT = "Self-direction: thought"
    SELF_DIRECTION_ACTION = "Self-direction: action"
    STIMULATION = "Stimulation"
    HEDONISM = "Hedonism"
    ACHIEVEMENT = "Achievement"
    POWER_DOMINANCE = "Power: dominance"
    POWER_RESOURCES = "Power: resources"
    FACE = "Face"
    SECURITY_PERSONAL = "Security: personal"
    SECURITY_SOCIETAL = "Security: societal"
    TRADITION = "Tradition"
    CONFORMITY_RULES = "Conformity: rules"
    CONFORMITY_INTERPERSONAL = "Conformity: interpersonal"
    HUMILITY = "Humility"
    BENEVOLENCE_CARING = "Benevolence: caring"
    BENEVOLENCE_DEPENDABILITY = "Benevolence: dependability"
    UNIVERSALISM_CONCERN = "Universalism: concern"
    UNIVERSALISM_NATURE = "Universalism: nature"
    UNIVERSALISM_TOLERANCE = "Universalism: tolerance"

    @property
    def goal(self) -> str:
        """The motivational goal of the value, in a few words."""
        return _FACTS[self][0]

    @property
    def higher_orders(self) -> tuple[HigherOrder, ...]:
        """The pole the value belongs to, or the two it lies between."""
        return _FACTS[self][1]

    @property
    def sheet_column(self) -> str:
        """The value's name in the column headers of the authors' label sheet."""
        return _FACTS[self][2]

    @property
    def code(self) -> str:
        """The value's abbreviation in the revised Portrait Values Questionnaire (PVQ-RR)."""
        return _CODES[self]

    def opposes(self, other: Value) -> bool:
        """Whether a pole of this value lies across the circle from a pole of `other`."""
        return any(pole.opposite in other.higher_orders for pole in self.higher_orders)


class State(StrEnum):
    """A route's result for one value in one script."""

    PRESENT = "present"
    ABSENT = "absent"
    CONFLICTED = "conflicted"
    NOT_ASSESSED = "not_assessed"


class Polarity(StrEnum):
    """The two questions asked about each value."""

    PRESENT = "present"
    CONFLICTED = "conflicted"


_OPEN, _SELF = HigherOrder.OPENNESS, HigherOrder.SELF_ENHANCEMENT
_KEEP, _BEYOND = HigherOrder.CONSERVATION, HigherOrder.SELF_TRANSCENDENCE

_FACTS: dict[Value, tuple[str, tuple[HigherOrder, ...], str]] = {
    Value.SELF_DIRECTION_THOUGHT: ("to form one's own ideas and abilities", (_OPEN,), "Self_Direction_Thought"),
    Value.SELF_DIRECTION_ACTION: ("to choose one's own actions", (_OPEN,), "Self_Direction_Action"),
    Value.STIMULATION: ("novelty, thrill and change", (_OPEN,), "Stimulation"),
    Value.HEDONISM: ("pleasure of the senses", (_OPEN, _SELF), "Hedonism"),
    Value.ACHIEVEMENT: ("success by social standards", (_SELF,), "Achievement"),
    Value.POWER_DOMINANCE: ("control over people", (_SELF,), "Power_dominance"),
    Value.POWER_RESOURCES: ("control over money and things", (_SELF,), "Power_Resources"),
    Value.FACE: ("a protected public image, free of humiliation", (_SELF, _KEEP), "Face"),
    Value.SECURITY_PERSONAL: ("safety in one's near surroundings", (_KEEP,), "Security_Personal"),
    Value.SECURITY_SOCIETAL: ("a safe and stable society", (_KEEP,), "Security_Social"),
    Value.TRADITION: ("keeping the customs of culture, family or religion", (_KEEP,), "Tradition"),
    Value.CONFORMITY_RULES: ("obeying rules, laws and duties", (_KEEP,), "Conformity_Rules"),
    Value.CONFORMITY_INTERPERSONAL: ("not upsetting or harming others", (_KEEP,), "Conformity_Interpersonal"),
    Value.HUMILITY: ("seeing one's smallness in the larger scheme", (_KEEP, _BEYOND), "Humility"),
    Value.BENEVOLENCE_CARING: ("the welfare of those near to one", (_BEYOND,), "Benevolence_Care"),
    Value.BENEVOLENCE_DEPENDABILITY: ("being reliable to those near to one", (_BEYOND,), "Benevolence_Dependability"),
    Value.UNIVERSALISM_CONCERN: ("equality, justice and protection for all", (_BEYOND,), "Universalism_Concern"),
    Value.UNIVERSALISM_NATURE: ("keeping the natural environment", (_BEYOND,), "Universalism_Nature"),
    Value.UNIVERSALISM_TOLERANCE: (
        "accepting and understanding those who differ",
        (_BEYOND,),
        "Universalism_Tolerance",
    ),
}

CIRCLE: tuple[Value, ...] = tuple(Value)
"""The values in the order of the circle; the last is next to the first."""

_CODES = dict(
    zip(
        CIRCLE,
        ("SDT", "SDA", "ST", "HE", "AC", "POD", "POR", "FAC", "SEP", "SES", "TR", "COR", "COI", "HUM", "BEC", "BED",
         "UNC", "UNN", "UNT"),
        strict=True,
    )
)  # fmt: skip


def decide(
    present: float | None, conflicted: float | None, *, present_from: float = 0.5, conflicted_from: float = 0.5
) -> State:
    """Return the state of a value.

    A polarity counts as yes when its probability reaches its threshold. Where both do, the larger margin above the
    threshold wins, and present wins a tie. A value is only absent where presence was assessed; otherwise it is
    conflicted or not assessed.

    Parameters
    ----------
    present, conflicted : float or None
        Probabilities in [0, 1]; None where the route has no model for the polarity.
    present_from, conflicted_from : float
        Thresholds.

    Returns
    -------
    State
        Present, conflicted, absent or not assessed.
    """
    over_present = -1.0 if present is None else present - present_from
    over_conflicted = -1.0 if conflicted is None else conflicted - conflicted_from
    if conflicted is not None and over_conflicted >= 0 and over_conflicted > over_present:
        return State.CONFLICTED
    if present is None:
        return State.NOT_ASSESSED
    return State.PRESENT if over_present >= 0 else State.ABSENT
