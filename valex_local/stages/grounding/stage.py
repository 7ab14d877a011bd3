"""The grounding stage: compares action lines with keyframes, by a CLIP model, by detectors, or by both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from valex_local.errors import ValexError
from valex_local.llm.images import read_keyframe
from valex_local.records import GroundedKeyframe, GroundedLine, Grounding, Keyframe, Media, Notice, Script
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.grounding.evidence import LineToScore, action_lines
from valex_local.stages.grounding.reference_lines import read_reference_lines
from valex_local.stages.grounding.results import figures, grounded_keyframes, grounded_lines, line_counts
from valex_local.stages.grounding.score import Floats
from valex_local.stages.grounding.things import ThingWords, mentioned_keyframes, named_things, thing_counts
from valex_local.stages.grounding.vectors import cut_lines, line_vectors
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.clip import NO_PICTURES, NO_WEIGHTS, ClipEngine, load
from valex_local.stages.vision.detection import Found, load_detectors
from valex_local.stages.vision.text_vectors import text_vectors

if TYPE_CHECKING:
    import torch

    from valex_local.store import StoredModel

_CPU_POSTS, _CUDA_POSTS = 4, 32
_CPU_LINES, _CUDA_LINES = 8, 64


@dataclass(frozen=True)
class _Prepared:
    """A script: its action lines, its keyframes, the CLIP model's input of each, and what detectors found in each."""

    script: str
    lines: tuple[LineToScore, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    inputs: tuple[torch.Tensor, ...] = ()
    found: tuple[Found, ...] = ()
    language: str | None = None
    skipped: str | None = None


class GroundingStage:
    """Compares the action lines of any script; without a model for it every record says it was skipped.

    Raises
    ------
    ConfigError
        The file of reference lines is wrong.
    ModelError
        A model cannot be loaded.
    """

    def __init__(self, context: Context) -> None:
        self.batch_size = _CPU_POSTS if context.device.kind == "cpu" else _CUDA_POSTS
        stored = context.models.get("clip")
        self._scorer = None if stored is None else _Scorer(stored, context)
        detector = context.models.get("detector")
        self._detectors = None if detector is None else load_detectors(detector, context.device)
        self._words = None if self._detectors is None else ThingWords(self._detectors.classes)

    def prepare(self, item: Item) -> _Prepared:
        """Return the action lines of a post's script, with its keyframes decoded if there are any lines."""
        import numpy as np

        name = item.script or ""
        script, keyframes = item.get(f"script.{name}", Script), item.get("media", Media).keyframes
        if self._scorer is None and self._detectors is None:
            return _Prepared(name, skipped=NO_WEIGHTS)
        if script.skipped is not None:
            return _Prepared(name, skipped=f"there is no script: {script.skipped}")
        if not keyframes:
            return _Prepared(name, skipped=NO_PICTURES)
        lines = tuple(action_lines(script, keyframes))
        # Where a CLIP model does not say which keyframes are mentioned, all have to be looked at.
        shown = keyframes if lines or self._scorer is None else ()
        pictures = [read_keyframe(item.folder / keyframe.file) for keyframe in shown]
        inputs = () if self._scorer is None else tuple(map(self._scorer.clip.preprocess, pictures))
        found = () if self._detectors is None else tuple(self._detectors(np.asarray(one)) for one in pictures)
        return _Prepared(name, lines, keyframes, inputs, found, script.language)

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Return the records of a batch of posts."""
        if self._scorer is None:
            records = [Grounding(script=prepared.script, skipped=prepared.skipped) for prepared in batch]
        else:
            records = self._scorer.records(batch)
        return [Output(self._with_things(*pair)) for pair in zip(records, batch, strict=True)]

    def _with_things(self, record: Grounding, prepared: _Prepared) -> Grounding:
        """Return a record with the things that lines name, where detectors looked."""
        if self._detectors is None or self._words is None or prepared.skipped is not None:
            return record
        ids = [keyframe.id for keyframe in prepared.keyframes] if prepared.found else []
        looked = (prepared.lines, ids, prepared.found, self._words, self._detectors.classes)
        things = tuple(named_things(*looked))
        if self._scorer is None:
            keyframes = mentioned_keyframes(*looked)
            known = len(self._detectors.classes.classes)
            text = (
                f"lines are compared by detections: by people, things of {known} known classes and expressions, "
                "and by nothing else that they say"
            )
            notice = Notice(code="things-alone", text=text)
            counts = figures((), keyframes).model_copy(update=line_counts(prepared.lines))
            notices = (notice, *_doubts(prepared, {}))
            record = Grounding(script=prepared.script, keyframes=keyframes, figures=counts, notices=notices)
        return record.model_copy(
            update={"things": things, "figures": record.figures.model_copy(update=thing_counts(things))}
        )

    def close(self) -> None:
        """Free the models."""
        self._scorer = self._detectors = None


class _Scorer:
    """A loaded model, and the vectors of the reference lines."""

    def __init__(self, stored: StoredModel, context: Context) -> None:
        self._settings = context.settings.grounding
        lines = read_reference_lines(setting_file(context.settings, "grounding", "lines"))
        self.clip: ClipEngine = load(stored, context.device)
        self._reference = _floats(text_vectors(self.clip, lines, model=stored, device=context.device))
        self._batch_size = _CPU_LINES if context.device.kind == "cpu" else _CUDA_LINES
        notice = stored.options.get("notice")
        self._notices = () if notice is None else (Notice(code="model-notice", text=f"{stored.id}: {notice}"),)

    def records(self, batch: Sequence[_Prepared]) -> list[Grounding]:
        """Return the records of several scripts; their images and texts go through the model together, each once."""
        images = _floats(self.clip.images([image for prepared in batch for image in prepared.inputs]))
        texts = list(dict.fromkeys(line.text for prepared in batch for line in prepared.lines))
        vectors = line_vectors(self.clip, texts, self._batch_size)
        cut = dict(zip(texts, cut_lines(self.clip, texts, vectors, self._batch_size), strict=True))
        vector_of = dict(zip(texts, _floats(vectors), strict=True))
        ends = list(accumulate(len(prepared.inputs) for prepared in batch))
        return [
            self._record(prepared, images[end - len(prepared.inputs) : end], vector_of, cut)
            for prepared, end in zip(batch, ends, strict=True)
        ]

    def _record(
        self, prepared: _Prepared, images: Floats, vector_of: dict[str, Floats], cut: dict[str, bool]
    ) -> Grounding:
        if prepared.skipped is not None:
            return Grounding(script=prepared.script, skipped=prepared.skipped)
        lines: tuple[GroundedLine, ...] = ()
        described = tuple(GroundedKeyframe(keyframe=keyframe.id, lines=0) for keyframe in prepared.keyframes)
        if prepared.lines:
            ids = [keyframe.id for keyframe in prepared.keyframes]
            similarities = np.stack([vector_of[line.text] for line in prepared.lines]) @ images.T
            reference = self._reference @ images.T
            lines = tuple(grounded_lines(prepared.lines, ids, similarities, reference, self._settings))
            described = tuple(grounded_keyframes(prepared.lines, ids, similarities, reference, self._settings))
        return Grounding(
            script=prepared.script,
            chance_lines=len(self._reference),
            lines=lines,
            keyframes=described,
            figures=figures(lines, described),
            notices=(*self._notices, *_doubts(prepared, cut)),
        )


def _doubts(prepared: _Prepared, cut: dict[str, bool]) -> Iterator[Notice]:
    """Yield notices on what makes the scores of a script doubtful."""
    language = prepared.language
    # The template's lines are tags and captions, which are in the language of the vocabulary, not that of the speech.
    written = any(line.written_by != "template" for line in prepared.lines)
    if written and language is not None and language != "en":
        text = f"the script's language is {language}; most CLIP models and the words for detected things are English"
        yield Notice(code="language-not-covered", text=text)
    if any(cut.get(line.text) for line in prepared.lines):
        yield Notice(
            code="lines-cut", text="action lines are longer than the model reads: only their beginning was scored"
        )


def _floats(vectors: torch.Tensor) -> Floats:
    return np.asarray(vectors.numpy(), dtype=np.float64)
