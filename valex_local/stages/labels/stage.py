"""The label stage: whatever the route, the same filter, the same notices, the same record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.errors import ValexError
from valex_local.records import Labels, Media, Script, Transcript
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.labels.lines import script_lines
from valex_local.stages.labels.routes import LabelResult, Task, foreign, route
from valex_local.stages.variants import VIDEO

SILENT = "no verbal sound (the paper's filter); labels.keep_silent labels such posts too"
EMPTY = "the script holds nothing: no words were heard or read, and nothing was described"
UNSEEN = "the video holds nothing: no words were heard, and there are no keyframes"


@dataclass(frozen=True)
class _Prepared:
    """A script as the stage hands it on: the route's input, or the reason why there is none."""

    language: str | None
    skipped: str | None
    task: Any = None


class LabelStage:
    """Labels scripts by one route.

    Parameters
    ----------
    context : Context
        `variant` is ``<script>.<route>``; the route says of which role the model is.
    """

    def __init__(self, context: Context) -> None:
        self._script, _, name = context.variant.rpartition(".")
        self._keep_silent = context.settings.labels.keep_silent
        self._route = route(name)(context)
        self.batch_size = self._route.batch_size

    def prepare(self, item: Item) -> _Prepared:
        """Read the post's script and turn it into the route's input."""
        task = self._task(item)
        reason = self._reason_to_skip(task)
        if reason is not None:
            return _Prepared(task.script.language, reason)
        return _Prepared(task.script.language, None, self._route.prepare(task))

    def _task(self, item: Item) -> Task:
        if self._script != VIDEO:
            return Task(item, item.get(f"script.{self._script}", Script))
        heard = item.get("transcript", Transcript)
        return Task(item, Script(name=VIDEO, language=heard.language, sound=heard.sound))

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Label the scripts of a batch."""
        tasks = [prepared.task for prepared in batch if prepared.skipped is None]
        judged = iter(self._route(tasks) if tasks else ())
        return [self._skipped(p.skipped) if p.skipped else self._output(p, next(judged)) for p in batch]

    def close(self) -> None:
        """Free the model."""
        self._route.close()

    def _reason_to_skip(self, task: Task) -> str | None:
        script = task.script
        if script.skipped is not None:
            return f"there is no script: {script.skipped}"
        # A script from elsewhere may not say what was heard: it is labelled.
        silent = script.sound is not None and not script.sound.has_verbal_sound
        if silent and not self._keep_silent:
            return SILENT
        if script.name == VIDEO:
            seen_or_heard = task.item.get("media", Media).keyframes or task.item.get("transcript", Transcript).segments
            return None if seen_or_heard else UNSEEN
        return None if any(line.kind != "place" for line in script_lines(script)) else EMPTY

    def _skipped(self, reason: str) -> Output:
        return Output(Labels(script=self._script, source=self._route.source, skipped=reason))

    def _output(self, prepared: _Prepared, judged: LabelResult | ValexError) -> Output | ValexError:
        if isinstance(judged, ValexError):
            return judged
        notices = (*judged.notices, *foreign(self._route.source, prepared.language))
        return Output(
            Labels(
                script=self._script,
                source=self._route.source,
                values=judged.values,
                figures=judged.figures,
                notices=notices,
            )
        )
