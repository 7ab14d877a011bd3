"""An encoder in 8-bit integers on CPU, by CTranslate2."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.system.hugging_face import quiet

if TYPE_CHECKING:
    import torch


class Int8Encoder:
    """The 8-bit form of a loaded encoder: weights in 8 bits, activations brought to 8 bits as they come.

    Parameters
    ----------
    model, tokenizer
        The encoder, of a kind that CTranslate2 knows: BERT, RoBERTa, XLM-RoBERTa, DistilBERT, CamemBERT.
    threads : int
        Threads to compute with.
    path : Path
        Where the encoder came from, for messages.

    Raises
    ------
    ModelError
        CTranslate2 has no form of this kind of encoder.
    """

    def __init__(self, model: Any, tokenizer: Any, *, threads: int, path: Path) -> None:
        import ctranslate2

        # The converter reads and writes folders; nothing but weights goes through them, and they are gone at once.
        with _as_model_error(model, path), TemporaryDirectory(prefix="valex-int8-") as made:
            target = _convert(model, tokenizer, Path(made))
            self._encoder = ctranslate2.Encoder(str(target), device="cpu", compute_type="int8", intra_threads=threads)

    def __call__(self, windows: Sequence[list[int]]) -> torch.Tensor:
        """Return the vectors of the tokens of windows, float32 (len(windows), longest, hidden)."""
        import numpy as np
        import torch

        return torch.from_numpy(np.array(self._encoder.forward_batch(list(windows)).last_hidden_state))


def _convert(model: Any, tokenizer: Any, folder: Path) -> Path:
    """Write the 8-bit form into a folder and return where."""
    from ctranslate2.converters import TransformersConverter

    source, target = folder / "source", folder / "int8"
    # The converter knows that some kinds count positions from after the padding index, unless that is 0.
    if getattr(model.embeddings.position_embeddings, "padding_idx", None) == 0:
        raise ValueError("its positions begin after a padding index of 0")
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls the library by names that have newer ones
        model.save_pretrained(source)
        tokenizer.save_pretrained(source)
        _say_positions(source / "config.json")
        TransformersConverter(str(source)).convert(str(target), quantization="int8")
    return target


def _say_positions(config: Path) -> None:
    """Say that positions are absolute, where nothing is said: the library no longer writes what the converter reads."""
    said = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({"position_embedding_type": "absolute", **said}), "utf-8")


@contextmanager
def _as_model_error(model: Any, path: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the encoder's 8-bit form cannot be made ({error})", path=gettempdir(), hint="Make room, or set TMPDIR"
        ) from error
    # A kind that it does not know, or one of them with an activation or positions that it does not know.
    except (ValueError, KeyError, AttributeError, AssertionError) as error:
        raise ModelError(
            f"there is no 8-bit form of this encoder, of the kind {model.config.model_type}",
            path=path,
            hint="Label with --no-int8 (labels.int8=false)",
        ) from error
