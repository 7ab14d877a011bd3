"""Whether files of weights are whole, from their tables of contents: nothing is loaded and no engine is needed.

A download that broke off leaves a file with the right beginning, which an engine refuses only hours later, in words
that few understand. Each of the formats says early how long the rest is:

- GGUF: the place and type of every tensor (ggml-org/ggml, docs/gguf.md);
- safetensors: the place of every tensor, in JSON;
- CTranslate2 (``model.bin``): the length before each variable, as its converters write it (model_spec.py);
- ONNX: the length before each field of the protocol buffer.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path, PurePosixPath
from typing import IO, Any

from valex_local.errors import ModelError
from valex_local.files.text import open_regular

_HINT = "Download it again; a web page or a pointer of Git LFS may have been saved in its place"

_NUMBERS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each number in the metadata of a GGUF file, by its type; 8 is a string and 9 a list."""
_STRING, _LIST = 8, 9

_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Numbers in a block of a GGUF tensor and its bytes, by its type. Of other types only the beginning is checked."""


class _Cut(Exception):
    """The file ends too early, or is not in this format."""


class _Reader:
    """Reads a file in little endian and notices its end."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self.size = file, size

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        found = self._file.read(count) if count <= self.left else b""
        if len(found) != count:
            raise _Cut
        return found

    def skip(self, count: int) -> None:
        """Go on by some bytes, which must be there."""
        if count > self.left:
            raise _Cut
        self._file.seek(count, 1)

    def number(self, code: str) -> int:
        """Return the next unsigned integer: ``B``, ``H``, ``I`` or ``Q``."""
        (found,) = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))
        return int(found)

    @property
    def at(self) -> int:
        """Bytes before the next one."""
        return self._file.tell()

    @property
    def left(self) -> int:
        """Bytes from the next one on."""
        return self.size - self.at


def check_whole(path: Path) -> Mapping[str, Any]:
    """Check that a file of weights is whole, if it is in one of the formats above.

    Parameters
    ----------
    path : Path
        The file; its name says what it should be.

    Returns
    -------
    mapping of str to Any
        The metadata of a GGUF file, whose lists are left out; empty for other formats.

    Raises
    ------
    ModelError
        It ends too early or is something else.
    """
    name = PurePosixPath(path.name)
    read = _FORMATS.get(name.suffix) or _FORMATS.get(name.name)
    if read is None:
        return {}
    what, reader = read
    with open_regular(path) as file:
        try:
            return reader(_Reader(file, path.stat().st_size)) or {}
        except (_Cut, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ModelError(f"this file is cut off, or not {what} at all", path=path, hint=_HINT) from error


def _gguf(file: _Reader) -> dict[str, Any]:
    if file.take(4) != b"GGUF":
        raise _Cut
    file.number("I")  # the version
    tensors, pairs = file.number("Q"), file.number("Q")
    found = {}
    for _ in range(pairs):
        key = _gguf_string(file)
        found[key] = _gguf_value(file, file.number("I"))
    ends = [0]
    for _ in range(tensors):
        _gguf_string(file)
        shape = [file.number("Q") for _ in range(file.number("I"))]
        numbers, size = _BLOCKS.get(file.number("I"), (1, 0))
        ends.append(file.number("Q") + prod(shape) // numbers * size)
    alignment = found.get("general.alignment") or 32
    file.skip(-file.at % alignment + max(ends) if tensors else 0)
    return found


def _gguf_string(file: _Reader) -> str:
    return file.take(file.number("Q")).decode("utf-8", "replace")


def _gguf_value(file: _Reader, kind: int) -> Any:
    """Return a string or a number; lists and fractions are passed over."""
    if kind == _STRING:
        return _gguf_string(file)
    if kind == _LIST:
        kind, count = file.number("I"), file.number("Q")
        if kind in _NUMBERS:
            file.skip(_NUMBERS[kind] * count)
        else:
            for _ in range(count):
                _gguf_value(file, kind)
        return None
    return int.from_bytes(file.take(_NUMBERS[kind]), "little")


def _safetensors(file: _Reader) -> None:
    header = json.loads(file.take(file.number("Q")))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if file.left != max(ends, default=0):
        raise _Cut


def _ctranslate2(file: _Reader) -> None:
    file.number("I")  # the version of the format
    _ctranslate2_string(file)
    file.number("I")  # the version of the model
    for _ in range(file.number("I")):
        _ctranslate2_string(file)
        file.skip(4 * file.number("B") + 1)  # the shape and the type
        file.skip(file.number("I"))
    for _ in range(2 * file.number("I")):  # other names of variables
        _ctranslate2_string(file)
    if file.left:
        raise _Cut


def _ctranslate2_string(file: _Reader) -> None:
    file.skip(file.number("H"))


def _onnx(file: _Reader) -> None:
    """Pass over the fields of a protocol buffer; the graph is one of them."""
    fields = 0
    while file.left:
        kind = _varint(file) & 7
        match kind:
            case 0:
                _varint(file)
            case 1 | 5:
                file.skip(8 if kind == 1 else 4)
            case 2:
                file.skip(_varint(file))
            case _:
                raise _Cut
        fields += 1
    if not fields:
        raise _Cut


def _varint(file: _Reader) -> int:
    found = 0
    for shift in range(0, 64, 7):
        byte = file.number("B")
        found |= (byte & 127) << shift
        if byte < 128:
            return found
    raise _Cut


_FORMATS: dict[str, tuple[str, Callable[[_Reader], dict[str, Any] | None]]] = {
    ".gguf": ("a GGUF file", _gguf),
    ".safetensors": ("a safetensors file", _safetensors),
    ".onnx": ("an ONNX file", _onnx),
    "model.bin": ("a CTranslate2 file", _ctranslate2),
}
"""Formats by the ending or the name of a file."""
