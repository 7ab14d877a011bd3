"""The vision stage: tags and captions of the keyframes, from a CLIP model where the store has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.config import VisionSettings
from valex_local.errors import ConfigError, InputError, ModelError, ValexError
from valex_local.records import Captions, Keyframe, KeyframeCaption, Media, Notice
from valex_local.stages import Context, Item, Output, setting_file
from valex_local.vision.clip import Clip, load
from valex_local.vision.tags import Tagger
from valex_local.vision.text_vectors import text_vectors
from valex_local.vision.vocabulary import read_vocabulary

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from valex_local.store import StoredModel

NO_WEIGHTS = (
    "no CLIP weights in the store; bring the directory of an open_clip model with `valex models add PATH`, and name it "
    "in the settings as models.clip"
)
NO_PICTURES = "no picture track"
_CPU_POSTS, _CUDA_POSTS = 4, 32


@dataclass(frozen=True)
class _Prepared:
    """The keyframes of a post and, for each, the engine's input; `skipped` says why there are none."""

    keyframes: tuple[Keyframe, ...] = ()
    inputs: tuple[torch.Tensor, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True)
class _Seer:
    """A loaded model with all that makes records of what it sees."""

    clip: Clip
    tagger: Tagger
    settings: VisionSettings
    notices: tuple[Notice, ...]

    def records(self, batch: Sequence[_Prepared]) -> list[Captions]:
        """Look at the keyframes of several posts together."""
        inputs = [image for prepared in batch for image in prepared.inputs]
        vectors = self.clip.images(inputs)
        wanted = self.settings.captions.sampling is not None
        captions = self.clip.captions(inputs, self.settings.captions) if wanted else [None] * len(inputs)
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
    """Tags keyframes; without a model for the role ``clip`` it loads nothing and says so in every record.

    Parameters
    ----------
    context : Context
        Settings, models, device.

    Raises
    ------
    ConfigError
        The vocabulary is wrong, or captions are wanted of a model that writes none.
    ModelError
        The CLIP model cannot be loaded.
    """

    def __init__(self, context: Context) -> None:
        self.batch_size = _CPU_POSTS if context.device.kind == "cpu" else _CUDA_POSTS
        self._seer: _Seer | None = None
        stored = context.models.get("clip")
        if stored is not None:
            self._seer = _load(stored, context)

    def prepare(self, item: Item) -> _Prepared:
        """Decode the keyframes of a post and bring them into the model's shape."""
        if self._seer is None:
            return _Prepared(skipped=NO_WEIGHTS)
        keyframes = item.get("media", Media).keyframes
        if not keyframes:
            return _Prepared(skipped=NO_PICTURES)
        clip = self._seer.clip
        return _Prepared(keyframes, tuple(clip.preprocess(_read(item.folder / k.file)) for k in keyframes))

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Tag the keyframes of a batch of posts."""
        if self._seer is None:
            return [Output(Captions(skipped=prepared.skipped)) for prepared in batch]
        return [Output(record) for record in self._seer.records(batch)]

    def close(self) -> None:
        """Free the model."""
        self._seer = None


def _load(stored: StoredModel, context: Context) -> _Seer:
    settings = context.settings.vision
    own = _own_vocabulary(stored) if settings.vocabulary is None else None
    vocabulary = read_vocabulary(own or setting_file(context.settings, "vision", "vocabulary"))
    clip = load(stored, context.device)
    if settings.captions.sampling is not None and not clip.writes:
        raise ConfigError(
            f"captions are wanted (vision.captions.sampling), and the model {stored.id} writes none",
            path=stored.folder,
            hint="Bring a CoCa model and name it in the settings as models.clip, or leave the setting out",
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
            "a keyframe cannot be read", path=path, hint="Make it anew with: valex run --only media --redo"
        ) from error
