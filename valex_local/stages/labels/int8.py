"""An encoder in 8-bit integers on the CPU, through CTranslate2.

It takes less than half the CPU time of float32: 2.4 times less with MiniLM (benchmark ``labels``), 2.3 to 2.9 times
less for windows of 512 tokens through an encoder of the shape of RoBERTa-large, on two cores with VNNI.
"""

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
    """The 8-bit form of a loaded encoder: weights in 8 bits, activations quantised to 8 bits on the fly.

    Parameters
    ----------
    model, tokenizer
        The encoder, of a type that CTranslate2 supports: BERT, RoBERTa, XLM-RoBERTa, DistilBERT, CamemBERT.
    threads : int
        Number of threads.
    path : Path
        Where the encoder came from, for messages.

    Raises
    ------
    ModelError
        CTranslate2 does not support this type of encoder.
    """

    def __init__(self, model: Any, tokenizer: Any, *, threads: int, path: Path) -> None:
        import ctranslate2

        # The converter reads and writes folders; they contain only weights and are removed at once.
        with _as_model_error(model, path), TemporaryDirectory(prefix="valex-int8-") as made:
            target = _convert(model, tokenizer, Path(made))
            self._encoder = ctranslate2.Encoder(str(target), device="cpu", compute_type="int8", intra_threads=threads)

    def __call__(self, windows: Sequence[list[int]]) -> torch.Tensor:
        """Return the token vectors of windows, float32 (len(windows), longest, hidden)."""
        import numpy as np
        import torch

        return torch.from_numpy(np.array(self._encoder.forward_batch(list(windows)).last_hidden_state))


def _convert(model: Any, tokenizer: Any, folder: Path) -> Path:
    """Return the path of the 8-bit form, written into a folder."""
    from ctranslate2.converters import TransformersConverter

    source, target = folder / "source", folder / "int8"
    # The converter handles types whose positions begin after the padding index, unless that is 0.
    if getattr(model.embeddings.position_embeddings, "padding_idx", None) == 0:
        raise ValueError("its positions begin after a padding index of 0")
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses deprecated names of the library
        model.save_pretrained(source)
        tokenizer.save_pretrained(source)
        _state_position_type(source / "config.json")
        TransformersConverter(str(source)).convert(str(target), quantization="int8")
    return target


def _state_position_type(config: Path) -> None:
    """Add the position type, absolute by default: the converter reads it, and the library no longer writes it."""
    data = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({"position_embedding_type": "absolute", **data}), "utf-8")


@contextmanager
def _as_model_error(model: Any, path: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the encoder cannot be converted to 8 bits ({error})",
            path=gettempdir(),
            hint="Free some disk space, or set TMPDIR",
        ) from error
    # A type of encoder that it does not know, or a known one with an activation or positions that it does not know.
    except (ValueError, KeyError, AttributeError, AssertionError) as error:
        raise ModelError(
            f"encoders of the type {model.config.model_type} cannot be converted to 8 bits",
            path=path,
            hint="Label with --no-int8 (labels.int8=false)",
        ) from error
