"""Zero-shot tags: which entries of the vocabulary fit an image, if any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.records import Tag
from valex_local.stages.vision.vocabulary import Category, Vocabulary

if TYPE_CHECKING:
    import torch

Texts = Callable[[Sequence[str]], "torch.Tensor"]


@dataclass(frozen=True)
class _Choices:
    """A category as vectors, one for each choice: float32 (choices, size); background choices have the label None."""

    category: str
    threshold: float
    per_shot: bool
    labels: tuple[str | None, ...]
    vectors: torch.Tensor


class Tagger:
    """Tags images with the entries of a vocabulary.

    Parameters
    ----------
    texts : callable
        Returns the vectors of texts, float32 (len(texts), size) of length 1; called once, with all prompts.
    vocabulary : Vocabulary
        The entries to choose from.
    scale : float
        Factor that turns the product of two vectors into a logit.
    min_probability : float
        Threshold of categories without their own.
    """

    def __init__(self, texts: Texts, vocabulary: Vocabulary, *, scale: float, min_probability: float) -> None:
        import torch

        prompts = [category.prompts() for category in vocabulary.category]
        vectors = texts([text for choices in prompts for _, ensemble in choices for text in ensemble])
        counts = [sum(len(ensemble) for _, ensemble in choices) for choices in prompts]
        self._scale = scale
        self._categories = [
            _choices(category, choices, part, min_probability)
            for category, choices, part in zip(vocabulary.category, prompts, torch.split(vectors, counts), strict=True)
        ]

    def tags(self, images: torch.Tensor, shots: Sequence[int]) -> list[tuple[Tag, ...]]:
        """Return the tags of each image of a video.

        Parameters
        ----------
        images : Tensor of float32, shape (n, size)
            Vectors of the images, of length 1.
        shots : sequence of int
            The shot of each image. In per-shot categories, the images of a shot share one result: the mean of their
            probabilities, before the threshold is applied.

        Returns
        -------
        list of tuple of Tag
            In the order of the categories, more probable tags first. Probabilities are relative to the category,
            background included, so that they add up to less than 1.
        """
        found: list[list[Tag]] = [[] for _ in shots]
        for choices in self._categories:
            shares = [(self._scale * (choices.vectors @ image)).softmax(0) for image in images]
            pooled = _pooled(shares, shots) if choices.per_shot else shares
            found = [[*tags, *_fitting(choices, own)] for tags, own in zip(found, pooled, strict=True)]
        return [tuple(tags) for tags in found]


def _pooled(shares: Sequence[torch.Tensor], shots: Sequence[int]) -> list[torch.Tensor]:
    """Return for each image the mean of its shot."""
    import torch

    means = {
        shot: torch.stack([share for share, own in zip(shares, shots, strict=True) if own == shot]).mean(0)
        for shot in dict.fromkeys(shots)
    }
    return [means[shot] for shot in shots]


def _fitting(choices: _Choices, shares: torch.Tensor) -> list[Tag]:
    fitting = [
        Tag(category=choices.category, label=label, probability=share)
        for label, share in zip(choices.labels, shares.tolist(), strict=True)
        if label is not None and share >= choices.threshold
    ]
    return sorted(fitting, key=lambda tag: -tag.probability)


def _choices(
    category: Category, prompts: Sequence[tuple[str | None, list[str]]], vectors: torch.Tensor, min_probability: float
) -> _Choices:
    """Return a category with the mean vector of each choice's prompts (Radford et al. 2021, section 3.1.4)."""
    import torch
    from torch.nn.functional import normalize

    parts = torch.split(vectors, [len(ensemble) for _, ensemble in prompts])
    return _Choices(
        category=category.name,
        threshold=min_probability if category.threshold is None else category.threshold,
        per_shot=category.per_shot,
        labels=tuple(label for label, _ in prompts),
        vectors=normalize(torch.stack([part.mean(0) for part in parts]), dim=1),
    )
