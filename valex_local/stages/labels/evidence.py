"""Evidence of a label model: the lines of a text on which each of its probabilities rests.

There are two ways to find them.

lines    by what each line contributes. A label model is linear over the mean of a text's token vectors, so leaving a
         line's tokens out of the mean shows what they add to the logit. This needs no further pass of the encoder, but
         the other tokens have still been read next to the line.
checked  by reading the text again without a line, for the lines that contribute most to any value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal

from valex_local.rendering.paper import LineSpan
from valex_local.stages.labels.lines import LinedText
from valex_local.stages.labels.model import LabelModel, Output, Scores, ScoresByLine

Way = Literal["lines", "checked"]

CHECKED = 8
"""Maximum number of lines without which a text is read again: with all of a short script the order is exact."""

NAMED = 3
"""Maximum number of lines named for a value, as many as a language model may name."""

SHARE = 0.5
"""Besides the strongest line, those with at least this share of its effect are named."""

LEAST = 0.001
"""Smallest effect on a logit that counts: logits are stored with three digits."""

Effects = Mapping[Output, Sequence[float]]


def scores_and_evidence(
    model: LabelModel, texts: Sequence[LinedText], way: Way
) -> list[tuple[Scores, dict[Output, tuple[str, ...]]]]:
    """Return a model's result for each text, and the ids of the lines on which it rests.

    Parameters
    ----------
    model : LabelModel
        The model.
    texts : sequence of LinedText
        The texts.
    way : {"lines", "checked"}
        How to find the lines.

    Returns
    -------
    list of (Scores, dict)
        For each text the result and, by output, the ids of at most `NAMED` lines, the strongest first; none where no
        line raises the logit by `LEAST`.
    """
    read = model.scores_by_line(texts)
    effects: list[Effects] = [found.effects for found in read]
    if way == "checked":
        effects = _checked(model, texts, read)
    return [
        (found.scores, {output: named(raised, text.lines) for output, raised in of_text.items()})
        for found, of_text, text in zip(read, effects, texts, strict=True)
    ]


def named(effects: Sequence[float], lines: Sequence[LineSpan]) -> tuple[str, ...]:
    """Return the ids of the lines that carry an output, the strongest first, given the effect of each line."""
    order = sorted(range(len(lines)), key=lambda at: -effects[at])
    least = max(LEAST, SHARE * effects[order[0]]) if order else LEAST
    ids = dict.fromkeys(lines[at].id for at in order if effects[at] >= least)
    return tuple(ids)[:NAMED]


def _checked(model: LabelModel, texts: Sequence[LinedText], read: Sequence[ScoresByLine]) -> list[Effects]:
    """Return by how much each logit falls if a text is read without a line; 0 for lines that were not left out."""
    chosen = [_candidates(found.effects, text) for found, text in zip(read, texts, strict=True)]
    shortened = [text.without(text.lines[at]) for text, lines in zip(texts, chosen, strict=True) for at in lines]
    again = model.scores(shortened)
    result: list[Effects] = []
    for end, lines, text, found in zip(accumulate(map(len, chosen)), chosen, texts, read, strict=True):
        without = dict(zip(lines, again[end - len(lines) : end], strict=True))
        result.append(
            {
                output: [logit - without[at].logits[output] if at in without else 0.0 for at in range(len(text.lines))]
                for output, logit in found.scores.logits.items()
            }
        )
    return result


def _candidates(effects: Effects, text: LinedText) -> list[int]:
    """Return the positions of the lines to leave out: those that contribute most to the most outputs.

    Where the model cannot tell what lines contribute, the longest ones are left out.
    """
    positions = range(len(text.lines))
    if not effects:
        return sorted(positions, key=lambda at: text.lines[at].start - text.lines[at].end)[:CHECKED]
    votes = [0.0] * len(positions)
    for raised in effects.values():
        for place, at in enumerate(sorted(positions, key=lambda at: -raised[at])[:2]):
            votes[at] += 1 / (place + 1)
    return sorted((at for at in positions if votes[at]), key=lambda at: -votes[at])[:CHECKED]
