"""Checks of a language model's answer before it enters a script: pure functions over its raw text.

The answer only refers to evidence, and `scenes.assemble` inserts every segment and track itself. So no answer can lose,
duplicate, move or reword them; what is checked here are the model's additions and how many of its references are right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from valex_local.records import SPEAKER, Action, Dialogue, Element, OnScreenText, PostLine, Scene
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.scenes import ActionLine, EvidenceStretch, places
from valex_local.stages.script.template import template_scene
from valex_local.stages.script.wording import is_one_of, is_plain, retypes

MAX_SPEAKER_LENGTH = 40
MAX_PLACE_LENGTH = 60
MAX_ACTION_LENGTH = 240

GENRES = (
    "vlog", "comedy sketch", "prank", "challenge", "dance", "music", "tutorial", "review", "advertisement", "interview",
    "storytelling", "opinion", "news", "sports", "gaming", "other",
)  # fmt: skip
"""Genres that a model may choose from, if it knows what the keyframes show."""

_KEYS = frozenset({"place", "elements", "genre"})
_SPEAKER = re.compile(r"[^\W_]+(?: [^\W_]+)*")
_NUMBERED = re.compile(r"[PSTK]\d+")


class BadSceneAnswer(Exception):
    """An answer that cannot be used; the message says why."""


@dataclass
class SceneAnswer:
    """The checked content of an answer.

    Attributes
    ----------
    place : str or None
        Heading of the scene.
    genre : str or None
        One of `GENRES`, if it was asked for.
    speakers : dict of str to str
        Id of a segment to the speaker's name.
    actions : list of ActionLine
        Lines that are based on keyframes of the stretch.
    used : set of str
        Ids of the segments and tracks it refers to.
    references_refused : int
        References that are unknown, repeated, or out of time order.
    references_restored : int
        Segments and tracks that the answer left out.
    actions_refused : int
        Lines that quote or repeat the evidence, are empty or too long.
    actions_without_keyframes : int
        Lines that name no keyframe; they are left out.
    """

    place: str | None = None
    genre: str | None = None
    speakers: dict[str, str] = field(default_factory=dict)
    actions: list[ActionLine] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    references_refused: int = 0
    references_restored: int = 0
    actions_refused: int = 0
    actions_without_keyframes: int = 0


def references(stretch: EvidenceStretch, evidence: Evidence) -> tuple[list[str], list[str]]:
    """Return the segments and tracks an answer must refer to; on-screen text that repeats speech is not among them."""
    return [s.id for s in stretch.speech], [t.id for t in stretch.texts if t.id not in evidence.repeats]


def check_answer(raw: str, stretch: EvidenceStretch, evidence: Evidence) -> SceneAnswer:
    """Return the parts of a raw answer that may enter the script.

    Parameters
    ----------
    raw : str
        The answer as the model wrote it.
    stretch : EvidenceStretch
        The evidence the model was asked about. Without keyframes, an answer can add no actions, places or names.
    evidence : Evidence
        The evidence of the whole post.

    Returns
    -------
    SceneAnswer
        The checked content.

    Raises
    ------
    BadSceneAnswer
        The text is not JSON of the requested form, or refers to none of the evidence.
    """
    data = _parse(raw)
    segments, tracks = references(stretch, evidence)
    answer = SceneAnswer()
    times = {s.id: (s.start, 1) for s in stretch.speech} | {t.id: (t.start, 0) for t in stretch.texts}
    last = (float("-inf"), 0)
    for element in data["elements"]:
        match element:
            case {"action": str(text), "keyframes": list(keyframes)} if len(element) == 2:
                _add_action(answer, text, keyframes, stretch, evidence)
                continue
            case {"dialogue": str(ref), "speaker": str(speaker)} if len(element) == 2:
                known = ref in segments
            case {"dialogue": str(ref)} if len(element) == 1:
                known, speaker = ref in segments, SPEAKER
            case {"text": str(ref)} if len(element) == 1:
                known, speaker = ref in tracks, SPEAKER
            case _:
                answer.references_refused += 1
                continue
        if not known or ref in answer.used or times[ref] < last:
            answer.references_refused += 1
            continue
        last = times[ref]
        answer.used.add(ref)
        if ref in segments and stretch.seen:
            answer.speakers[ref] = speaker_name(speaker, evidence)
    answer.references_restored = len(segments) + len(tracks) - len(answer.used)
    if (segments or tracks) and not answer.used:
        raise BadSceneAnswer("the answer refers to none of the evidence")
    answer.place = _place(data.get("place"), stretch, evidence)
    genre = data.get("genre")
    answer.genre = genre if genre in GENRES and stretch.seen else None
    return answer


def _parse(raw: str) -> Mapping[str, Any]:
    try:
        # The grammar allows raw line breaks in strings; they are harmless there.
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadSceneAnswer("the answer is cut off or not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("elements"), list) or set(data) - _KEYS:
        raise BadSceneAnswer("the answer does not have the requested form")
    return data


def _add_action(
    answer: SceneAnswer, text: str, keyframes: Sequence[Any], stretch: EvidenceStretch, evidence: Evidence
) -> None:
    by_id = {k.id: k for k in stretch.seen}
    known = [k for k in by_id if k in keyframes]
    answer.references_refused += len(keyframes) - len(known)
    if not known:
        answer.actions_without_keyframes += 1
    elif not _is_allowed(text, MAX_ACTION_LENGTH, evidence):
        answer.actions_refused += 1
    else:
        answer.actions.append(ActionLine(" ".join(text.split()), tuple(by_id[k] for k in known)))


def _is_allowed(text: str, length: int, evidence: Evidence) -> bool:
    """Return whether a model's own words are short enough and neither quote nor repeat the evidence."""
    return bool(text.strip()) and len(text) <= length and is_plain(text) and not retypes(text, evidence.words)


