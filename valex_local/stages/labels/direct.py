"""The direct route: a vision-language model labels keyframes and transcript, without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, ModelError, ValexError
from valex_local.files.text import one_line
from valex_local.llm import load_language_model
from valex_local.llm.images import read_picture, spread
from valex_local.records import Keyframe, LabelSource, Media, Speakers, Transcript
from valex_local.stages.base import Context, Item
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelPrompt, PromptKeyframe
from valex_local.stages.labels.routes import LabelResult, LabelTask
from valex_local.stages.script.evidence import POST, post_text
from valex_local.stages.setting_files import setting_file
from valex_local.stages.speakers.words import spoken_parts

if TYPE_CHECKING:
    from valex_local.corpus import Text

DOMAIN = "any video, by instruction; trained on no labels"


@dataclass(frozen=True)
class DirectInput:
    """The evidence of a video as the model is shown it."""

    lines: tuple[EvidenceLine, ...]
    stills: tuple[PromptKeyframe, ...]


class DirectRoute:
    """Labels videos with a language model of the store that takes images."""

    def __init__(self, context: Context) -> None:
        stored, settings = context.models["llm"], context.settings
        self._settings = settings.labels.direct
        self._include_post_text = settings.script.include_post_text
        prompt = LabelPrompt(
            setting_file(settings, "labels", "direct", "prompt"),
            read_definitions(setting_file(settings, "labels", "direct", "values")),
            self._settings.ask,
            sees=True,
        )
        self._model = load_language_model(stored, context.device, context=self._settings.context)
        if not self._model.sees:
            self._model.close()
            raise ModelError(
                f"the route direct needs a language model that takes images, and {stored.id} does not",
                hint="Set models.llm to one that does, or leave the route out; see docs/language-models.md",
            )
        self._labeller = LlmLabeller(self._model, prompt, self._settings, requests=settings.work.requests)
        self.batch_size = self._labeller.batch_size
        self.source = LabelSource(route="direct", model=stored.id, domain=DOMAIN)

    def prepare(self, task: LabelTask) -> DirectInput:
        """Return the post text, the transcript and the keyframes."""
        keyframes = spread(task.item.get("media", Media).keyframes, self._settings.max_keyframes)
        stills = tuple(self._still(task.item.folder, keyframe) for keyframe in keyframes)
        return DirectInput(tuple(self._lines(task.item)), stills)

    def prepare_text(self, text: Text) -> DirectInput:
        """Raise an error: a text has no keyframes."""
        raise ConfigError("the route direct labels videos, not texts", hint="Use --route fewshot, or encoder")

    def _lines(self, item: Item) -> Iterator[EvidenceLine]:
        published = post_text(item.post.text) if self._include_post_text else None
        if published:
            yield EvidenceLine(POST, "post", one_line(published))
        segments = item.get("transcript", Transcript).segments
        spoken = spoken_parts(segments, item.get("speakers", Speakers) if "speakers" in item.records else None)
        for segment in segments:
            parts = spoken.get(segment.id, ())
            for number, part in enumerate(parts, 1):
                line = f"{segment.id}.{number}" if len(parts) > 1 else segment.id
                yield EvidenceLine(line, "speech", one_line(part.text), part.speaker)
            if not parts:
                yield EvidenceLine(segment.id, "speech", one_line(segment.text))

    def _still(self, folder: Path, keyframe: Keyframe) -> PromptKeyframe:
        return PromptKeyframe(
            keyframe.id, keyframe.time, read_picture(folder / keyframe.file, self._settings.keyframe_side)
        )

    def __call__(self, batch: Sequence[DirectInput]) -> Sequence[LabelResult | ValexError]:
        """Return the labels of each video."""
        return self._labeller.label_all([(video.lines, video.stills) for video in batch])

    def close(self) -> None:
        """Free the model."""
        self._model.close()
