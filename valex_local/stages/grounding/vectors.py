"""Vectors of action lines, and which lines a model cuts off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.stages.vision.clip import ClipEngine

if TYPE_CHECKING:
    import torch

_MORE = " and so on"
_SAME = 1e-5


def line_vectors(clip: ClipEngine, lines: Sequence[str], batch_size: int) -> torch.Tensor:
    """Return the vectors of lines.

    Lines go through the model in batches of one size, the last padded with blank lines, so that the bits of a line's
    vector do not depend on the other lines of its batch.

    Parameters
    ----------
    clip : ClipEngine
        The model.
    lines : sequence of str
        The lines.
    batch_size : int
        Lines per call of the model.

    Returns
    -------
    tensor of float32, shape (len(lines), size)
        A vector of unit length for each line.
    """
    import torch

    batches = [list(lines[at : at + batch_size]) for at in range(0, len(lines), batch_size)]
    vectors = [clip.texts(batch + [""] * (batch_size - len(batch)))[: len(batch)] for batch in batches]
    return torch.cat(vectors) if vectors else torch.empty(0, 0)


def cut_lines(clip: ClipEngine, lines: Sequence[str], vectors: torch.Tensor, batch_size: int) -> list[bool]:
    """Return which lines are longer than the model reads (77 tokens for CLIP).

    Only the tokenizer knows where a line is cut. Without asking it, a line counts as cut if adding words to its end
    does not change its vector; so does a line that exactly fills the last token.

    Parameters
    ----------
    clip : ClipEngine
        The model.
    lines : sequence of str
        The lines.
    vectors : tensor of float32, shape (len(lines), size)
        Their vectors, as `line_vectors` returns them.
    batch_size : int
        Lines per call of the model.

    Returns
    -------
    list of bool
        One for each line.
    """
    longer = line_vectors(clip, [line + _MORE for line in lines], batch_size)
    return [bool((one - other).abs().max() < _SAME) for one, other in zip(vectors, longer, strict=True)]
