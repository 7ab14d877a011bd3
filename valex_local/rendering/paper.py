"""The loose text of the paper, which the classifiers read."""

from __future__ import annotations

from collections.abc import Iterator

from valex_local.records import Script
from valex_local.rendering.lines import ScriptLine, ShownScene, script_facts, shown_scenes
from valex_local.rendering.timing import clock


class PaperText:
    """The loose text of the paper.

    ``SPEAKER: "speech"``, ``[ON-SCREEN TEXT]``, prose for actions, a heading in capitals, an empty line between scenes;
    first ``Post:`` and the published text, last ``Genre:`` (where known) and ``Sound:``.

    Parameters
    ----------
    times : bool
        Show when each line begins.
    """

    suffix = ".txt"

    def __init__(self, *, times: bool = False) -> None:
        self._times = times

    def __call__(self, script: Script) -> str:
        """Return the script, one element a line."""
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
