"""Scenes: how the evidence is divided into stretches, and how a stretch becomes a scene.

Whatever the writer, the words of a scene are inserted here: each segment and each track once, in time order. A writer
only adds who speaks, what is seen and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from valex_local.records import SPEAKER, Action, Dialogue, Element, OnScreenText, PostLine, Scene, Segment, Tag, Track
from valex_local.stages.script.evidence import POST, Evidence, SeenKeyframe

MIN_SCENE_SECONDS = 8.0
"""A scene is at least this long, unless the place changes."""

MIN_PLACE_SECONDS = 2.0
"""A place that is visible for a shorter time does not begin a scene."""

SENTENCE_EDGE = 0.3
"""Seconds by which recognised speech may begin too early or end too late."""

# The order of elements that begin at the same time.
_RANK = {"post": -1, "action": 0, "text": 1, "dialogue": 2}

PLACE = "place"
"""The category of tags that name a place."""


@dataclass(frozen=True)
class EvidenceStretch:
    """The evidence that begins in [start, end), seconds; `first` marks the stretch that begins the script."""

    start: float
    end: float
    speech: tuple[Segment, ...] = ()
    texts: tuple[Track, ...] = ()
    seen: tuple[SeenKeyframe, ...] = ()
    first: bool = False

    def halves(self) -> tuple[EvidenceStretch, EvidenceStretch] | None:
        """Return two stretches with half of the evidence each; None if there is only one piece of evidence."""
        pieces = sorted(self._pieces())
        if len(pieces) < 2:
            return None
        middle = len(pieces) // 2
        cut = min(max(pieces[middle][0], self.start), self.end)
        early = frozenset(identity for _, _, identity in pieces[:middle])
        late = frozenset(identity for _, _, identity in pieces[middle:])
        return replace(self._only(early), end=cut), replace(self._only(late), start=cut, first=False)

    def _pieces(self) -> Iterator[tuple[float, int, str]]:
        """Yield each piece of evidence as time, rank and id, which sort in reading order."""
        yield from ((k.keyframe.time, _RANK["action"], k.id) for k in self.seen)
        yield from ((t.start, _RANK["text"], t.id) for t in self.texts)
        yield from ((s.start, _RANK["dialogue"], s.id) for s in self.speech)

    def _only(self, ids: Collection[str]) -> EvidenceStretch:
        return replace(
            self,
            speech=tuple(s for s in self.speech if s.id in ids),
            texts=tuple(t for t in self.texts if t.id in ids),
            seen=tuple(k for k in self.seen if k.id in ids),
        )


# --- where scenes begin ---------------------------------------------------------------------------------------------


def plan_scenes(evidence: Evidence) -> list[EvidenceStretch]:
    """Return the evidence divided into a few stretches.

    A scene begins at a cut: where the place changes or, if no places are known, when the previous scene has lasted
    long enough and nobody is in the middle of a sentence.

    Returns
    -------
    list of EvidenceStretch
        In time order and without gaps, at least one; each piece of evidence is in the one in which it begins.
    """
    starts = _beginnings(evidence)
    last = max([evidence.duration, *(s.end for s in evidence.shots)])
    ends = [*starts[1:], max(last, starts[-1])]
    return [_stretch(evidence, i, starts, end) for i, end in enumerate(ends)]


def _beginnings(evidence: Evidence) -> list[float]:
    """Return the times at which scenes begin; the first is 0."""
    starts, place = [0.0], None
    for shot in evidence.shots:
        here = common_place([k for k in evidence.seen if shot.start <= k.keyframe.time < shot.end])
        lasted = shot.start - starts[-1]
        if place and here:
            begins = place != here and min(lasted, shot.end - shot.start) >= MIN_PLACE_SECONDS
        else:
            # The last seconds stay with the scene before them.
            left = evidence.duration - shot.start
            begins = min(lasted, left) >= MIN_SCENE_SECONDS and not _amid_speech(evidence, shot.start)
        if begins:
            starts.append(shot.start)
            place = here
        place = place or here
    return starts


def _amid_speech(evidence: Evidence, time: float) -> bool:
    return any(s.start + SENTENCE_EDGE < time < s.end - SENTENCE_EDGE for s in evidence.speech)


def _stretch(evidence: Evidence, at: int, starts: list[float], end: float) -> EvidenceStretch:
    # Evidence outside the video's time goes to the nearest stretch, so that none is lost.
    low = starts[at] if at else float("-inf")
    high = end if at + 1 < len(starts) else float("inf")
    return EvidenceStretch(
        start=starts[at],
        end=end,
        speech=tuple(s for s in evidence.speech if low <= s.start < high),
        texts=tuple(t for t in evidence.texts if low <= t.start < high),
        seen=tuple(k for k in evidence.seen if low <= k.keyframe.time < high),
        first=at == 0,
    )


def common_place(seen: Sequence[SeenKeyframe]) -> str | None:
    """Return the place that most of the keyframes show, the first of several; None if no place is known."""
    likeliest = [max(tags, key=lambda t: t.probability).label for k in seen if (tags := _places(k))]
    return Counter(likeliest).most_common(1)[0][0] if likeliest else None


def places(seen: Sequence[SeenKeyframe]) -> list[str]:
    """Return every place that one of the keyframes may show, in time order."""
    return list(dict.fromkeys(tag.label for k in seen for tag in _places(k)))


def _places(seen: SeenKeyframe) -> list[Tag]:
    return [tag for tag in seen.caption.tags if tag.category == PLACE]


# --- from a stretch to a scene --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ActionLine:
    """A line that describes what is seen, and the keyframes that show it."""

    text: str
    keyframes: tuple[SeenKeyframe, ...]


def assemble(
    stretch: EvidenceStretch,
    evidence: Evidence,
    *,
    written_by: Literal["template", "llm"],
    place: str | None = None,
    speakers: Mapping[str, str] | None = None,
    actions: Sequence[ActionLine] = (),
) -> Scene:
    """Return a scene: every segment and track of the stretch once, in time order, and a writer's additions.

    Parameters
    ----------
    stretch : EvidenceStretch
        The evidence of the scene.
    evidence : Evidence
        The evidence of the whole post.
    written_by : {"template", "llm"}
        Which writer made the additions.
    place : str, optional
        The heading.
    speakers : dict of str to str, optional
        Id of a segment to the speaker's name; `SPEAKER` for the others.
    actions : sequence of ActionLine
        Lines that describe what is seen.

    Returns
    -------
    Scene
        The scene.
    """
    named = speakers or {}
    elements: list[Element] = [_action(line, stretch) for line in actions]
    elements += [_on_screen(track, evidence) for track in stretch.texts]
    elements += [_dialogue(segment, evidence, named.get(segment.id, SPEAKER)) for segment in stretch.speech]
    elements.sort(key=_reading_order)
    rests_on = [s.id for s in stretch.speech] + [t.id for t in stretch.texts] + [k.id for k in stretch.seen]
    if evidence.post is not None:
        if stretch.first:
            elements.insert(0, PostLine(ref=POST, text=evidence.post))
        if stretch.first or written_by == "llm":
            rests_on.insert(0, POST)  # A language model reads the post text with every scene.
    return Scene(
        heading=place,
        start=stretch.start,
        end=stretch.end,
        elements=tuple(elements),
        evidence=tuple(rests_on),
        written_by=written_by,
    )


def _reading_order(element: Element) -> tuple[float, int]:
    start = 0.0 if isinstance(element, PostLine) or element.start is None else element.start
    return start, _RANK[element.kind]


def _dialogue(segment: Segment, evidence: Evidence, speaker: str) -> Dialogue:
    return Dialogue(
        ref=segment.id,
        speaker=speaker,
        text=segment.text.strip(),
        start=segment.start,
        end=segment.end,
        mumbled=segment.id in evidence.mumbled,
    )


def _on_screen(track: Track, evidence: Evidence) -> OnScreenText:
    repeats = evidence.repeats.get(track.id)
    return OnScreenText(ref=track.id, text=track.text, start=track.start, end=track.end, repeats=repeats)


def _action(line: ActionLine, stretch: EvidenceStretch) -> Action:
    """Return a line with the time of the shots it is seen in, as far as they belong to the scene."""
    start = max(stretch.start, min(k.shot.start for k in line.keyframes))
    end = max(start, min(stretch.end, max(k.shot.end for k in line.keyframes)))
    return Action(text=line.text, keyframes=tuple(k.id for k in line.keyframes), start=start, end=end)
