"""Parsing imported scripts: what is recognised, and that nothing is lost."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.stages.script.evidences import INJECTIONS, any_evidence
from valex_local.exchange.line_parser import LONGEST_HEADING
from valex_local.exchange.script_parser import SOUNDS, parse_script
from valex_local.files.text import clean_text, one_line
from valex_local.records import Action, Dialogue, Element, OnScreenText, PostLine, Scene, Script, Sound
from valex_local.rendering.render import render
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.template import TemplateWriter
from valex_local.stages.script.wording import plain_line

Told = tuple[str, ...]


def tell(element: Element) -> Told:
    """Return an element in a short notation."""
    match element:
        case Dialogue():
            return ("says", element.speaker, element.text)
        case OnScreenText():
            return ("reads", element.text)
        case Action():
            return ("does", element.text)
        case PostLine():
            return ("post", element.text)


def told(text: str) -> list[Told]:
    """Return the headings and elements of a text in a short notation."""
    found: list[Told] = []
    for scene in parse_script(text, "x").scenes:
        found += [("at", scene.heading)] if scene.heading is not None else []
        found += map(tell, scene.elements)
    return found


# --- what is understood ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('GIRL: "Hi"', [("says", "GIRL", "Hi")]),
        ('OLD MAN IN A JACKET: "Hi."', [("says", "OLD MAN IN A JACKET", "Hi.")]),
        ("GIRL: “Hi”", [("says", "GIRL", "Hi")]),
        ("MÄDCHEN: „Hallo, „du“ da“", [("says", "MÄDCHEN", "Hallo, „du“ da")]),
        ("FILLE : « Salut »", [("says", "FILLE", "Salut")]),
        ("女孩：“你好”", [("says", "女孩", "你好")]),
        ("GIRL: 'It's me'", [("says", "GIRL", "It's me")]),
        ("GIRL: 'Tis nothing", [("says", "GIRL", "'Tis nothing")]),
        ("GIRL: Hi there", [("says", "GIRL", "Hi there")]),
        ("GIRL: Hi [WAVE] there.", [("says", "GIRL", "Hi"), ("reads", "WAVE"), ("does", "there.")]),
        ('**GIRL:** "Hi"', [("says", "GIRL", "Hi")]),
        ('**GIRL**: "Hi"', [("says", "GIRL", "Hi")]),
        ('* **GIRL:** *"Hi"*', [("says", "GIRL", "Hi")]),
        ('- GIRL: "Hi"', [("says", "GIRL", "Hi")]),
        ('Man in a Jacket: "Hi"', [("says", "Man in a Jacket", "Hi")]),
        ('GIRL (laughing): "Hi"', [("does", "(laughing)"), ("says", "GIRL", "Hi")]),
        ('**GIRL** (V.O.) (sad): "Hi"', [("does", "(V.O.)"), ("does", "(sad)"), ("says", "GIRL", "Hi")]),
        ('GIRL: (laughing) "Hi"', [("does", "(laughing)"), ("says", "GIRL", "Hi")]),
        ('GIRL [laughing]: "Hi"', [("does", "(laughing)"), ("says", "GIRL", "Hi")]),
        ('GIRL: "Hi." (pauses) "You."', [("says", "GIRL", "Hi."), ("does", "(pauses)"), ("says", "GIRL", "You.")]),
        ('GIRL: "Hi." She leaves.', [("says", "GIRL", "Hi."), ("does", "She leaves.")]),
        ('GIRL: "Hi".', [("says", "GIRL", "Hi.")]),
        ('GIRL: "Hi" [WAVE]', [("says", "GIRL", "Hi"), ("reads", "WAVE")]),
        ('GIRL: "He said "go" again"', [("says", "GIRL", 'He said "go" again')]),
        ('GIRL: "Hi\nyou,\nthere." She leaves.', [("says", "GIRL", "Hi you, there."), ("does", "She leaves.")]),
        ('GIRL:\n"Hi"', [("says", "GIRL", "Hi")]),
        ('GIRL:\n(laughing)\n"Hi there"', [("does", "(laughing)"), ("says", "GIRL", "Hi there")]),
        ("GIRL (sad):\n*(a)*\n(b)\nHi", [("does", t) for t in ("(sad)", "(a)", "(b)")] + [("says", "GIRL", "Hi")]),
        ('1. GIRL: "Hi"', [("does", "1."), ("says", "GIRL", "Hi")]),
        ('2) **GIRL (sad):** "Hi"', [("does", "2)"), ("does", "(sad)"), ("says", "GIRL", "Hi")]),
        ('GIRL 2: "Hi"', [("says", "GIRL 2", "Hi")]),
        ('EXTRA: "Hi"', [("says", "EXTRA", "Hi")]),
        ('GIRL: "Hi\n\nShe leaves."', [("says", "GIRL", "Hi"), ("does", 'She leaves."')]),
        ('GIRL: "Hi\nMAN: "You"', [("says", "GIRL", "Hi"), ("says", "MAN", "You")]),
    ],
)
def test_speech(text, expected):
    assert told(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'The sign reads: "SALE".',
        'She says: "Hi"',
        "GIRL:",
        'GIRL: ""',
        "GIRL (laughing):",
        "**Mood:** cheerful",
        "**Overall tone:** funny",
        "MUSIC: upbeat",
        'TITLE: "My day"',
        "CUT TO: the street",
        "FADE OUT.",
        "THE END",
        '"Hi," says the girl.',
        "It is 12:30 now.",
        "Sound: a dog barks",
        "A word. And another: word",
        f"A VERY LONG {'NAME ' * 20}: hello",
        "[MUSIC: loud]",
        "SHOT 1: A cat",
        'VISUAL #2: "A cat"',
        "HOOK: you will not believe this",
        "POV: you are late",
        "CLOSE UP ON: a cat",
        "1. SHOT: A cat",
        "!!!",
    ],
)
def test_what_is_no_speech_is_action_word_for_word(text):
    assert told(text) == [("does", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[SALE]", [("reads", "SALE")]),
        ("**[SALE]**", [("reads", "SALE")]),
        ("[SCREEN TEXT: SALE]", [("reads", "SALE")]),
        ('[On-screen text: "SALE"]', [("reads", "SALE")]),
        ("[ON-SCREEN TEXT (white): SALE]", [("does", "(white)"), ("reads", "SALE")]),
        ("**On-screen text:** SALE", [("reads", "SALE")]),
        ('TEXT ON SCREEN: "SALE"', [("reads", "SALE")]),
        ("(Text overlay: SALE)", [("reads", "SALE")]),
        ("[Budget: $12]", [("reads", "Budget: $12")]),
        ("[8:00]", [("reads", "8:00")]),
        ("[a] b [c]", [("reads", "a"), ("does", "b"), ("reads", "c")]),
        ("[SALE] [50% OFF]", [("reads", "SALE"), ("reads", "50% OFF")]),
        ("[POV: you are late]", [("reads", "POV: you are late")]),
        ("1. TEXT: SALE", [("does", "1."), ("reads", "SALE")]),
        ("[a]b]", [("reads", "a]b")]),
        ("A sign [SALE] is seen.", [("does", "A sign"), ("reads", "SALE"), ("does", "is seen.")]),
        ("A sign [50 %].", [("does", "A sign"), ("reads", "50 %.")]),
        ("[This is\nlong]", [("reads", "This is long")]),
        ("[This is\n[SALE]", [("does", "[This is"), ("reads", "SALE")]),
        ("A sign [Genre: x] hangs", [("does", "A sign"), ("does", "[Genre: x]"), ("does", "hangs")]),
        ("[]", []),
    ],
)  # fmt: skip
def test_screen_text(text, expected):
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INT. KITCHEN - DAY\nA girl.", [("at", "INT. KITCHEN - DAY"), ("does", "A girl.")]),
        ("INT. KITCHEN - DAY:\nA girl.", [("at", "INT. KITCHEN - DAY:"), ("does", "A girl.")]),
        ("EXT. PARK: NIGHT", [("at", "EXT. PARK: NIGHT")]),
        ("A girl.\nExt. park", [("does", "A girl."), ("at", "Ext. park")]),
        ("SCENE 1", [("at", "SCENE 1")]),
        ("**Scene 2: The kitchen**", [("at", "Scene 2: The kitchen")]),
        ("**Scene:** The kitchen", [("at", "Scene: The kitchen")]),
        ("[SCENE: KITCHEN]", [("at", "SCENE: KITCHEN")]),
        ("## The kitchen", [("at", "The kitchen")]),
        ("KITCHEN\nA girl.", [("at", "KITCHEN"), ("does", "A girl.")]),
        ("A girl.\n\nKITCHEN\nA boy.", [("does", "A girl."), ("at", "KITCHEN"), ("does", "A boy.")]),
        ("A girl.\nBOOM\nA boy.", [("does", "A girl."), ("does", "BOOM"), ("does", "A boy.")]),
        ("Scene opens in a kitchen.", [("does", "Scene opens in a kitchen.")]),
        (f"Scene: {'long ' * 30}".strip(), [("does", f"Scene: {'long ' * 30}".strip())]),
    ],
)
def test_headings(text, expected):
    assert told(text) == expected


SCREENPLAY = """
INT. KITCHEN - DAY

