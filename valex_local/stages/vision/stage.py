"""The vision stage: detects things and people in keyframes, tags them by CLIP, captions them by CoCa or an LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, ModelError, ValexError
from valex_local.llm import Picture
from valex_local.llm.images import read_keyframe, read_picture
from valex_local.records import Captions, Keyframe, KeyframeCaption, Media, Notice
from valex_local.settings import VisionSettings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.clip import NO_PICTURES, NO_WEIGHTS, ClipEngine, load
from valex_local.stages.vision.detected_tags import detected_tags, merged
from valex_local.stages.vision.detection import Classes, Found, load_detectors
from valex_local.stages.vision.llm_captions import Captioned, LlmCaptioner, load_captioner
from valex_local.stages.vision.tags import Tagger
from valex_local.stages.vision.text_vectors import text_vectors
from valex_local.stages.vision.vocabulary import read_vocabulary

if TYPE_CHECKING:
    import torch

    from valex_local.store import StoredModel

_CPU_POSTS, _CUDA_POSTS = 4, 32


@dataclass(frozen=True)
class _Prepared:
    """The keyframes of a post, models' input for each and what was detected; `skipped` says why there are none."""

    keyframes: tuple[Keyframe, ...] = ()
    inputs: tuple[torch.Tensor, ...] = ()
    pictures: tuple[Picture, ...] = ()
    found: tuple[Found, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True)
class _ClipModel:
    """A loaded CLIP model, with its tagger and the settings."""

    engine: ClipEngine
    tagger: Tagger
    settings: VisionSettings
    notices: tuple[Notice, ...]

    def records(self, batch: Sequence[_Prepared]) -> list[Captions]:
        """Return the records of several posts, whose keyframes go through the model together."""
        inputs = [image for prepared in batch for image in prepared.inputs]
        vectors = self.engine.images(inputs)
        settings = self.settings.captions
        captions = self.engine.captions(inputs, settings) if settings.by_coca else [None] * len(inputs)
        ends = accumulate(len(prepared.inputs) for prepared in batch)
        parts = [slice(end - len(prepared.inputs), end) for end, prepared in zip(ends, batch, strict=True)]
        return [
            self._record(prepared, vectors[part], captions[part]) for prepared, part in zip(batch, parts, strict=True)
        ]

    def _record(self, prepared: _Prepared, vectors: torch.Tensor, captions: Sequence[str | None]) -> Captions:
        if prepared.skipped is not None:
            return Captions(skipped=prepared.skipped)
        tags = self.tagger.tags(vectors, [keyframe.shot for keyframe in prepared.keyframes])
        found = (
            KeyframeCaption(keyframe=keyframe.id, tags=own, caption=caption)
            for keyframe, own, caption in zip(prepared.keyframes, tags, captions, strict=True)
        )
        return Captions(keyframes=tuple(found), notices=self.notices)


