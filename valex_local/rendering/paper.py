"""Render scripts as plain text in the format of the paper, which the classifiers read."""

from __future__ import annotations

from collections.abc import Iterator

from valex_local.records import Script
from valex_local.rendering.lines import ScriptLine, ShownScene, script_facts, shown_scenes
from valex_local.rendering.timing import clock


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
        blocks = [block for scene in shown_scenes(script) if (block := "\n".join(self._scene(scene)))]
        return "\n\n".join([*blocks, "\n".join(script_facts(script))]) + "\n"

    def _scene(self, scene: ShownScene) -> Iterator[str]:
        yield from (f"Post: {line.text}" for line in scene.lines if line.kind == "post")
        for line in scene.lines:
            if line.kind == "heading":
                yield line.text.upper()
            elif line.kind != "post":
                time = f"({clock(line.start)}) " if self._times and line.start is not None else ""
                yield f"{time}{_line(line)}"


def _line(line: ScriptLine) -> str:
    match line.kind:
        case "dialogue":
            return f'{line.speaker}{" (mumbled)" if line.mumbled else ""}: "{line.text}"'
        case "text":
            return f"[{line.text}]"
        case _:
            return line.text
