"""A study for tests of exports, and strategies for scripts and labels of any content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from tests.stages.script.evidences import CAPTIONS, INJECTIONS, item
from valex_local.exchange.export.run import Exported, export_study
from valex_local.records import (
    Action,
    Dialogue,
    Element,
    Labels,
    LabelSource,
    OnScreenText,
    Post,
    PostText,
    Scene,
    Script,
    SourceFile,
    Speakers,
    SpeakerSegment,
    ValueLabel,
)
from valex_local.schwartz import CIRCLE, State, Value, decide
from valex_local.settings import ScriptSettings
from valex_local.stages.script.evidence import gather
from valex_local.stages.script.template import TemplateWriter
from valex_local.study import Study

N1, N2, N3, N4 = (f"730000000000000000{n}" for n in range(1, 5))
ONE, TWO, SILENT, NAMED = f"ann_{N1}", f"bo.b_{N2}", f"cy_{N3}", "my_clip-0123abcd"
"""A post with everything, one without shots and times, one without a script, and one that is not from TikTok."""

SOURCE = LabelSource(route="encoder", model="tiny@1", domain="made up", languages=("en",))


SPEAKERS = Speakers(
    segments=(
        SpeakerSegment(speaker="SPEAKER 1", start=0.5, end=6.6, confidence=0.97),
        SpeakerSegment(speaker="SPEAKER 2", start=6.7, end=9.4, confidence=0.8),
    )
)
"""Who speaks in the first post; its script was written before."""


def label(
    value: Value, present: float | None, conflicted: float | None = None, *, dominant: bool = False
) -> ValueLabel:
    state = decide(present, conflicted)
    return ValueLabel(
        value=value, present=present, conflicted=conflicted, state=state, dominant=dominant and state is State.PRESENT
    )


def labels(
    *pairs: tuple[float | None, float | None], script: str = "template", route: str = "encoder", dominant: bool = False
) -> Labels:
    """Return labels whose first values have these probabilities, (present, conflicted); the others are unlikely."""
    given = (*pairs, *[(0.1, 0.05)] * (len(CIRCLE) - len(pairs)))
    values = tuple(label(v, *p, dominant=dominant) for v, p in zip(CIRCLE, given, strict=True))
    source = SOURCE.model_copy(update={"route": route, "model": f"{route}-model"})
    return Labels(script=script, source=source, values=values)


def make_study(folder: Path) -> Study:
    """Return a study of four posts; its videos are next to it."""
    study = Study(folder / "study", create=True)
    found = item(captions=CAPTIONS)
    evidence = gather(found, ScriptSettings())
    scenes = TemplateWriter().write(evidence).scenes
    for n, post_id in enumerate((ONE, TWO, SILENT, NAMED)):
        video = (
            None
            if post_id == TWO
            else SourceFile(path=str(folder / "videos" / f"clip {n}.mp4"), sha256="0" * 64, size=1)
        )
        study.write(post_id, "post", Post(id=post_id, video=video, text=PostText(author=post_id.partition("_")[0])))
    for stem, record in found.records.items():
        study.write(ONE, stem, record)
    study.write(ONE, "speakers", SPEAKERS)
    study.write(ONE, "script.template", Script(name="template", genre="fashion", sound=evidence.sound, scenes=scenes))
    study.write(NAMED, "script.template", Script(name="template", scenes=scenes[:1]))
    study.write(TWO, "script.gemini", script(dialogue("No times here"), name="gemini"))
    study.write(ONE, "labels.template.encoder", labels((0.9, 0.05), (0.2, 0.8), (0.7, 0.6), dominant=True))
    study.write(NAMED, "labels.template.encoder", labels((0.3, 0.2), (0.95, 0.0)))
    silent = Labels(script="template", source=SOURCE, skipped="no verbal sound")
    study.write(SILENT, "labels.template.encoder", silent)
    return study


def script(*elements: Element, name: str = "template") -> Script:
    return Script(name=name, scenes=(Scene(start=None, end=None, elements=elements, written_by="import"),))


def dialogue(text: str, start: float | None = None, end: float | None = None, speaker: str = "GIRL") -> Dialogue:
    return Dialogue(ref=None, speaker=speaker, text=text, start=start, end=end)


def on_screen(text: str, start: float | None = None, end: float | None = None) -> OnScreenText:
    return OnScreenText(ref=None, text=text, start=start, end=end)


def action(text: str, start: float | None = None, end: float | None = None) -> Action:
    return Action(text=text, start=start, end=end)


def one_post(folder: Path, *elements: Element) -> Study:
    """Return a study of one post with a script of these lines."""
    study = Study(folder / "study", create=True)
    study.write(ONE, "post", Post(id=ONE))
    study.write(ONE, "script.template", script(*elements))
    return study


def export(study: Study, form: str, **given: object) -> tuple[Exported, Path]:
    """Export into the study; return the summary and the file or folder."""
    found = export_study(study, form, **given)  # type: ignore[arg-type]
    return found, Path(found.path)


# --- any lines ------------------------------------------------------------------------------------------------------

HOSTILE = (
    *INJECTIONS, "a --> b", "-->", "--", "00:00:01,000 --> 00:00:02,000", "00:01.000 00:02.500", "0:0:1,0 0:0:2,0",
    "<b>bold</b>", "<v EVIL>", "</v>", "<00:01.000>", "{\\an8}up", "{", "}", "{b}", "&lt;", "&amp;amp;", "<!--", "]]>",
    "<![CDATA[", "WEBVTT", "NOTE x", "12", "\n\n3\n00:00:01,000 --> 00:00:02,000\nforged", "a\u2028b", "\ufeff",
    "\ufffe\uffff", "\x00\x0b\x1b[31m", "\u202eabc", "=1+1", "@x", "\t=1", "-1", "'=1", "x\ty", 'a "quoted" cell',
    "", " ",
)  # fmt: skip

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
times = st.floats(0, 350_000, allow_nan=False).map(lambda t: round(t, 3))


@st.composite
def timed(draw: st.DrawFn) -> Element:
    """Draw a line with a time, possibly of no length or without an end."""
    start = draw(times)
    end = draw(st.none() | st.floats(0, 20).map(lambda more: start + more))
    text = draw(texts)
    made = draw(st.sampled_from(["dialogue", "text", "action"]))
    if made == "dialogue":
        return dialogue(text, start, end, draw(texts))
    return (on_screen if made == "text" else action)(text, start, end)


any_lines: st.SearchStrategy[Sequence[Element]] = st.lists(timed(), min_size=1, max_size=8)