class VisionStage:
    """Describes keyframes; without a model for it, every record says that it was skipped.

    Parameters
    ----------
    context : Context
        Settings, models, device.

    Raises
    ------
    ConfigError
        The vocabulary or the prompt is wrong, or captions are wanted from a model that cannot write them.
    ModelError
        A model cannot be loaded.
    """

    def __init__(self, context: Context) -> None:
        settings = context.settings.vision.captions
        self._side = settings.llm.keyframe_side
        stored = context.models.get("clip")
        self._clip = None if stored is None else _load(stored, context)
        detector = context.models.get("detector")
        self._detectors = None if detector is None else load_detectors(detector, context.device)
        self._captioner: LlmCaptioner | None = load_captioner(context) if settings.writer == "llm" else None
        self.batch_size = _CPU_POSTS if context.device.kind == "cpu" else _CUDA_POSTS
        if self._captioner is not None:
            self.batch_size = self._captioner.batch_size

    def prepare(self, item: Item) -> _Prepared:
        """Return the keyframes of a post, decoded into the models' input, and what detectors find in them."""
        import numpy as np

        if self._clip is None and self._captioner is None and self._detectors is None:
            return _Prepared(skipped=NO_WEIGHTS)
        keyframes = item.get("media", Media).keyframes
        if not keyframes:
            return _Prepared(skipped=NO_PICTURES)
        files = [item.folder / keyframe.file for keyframe in keyframes]
        inputs, found = [], []
        for image in (read_keyframe(file) for file in files):
            if self._clip is not None:
                inputs.append(self._clip.engine.preprocess(image))
            if self._detectors is not None:
                found.append(self._detectors(np.asarray(image)))
        return _Prepared(
            keyframes,
            inputs=tuple(inputs),
            pictures=() if self._captioner is None else tuple(read_picture(file, self._side) for file in files),
            found=tuple(found),
        )

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Return the records of a batch of posts."""
        records = [_untagged(prepared) for prepared in batch] if self._clip is None else self._clip.records(batch)
        if self._detectors is not None:
            classes = self._detectors.classes
            records = [_detected(record, prepared, classes) for record, prepared in zip(records, batch, strict=True)]
        if self._captioner is None:
            return [Output(record) for record in records]
        pictures = [_by_id(record, prepared.pictures) for record, prepared in zip(records, batch, strict=True)]
        written = self._captioner.write_all(pictures)
        return [_captioned(record, found) for record, found in zip(records, written, strict=True)]

    def close(self) -> None:
        """Free the models."""
        self._clip = self._detectors = None
        if self._captioner is not None:
            self._captioner.close()
            self._captioner = None


def _untagged(prepared: _Prepared) -> Captions:
    """Return the record of a post without a CLIP model."""
    if prepared.skipped is not None:
        return Captions(skipped=prepared.skipped)
    keyframes = tuple(KeyframeCaption(keyframe=keyframe.id) for keyframe in prepared.keyframes)
    missing = "no tags of places and activities" if prepared.found else "no tags"
    return Captions(keyframes=keyframes, notices=(Notice(code="no-tags", text=f"{missing}: {NO_WEIGHTS}"),))


def _detected(record: Captions, prepared: _Prepared, classes: Classes) -> Captions:
    """Return a record with what detectors found in the keyframes, and with their tags."""
    if record.skipped is not None:
        return record
    tags = detected_tags(prepared.found, [keyframe.shot for keyframe in prepared.keyframes], classes)
    keyframes = tuple(
        k.model_copy(
            update={
                "tags": merged(k.tags, own),
                "objects": found.objects,
                "faces": found.faces,
                "people": found.people,
            }
        )
        for k, found, own in zip(record.keyframes, prepared.found, tags, strict=True)
    )
    return record.model_copy(update={"keyframes": keyframes})


def _by_id(record: Captions, pictures: Sequence[Picture]) -> dict[str, Picture]:
    return dict(zip((keyframe.keyframe for keyframe in record.keyframes), pictures, strict=True))


def _captioned(record: Captions, found: Captioned | ValexError) -> Output | ValexError:
    """Return a record with the language model's captions added."""
    if isinstance(found, ValexError):
        return found
    captions, notices = found
    keyframes = tuple(k.model_copy(update={"caption": captions[k.keyframe]}) for k in record.keyframes)
    return Output(record.model_copy(update={"keyframes": keyframes, "notices": record.notices + notices}))


def _load(stored: StoredModel, context: Context) -> _ClipModel:
    settings = context.settings.vision
    own = _own_vocabulary(stored) if settings.vocabulary is None else None
    vocabulary = read_vocabulary(own or setting_file(context.settings, "vision", "vocabulary"))
    engine = load(stored, context.device)
    if settings.captions.by_coca and not engine.writes:
        raise ConfigError(
            f"vision.captions.sampling asks for captions, but the model {stored.id} cannot write any",
            path=stored.folder,
            hint="Add a CoCa model and name it in the settings as models.clip, or set vision.captions.writer to llm "
            "if models.llm takes images, or leave the setting out",
        )
    texts = partial(text_vectors, engine, model=stored, device=context.device)
    tagger = Tagger(texts, vocabulary, scale=engine.scale, min_probability=settings.min_probability)
    notice = stored.options.get("notice")
    notices = () if notice is None else (Notice(code="model-notice", text=f"{stored.id}: {notice}"),)
    return _ClipModel(engine, tagger, settings, notices)


def _own_vocabulary(stored: StoredModel) -> Path | None:
    """Return the model's own vocabulary: the file that its option ``vocabulary`` names, if any."""
    name = stored.options.get("vocabulary")
    if name is None:
        return None
    path = stored.folder / str(name)
    if not path.resolve().is_relative_to(stored.folder.resolve()):
        raise ModelError(f"the vocabulary of the model {stored.id} is outside its folder", path=path)
    return path
