"""Turn Whisper weights for CTranslate2 into a checkpoint for openai-whisper, so that both engines run the same weights.

python scripts/convert_whisper.py MODEL_DIRECTORY OUT.pt

The numbers stay the same; the names change, and the projections that CTranslate2 fuses are split. The checkpoint can be
loaded with `whisper.load_model` and with `weights_only=True`; its extra key `alignment_heads` lists the (layer, head)
pairs that word times are read from.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import ModelError

BINARY_VERSION = 6
DTYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
Weights = dict[str, NDArray[Any]]


def read_model(path: Path) -> Weights:
    """Return the variables in a model.bin, in the layout that `ctranslate2/specs/model_spec.py` writes.

    Raises
    ------
    ModelError
        The file is of another kind or version, or its weights are not floating-point numbers.
    """
    with path.open("rb") as file:
        version, kind, _revision = _number(file, "I"), _string(file), _number(file, "I")
        if (version, kind) != (BINARY_VERSION, "WhisperSpec"):
            wanted = f"a WhisperSpec of version {BINARY_VERSION}"
            raise ModelError(f"this is a {kind} of version {version}, not {wanted}", path=path)
        return dict(_variable(file) for _ in range(_number(file, "I")))


def _number(file: BinaryIO, code: str) -> int:
    return int(struct.unpack(f"<{code}", file.read(struct.calcsize(f"<{code}")))[0])


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "H"))[:-1].decode()


def _variable(file: BinaryIO) -> tuple[str, np.ndarray]:
    name = _string(file)
    shape = [_number(file, "I") for _ in range(_number(file, "B"))]
    dtype = DTYPES[_number(file, "B")]
    raw = file.read(_number(file, "I"))
    if shape and dtype not in ("float32", "float16"):
        raise ModelError(f"{name} is {dtype}: only float32 and float16 weights can be converted", path=file.name)
    return name, np.frombuffer(raw, dtype).reshape(shape).copy()


def _renamed(v: Weights, old: str, new: str, kinds: tuple[str, ...] = ("weight", "bias")) -> Iterator[tuple[str, Any]]:
    for kind, of_norm in zip(kinds, ("gamma", "beta"), strict=False):
        yield f"{new}.{kind}", v.get(f"{old}/{kind}", v.get(f"{old}/{of_norm}"))


def _split(v: Weights, old: str, new: str, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for kind in ("weight", "bias"):
        for name, part in zip(names, np.split(v[f"{old}/{kind}"], len(names)), strict=True):
            if (name, kind) != ("key", "bias"):  # Whisper's keys have no bias; CTranslate2 fills in zeros
                yield f"{new}.{name}.{kind}", part


def _block(v: Weights, old: str, new: str) -> Iterator[tuple[str, Any]]:
    yield from _split(v, f"{old}/self_attention/linear_0", f"{new}.attn", ("query", "key", "value"))
    yield from _renamed(v, f"{old}/self_attention/linear_1", f"{new}.attn.out")
    yield from _renamed(v, f"{old}/self_attention/layer_norm", f"{new}.attn_ln")
    if f"{old}/attention/linear_0/weight" in v:
        yield from _renamed(v, f"{old}/attention/linear_0", f"{new}.cross_attn.query")
        yield from _split(v, f"{old}/attention/linear_1", f"{new}.cross_attn", ("key", "value"))
        yield from _renamed(v, f"{old}/attention/linear_2", f"{new}.cross_attn.out")
        yield from _renamed(v, f"{old}/attention/layer_norm", f"{new}.cross_attn_ln")
    yield from _renamed(v, f"{old}/ffn/layer_norm", f"{new}.mlp_ln")
    yield from _renamed(v, f"{old}/ffn/linear_0", f"{new}.mlp.0")
    yield from _renamed(v, f"{old}/ffn/linear_1", f"{new}.mlp.2")


def _layers(v: Weights, side: str) -> int:
    return sum(f"{side}/layer_{i}/ffn/linear_0/weight" in v for i in range(len(v)))


def _tensors(v: Weights) -> Iterator[tuple[str, Any]]:
    for conv in ("conv1", "conv2"):
        yield from _renamed(v, f"encoder/{conv}", f"encoder.{conv}")
    yield from _renamed(v, "decoder/embeddings", "decoder.token_embedding", ("weight",))
    for side, norm in (("encoder", "ln_post"), ("decoder", "ln")):
        yield f"{side}.positional_embedding", v[f"{side}/position_encodings/encodings"]
        yield from _renamed(v, f"{side}/layer_norm", f"{side}.{norm}")
        for i in range(_layers(v, side)):
            yield from _block(v, f"{side}/layer_{i}", f"{side}.blocks.{i}")


def convert(folder: Path) -> dict[str, Any]:
    """Return the openai-whisper checkpoint of a CTranslate2 Whisper directory; ``torch.save`` writes it.

    Raises
    ------
    ModelError
        The weights are not those of a Whisper model in floating-point numbers.
    """
    import torch

    v = read_model(folder / "model.bin")
    dims = {"n_mels": v["encoder/conv1/weight"].shape[1]}
    for side, part in (("encoder", "audio"), ("decoder", "text")):
        context, state = v[f"{side}/position_encodings/encodings"].shape
        dims |= {f"n_{part}_ctx": context, f"n_{part}_state": state, f"n_{part}_layer": _layers(v, side)}
        dims[f"n_{part}_head"] = int(v[f"{side}/num_heads"])
    dims["n_vocab"] = v["decoder/embeddings/weight"].shape[0]
    tensors = {name: torch.from_numpy(array) for name, array in _tensors(v)}
    heads = json.loads((folder / "config.json").read_text("utf-8"))["alignment_heads"]
    return {"dims": dims, "model_state_dict": tensors, "alignment_heads": heads}


if __name__ == "__main__":
    import torch

    if len(sys.argv) != 3:
        sys.exit(__doc__)
    torch.save(convert(Path(sys.argv[1])), sys.argv[2])
