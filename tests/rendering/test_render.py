from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.script.evidences import CAPTIONS, INJECTIONS, any_evidence, evidence
from valex_local.errors import ConfigError
from valex_local.files.text import one_line
from valex_local.records import Action, Dialogue, OnScreenText, PostLine, Scene, Script, Sound
from valex_local.rendering.render import get_renderer, render
from valex_local.rendering.timing import clock
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.template import TemplateWriter


def script(found: Evidence) -> Script:
    scenes = TemplateWriter().write(found).scenes
    return Script(name="template", genre=found.genre, sound=found.sound, scenes=scenes)


def one_scene(*elements: object, heading: str | None = None) -> Script:
    scene = Scene(heading=heading, start=0, end=9, elements=elements, written_by="import")  # type: ignore[arg-type]
    return Script(name="test", scenes=(scene,))


def dialogue(text: str, speaker: str = "MAN", *, mumbled: bool = False) -> Dialogue:
    return Dialogue(ref="S1", speaker=speaker, text=text, start=61.25, end=62, mumbled=mumbled)


def on_screen(text: str) -> OnScreenText:
    return OnScreenText(ref="T1", text=text, start=2, end=3)


def action(text: str) -> Action:
    return Action(text=text, keyframes=("K1",), start=1, end=2)


def test_paper_text() -> None:
    assert render(script(evidence(captions=CAPTIONS)), "text") == (
        "Post: Seven days, no new clothes #thrift #slow\n"
        "BEDROOM\n"
        "Talking to the camera.\n"
        "[THRIFT CHALLENGE]\n"
        'SPEAKER: "This week I bought nothing new at all."\n'
        'SPEAKER: "My budget was thirty euros, and here is what I found."\n'
        "\n"
        "SHOP\n"
        "A young woman holds up a red jacket.\n"
        'SPEAKER (mumbled): "Look at this jacket!"\n'
        "A sign that says sale.\n"
        "[30 € only]\n"
        "\n"
        "Two people; jacket.\n"
        'SPEAKER: "I\'m really proud of it. Thank you, grandma."\n'
        "\n"
        "Genre: fashion\n"
        "Sound: yes, speech\n"
    )


def test_paper_text_with_times() -> None:
    text = render(one_scene(dialogue("hello"), on_screen("SALE")), "text", times=True)
    assert text == '(1:01.2) MAN: "hello"\n(0:02.0) [SALE]\n\nSound: unknown\n'


@pytest.mark.parametrize(
    ("sound", "line"),
    [
        ((False, False, False), "Sound: no"),
        ((True, False, False), "Sound: yes, no words"),
        ((True, True, False), "Sound: yes, words that are not spoken"),
        ((True, True, True), "Sound: yes, speech"),
    ],
)
def test_the_three_facts_of_sound(sound: tuple[bool, bool, bool], line: str) -> None:
    facts = Sound(has_sound=sound[0], has_verbal_sound=sound[1], has_speech=sound[2])
    assert render(Script(name="x", sound=facts), "text") == f"{line}\n"


@settings(deadline=None)
@given(any_evidence)
def test_each_element_is_one_line_of_its_own_kind(found: Evidence) -> None:
    lines = render(script(found), "text").splitlines()
    shown = [e for s in script(found).scenes for e in s.elements if one_line(e.text)]
    said = [one_line(e.text) for e in shown if isinstance(e, Dialogue)]
    read = [one_line(e.text) for e in shown if isinstance(e, OnScreenText) and e.repeats is None]
    assert [m[1] for line in lines if (m := re.fullmatch(r'SPEAKER(?: \(mumbled\))?: "(.*)"', line))] == said
    assert [m[1] for line in lines if (m := re.fullmatch(r"\[(.*)\]", line))] == read
    assert sum(line.startswith("Sound: ") for line in lines) == 1
    assert lines[-1].startswith("Sound: ")


def test_json_is_the_record() -> None:
    whole = script(evidence(captions=CAPTIONS))
    assert Script.parse(render(whole, "json")) == whole


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="text, fountain, json"):
        render(Script(name="x"), "pdf")
    assert [get_renderer(f).suffix for f in ("text", "fountain", "json")] == [".txt", ".fountain", ".json"]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (9.96, "0:10.0"), (65.25, "1:05.2"), (3600, "60:00.0")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# --- Fountain, read by the library of its users -----------------------------------------------------------------------


def bare(text: object) -> str:
    """Return a text without escapes and marks of underlining, because this reader underlines even escaped words."""
    return str(text).replace("\\", "").replace("_", "")


def parsed(source: str) -> list[tuple[str, str, list[str]]]:
    """Return the elements that a Fountain reader finds in a text: kind, head and lines, without escapes."""
    fountain = pytest.importorskip("screenplain.parsers.fountain")
    plain = bare

    found = []
    for part in fountain.parse(io.StringIO(source)):
        kind = type(part).__name__
        if kind == "Dialog":
            found.append((kind, plain(part.character), [plain(line) for _, line in part.blocks]))
        elif kind == "Slug":
            found.append((kind, plain(part.line), []))
        else:
            found.append((kind, "", [plain(line) for line in getattr(part, "lines", [])]))
    return found


