"""A script as numbered lines: what a language model is shown, and what its answer can refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.files.text import one_line
from valex_local.records import Script
from valex_local.rendering.lines import shown_lines
from valex_local.rendering.paper import LineSpan, PaperText

if TYPE_CHECKING:
    from valex_local.corpus import Text


@dataclass(frozen=True)
class EvidenceLine:
    """A line of evidence.

    Attributes
    ----------
    id : str
        What labels refer to it by: in a script as `valex_local.rendering.lines.ScriptLine.id`; in a plain text L and
        the number of the line, counted from 1.
    kind : str
        ``post``, ``speech``, ``on screen``, ``action``, ``place``, or ``text`` in a plain text.
    text : str
        The text, on one line.
    speaker : str or None
        The speaker, if known.
    scene : int
        The number of its scene, or of its paragraph in a plain text, counted from 1.
    """

    id: str
    kind: str
    text: str
    speaker: str | None = None
    scene: int = 1


_KINDS = {"post": "post", "dialogue": "speech", "text": "on screen", "action": "action", "heading": "place"}


def script_lines(script: Script) -> tuple[EvidenceLine, ...]:
    """Return the lines of a script in order; on-screen text that repeats speech appears once, as the speech."""
    return tuple(
        EvidenceLine(line.id, _KINDS[line.kind], line.text, line.speaker, line.scene) for line in shown_lines(script)
    )


def lines_of(text: Text) -> tuple[EvidenceLine, ...]:
    """Return the lines of a text, or of the script it was rendered from if there is one."""
    return text_lines(text.text) if text.script is None else script_lines(text.script)


def text_lines(text: str) -> tuple[EvidenceLine, ...]:
    """Return the lines of a plain text that are not blank; blank ones separate paragraphs."""
    found: list[EvidenceLine] = []
    paragraph, before = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = one_line(raw)
        paragraph += bool(line and not before)
        if line:
            found.append(EvidenceLine(f"L{number}", "text", line, scene=paragraph))
        before = line
    return tuple(found)


# --- text with its lines -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinedText:
    """A text as a label model reads it, and where the lines are in it that labels can refer to."""

    text: str
    lines: tuple[LineSpan, ...]

    def without(self, line: LineSpan) -> str:
        """Return the text without a line and its line break."""
        return self.text[: line.start] + self.text[line.end :].removeprefix("\n")


def lined_script(script: Script) -> LinedText:
    """Return a script in the paper's format; its lines have the ids of `script_lines`."""
    return LinedText(*PaperText().with_spans(script))


def lined_text(text: Text) -> LinedText:
    """Return a text, or the script it was rendered from if there is one; its lines have the ids of `lines_of`."""
    if text.script is not None:
        return lined_script(text.script)
    spans, start = [], 0
    for number, row in enumerate(text.text.splitlines(keepends=True), 1):
        if one_line(row):
            spans.append(LineSpan(f"L{number}", start, start + len(row.rstrip())))
        start += len(row)
    return LinedText(text.text, tuple(spans))
