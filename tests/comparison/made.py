"""A made-up study for which the correct value of every figure is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import strategies as st

from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.lines import ComparedLine, heard_lines, read_lines, script_lines
from valex_local.records import (
    Action,
    Box,
    Dialogue,
    Element,
    Labels,
    LabelSource,
    OnScreenText,
    Post,
    PostText,
    Scene,
    ScreenText,
    Script,
    Segment,
    Track,
    Transcript,
    ValueLabel,
)
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.study import Study


def say(text: str, speaker: str = "GIRL", start: float | None = None) -> Dialogue:
    return Dialogue(ref=None, speaker=speaker, text=text, start=start, end=start)


def show(text: str, repeats: str | None = None) -> OnScreenText:
    return OnScreenText(ref=None, text=text, start=None, end=None, repeats=repeats)


def act(text: str) -> Action:
    return Action(text=text, start=None, end=None)


def script(name: str, *elements: Element, heading: str | None = None) -> Script:
    scene = Scene(heading=heading, start=None, end=None, elements=elements, written_by="import")
    return Script(name=name, scenes=(scene,))


def lines(*elements: Element, heading: str | None = None) -> tuple[ComparedLine, ...]:
    return script_lines(script("x", *elements, heading=heading))


def _repeating(text: str) -> OnScreenText:
    return show(text, "S1")


_TEXT = st.text(max_size=30)
ELEMENTS = st.lists(
    st.one_of(_TEXT.map(say), _TEXT.map(show), _TEXT.map(act), st.builds(say, _TEXT, _TEXT), _TEXT.map(_repeating)),
    max_size=12,
)
"""Elements of any script."""


def segment(number: int, start: float, text: str, length: float = 2.0) -> Segment:
    return Segment(
        id=f"S{number}", start=start, end=start + length, text=text, avg_logprob=-0.1, no_speech_probability=0.01,
        compression_ratio=1.1, voice=1.0,
    )  # fmt: skip


def track(number: int, start: float, text: str, length: float = 1.5) -> Track:
    box = Box(left=0.1, top=0.1, width=0.8, height=0.1)
    return Track(id=f"T{number}", text=text, start=start, end=start + length, box=box, confidence=0.9, readings=3)


def transcript(*texts: str, step: float = 4.0) -> Transcript:
    return Transcript(segments=tuple(segment(n, (n - 1) * step, text) for n, text in enumerate(texts, 1)))


def screen(*texts: str, step: float = 4.0, late: float = 2.0) -> ScreenText:
    """Return texts that start `late` seconds after the speech with the same number."""
    return ScreenText(tracks=tuple(track(n, (n - 1) * step + late, text) for n, text in enumerate(texts, 1)))


def evidence(heard: Sequence[str] = (), read: Sequence[str] = ()) -> PostEvidence:
    return PostEvidence(heard_lines(transcript(*heard).segments), read_lines(screen(*read).tracks))


def labels(
    name: str, states: Mapping[Value, State], *, route: str = "encoder", model: str = "m", conflicts: bool = True
) -> Labels:
    """Return labels in which every value is absent unless it is given another state."""
    values = []
    for value in CIRCLE:
        state = states.get(value, State.ABSENT)
        values.append(
            ValueLabel(
                value=value,
                present=None if state is State.NOT_ASSESSED else float(state is State.PRESENT),
                conflicted=float(state is State.CONFLICTED) if conflicts and state is not State.NOT_ASSESSED else None,
                state=state,
            )
        )
    source = LabelSource(route=route, model=model, domain="made-up texts", languages=("en",))
    return Labels(script=name, source=source, values=tuple(values))


def add_post(
    study: Study,
    post_id: str,
    *scripts: Script,
    heard: Transcript | None = None,
    read: ScreenText | None = None,
    author: str | None = None,
    labelled: Sequence[Labels] = (),
) -> None:
    study.write(post_id, "post", Post(id=post_id, text=PostText(author=author)))
    for record, stem in ((heard, "transcript"), (read, "text")):
        if record is not None:
            study.write(post_id, stem, record)
    for each in scripts:
        study.write(post_id, f"script.{each.name}", each)
    for said in labelled:
        study.write(post_id, f"labels.{said.script}.{said.source.route}", said)


HEARD = (
    "Old clothes keep our rivers clean",
    "my friend said I would give up",
    "but I chose every piece myself",
    "and nobody believed a word",
)
READ = ("Budget: $12", "Jacket $4", "Dress $5", "My style, my rules")


def whole(name: str, speaker: str = "GIRL") -> Script:
    """Return a script that keeps all of `HEARD` and `READ` in order and adds nothing."""
    pairs = [(say(heard, speaker), show(read)) for heard, read in zip(HEARD, READ, strict=True)]
    return script(name, *(element for pair in pairs for element in pair))


def make_study(folder: Path) -> Study:
    """Make a study of five posts by three authors: ``a`` is always whole, ``b`` is not.

    In the first b lacks a line of speech, in the second it has a line more, in the third it lacks two captions, in the
    fourth its order is reversed, and in the fifth it has other speakers, a heading and an action.
    """
    study = Study(folder, create=True)
    own = [list(whole("b").scenes[0].elements) for _ in range(4)]
    del own[0][2]
    own[1].insert(2, say("watch this everybody"))
    own[2] = [element for element in own[2] if element not in (show("Jacket $4"), show("Dress $5"))]
    own[3].reverse()
    renamed = script("b", *whole("b", "SPEAKER").scenes[0].elements[:-2], say(HEARD[3], "SPEAKER 2"), show(READ[3]),
                     act("She waves at us."), heading="EXT. PARK")  # fmt: skip
    scripts = [*(script("b", *elements) for elements in own), renamed]
    authors = ("ann", "ann", "ben", "ben", "cleo")
    flipped = {Value.HEDONISM: State.PRESENT, Value.FACE: State.CONFLICTED}
    for number, (made, author) in enumerate(zip(scripts, authors, strict=True), 1):
        states = flipped if number % 2 else {}
        add_post(
            study,
            f"{author}_{7300000000000000000 + number}",
            whole("a"),
            made,
            heard=transcript(*HEARD),
            read=screen(*READ),
            labelled=(labels("a", states), labels("b", {**states, Value.HEDONISM: State.PRESENT})),
        )
    return study
