"""From similarities to what a record says: lines, keyframes, and their counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.records import GroundedKeyframe, GroundedLine, GroundingFigures
from valex_local.settings import GroundingSettings
from valex_local.stages.grounding.evidence import SeenLine
from valex_local.stages.grounding.score import Floats, above_chance, score_line


def grounded_lines(
    lines: Sequence[SeenLine], ids: Sequence[str], similarities: Floats, chance: Floats, settings: GroundingSettings
) -> Iterator[GroundedLine]:
    """Yield the score of each line.

    Parameters
    ----------
    lines : sequence of SeenLine
        The action lines of a post, L.
    ids : sequence of str
        Its keyframes, K.
    similarities, chance : ndarray, (L, K) and (F, K)
        Cosines of the lines, and of the lines by chance, with the keyframes.
    settings : GroundingSettings
        The threshold.
    """
    for line, own in zip(lines, similarities, strict=True):
        places = list(line.keyframes)
        found = score_line(own[places], chance[:, places])
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
    lines: Sequence[SeenLine], ids: Sequence[str], similarities: Floats, chance: Floats, settings: GroundingSettings
) -> Iterator[GroundedKeyframe]:
    """Yield for each keyframe whether a line that is held against it fits it; parameters as in `grounded_lines`."""
    for i, keyframe in enumerate(ids):
        about = [row for row, line in enumerate(lines) if i in line.keyframes]
        surely = above_chance(similarities[about, i], chance[:, i]) if about else None
        spoken = surely is not None and surely >= settings.spoken_of
        yield GroundedKeyframe(keyframe=keyframe, lines=len(about), above_chance=surely, spoken_of=spoken)


def figures(lines: Sequence[GroundedLine], keyframes: Sequence[GroundedKeyframe]) -> GroundingFigures:
    """Count lines and keyframes."""
    return GroundingFigures(
        lines=len(lines),
        below_chance=sum(line.below_chance for line in lines),
        without_keyframes=sum(line.rests_on != "named" for line in lines),
        mean_percentile=sum(line.percentile for line in lines) / len(lines) if lines else None,
        keyframes=len(keyframes),
        spoken_of=sum(keyframe.spoken_of for keyframe in keyframes),
    )
