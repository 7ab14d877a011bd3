"""Captions by a CoCa model: generated token by token, and cleaned up to one sentence.

open_clip's own ``generate`` needs a class that current transformers no longer has, so the tokens are sampled here, from
the model's logits.

Source of the model: Yu et al. 2022, CoCa: Contrastive Captioners are Image-Text Foundation Models.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from valex_local.settings import CaptionSettings

if TYPE_CHECKING:
    import torch

MIN_TOKENS = 5
"""Minimum length of a caption, tokens."""

_BEFORE_MARKS = re.compile(r"\s+([.,;:!?])")


def sample_tokens(
    model: Any, images: torch.Tensor, settings: CaptionSettings, *, start: int, end: int
) -> list[list[int]]:
    """Return the tokens of a caption for each image, without the start and end tokens.

    Each image has its own random generator with the same seed, so its caption does not depend on the other images.

    Parameters
    ----------
    model
        A CoCa model of open_clip.
    images : Tensor, shape (n, 3, height, width)
        Preprocessed, on the model's device.
    settings : CaptionSettings
        How to sample. `max_tokens` is limited to the context length of the model.
    start, end : int
        The tokens that mark start and end of a text.

    Returns
    -------
    list of list of int
        The tokens of each caption.
    """
    import torch

    encoded = model(images)
    latent, embeddings = encoded["image_features"], encoded["image_embs"]
    tokens = torch.full((len(images), 1), start, device=images.device)
    generators = [torch.Generator().manual_seed(settings.seed) for _ in images]
    ended = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    for length in range(1, min(settings.max_tokens, model.context_length)):
        out = model(images, tokens, image_latent=latent, image_embs=embeddings, output_labels=False)
        logits = out["logits"][:, -1].float().cpu()
        if length < MIN_TOKENS:
            logits[:, end] = -torch.inf
        sampled = _sample(logits, settings, generators).to(tokens.device)
        tokens = torch.cat([tokens, sampled.masked_fill(ended, end)[:, None]], dim=1)
        ended |= sampled == end
        if bool(ended.all()):
            break
    rows: list[list[int]] = tokens[:, 1:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def _sample(logits: torch.Tensor, settings: CaptionSettings, generators: list[torch.Generator]) -> torch.Tensor:
    import torch
    from transformers import TopKLogitsWarper, TopPLogitsWarper

    if settings.sampling == "top_k" and settings.top_k == 1:
        return logits.argmax(1)  # the first of equally likely tokens, without randomness
    warper = TopPLogitsWarper(settings.top_p) if settings.sampling == "top_p" else TopKLogitsWarper(settings.top_k)
    probabilities = warper(None, logits / settings.temperature).softmax(1)
    return torch.cat([torch.multinomial(row, 1, generator=g) for row, g in zip(probabilities, generators, strict=True)])


def one_sentence(text: str) -> str | None:
    """Return a caption as one line with a capital first letter and a full stop; None if it contains no words."""
    kept = "".join(c if c.isprintable() and c != "\ufffd" else " " for c in text)
    line = _BEFORE_MARKS.sub(r"\1", " ".join(kept.split())).rstrip(" ,;:")
    if not any(c.isalnum() for c in line):
        return None
    return line[0].upper() + line[1:] + ("" if line[-1] in ".!?…" else ".")
