"""Scripts that a model wrote as JSON are read line by line or are unreadable; JSON never becomes a script."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.exchange.script_json import parse_json_script
from valex_local.exchange.sources import read_scripts
from valex_local.files.text import clean_text
from valex_local.records import Action, Dialogue, OnScreenText, Script

LINES = [
    {
        "timestamp": "00:00-00:03",
        "speaker": "Girl",
        "dialogue": "A coat.",
        "on_screen_text": "SALE",
        "action": "Holds.",
    },
    {"timestamp": "00:03-00:05", "speaker": "Girl", "dialogue": "Eleven!", "on_screen_text": "", "action": "Smiles."},
]
NESTED = {
    "genre": "vlog",
    "scenes": [{"heading": "INT. SHOP", "start": "00:00", "lines": [{"speaker": "Girl", "text": "A coat."}]}],
}


def parsed(text: str) -> Script:
    script = parse_json_script(text, "x")
    assert script is not None
    return script


@pytest.mark.parametrize(
    "form", ["```json\n{}\n```", "{}", "```\n{}\n```", "```json\n{}", "Here it is:\n\n```JSON\n{}\n```\nBye."]
)
def test_lines(form):
    (scene,) = parsed(form.replace("{}", json.dumps(LINES, indent=1))).scenes
    said = [(e.speaker, e.text, e.start, e.end) for e in scene.elements if isinstance(e, Dialogue)]
    assert said == [("Girl", "A coat.", 0.0, 3.0), ("Girl", "Eleven!", 3.0, 5.0)]
    assert [e.text for e in scene.elements if isinstance(e, OnScreenText)] == ["SALE"]
    prose = ["Here it is:"] if "Here" in form else []
    assert [e.text for e in scene.elements if isinstance(e, Action)][: len(prose) + 1] == [*prose, "Holds."]


def test_nested_scenes():
    script = parsed(json.dumps(NESTED))
    (scene,) = script.scenes
    assert (script.genre, scene.heading, scene.start) == ("vlog", "INT. SHOP", 0.0)
    assert [(e.speaker, e.text) for e in scene.elements if isinstance(e, Dialogue)] == [("Girl", "A coat.")]


def test_fields_of_unknown_meaning_are_kept_and_counted():
    script = parsed(json.dumps([{"dialogue": "Hi", "mood": "glad"}]))
    assert [e.text for e in script.scenes[0].elements] == ["Hi", "mood: glad"]
    assert "mood (1)" in script.notices[0].text and "without a speaker: 1" in script.notices[0].text


@pytest.mark.parametrize("text", ['```json\n[{"speaker": "Girl", "dial', '```json\n{"a": 1}\n```', '{"a": ' * 500])
def test_other_json_is_refused(text):
    with pytest.raises(InputError, match="JSON"):
        parse_json_script(text, "x")


@pytest.mark.parametrize("text", ['[{SALE}]\nGIRL: "Hi"', "```\nGIRL: hi\n```", "```\n[SALE]\nGIRL: hi\n```", "[SALE]"])
def test_other_texts_are_not_json(text):
    assert parse_json_script(text, "x") is None


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
KEYS = st.sampled_from(
    ["speaker", "dialogue", "on_screen_text", "action", "text", "heading", "scene", "mood", "start", "type"]
)


@given(st.lists(st.dictionaries(KEYS, WORDS, min_size=1), min_size=1, max_size=5))
def test_no_word_is_lost(items):
    try:
        script = parsed(json.dumps(items))
    except InputError:
        return
    kept = script.model_dump_json()
    for item in items:
        assert all(clean_text(word) in kept for key, word in item.items() if key not in ("start", "type"))


def test_a_bare_file_is_a_script(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(LINES))
    (script,) = read_scripts(tmp_path).scripts
    assert script.names == ("a",) and parsed(script.answer.text).scenes