def speaker_name(name: str, evidence: Evidence) -> str:
    """Return a name as scripts write it; `SPEAKER` if it is not a name, is too long or repeats the evidence."""
    upper = " ".join(name.upper().split())
    if not _SPEAKER.fullmatch(upper) or len(upper) > MAX_SPEAKER_LENGTH or _NUMBERED.fullmatch(upper):
        return SPEAKER
    return SPEAKER if is_one_of(upper, evidence.words) or retypes(upper, evidence.words) else upper


def knows_place(stretch: EvidenceStretch) -> bool:
    """Return whether a place can be known: from place tags, captions, or keyframes that the model looks at itself."""
    return any(k.caption.caption or not k.is_described for k in stretch.seen) or bool(places(stretch.seen))


def _place(name: Any, stretch: EvidenceStretch, evidence: Evidence) -> str | None:
    """Return a heading if it is allowed: one of the places in the tags or, if there are none, a few words."""
    named = places(stretch.seen)
    if not isinstance(name, str) or not knows_place(stretch) or (named and name not in named):
        return None
    if _NUMBERED.fullmatch(name.strip()) or is_one_of(name, evidence.words):
        return None
    return " ".join(name.upper().split()) if _is_allowed(name, MAX_PLACE_LENGTH, evidence) else None


# --- the finished script --------------------------------------------------------------------------------------------


def faults(scenes: Sequence[Scene], evidence: Evidence) -> list[str]:
    """Return what is wrong with the scenes of a post, given its evidence.

    Returns
    -------
    list of str
        Empty if the scenes contain every segment and track exactly once, word for word and in time order, and all other
        lines quote nothing and are based on existing keyframes.
    """
    elements = [element for scene in scenes for element in scene.elements]
    return [*_lost_or_reworded(elements, evidence), *_out_of_order(scenes), *_invented(scenes, evidence)]


def _lost_or_reworded(elements: Sequence[Element], evidence: Evidence) -> Iterator[str]:
    post = [e.text for e in elements if isinstance(e, PostLine)]
    if post != ([] if evidence.post is None else [evidence.post]):
        yield "the post text is missing, repeated or reworded"
    said = sorted((e.ref or "", e.text) for e in elements if isinstance(e, Dialogue))
    if said != sorted((s.id, s.text.strip()) for s in evidence.speech):
        yield "speech is missing, repeated or reworded"
    read = sorted((e.ref or "", e.text) for e in elements if isinstance(e, OnScreenText))
    if read != sorted((t.id, t.text) for t in evidence.texts):
        yield "on-screen text is missing, repeated or reworded"


def _out_of_order(scenes: Sequence[Scene]) -> Iterator[str]:
    elements = [element for scene in scenes for element in scene.elements]
    starts = [e.start for e in elements if not isinstance(e, PostLine) and e.start is not None]
    if starts != sorted(starts):
        yield "elements are out of time order"
    if any(isinstance(e, PostLine) for e in elements[1:]):
        yield "the post text does not come first"


def _invented(scenes: Sequence[Scene], evidence: Evidence) -> Iterator[str]:
    keyframes = {k.id for k in evidence.seen}
    for scene in scenes:
        actions = [e for e in scene.elements if isinstance(e, Action)]
        names = [e.speaker for e in scene.elements if isinstance(e, Dialogue)]
        own = [e.text for e in actions] + ([scene.heading] if scene.heading else [])
        yield from (f"a line contains a quotation: {line}" for line in own if not is_plain(line))
        invented = set(own) - _lines_of_template(scene, evidence)
        yield from (
            f"a line repeats the evidence: {line}" for line in sorted(invented) if retypes(line, evidence.words)
        )
        yield from (f"a line has no keyframe: {e.text}" for e in actions if not set(e.keyframes) & keyframes)
        yield from (f"unknown keyframe: {k}" for e in actions for k in e.keyframes if k not in keyframes)
        yield from (f"not a name: {name}" for name in names if name != speaker_name(name, evidence))
        if not keyframes and (own or set(names) - {SPEAKER}):
            yield "a scene without keyframes has an action, a place or a name"


def _lines_of_template(scene: Scene, evidence: Evidence) -> set[str]:
    """Return the lines the template makes of captions and tags, which may contain text from a sign in the picture."""
    seen = tuple(k for k in evidence.seen if k.id in scene.evidence)
    by_template = template_scene(EvidenceStretch(scene.start or 0.0, scene.end or 0.0, seen=seen), evidence)
    actions = {e.text for e in by_template.elements if isinstance(e, Action)}
    return actions | ({by_template.heading} if by_template.heading else set())
