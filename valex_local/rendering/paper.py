"""Render scripts as plain text in the format of the paper, which the classifiers read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from valex_local.records import Script
from valex_local.rendering.lines import ScriptLine, ShownScene, script_facts, shown_scenes
from valex_local.rendering.timing import clock


@dataclass(frozen=True)
class LineSpan:
    """Where a line is in a text: its id, and its characters [start, end)."""

    id: str
    start: int
    end: int


class PaperText:
    """Renderer of the paper's format.

    ``SPEAKER: "speech"``, ``[ON-SCREEN TEXT]``, prose for actions, headings in capitals, a blank line between scenes;
    ``Post:`` and the published text at the start, ``Genre:`` (if known) and ``Sound:`` at the end.

    Parameters
    ----------
    times : bool
        Whether to show when each line starts.
    """

    suffix = ".txt"

    def __init__(self, *, times: bool = False) -> None:
        self._times = times

    def __call__(self, script: Script) -> str:
        """Return the script, with one element on each line."""
        return self.with_spans(script)[0]

    def with_spans(self, script: Script) -> tuple[str, tuple[LineSpan, ...]]:
        """Return the script as text, and where its lines are in it; a line includes what marks its kind."""
        text, spans = "", []
        for line_id, row in self._rows(script):
            if line_id is not None:
                spans.append(LineSpan(line_id, len(text), len(text) + len(row)))
            text += f"{row}\n"
        return text, tuple(spans)

    def _rows(self, script: Script) -> Iterator[tuple[str | None, str]]:
        """Yield the rows of the text, each with the id of its line if it shows one."""
        for scene in shown_scenes(script):
            yield from self._scene(scene)
            if scene.lines:
                yield None, ""
        yield from ((None, fact) for fact in script_facts(script))

    def _scene(self, scene: ShownScene) -> Iterator[tuple[str, str]]:
        yield from ((line.id, f"Post: {line.text}") for line in scene.lines if line.kind == "post")
        for line in scene.lines:
            if line.kind == "heading":
                yield line.id, line.text.upper()
            elif line.kind != "post":
                time = f"({clock(line.start)}) " if self._times and line.start is not None else ""
                yield line.id, f"{time}{_line(line)}"


def _line(line: ScriptLine) -> str:
    match line.kind:
        case "dialogue":
            return f'{line.speaker}{" (mumbled)" if line.mumbled else ""}: "{line.text}"'
        case "text":
            return f"[{line.text}]"
        case _:
            return line.text
