"""Questions about single values that a language model answers with yes or no.

Only the probabilities of the two words count, not which of them the model would say: small models say yes to nearly
everything, or no. What they say of texts without content is taken off, so that a probability tells how much more the
text is about a value than nothing is (contextual calibration: Zhao et al. 2021, Calibrate Before Use, section 4).

The first question is whether a text is about a value. Only where it may be, it is asked whether the text goes against
it; elsewhere the logit of the first stands for the second, which cannot be larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from valex_local.llm import Token
from valex_local.records import ValueLabel
from valex_local.schwartz import Polarity, Value, decide
from valex_local.states.logits import sigmoid

EMPTY = ("N/A", "something", "the text")
"""Texts without content; the mean of their logits is taken off."""

MAY_BE_ABOUT = 0.85
"""Logit from which a text may be about a value: a probability of 0.7."""

Asked = tuple[Value, Polarity]


def logit_of_yes(tokens: Sequence[Token]) -> float | None:
    """Return the logarithm of how much likelier yes is than no, in any spelling, where the answer begins.

    Parameters
    ----------
    tokens : sequence of Token
        The answer with alternatives; empty if the engine reports none.

    Returns
    -------
    float or None
        None without alternatives. A word that is not among those reported gets the probability of the least likely one
        of these, which is an upper bound.
    """
    if not tokens or not tokens[0].alternatives:
        return None
    alternatives = tokens[0].alternatives
    least = math.exp(min(alternatives.values()))
    yes, no = (
        sum(math.exp(logprob) for text, logprob in alternatives.items() if text.strip().casefold() == word) or least
        for word in ("yes", "no")
    )
    return math.log(yes) - math.log(no)


def says_yes(answer: str) -> bool:
    """Return whether an answer is yes; for engines that report no probabilities."""
    return answer.strip().casefold().startswith("yes")


def may_be_about(logit: float) -> bool:
    """Return whether a text may be about a value, given the logit over that of nothing."""
    return logit >= MAY_BE_ABOUT


def over(logit: float, of_nothing: float) -> float:
    """Return a logit over that of texts without content; infinite ones, of engines without probabilities, stay."""
    return logit - of_nothing if math.isfinite(logit) else logit


def yes_no_label(value: Value, present: float, conflicted: float) -> ValueLabel:
    """Return the label of a value.

    Parameters
    ----------
    value : Value
        The value.
    present, conflicted : float
        The logits of yes to both questions, over those of nothing; infinite without probabilities.
    """
    likely, unlikely = sigmoid(present), sigmoid(conflicted)
    return ValueLabel(
        value=value,
        present=likely,
        conflicted=unlikely,
        present_logit=present if math.isfinite(present) else None,
        conflicted_logit=conflicted if math.isfinite(conflicted) else None,
        state=decide(likely, unlikely),
    )
