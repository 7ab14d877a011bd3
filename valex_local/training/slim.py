"""Slim models: of the encoder only what training changed, each changed matrix as a product of two narrow ones.

The change of a matrix is its difference to the encoder's own weights. Its truncated singular value decomposition is the
nearest matrix of a given rank (Eckart and Young 1936). For LoRA trainings it is exact if the rank is at least the sum
of the ranks that were averaged; otherwise it is an approximation. So the networks of the cross-validation are reduced
in the same way before they label their fold, and figures, calibration and thresholds are those of reduced networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from valex_local.corpus.label_matrix import Floats
from valex_local.stages.labels.card import HEAD, TUNED, CardFigure
from valex_local.stages.labels.text_encoder import LEFT, RIGHT, TextEncoder

COMPARED = 300
"""Maximum number of texts on which the slim model is compared with the full weights."""

Tensors = Mapping[str, torch.Tensor]


def slim_tensors(tuned: Tensors, own: Tensors, rank: int | None) -> dict[str, torch.Tensor]:
    """Return changed tensors in half precision, with the changes of large matrices reduced to a rank.

    Parameters
    ----------
    tuned : mapping of str to Tensor
        The tensors of the encoder that training changed.
    own : mapping of str to Tensor
        All tensors of the encoder before the training.
    rank : int or None
        The rank; with None, and where two factors would not be smaller, tensors stay whole.

    Returns
    -------
    dict of str to Tensor
        Whole tensors by name, and factors under the name with the endings `LEFT` and `RIGHT`.
    """
    found = {}
    for name, tensor in tuned.items():
        if rank is not None and tensor.ndim == 2 and rank * sum(tensor.shape) < tensor.numel():
            found[name + LEFT], found[name + RIGHT] = _factors(tensor.float() - own[name].float().cpu(), rank)
        else:
            found[name] = tensor
    return {name: tensor.half().contiguous() for name, tensor in found.items()}


def whole_tensors(slim: Tensors, own: Tensors) -> dict[str, torch.Tensor]:
    """Return what the tensors of a slim model stand for, in full precision and under the names of the encoder.

    Parameters
    ----------
    slim : mapping of str to Tensor
        The result of `slim_tensors`.
    own : mapping of str to Tensor
        As for `slim_tensors`.
    """
    found = {name: tensor.float() for name, tensor in slim.items() if not name.endswith((LEFT, RIGHT))}
    for name in (name.removesuffix(LEFT) for name in slim if name.endswith(LEFT)):
        found[name] = own[name].float().cpu() + slim[name + LEFT].float() @ slim[name + RIGHT].float()
    return found


def _factors(change: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two factors of the nearest matrix of a rank, of equal size so that half precision suits both."""
    left, sizes, right = torch.linalg.svd(change, full_matrices=False)
    roots = sizes[:rank].sqrt()
    return left[:, :rank] * roots, roots[:, None] * right[:rank]


def slim_figures(
    folder: Path,
    tuned: Tensors,
    texts: Sequence[str],
    thresholds: Floats,
    *,
    make_encoder: Callable[..., TextEncoder],
    rank: int,
) -> tuple[CardFigure, ...]:
    """Return how far a slim model differs from the full weights, for the card.

    Parameters
    ----------
    folder : Path
        The model directory, with head and tuned tensors.
    tuned : mapping of str to Tensor
        The full tensors that training changed.
    texts : sequence of str
        The training texts, of which at most `COMPARED` are labelled both ways.
    thresholds : ndarray of float64, shape (outputs,)
        The thresholds.
    make_encoder : callable
        Loads the encoder; takes the argument `tuned` of `TextEncoder`.
    rank : int
        The rank.

    Returns
    -------
    tuple of CardFigure
        The part of the change left out, the share of equal decisions, and the mean difference of probabilities.
    """
    head = load_file(folder / HEAD)
    encoder = make_encoder()
    lost = _left_out(tuned, encoder.model.state_dict(), load_file(folder / TUNED))
    encoder.model.load_state_dict(tuned, strict=False)
    rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), COMPARED)).astype(int))
    some = [texts[row] for row in rows]
    full = _probabilities(encoder, head, some)
    slim = _probabilities(make_encoder(tuned=folder / TUNED), head, some)
    equal = ((full >= thresholds) == (slim >= thresholds)).mean()
    on = f"slim model of rank {rank} compared with the full weights"
    on_texts = f"{on}, {len(some):,} of the training texts"
    return (
        CardFigure(on=on, figure="part of the encoder's change left out (Frobenius norm)", value=round(lost, 4)),
        CardFigure(on=on_texts, figure="share of equal decisions", value=round(float(equal), 4)),
        CardFigure(
            on=on_texts, figure="mean difference of probabilities", value=round(float(np.abs(full - slim).mean()), 4)
        ),
    )


def _left_out(tuned: Tensors, own: Tensors, slim: Tensors) -> float:
    """Return the part of the change that the factors leave out, as a fraction of its Frobenius norm."""
    reduced = whole_tensors(slim, own)
    names = [name for name in tuned if name + LEFT in slim]
    lost = sum(float((tuned[name].float() - reduced[name]).square().sum()) for name in names)
    change = sum(float((tuned[name].float() - own[name].float().cpu()).square().sum()) for name in names)
    return (lost / change) ** 0.5 if change else 0.0


def _probabilities(encoder: TextEncoder, head: Tensors, texts: Sequence[str]) -> Floats:
    """Return the probabilities of texts, (N, outputs), as a label model with this encoder and head gives them."""
    windows = (torch.sigmoid(vectors @ head["weight"].T + head["bias"]) for vectors in encoder.vectors(texts))
    return np.array([of_text.amax(0).numpy() for of_text in windows], dtype=np.float64)
