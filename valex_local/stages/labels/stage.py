"""The labels stage: the same filter, notices and record for every route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.errors import ValexError
from valex_local.records import Labels, Media, Script, Transcript
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.labels.lines import script_lines
from valex_local.stages.labels.routes import LabelResult, LabelTask, language_notices, load_route
from valex_local.stages.variants import VIDEO
from valex_local.study.variants import LabelKey

SILENT = "no verbal sound (the paper's filter); labels.keep_silent labels such posts too"
EMPTY = "the script is empty: it has no speech, no on-screen text and no actions"
UNSEEN = "there is nothing to label: the video has no speech and no keyframes"


@dataclass(frozen=True)
class _Prepared:
    """The route's input for a script, or the reason why there is none."""

    script: str
    language: str | None
    skipped: str | None
    task: Any = None


class LabelStage:
    """Labels scripts by one route and model; which script it is says the record that an item holds.

    Parameters
    ----------
    context : Context
        `variant` is ``<route>`` or ``<route>@<name>``; the route defines the role of the model.
    """

    def __init__(self, context: Context) -> None:
        self._keep_silent = context.settings.labels.keep_silent
        self._route = load_route(LabelKey.of(context.variant).route)(context)
        self.batch_size = self._route.batch_size

    def prepare(self, item: Item) -> _Prepared:
        """Return the route's input for the post's script."""
        name = item.script or VIDEO
        task = self._task(item, name)
        reason = self._reason_to_skip(task)
        made = None if reason is not None else self._route.prepare(task)
        return _Prepared(name, task.script.language, reason, made)

    def _task(self, item: Item, name: str) -> LabelTask:
        if name != VIDEO:
            return LabelTask(item, item.get(f"script.{name}", Script))
        transcript = item.get("transcript", Transcript)
        return LabelTask(item, Script(name=VIDEO, language=transcript.language, sound=transcript.sound))

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Return the records of a batch of posts."""
        tasks = [prepared.task for prepared in batch if prepared.skipped is None]
        results = iter(self._route(tasks) if tasks else ())
        return [self._skipped(p) if p.skipped is not None else self._output(p, next(results)) for p in batch]

    def close(self) -> None:
        """Free the model."""
        self._route.close()

    def _reason_to_skip(self, task: LabelTask) -> str | None:
        script = task.script
        if script.skipped is not None:
            return f"there is no script: {script.skipped}"
        # An imported script may not say whether there was sound; then it is labelled.
        silent = script.sound is not None and not script.sound.has_verbal_sound
        if silent and not self._keep_silent:
            return SILENT
        if script.name == VIDEO:
            evidence = task.item.get("media", Media).keyframes or task.item.get("transcript", Transcript).segments
            return None if evidence else UNSEEN
        return None if any(line.kind != "place" for line in script_lines(script)) else EMPTY

    def _skipped(self, prepared: _Prepared) -> Output:
        return Output(Labels(script=prepared.script, source=self._route.source, skipped=prepared.skipped))

    def _output(self, prepared: _Prepared, result: LabelResult | ValexError) -> Output | ValexError:
        if isinstance(result, ValexError):
            return result
        notices = (*result.notices, *language_notices(self._route.source, prepared.language))
        return Output(
            Labels(
                script=prepared.script,
                source=self._route.source,
                values=result.values,
                figures=result.figures,
                notices=notices,
            )
        )
