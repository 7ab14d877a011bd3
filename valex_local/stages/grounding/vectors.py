"""Vectors of action lines, and which of them a model cuts short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.stages.vision.clip import ClipEngine

if TYPE_CHECKING:
    import torch

_MORE = " and so on"
_SAME = 1e-5


def line_vectors(clip: ClipEngine, lines: Sequence[str], at_once: int) -> torch.Tensor:
    """Return the vectors of lines, float32 (len(lines), size).

    Lines go through the model in batches of one size, the last filled up with blanks: then the bits of a line's vector
    do not depend on the lines that it comes with.
    """
    import torch

    batches = [list(lines[at : at + at_once]) for at in range(0, len(lines), at_once)]
    vectors = [clip.texts(batch + [""] * (at_once - len(batch)))[: len(batch)] for batch in batches]
    return torch.cat(vectors) if vectors else torch.empty(0, 0)


def cut_lines(clip: ClipEngine, lines: Sequence[str], vectors: torch.Tensor, at_once: int) -> list[bool]:
    """Return which lines are longer than the model reads (77 tokens for CLIP).

    What a model reads is its tokenizer's affair. Seen from outside, a line is cut when more words at its end change
    nothing; one that fills the last token counts as cut, too.
    """
    longer = line_vectors(clip, [line + _MORE for line in lines], at_once)
    return [bool((one - other).abs().max() < _SAME) for one, other in zip(vectors, longer, strict=True)]