def test_fountain() -> None:
    source = render(script(evidence(captions=CAPTIONS)), "fountain")
    assert source.startswith(
        "Title: Script (template)\nGenre: fashion\nSound: yes, speech\n\n.SCENE 1 - BEDROOM\n\n!POST:"
    )
    assert parsed(source)[:6] == [
        ("Slug", "SCENE 1 - BEDROOM", []),
        ("Action", "", ['POST: "Seven days, no new clothes #thrift #slow"']),
        ("Action", "", ["Talking to the camera."]),
        ("Action", "", ['SUPER: "THRIFT CHALLENGE"']),
        ("Dialog", "SPEAKER", ["This week I bought nothing new at all."]),
        ("Dialog", "SPEAKER", ["My budget was thirty euros, and here is what I found."]),
    ]
    assert parsed(source)[8] == ("Dialog", "SPEAKER", ["(mumbled)", "Look at this jacket!"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (".INT. HOUSE", "\\.INT. HOUSE"),
        ("...well", "...well"),
        ("@bob said", "\\@bob said"),
        ("!", "\\!"),
        ("~la", "\\~la"),
        ("# one", "\\# one"),
        ("===", "\\==="),
        ("> centre <", "\\> centre <"),
        ("(aside)", "\\(aside)"),
        ("(aside) and on", "(aside) and on"),
        ("a _b_ *c* [[d]] \\", "a \\_b\\_ \\*c\\* [\\[d]] \\\\"),
    ],
)
def test_speech_that_looks_like_markup_is_escaped(text: str, line: str) -> None:
    assert render(one_scene(dialogue(text)), "fountain").splitlines()[-1] == line


def test_times_in_fountain_are_notes() -> None:
    timed = render(script(evidence(captions=CAPTIONS)), "fountain", times=True)
    assert "[[0:05.2]]" in timed
    without = [(kind, head, [line.rstrip() for line in lines]) for kind, head, lines in parsed(timed)]
    assert without == parsed(render(script(evidence(captions=CAPTIONS)), "fountain"))


HOSTILE = (
    *INJECTIONS, ".INT. HOUSE", "INT. HOUSE - DAY", "@BOB", "!action", "~la la la", "# section", "= synopsis", "===",
    "> right", "> centre <", "CUT TO:", "(aside)", "[[note]]", "[[[[note", "/* boneyard */", "*/ x /*", "*i* **b** _u_",
    "\\*", "\\", "...", "NAME ^", "EXT. SEA #1#", "a\n\nb", "a\u2028.INT. X", "\t", "\r\n.X", "Title: forged", "[ [",
    "[", "*", "_", "SUPER: x",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup_to_fountain(text: str) -> None:
    line = one_line(text)
    speech, sign, seen = (
        parsed(render(one_scene(dialogue(text), on_screen(text), action(text)), "fountain"))[1:] or [None] * 3
    )
    if not line:
        assert speech is None
        return
    assert speech == ("Dialog", "MAN", [bare(line)])
    assert sign == ("Action", "", [bare(f'SUPER: "{line}"')])
    assert seen == ("Action", "", [bare(line)])


@pytest.mark.parametrize("text", [*HOSTILE, "^"])
def test_no_name_and_no_place_is_markup_to_fountain(text: str) -> None:
    slug, first, second = parsed(render(one_scene(dialogue("one"), dialogue("two", text), heading=text), "fountain"))
    assert slug[0] == "Slug" and slug[1].startswith("SCENE 1")
    assert (first[0], second[0]) == ("Dialog", "Dialog")
    assert second[2] == ["two"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([dialogue, on_screen, action]), st.text(min_size=1)), max_size=6))
def test_fountain_keeps_the_kinds_and_words_of_any_lines(lines: list) -> None:
    elements = [make(text) for make, text in lines]
    kept = [e for e in elements if one_line(e.text)]
    source = render(one_scene(*elements), "fountain", times=True)
    kinds = {Dialogue: "Dialog", OnScreenText: "Action", Action: "Action"}
    found = parsed(source)
    assert [kind for kind, _, _ in found] == ["Slug", *(kinds[type(e)] for e in kept)]
    words = [bare(part[2][0]).rstrip() for part in found[1:]]
    lines = [f'SUPER: "{one_line(e.text)}"' if isinstance(e, OnScreenText) else one_line(e.text) for e in kept]
    assert words == [bare(line).rstrip() for line in lines]


def test_screen_text_that_repeats_speech_is_shown_once() -> None:
    repeated = on_screen("hello there").model_copy(update={"repeats": "S1"})
    for form in ("text", "fountain"):
        assert render(one_scene(dialogue("Hello there!"), repeated), form).lower().count("hello there") == 1
    assert render(one_scene(dialogue("Hello there!"), repeated), "json").lower().count("hello there") == 2


def test_a_post_without_anything_renders() -> None:
    empty = one_scene(PostLine(text=" "))
    assert render(empty, "text") == "Sound: unknown\n"
    assert parsed(render(empty, "fountain")) == [("Slug", "SCENE 1", [])]