A girl enters.

                YOUNG GIRL
          (laughing)
     I cannot believe it.
     Really.

                MAN (V.O.)
     "No."
          (beat)
     "Yes."

BOOM!

                WOMAN
          (sighs)

FADE OUT.
"""


def test_a_screenplay_has_names_on_lines_of_their_own():
    assert told(SCREENPLAY) == [
        ("at", "INT. KITCHEN - DAY"), ("does", "A girl enters."),
        ("does", "(laughing)"), ("says", "YOUNG GIRL", "I cannot believe it. Really."),
        ("does", "(V.O.)"), ("says", "MAN", "No."), ("does", "(beat)"), ("says", "MAN", "Yes."),
        ("at", "BOOM!"), ("does", "WOMAN"), ("does", "(sighs)"), ("does", "FADE OUT."),
    ]  # fmt: skip


@pytest.mark.parametrize("below", ['"Hi"', "(laughing)\nHi"])
def test_a_screenplay_is_known_without_headings(below):
    assert ("says", "GIRL", "Hi") in told(f"**GIRL**\n{below}")
    assert ("at", "GIRL") in told(f'GIRL\n{below}\n\nMAN: "Where names stand before a colon it is a heading"')


@pytest.mark.parametrize(
    ("line", "genre"),
    [("Genre: comedy", "comedy"), ("**Genre:** Comedy", "Comedy"), ("- GENRE: a b", "a b"), ("[Genre: x]", "x")],
)
def test_genre_wherever_it_stands(line, genre):
    for text in (f"{line}\nA girl.", f"A girl.\n{line}", f"A girl.\n\n{line}\n\nSound: no"):
        script = parse_script(text, "x")
        assert script.genre == genre
        assert [tell(e) for scene in script.scenes for e in scene.elements] == [("does", "A girl.")]


def test_a_second_genre_is_action():
    assert told("Genre: comedy\nGenre: drama\nSound: no\nSound: yes") == [
        ("does", "Genre: drama"),
        ("does", "Sound: yes"),
    ]


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("Sound: no", (False, False, False)),
        ("**Has sound:** No.", (False, False, False)),
        ("Has_sound: no", (False, False, False)),
        ("Sound: yes, speech", (True, True, True)),
        ("Sound: yes, no words", (True, False, False)),
        ("Sound: unknown", None),
    ],
)
def test_sound_that_is_told(line, facts):
    script = parse_script(line, "x")
    assert script.sound == (None if facts is None else Sound(**dict(zip(Sound.model_fields, facts, strict=True))))
    assert (script.scenes, script.notices) == ((), ())


@pytest.mark.parametrize("stated", ["yes", "Yes.", "True", "No, but there is music"])
def test_sound_that_is_not_told_is_not_made_up(stated):
    script = parse_script(f"Has sound: {stated}", "x")
    assert script.sound is None
    assert [n.text for n in script.notices] == [f"the script says of its sound: {stated}"]


def test_no_sound_and_speech_contradict_each_other():
    script = parse_script('GIRL: "Hi"\nSound: no', "x")
    assert script.sound is None
    assert [n.code for n in script.notices] == ["sound-as-stated"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ('(0:05.2) GIRL: "Hi"', 5.2, None),
        ("[01:05] A girl.", 65, None),
        ("**[00:05 - 00:08]** [SALE]", 5, 8),
        ("(1:00:05,5–1:00:06): A girl.", 3605.5, 3606),
        ("(0:08 - 0:05) A girl.", None, None),
        ("12:30 is lunch.", None, None),
    ],
)
def test_times(text, start, end):
    ((element,),) = [scene.elements for scene in parse_script(text, "x").scenes]
    assert (element.start, element.end) == (start, end)
    assert start is None or not re.search("[0-9]", element.text)


def test_times_of_a_heading():
    scene = parse_script("[0:05] INT. KITCHEN\nA girl.", "x").scenes[0]
    assert (scene.start, scene.elements[0].start) == (5, None)


def test_mumbling():
    spoken = [e for e in parse_script('A (mumbled): "x"\nA (mumbling): "y"\nA: "z"', "x").scenes[0].elements]
    assert [e.mumbled for e in spoken if isinstance(e, Dialogue)] == [True, True, False]
    assert [e.text for e in spoken if isinstance(e, Action)] == ["(mumbling)"]


def test_the_record_is_marked():
    script = parse_script("Post: Hello #x\nKITCHEN\nA girl.", "gemini")
    assert (script.name, script.language, script.fingerprint) == ("gemini", None, "")
    assert [(s.heading, s.written_by, s.evidence, s.start) for s in script.scenes] == [("KITCHEN", "import", (), None)]
    assert told("Post: Hello #x\nKITCHEN\nA girl.")[1] == ("post", "Hello #x")


# --- nothing is lost ------------------------------------------------------------------------------------------------

MARKS = "".join("\"'“”„«»‹›「」『』＂‘’[]():：*#-•")
RULE = re.compile(r"\s*(?:(?:[-_=~*#]\s*){3,}|(?:```|~~~)[A-Za-z]{0,12})\s*")


def body(script: Script) -> str:
    """Return the whole content of a record, in order."""
    parts: list[str] = []
    for scene in script.scenes:
        parts.append(scene.heading or "")
        for element in scene.elements:
            parts += [element.speaker if isinstance(element, Dialogue) else "", element.text]
    return " ".join(parts)


def everything(script: Script) -> str:
    return " ".join([body(script), script.genre or "", *(notice.text for notice in script.notices)])


def without_rules(text: str) -> str:
    return "\n".join(line for line in clean_text(text).splitlines() if not RULE.fullmatch(line))


def letters(text: str) -> str:
    """Return the characters that must not be lost, separated from their accents."""
    return unicodedata.normalize("NFD", "".join(c for c in text if not c.isspace() and c not in MARKS))


# Words have no letter that a key or a name has, so that keys can be told from what must not be lost.
WORDS = st.text("αβγδώ१२。!?,;😂", min_size=1, max_size=6)
TOKENS = st.sampled_from([
    "\n", "\n\n", " ", '"', "“", "”", "„", "«", "»", "'", "[", "]", "(", ")", ":", "： ", "*", "**", "# ", "- ", "```",
    "---", "NAME: ", '\nNAME: "', "**NAME:** ", "\nNAME (", ') : "', "\nNAME\n", "[SCREEN TEXT: ", "\nGenre: ",
    "\nSound: yes", "\nSound: ", "\nINT. ", "\nSCENE 1", "(0:05) ", "[00:05] ", "Post: ", '" (', ') "', "\r\n",
    "\u2028",
])  # fmt: skip
SOUP = st.lists(WORDS | TOKENS, max_size=30).map("".join)


def lost(text: str, script: Script, alphabet: str | None = None) -> Counter[str]:
    found = Counter(letters(without_rules(text))) - Counter(letters(everything(script)))
    return Counter({c: n for c, n in found.items() if alphabet is None or c in alphabet})


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_no_character_of_any_text_is_lost(text):
    assume(not re.search(r"(?i)text|caption|genre|sound|super|subtitle|overlay|\d:\d\d|on.screen|mumbled|post: ", text))
    script = parse_script(text, "x")
    assert not lost(text, script)
    assert letters(body(script)) == letters(without_rules(text))  # and in order: without parentheticals nothing moves


@settings(max_examples=500, deadline=None)
@given(SOUP)
@example('NAME: "α\n(0:05) β"')
@example("NAME:\n[00:05] α")
@example("(0:05) ```α")
@example('α\n\nNAME\n" "')
@example('NAME: "" (α) ""')
@example('NAME: "\n"α')
@example('NAME:\n"\n"α')
@example("[α\n(0:05) β]")
def test_no_word_of_a_soup_of_marks_is_lost(text):
    script = parse_script(text, "x")
    assert not lost(text, script, unicodedata.normalize("NFD", "αβγδώ१२。!?,;😂"))
    assert set(letters(everything(script))) <= set(letters(text)) | set("thescriptsaysofitssound")


@settings(max_examples=300, deadline=None)
@given(SOUP)
def test_a_soup_without_parentheticals_stays_in_order(text):
    plain = re.sub(r"[()]|Genre: |Sound: (?:yes)?|SCREEN TEXT: |Post: |0?0:05", "", text)
    assume("[]" not in plain)  # or else a key may have come about
    assert letters(body(parse_script(plain, "x"))) == letters(without_rules(plain))


# --- a grammar of scripts -------------------------------------------------------------------------------------------

WORD = st.text("abcdefgéü", min_size=1, max_size=7)
PROSE = st.lists(WORD, min_size=1, max_size=6).map(lambda words: " ".join(["A", *words]) + ".")
NAME = st.lists(st.text("ABCDEFÉ", min_size=2, max_size=6), min_size=1, max_size=4).map(" ".join).map("Z ".__add__)
PAIRS = st.sampled_from(['""', "“”", "«»", "„“", "「」"])
FRAMES = st.sampled_from(["{}: {}", "**{}:** {}", "**{}**: {}", "- {}: {}", "{} : {}", "* **{}:** {}"])
ASIDE = WORD.map(lambda word: f"(q{word})")


@st.composite
def speech(draw: st.DrawFn) -> tuple[str, list[Told]]:
    name, words, quotes = draw(NAME), draw(st.lists(PROSE, min_size=1, max_size=3)), draw(PAIRS)
    asides = draw(st.lists(ASIDE, max_size=2))
    spoken = draw(st.sampled_from([" ", "\n"])).join(words)
    quoted = f"{quotes[0]}{spoken}{quotes[1]}"
    if draw(st.booleans()) and asides:
        quoted, shown = " ".join([*asides, quoted]), name
    else:
        shown = " ".join([name, *asides])
    frame = draw(FRAMES) if shown == name else "{}: {}"
    return frame.format(shown, quoted), [*(("does", aside) for aside in asides), ("says", name, " ".join(words))]


UNQUOTED = st.tuples(NAME, PROSE).map(lambda p: (f"{p[0]}: {p[1]}", [("says", *p)]))
SCREEN = st.tuples(st.sampled_from(["[{}]", "[ON-SCREEN TEXT: {}]", '[Screen text: "{}"]', "**[{}]**"]), PROSE).map(
    lambda p: (p[0].format(p[1]), [("reads", p[1])])
)
HEAD = st.tuples(st.sampled_from(["INT. {}", "Scene 1: {}", "## {}", "**SCENE 3 - {}**", "Scene: {}"]), NAME).map(
    lambda p: (p[0].format(p[1]), [("at", re.sub("[*#]", "", p[0]).strip().format(p[1]))])
)
PLAIN = PROSE.map(lambda text: (text, [("does", text)]))
PIECES = st.lists(st.one_of(speech(), UNQUOTED, SCREEN, HEAD, PLAIN), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(PIECES, WORD, st.sampled_from(["\n", "\n\n", "\r\n", "\n---\n"]), st.data())
def test_grammar(pieces, genre, between, data):
    lines = [line for line, _ in pieces]
    lines.insert(data.draw(st.integers(0, len(lines))), f"Genre: {genre}")
    text = between.join(lines)
    script = parse_script(text, "x")
    assert script.genre == genre
    assert told(text) == [short for _, expected in pieces for short in expected]


# --- our own scripts come back --------------------------------------------------------------------------------------

LINE = st.one_of(st.text(min_size=1, max_size=60), st.sampled_from(INJECTIONS)).map(one_line).filter(bool)
TIME = st.none() | st.floats(0, 3000).map(lambda t: round(t, 1))


def is_plain_speech(text: str) -> bool:
    return not re.search(r'"\s*\([^()]*\)\s*"', text)


def is_plain_screen_text(text: str) -> bool:
    keys = "text|screen|caption|subtitle|overlay|super|genre|sound|scene|music|note"
    return not re.match(rf"(?i)[^:：]*({keys})[^:：]*[:：]|\d+:\d\d|[^\[\]]*\].*\[[^\[\]]*$", text)


def is_prose(text: str) -> bool:
    return not text.isupper() and not re.match(r"[-*•#(]|(?i:int|ext|scene|i/e)", text)


def is_place(text: str) -> bool:
    return text.isupper() and len(text) < LONGEST_HEADING and not re.match(r"[-*•#(]|CUT|FADE|.*END", text)


OWN_SPEECH = st.builds(
    Dialogue, ref=st.none(), speaker=NAME, text=LINE.filter(is_plain_speech), start=TIME, end=st.none(),
    mumbled=st.booleans(),
)  # fmt: skip
OWN_TEXT = st.builds(OnScreenText, ref=st.none(), text=LINE.filter(is_plain_screen_text), start=TIME, end=st.none())
OWN_ACTION = st.builds(Action, text=LINE.map(plain_line).filter(is_prose), start=TIME, end=st.none())
OWN_HEADING = st.none() | LINE.map(lambda text: plain_line(text).upper()).filter(is_place)
OWN_SCENE = st.builds(
    Scene, heading=OWN_HEADING, start=st.none(), end=st.none(), written_by=st.just("template"),
    elements=st.lists(OWN_SPEECH | OWN_TEXT | OWN_ACTION, max_size=6).map(tuple),
)  # fmt: skip


def essence(script: Script) -> dict[str, object]:
    """Return the content that a round trip keeps."""
    shown = [e for s in script.scenes for e in s.elements]
    return {
        "speech": [
            (e.speaker, one_line(e.text), e.mumbled) for e in shown if isinstance(e, Dialogue) and one_line(e.text)
        ],
        "screen": [
            one_line(e.text) for e in shown if isinstance(e, OnScreenText) and e.repeats is None and one_line(e.text)
        ],
        "post": [one_line(e.text) for e in shown if isinstance(e, PostLine) and one_line(e.text)],
        "headings": [one_line(s.heading).upper() for s in script.scenes if s.heading],
        "facts": (script.genre, script.sound),
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(OWN_SCENE, max_size=4), st.none() | LINE, st.none() | WORD, st.sampled_from(list(SOUNDS.values())))
def test_round_trip(scenes, post, genre, sound):
    if scenes and post is not None:
        scenes[0] = scenes[0].model_copy(update={"elements": (PostLine(text=post), *scenes[0].elements)})
    script = Script(name="x", genre=genre, sound=sound, scenes=tuple(scenes))
    speaks = bool(essence(script)["speech"])
    assume(sound is None or sound.has_verbal_sound or not speaks)
    # A text in which nobody speaks, but whose headings are of the usual kind, reads as a screenplay.
    assume(speaks or not any(re.match("INT|EXT|I/E|SCENE", scene.heading or "") for scene in scenes))
    again = parse_script(render(script, "text"), "x")
    assert essence(again) == essence(script)
    timed = parse_script(render(script, "text", times=True), "x")
    assert essence(timed) == essence(script)
    assert [e.start for s in timed.scenes for e in s.elements if isinstance(e, Dialogue)] == pytest.approx(
        [e.start for s in scenes for e in s.elements if isinstance(e, Dialogue)]
    )


@settings(max_examples=60, deadline=None)
@given(any_evidence)
def test_round_trip_of_what_the_template_writes(found: Evidence):
    sound = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)
    written = Script(name="x", sound=sound, scenes=TemplateWriter().write(replace(found, sound=sound)).scenes)
    texts = [e.text for s in written.scenes for e in s.elements if isinstance(e, OnScreenText)]
    assume(all(map(is_plain_screen_text, map(one_line, texts))))
    before, after = essence(written), essence(parse_script(render(written, "text"), "x"))
    for name in ("speech", "screen", "post", "facts"):
        assert after[name] == before[name]


# --- hostile input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        'NAME: "x\n',
        "[x\n",
        "(",
        "NAME (",
        "*",
        "[",
        "]",
        '"',
        "N:",
        "# ",
        '" (x) "',
        "A\n(b)\n",
        "0:05-",
        "NAME:\n",
        "(a)",
        "(a)*",
        "[a] ",
        "[a][",
        "* (a) ",
        "NAME:\n(a)\n",
        "1. ",
    ],
)
def test_long_hostile_texts_take_no_time(unit):
    started = time.perf_counter()
    parse_script(unit * (60_000 // len(unit)), "x")
    parse_script("NAME: " + unit * (60_000 // len(unit)), "x")
    assert time.perf_counter() - started < 5


def test_many_parentheticals_with_stars_take_no_time():
    started = time.perf_counter()
    assert told("A " + "(x)*" * 5000) == [("does", "A " + "(x)*" * 5000)]
    assert told("A " + "(x)*" * 5000 + ": Hi")[-1] == ("says", "A", "Hi")
    assert time.perf_counter() - started < 5


def test_a_text_without_words_is_an_empty_script():
    for text in ("", " \n\n", "---", "[]"):
        assert parse_script(text, "x").scenes == ()
