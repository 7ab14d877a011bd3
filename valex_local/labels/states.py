"""From two probabilities of a value to its state, by stated rule."""

from __future__ import annotations

from valex_local.schwartz import State


def decide(
    present: float | None, conflicted: float | None, *, present_from: float = 0.5, conflicted_from: float = 0.5
) -> State:
    """Return the state of a value.

    A polarity holds when its probability reaches its threshold. Where both hold, the larger margin above the threshold
    wins, and presence wins a tie. Absence is only said where presence was assessed: without it the value is conflicted
    or not assessed.

    Parameters
    ----------
    present, conflicted : float or None
        Probabilities in [0, 1]; None where the route has no model for the polarity.
    present_from, conflicted_from : float
        Thresholds.
    """
    over_present = -1.0 if present is None else present - present_from
    over_conflicted = -1.0 if conflicted is None else conflicted - conflicted_from
    if conflicted is not None and over_conflicted >= 0 and over_conflicted > over_present:
        return State.CONFLICTED
    if present is None:
        return State.NOT_ASSESSED
    return State.PRESENT if over_present >= 0 else State.ABSENT
