"""Options given as KEY=VALUE."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.cli._settings import nested, read_setting
from valex_local.errors import ConfigError

KEYS = st.lists(st.from_regex(r"[a-z_0-9]{1,6}", fullmatch=True), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ocr.fps=2", {"ocr": {"fps": 2}}),
        ("labels.int8=true", {"labels": {"int8": True}}),
        ('labels.scripts=["gemini"]', {"labels": {"scripts": ["gemini"]}}),
        ("models.labels=local-dir:/a=b", {"models": {"labels": "local-dir:/a=b"}}),
        ("speech.language=no", {"speech": {"language": "no"}}),
        ("profile=", {"profile": ""}),
    ],
)
def test_the_value_is_toml_or_else_plain_text(text, expected):
    assert read_setting(text) == expected


@pytest.mark.parametrize("text", ["ocr.fps", "", "=2"])
def test_what_is_no_setting_says_what_was_expected(text):
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        read_setting(text)


@given(KEYS, st.integers(-(1 << 60), 1 << 60) | st.booleans() | st.text("abc äöü", max_size=9))
def test_any_value_comes_back_under_its_keys(keys, value):
    text = f"{'.'.join(keys)}={json.dumps(value, ensure_ascii=False)}"
    assert read_setting(text) == nested(tuple(keys), value)


@given(KEYS, st.integers())
def test_nested_tables_lead_to_the_value(keys, value):
    found = nested(tuple(keys), value)
    for key in keys:
        assert list(found) == [key]
        found = found[key]
    assert found == value
