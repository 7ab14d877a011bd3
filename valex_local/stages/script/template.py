"""The writer without a language model: baseline, fallback, and default if nothing better is available.

Dialogue and on-screen text are placed at their times. Captions and tags of keyframes become action lines and headings,
word for word; without them the script has no places and no actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from valex_local.errors import ValexError
from valex_local.records import Scene
from valex_local.stages.script.evidence import Evidence, SeenKeyframe
from valex_local.stages.script.scenes import ActionLine, EvidenceStretch, assemble, common_place, plan_scenes
from valex_local.stages.script.wording import plain_line
from valex_local.stages.script.writers import Draft


class TemplateWriter:
    """Writes scripts from evidence alone."""

    sees = False
    batch_size = 64

    def write_all(self, posts: Sequence[Evidence]) -> list[Draft | ValexError]:
        """Return the scenes of each post."""
        return [self.write(evidence) for evidence in posts]

    def write(self, evidence: Evidence) -> Draft:
        """Return the scenes of one post."""
        return Draft(tuple(template_scene(stretch, evidence) for stretch in plan_scenes(evidence)))

    def close(self) -> None:
        """Do nothing; there is no model to free."""


def template_scene(stretch: EvidenceStretch, evidence: Evidence) -> Scene:
    """Return one scene, written from its evidence alone."""
    return assemble(
        stretch,
        evidence,
        written_by="template",
        place=template_place(stretch),
        actions=template_actions(stretch),
    )


def template_place(stretch: EvidenceStretch) -> str | None:
    """Return the heading: the place that most of the keyframes show."""
    place = common_place(stretch.seen)
    return plain_line(place).upper() if place else None


def template_actions(stretch: EvidenceStretch) -> list[ActionLine]:
    """Return lines that say what the keyframes show, one for neighbours that show the same."""
    return [ActionLine(text, keyframes) for text, keyframes in groups(stretch)]


def groups(stretch: EvidenceStretch) -> Iterator[tuple[str, tuple[SeenKeyframe, ...]]]:
    """Yield what is known of the keyframes, with the neighbours that show the same; what shows nothing is left out."""
    place = common_place(stretch.seen)
    for text, keyframes in groupby(stretch.seen, key=lambda k: _sentence(k, place)):
        if text:
            yield text, tuple(keyframes)


def shown_labels(seen: SeenKeyframe, stretch: EvidenceStretch) -> list[str]:
    """Return the tags that the template's line about a keyframe names; none if it has a caption."""
    place = common_place(stretch.seen)
    return [] if seen.caption.caption else [tag.label for tag in seen.caption.tags if tag.label != place]


def _sentence(seen: SeenKeyframe, place: str | None) -> str:
    """Return the caption of a keyframe or else its tags, by category and the likeliest first."""
    if seen.caption.caption:
        return plain_line(seen.caption.caption)
    by_category: dict[str, list[str]] = {}
    for tag in sorted(seen.caption.tags, key=lambda t: -t.probability):
        if tag.label != place:
            by_category.setdefault(tag.category, []).append(plain_line(tag.label))
    order = dict.fromkeys(tag.category for tag in seen.caption.tags)
    listed = "; ".join(", ".join(by_category[category]) for category in order if category in by_category)
    return f"{listed[:1].upper()}{listed[1:]}." if listed else ""
