"""Zero-shot tags: which entries of the vocabulary fit a picture, and whether any does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.records import Tag
from valex_local.vision.clip import Clip
from valex_local.vision.vocabulary import Category, Vocabulary

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class _Choices:
    """A category as vectors: one a choice, float32 (choices, size); the label of a background choice is None."""

    category: str
    threshold: float
    labels: tuple[str | None, ...]
    vectors: torch.Tensor


class Tagger:
    """Tags pictures against a vocabulary. The vectors of the vocabulary are computed once, here.

    Parameters
    ----------
    clip : Clip
        The engine.
    vocabulary : Vocabulary
        What there is to choose from.
    min_probability : float
        Threshold of the categories that state none.
    """

    def __init__(self, clip: Clip, vocabulary: Vocabulary, *, min_probability: float) -> None:
        self._scale = clip.scale
        self._categories = [_choices(clip, category, min_probability) for category in vocabulary.category]

    def tags(self, image: torch.Tensor) -> tuple[Tag, ...]:
        """Return the tags of a picture.

        Parameters
        ----------
        image : Tensor
            Its vector, float32 (size,), of length 1.

        Returns
        -------
        tuple of Tag
            In the order of the categories, the more probable first. Probabilities are shares inside the category,
            background included, so that they sum to less than 1.
        """
        return tuple(tag for choices in self._categories for tag in self._fitting(choices, image))

    def _fitting(self, choices: _Choices, image: torch.Tensor) -> list[Tag]:
        shares = (self._scale * (choices.vectors @ image)).softmax(0).tolist()
        fitting = [
            Tag(category=choices.category, label=label, probability=share)
            for label, share in zip(choices.labels, shares, strict=True)
            if label is not None and share >= choices.threshold
        ]
        return sorted(fitting, key=lambda tag: -tag.probability)


def _choices(clip: Clip, category: Category, min_probability: float) -> _Choices:
    import torch
    from torch.nn.functional import normalize

    prompts = category.prompts()
    vectors = clip.texts([prompt for _, ensemble in prompts for prompt in ensemble])
    means = torch.stack([v.mean(0) for v in torch.split(vectors, [len(ensemble) for _, ensemble in prompts])])
    return _Choices(
        category=category.name,
        threshold=min_probability if category.threshold is None else category.threshold,
        labels=tuple(label for label, _ in prompts),
        vectors=normalize(means, dim=1),
    )
