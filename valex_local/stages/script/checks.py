"""Checks of a language model's answer before it enters a script: pure functions over its raw text.

`scenes.assemble` inserts every segment and track itself, so no answer can lose, duplicate, move or reword them. What is
checked here are the model's additions: that evidence supports them, and that none repeats the post or the prompt.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from valex_local.records import SPEAKER, Action, Dialogue, Element, OnScreenText, PostLine, Scene
from valex_local.stages.script.evidence import Evidence, SeenKeyframe
from valex_local.stages.script.grounded import adds_nothing, leaks, leaves_nothing_out, said_of
from valex_local.stages.script.names import Names, is_merely_heard
from valex_local.stages.script.question import GENRE_KEY, PLACE_KEY, UNKNOWN, SceneQuestion
from valex_local.stages.script.scenes import ActionLine, EvidenceStretch
from valex_local.stages.script.template import groups, shown_labels, template_place, template_scene
from valex_local.stages.script.wording import is_one_of, is_plain, retypes

MAX_SPEAKER_LENGTH = 40
MAX_PLACE_LENGTH = 60
MAX_ACTION_LENGTH = 240

GENRES = (
    "vlog", "comedy sketch", "prank", "challenge", "dance", "music", "tutorial", "review", "advertisement", "interview",
    "storytelling", "opinion", "news", "sports", "gaming", "other",
)  # fmt: skip
"""Genres that a model may choose from, if it knows what the keyframes show."""

_SPEAKER = re.compile(r"[^\W_]+(?: [^\W_]+)*")
_NUMBERED = re.compile(r"[PSTK]\d+")
_ARTICLE = re.compile(r"^(?:A|AN|THE|ONE) (?=.)")


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
        The model's lines and, in place of those that are missing or refused, the template's.
    references_refused : int
        Keys of the answer that were not asked for.
    references_restored : int
        Keys that the answer left out.
    refused : Counter of str
        Kind of addition (line, place, name) to how many of them the evidence does not support.
    """

    place: str | None = None
    genre: str | None = None
    speakers: dict[str, str] = field(default_factory=dict)
    actions: list[ActionLine] = field(default_factory=list)
    references_refused: int = 0
    references_restored: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def check_answer(
    raw: str, question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence, *, own: Sequence[str] = ()
) -> SceneAnswer:
    """Return the parts of a raw answer that may enter the script.

    Parameters
    ----------
    raw : str
        The answer as the model wrote it.
    question : SceneQuestion
        What it was asked.
    stretch : EvidenceStretch
        The evidence it was asked about.
    evidence : Evidence
        The evidence of the whole post.
    own : sequence of str
        The prompt's own texts, which an answer must not repeat.

    Returns
    -------
    SceneAnswer
        The checked content.

    Raises
    ------
    BadSceneAnswer
        The text is not a JSON object, or answers nothing of the question.
    """
    data = _parse(raw)
    given = {key: data[key] for key in question.keys if isinstance(data.get(key), str)}
    if not given:
        raise BadSceneAnswer("the answer does not have the requested form")
    additions = _Additions(question, stretch, evidence, own)
    answer = SceneAnswer(references_refused=len(data) - len(given), references_restored=len(question.keys) - len(given))
    answer.actions = list(additions.lines(given, answer.refused))
    for segment, names in question.speakers.items():
        wanted = given.get(segment, "")
        name = speaker_name(wanted, evidence)
        answer.speakers[segment] = name if additions.is_name(name, names) else SPEAKER
        nameless = not wanted.strip() or wanted.strip().upper() == SPEAKER
        answer.refused["name"] += answer.speakers[segment] == SPEAKER and not nameless
    if question.asks_place:
        answer.place = additions.place(given.get(PLACE_KEY, ""), answer.refused)
    else:
        answer.place = template_place(stretch)
    genre = given.get(GENRE_KEY)
    answer.genre = genre if genre in GENRES else None
    return answer


@dataclass(frozen=True)
class _Additions:
    """Decides which of a model's own words the evidence supports."""

    question: SceneQuestion
    stretch: EvidenceStretch
    evidence: Evidence
    own: Sequence[str]

    def lines(self, given: Mapping[str, str], refused: Counter[str]) -> Iterator[ActionLine]:
        """Yield the lines about all keyframes, in order."""
        of_template = {run[0].id: ActionLine(text, run) for text, run in groups(self.stretch)}
        asked = self.question.lines
        for key in sorted({*of_template, *asked}, key=[k.id for k in self.stretch.seen].index):
            text = given.get(key, "")
            if key in asked and self._is_line(text, asked[key]):
                yield ActionLine(" ".join(text.split()), asked[key])
                continue
            # A model that sees may leave a line empty, since the picture shows the same as the one before.
            refused["line"] += key in given and bool(text.strip() or not self.question.sees)
            if key in of_template and not (self.question.sees and key in asked and not text.strip()):
                yield of_template[key]

    def _is_line(self, text: str, shown: Sequence[SeenKeyframe]) -> bool:
        if not _is_allowed(text, MAX_ACTION_LENGTH, self.evidence):
            return False
        if self.question.sees:
            return not self._leaks(text, shown)
        labels = shown_labels(shown[0], self.stretch)
        return adds_nothing(text, labels) and leaves_nothing_out(text, labels)

    def is_name(self, name: str, names: Names) -> bool:
        """Whether a speaker may have a name: by a rule or, if the model sees, if it is not merely heard."""
        if name == SPEAKER or name in names.choices:
            return True
        heard = is_merely_heard(name, self.evidence.words, names)
        return self.question.sees and not heard and not self._leaks(name, self.stretch.seen)

    def place(self, name: str, refused: Counter[str]) -> str | None:
        """Return the heading, if the evidence supports it: one of the tags, or else words of captions and pictures."""
        if not name.strip() or name == UNKNOWN:
            return None
        plain = _is_allowed(name, MAX_PLACE_LENGTH, self.evidence) and not (
            _NUMBERED.fullmatch(name.strip()) or is_one_of(name, self.evidence.words)
        )
        known = name in self.question.places if self.question.places else not self._leaks(name, self.stretch.seen)
        if plain and known:
            return " ".join(name.upper().split())
        refused["place"] += 1
        return None

    def _leaks(self, text: str, shown: Sequence[SeenKeyframe]) -> bool:
        return leaks(text, self.own) and not adds_nothing(text, said_of(shown))


def _parse(raw: str) -> Mapping[str, Any]:
    try:
        # The grammar allows raw line breaks in strings; they are harmless there.
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadSceneAnswer("the answer is cut off or not JSON") from error
    if not isinstance(data, dict):
        raise BadSceneAnswer("the answer does not have the requested form")
    return data


def _is_allowed(text: str, length: int, evidence: Evidence) -> bool:
    """Return whether a model's own words are short enough and neither quote nor repeat the evidence."""
    return bool(text.strip()) and len(text) <= length and is_plain(text) and not retypes(text, evidence.words)


def speaker_name(name: str, evidence: Evidence) -> str:
    """Return a name as scripts write it; `SPEAKER` if it is not a name, is too long or repeats the evidence."""
    upper = _ARTICLE.sub("", " ".join(name.upper().split()))
    if not _SPEAKER.fullmatch(upper) or len(upper) > MAX_SPEAKER_LENGTH or _NUMBERED.fullmatch(upper):
        return SPEAKER
    return SPEAKER if is_one_of(upper, evidence.words) or retypes(upper, evidence.words) else upper


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
