"""The parts of a grounding record, computed from similarities: lines, keyframes and counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.records import GroundedKeyframe, GroundedLine, GroundingFigures
from valex_local.settings import GroundingSettings
from valex_local.stages.grounding.evidence import LineToScore
from valex_local.stages.grounding.score import Floats, above_chance, score_line


def grounded_lines(
    lines: Sequence[LineToScore],
    ids: Sequence[str],
    similarities: Floats,
    reference: Floats,
    settings: GroundingSettings,
) -> Iterator[GroundedLine]:
    """Yield the score of each line.

    Parameters
    ----------
    lines : sequence of LineToScore
        The L action lines of a post.
    ids : sequence of str
        Ids of its K keyframes.
    similarities : ndarray of float64, shape (L, K)
        Cosine similarities of the lines and the keyframes.
    reference : ndarray of float64, shape (R, K)
        Cosine similarities of the R reference lines and the keyframes.
    settings : GroundingSettings
        The thresholds.

    Yields
    ------
    GroundedLine
        One for each line, in order.
    """
    for line, own in zip(lines, similarities, strict=True):
        places = list(line.keyframes)
        found = score_line(own[places], reference[:, places])
        yield GroundedLine(
            scene=line.scene,
            element=line.element,
            rests_on=line.rests_on,
            keyframes=tuple(ids[i] for i in places),
            best=ids[places[found.best]],
            similarity=found.similarity,
            percentile=found.percentile,
            z=found.z,
            below_chance=found.percentile < settings.below_chance,
        )


def grounded_keyframes(
    lines: Sequence[LineToScore],
    ids: Sequence[str],
    similarities: Floats,
    reference: Floats,
    settings: GroundingSettings,
) -> Iterator[GroundedKeyframe]:
    """Yield for each keyframe whether one of the lines compared with it fits it.

    Parameters
    ----------
    lines : sequence of LineToScore
        The L action lines of a post.
    ids : sequence of str
        Ids of its K keyframes.
    similarities : ndarray of float64, shape (L, K)
        Cosine similarities of the lines and the keyframes.
    reference : ndarray of float64, shape (R, K)
        Cosine similarities of the R reference lines and the keyframes.
    settings : GroundingSettings
        The thresholds.

    Yields
    ------
    GroundedKeyframe
        One for each keyframe, in order.
    """
    for i, keyframe in enumerate(ids):
        compared = [row for row, line in enumerate(lines) if i in line.keyframes]
        probability = above_chance(similarities[compared, i], reference[:, i]) if compared else None
        described = probability is not None and probability >= settings.spoken_of
        yield GroundedKeyframe(keyframe=keyframe, lines=len(compared), above_chance=probability, spoken_of=described)


def figures(lines: Sequence[GroundedLine], keyframes: Sequence[GroundedKeyframe]) -> GroundingFigures:
    """Return the counts of lines and keyframes."""
    return GroundingFigures(
        lines=len(lines),
        below_chance=sum(line.below_chance for line in lines),
        without_keyframes=sum(line.rests_on != "named" for line in lines),
        mean_percentile=sum(line.percentile for line in lines) / len(lines) if lines else None,
        keyframes=len(keyframes),
        spoken_of=sum(keyframe.spoken_of for keyframe in keyframes),
    )


def line_counts(lines: Sequence[LineToScore]) -> dict[str, int]:
    """Return how many action lines there are and how many name no keyframe, as in `GroundingFigures`."""
    return {"lines": len(lines), "without_keyframes": sum(line.rests_on != "named" for line in lines)}
