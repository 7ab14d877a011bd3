"""The vision stage: tags of the keyframes by a CLIP model, captions by a CoCa model or a language model that sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, InputError, ModelError, ValexError
from valex_local.llm import Picture
from valex_local.llm.images import read_picture
from valex_local.records import Captions, Keyframe, KeyframeCaption, Media, Notice
from valex_local.settings import VisionSettings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.setting_files import setting_file
from valex_local.stages.vision.clip import ClipEngine, load
from valex_local.stages.vision.llm_captions import LlmCaptioner, load_captioner
from valex_local.stages.vision.tags import Tagger
from valex_local.stages.vision.text_vectors import text_vectors
from valex_local.stages.vision.vocabulary import read_vocabulary

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from valex_local.store import StoredModel

NO_WEIGHTS = (
    "no CLIP weights in the store; bring the directory of an open_clip model with `valex models add PATH`, and name it "
    "in the settings as models.clip"
)
NO_PICTURES = "no video track"
_CPU_POSTS, _CUDA_POSTS = 4, 32


@dataclass(frozen=True)
class _Prepared:
    """The keyframes of a post and, for each, what the models are given; `skipped` says why there are none."""

    keyframes: tuple[Keyframe, ...] = ()
    inputs: tuple[torch.Tensor, ...] = ()
    pictures: tuple[Picture, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True)
class _Seer:
    """A loaded model with all that makes records of what it sees."""

    clip: ClipEngine
    tagger: Tagger
    settings: VisionSettings
    notices: tuple[Notice, ...]

    def records(self, batch: Sequence[_Prepared]) -> list[Captions]:
        """Look at the keyframes of several posts together."""
        inputs = [image for prepared in batch for image in prepared.inputs]
        vectors = self.clip.images(inputs)
        how = self.settings.captions
        captions = self.clip.captions(inputs, how) if how.by_coca else [None] * len(inputs)
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
    """Tags keyframes, and writes captions; without a model that looks at them it says so in every record.

    Parameters
    ----------
    context : Context
        Settings, models, device.

    Raises
    ------
    ConfigError
        The vocabulary or the prompt is wrong, or captions are wanted of a model that writes none or does not see.
    ModelError
        A model cannot be loaded.
    """

    def __init__(self, context: Context) -> None:
        settings = context.settings.vision.captions
        self._side = settings.llm.keyframe_side
        stored = context.models.get("clip")
        self._seer = None if stored is None else _load(stored, context)
        self._captioner: LlmCaptioner | None = load_captioner(context) if settings.writer == "llm" else None
        self.batch_size = _CPU_POSTS if context.device.kind == "cpu" else _CUDA_POSTS
        if self._captioner is not None:
            self.batch_size = 1  # a language model takes its time: its records are handed over one by one

    def prepare(self, item: Item) -> _Prepared:
        """Decode the keyframes of a post and bring them into the models' shapes."""
        if self._seer is None and self._captioner is None:
            return _Prepared(skipped=NO_WEIGHTS)
        keyframes = item.get("media", Media).keyframes
        if not keyframes:
            return _Prepared(skipped=NO_PICTURES)
        files = [item.folder / keyframe.file for keyframe in keyframes]
        return _Prepared(
            keyframes,
            inputs=() if self._seer is None else tuple(self._seer.clip.preprocess(_read(file)) for file in files),
            pictures=() if self._captioner is None else tuple(read_picture(file, self._side) for file in files),
        )

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Look at the keyframes of a batch of posts."""
        records = [_untagged(prepared) for prepared in batch] if self._seer is None else self._seer.records(batch)
        if self._captioner is None:
            return [Output(record) for record in records]
        return [_captioned(record, prepared, self._captioner) for record, prepared in zip(records, batch, strict=True)]

    def close(self) -> None:
        """Free the models."""
        self._seer = None
        if self._captioner is not None:
            self._captioner.close()
            self._captioner = None


def _untagged(prepared: _Prepared) -> Captions:
    """Return the record of a post without a model that tags."""
    if prepared.skipped is not None:
        return Captions(skipped=prepared.skipped)
    keyframes = tuple(KeyframeCaption(keyframe=keyframe.id) for keyframe in prepared.keyframes)
    return Captions(keyframes=keyframes, notices=(Notice(code="no-tags", text=f"no tags: {NO_WEIGHTS}"),))


def _captioned(record: Captions, prepared: _Prepared, captioner: LlmCaptioner) -> Output | ValexError:
    """Add to a record what the language model says of each keyframe."""
    ids = [keyframe.keyframe for keyframe in record.keyframes]
    try:
        captions, notices = captioner.write(dict(zip(ids, prepared.pictures, strict=True)))
    except ValexError as error:
        return error
    keyframes = tuple(
        KeyframeCaption(keyframe=k.keyframe, tags=k.tags, caption=captions[k.keyframe]) for k in record.keyframes
    )
    return Output(Captions(skipped=record.skipped, keyframes=keyframes, notices=record.notices + notices))


def _load(stored: StoredModel, context: Context) -> _Seer:
    settings = context.settings.vision
    own = _own_vocabulary(stored) if settings.vocabulary is None else None
    vocabulary = read_vocabulary(own or setting_file(context.settings, "vision", "vocabulary"))
    clip = load(stored, context.device)
    if settings.captions.by_coca and not clip.writes:
        raise ConfigError(
            f"captions are wanted (vision.captions.sampling), and the model {stored.id} writes none",
            path=stored.folder,
            hint="Bring a CoCa model and name it in the settings as models.clip, or set vision.captions.writer to llm "
            "where models.llm sees, or leave the setting out",
        )
    texts = partial(text_vectors, clip, model=stored, device=context.device)
    tagger = Tagger(texts, vocabulary, scale=clip.scale, min_probability=settings.min_probability)
    said = stored.options.get("notice")
    notices = () if said is None else (Notice(code="model-notice", text=f"{stored.id}: {said}"),)
    return _Seer(clip, tagger, settings, notices)


def _own_vocabulary(stored: StoredModel) -> Path | None:
    """Return the vocabulary that a model brings: the file that its option ``vocabulary`` names."""
    name = stored.options.get("vocabulary")
    if name is None:
        return None
    path = stored.folder / str(name)
    if not path.resolve().is_relative_to(stored.folder.resolve()):
        raise ModelError(f"the vocabulary of the model {stored.id} lies outside its folder", path=path)
    return path


def _read(path: Path) -> Image.Image:
    """Read a keyframe as an RGB picture."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except OSError as error:
        raise InputError(
            "a keyframe cannot be read", path=path, hint="Make it again with: valex run -s STUDY --only media --redo"
        ) from error
