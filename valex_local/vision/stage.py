"""The vision stage: tags of the keyframes, from a CLIP model where the store has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError, ValexError
from valex_local.records import Captions, Keyframe, KeyframeCaption, Media
from valex_local.stages import Context, Item, Output, setting_file
from valex_local.vision.clip import load
from valex_local.vision.tags import Tagger
from valex_local.vision.vocabulary import read_vocabulary

if TYPE_CHECKING:
    import torch
    from PIL import Image

NO_WEIGHTS = (
    "no CLIP weights in the store; bring the directory of an open_clip model with `valex models add PATH`, and name it "
    "in the settings as models.clip"
)
NO_PICTURES = "no picture track"
_CPU_POSTS, _CUDA_POSTS = 1, 16
_CUDA_IMAGES = 64


@dataclass(frozen=True)
class _Prepared:
    """The keyframes of a post and, for each, the engine's input; `skipped` says why there are none."""

    keyframes: tuple[Keyframe, ...] = ()
    inputs: tuple[torch.Tensor, ...] = ()
    skipped: str | None = None


class VisionStage:
    """Tags keyframes; without a model for the role ``clip`` it loads nothing and says so in every record.

    Parameters
    ----------
    context : Context
        Settings, models, device.

    Raises
    ------
    ConfigError
        The vocabulary is wrong.
    ModelError
        The CLIP model cannot be loaded.
    """

    def __init__(self, context: Context) -> None:
        on_cpu = context.device.kind == "cpu"
        self.batch_size = _CPU_POSTS if on_cpu else _CUDA_POSTS
        # One picture at a time on CPU: its vector must not depend, in its last bits, on the pictures beside it.
        self._at_once = 1 if on_cpu else _CUDA_IMAGES
        self._clip = self._tagger = None
        stored = context.models.get("clip")
        if stored is not None:
            settings = context.settings
            vocabulary = read_vocabulary(setting_file(settings, "vision", "vocabulary"))
            self._clip = load(stored, context.device)
            self._tagger = Tagger(self._clip, vocabulary, min_probability=settings.vision.min_probability)

    def prepare(self, item: Item) -> _Prepared:
        """Decode the keyframes of a post and bring them into the model's shape."""
        if self._clip is None:
            return _Prepared(skipped=NO_WEIGHTS)
        keyframes = item.get("media", Media).keyframes
        if not keyframes:
            return _Prepared(skipped=NO_PICTURES)
        inputs = tuple(self._clip.preprocess(_read(item.folder / keyframe.file)) for keyframe in keyframes)
        return _Prepared(keyframes, inputs)

    def __call__(self, batch: Sequence[_Prepared]) -> Sequence[Output | ValexError]:
        """Tag the keyframes of a batch of posts."""
        vectors = self._vectors([prepared.inputs for prepared in batch])
        return [Output(self._record(prepared, found)) for prepared, found in zip(batch, vectors, strict=True)]

    def close(self) -> None:
        """Free the model."""
        self._clip = self._tagger = None

    def _vectors(self, posts: Sequence[Sequence[torch.Tensor]]) -> list[Sequence[torch.Tensor]]:
        """Return the vectors of the pictures of each post."""
        clip = self._clip
        if clip is None:
            return [[] for _ in posts]
        flat = [image for images in posts for image in images]
        step = self._at_once
        found = [vector for at in range(0, len(flat), step) for vector in clip.images(flat[at : at + step])]
        ends = accumulate(map(len, posts))
        return [found[end - len(images) : end] for end, images in zip(ends, posts, strict=True)]

    def _record(self, prepared: _Prepared, vectors: Sequence[torch.Tensor]) -> Captions:
        if prepared.skipped is not None or self._tagger is None:
            return Captions(skipped=prepared.skipped)
        captions = (
            KeyframeCaption(keyframe=keyframe.id, tags=self._tagger.tags(vector))
            for keyframe, vector in zip(prepared.keyframes, vectors, strict=True)
        )
        return Captions(keyframes=tuple(captions))


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
