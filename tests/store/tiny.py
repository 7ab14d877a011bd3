"""A tiny model in tiny wheels."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from valex_local.store import Store
from valex_local.store.manifests import Manifest, Package

WEIGHTS = bytes(range(256)) * 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Package:
    """Write a wheel and return a package that pins it, its members still unnamed."""
    stem = f"{name.replace('-', '_')}-1.0"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return Package(name=name, version="1.0", sha256=sha256(path.read_bytes()), members={})


def tensors(content: bytes) -> bytes:
    """Return a safetensors file with a single tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}}).encode()
    return struct.pack("<Q", len(header)) + header + content


def gguf(*keys: str, numbers: int = 32) -> bytes:
    """Return a GGUF file whose metadata has texts under some keys, and a list and a number, and with one tensor."""

    def text(content: str) -> bytes:
        return struct.pack("<Q", len(content)) + content.encode()

    pairs = [text(key) + struct.pack("<I", 8) + text("{{ x }}") for key in keys]
    pairs.append(text("general.alignment") + struct.pack("<II", 4, 64))
    pairs.append(text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"))
    pairs.append(text("scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 1.5))
    tensor = text("w") + struct.pack("<IQIQ", 1, numbers, 2, 0)  # Q4_0: 18 bytes for 32 numbers
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    return head + bytes(-len(head) % 64) + bytes(numbers // 32 * 18)


CTRANSLATE2 = (
    struct.pack("<I", 6)
    + b"\x02\0A\0"
    + struct.pack("<II", 1, 1)
    + b"\x02\0w\0\x01"
    + struct.pack("<IBI", 3, 1, 3)
    + b"abc"
    + bytes(4)
)
"""A CTranslate2 file with one variable of three bytes."""

CHATS = "tokenizer.chat_template"


def touch(path: Path) -> None:
    """Change a file's time the way a program that writes it does."""
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))


@dataclass(frozen=True)
class Tiny:
    """A model in two wheels, the store it goes into, and the folder of the wheels."""

    store: Store
    manifest: Manifest
    wheels: Path

    def rest(self) -> list[str]:
        """Names of what lies in the store, but for its own bookkeeping."""
        return sorted(p.name for p in self.store.root.iterdir() if p.name not in (".lock", ".sums.json"))
