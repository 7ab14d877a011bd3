"""The file of lines that chance is made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from valex_local.errors import ConfigError
from valex_local.settings import Settings
from valex_local.stages.grounding.reference_lines import MIN_LINES, read_reference_lines
from valex_local.stages.script.wording import is_plain
from valex_local.stages.setting_files import setting_file

OURS = setting_file(Settings(), "grounding", "lines")
SMALL_WORDS = {"a", "an", "and", "are", "at", "in", "is", "of", "on", "the", "to", "with"}


def toml(*lines: str, more: str = "format = 1") -> str:
    return f"{more}\nlines = {[*lines]}\n"


MANY = [f"line {number}" for number in range(MIN_LINES)]


def test_ours_are_many_short_and_different():
    lines = read_reference_lines(OURS)
    assert 200 <= len(lines) <= 300
    words = [re.findall(r"[\w'-]+", line.lower()) for line in lines]
    assert all(3 <= len(line) <= 25 for line in words)
    assert len({tuple(line) for line in words}) == len(lines)
    assert all(is_plain(line) and line[0].isupper() and line.endswith(".") for line in lines)
    # Neighbours that share most of their words would make one thing count as chance twice.
    told = [frozenset(line) - SMALL_WORDS for line in words]
    twins = [(a, b) for i, a in enumerate(told) for b in told[:i] if len(a & b) > 0.6 * min(len(a), len(b))]
    assert not twins


def test_a_file_of_ones_own(tmp_path: Path):
    (tmp_path / "l.toml").write_text(toml(*MANY))
    assert read_reference_lines(tmp_path / "l.toml") == tuple(MANY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = = 1", "not valid TOML"),
        (toml(*MANY, more=""), "format"),
        (toml(*MANY, more="format = 2"), "format"),
        (toml(*MANY[1:]), "lines"),
        (toml(*MANY, MANY[3]), "occurs twice: line 3"),
        (toml(*MANY, "  "), "empty"),
        (toml(*MANY, more="format = 1\nlanguage = 'de'"), "language"),
        ("format = 1\nlines = 3", "lines"),
    ],
)
def test_a_wrong_file_is_refused_and_named(tmp_path: Path, text: str, said: str):
    (tmp_path / "l.toml").write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        read_reference_lines(tmp_path / "l.toml")
    assert caught.value.path == str(tmp_path / "l.toml")


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file"):
        read_reference_lines(tmp_path / "none.toml")
