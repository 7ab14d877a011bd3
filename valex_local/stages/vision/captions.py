"""Captions by a CoCa model: a token at a time, and cleaned to one sentence.

open_clip's own ``generate`` imports a class that current transformers no longer has and refuses to work without it, so
the tokens are drawn here, from the logits that the model gives.

Source of the model: Yu et al. 2022, CoCa: Contrastive Captioners are Image-Text Foundation Models.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from valex_local.settings import CaptionSettings

if TYPE_CHECKING:
    import torch

LEAST_TOKENS = 5
"""No caption ends before."""

_BEFORE_MARKS = re.compile(r"\s+([.,;:!?])")


def draw_tokens(
    model: Any, pictures: torch.Tensor, settings: CaptionSettings, *, start: int, end: int
) -> list[list[int]]:
    """Return the tokens of a caption of each picture, without the two that mark its start and end.

    Each picture has dice of its own, thrown from the seed: its caption does not hang on the others.

    Parameters
    ----------
    model
        A CoCa model of open_clip.
    pictures : Tensor, shape (n, 3, height, width)
        Preprocessed, on the model's device.
    settings : CaptionSettings
        How tokens are drawn. `max_tokens` is cut to what the model can hold.
    start, end : int
        The tokens that mark start and end of a text.
    """
    import torch

    seen = model(pictures)
    latent, embeddings = seen["image_features"], seen["image_embs"]
    tokens = torch.full((len(pictures), 1), start, device=pictures.device)
    dice = [torch.Generator().manual_seed(settings.seed) for _ in pictures]
    ended = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.device)
    for length in range(1, min(settings.max_tokens, model.context_length)):
        out = model(pictures, tokens, image_latent=latent, image_embs=embeddings, output_labels=False)
        logits = out["logits"][:, -1].float().cpu()
        if length < LEAST_TOKENS:
            logits[:, end] = -torch.inf
        drawn = _drawn(logits, settings, dice).to(tokens.device)
        tokens = torch.cat([tokens, drawn.masked_fill(ended, end)[:, None]], dim=1)
        ended |= drawn == end
        if bool(ended.all()):
            break
    rows: list[list[int]] = tokens[:, 1:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def _drawn(logits: torch.Tensor, settings: CaptionSettings, dice: list[torch.Generator]) -> torch.Tensor:
    import torch
    from transformers import TopKLogitsWarper, TopPLogitsWarper

    if settings.sampling == "top_k" and settings.top_k == 1:
        return logits.argmax(1)  # of equally likely ones the first: no dice
    warper = TopPLogitsWarper(settings.top_p) if settings.sampling == "top_p" else TopKLogitsWarper(settings.top_k)
    chances = warper(None, logits / settings.temperature).softmax(1)
    return torch.cat([torch.multinomial(row, 1, generator=g) for row, g in zip(chances, dice, strict=True)])


def one_sentence(text: str) -> str | None:
    """Return a caption as one line that begins with a capital and ends with a stop; None where it says nothing."""
    kept = "".join(c if c.isprintable() and c != "\ufffd" else " " for c in text)
    line = _BEFORE_MARKS.sub(r"\1", " ".join(kept.split())).rstrip(" ,;:")
    if not any(c.isalnum() for c in line):
        return None
    return line[0].upper() + line[1:] + ("" if line[-1] in ".!?…" else ".")
