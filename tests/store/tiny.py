"""A tiny model in tiny wheels."""

from __future__ import annotations

import hashlib
import os
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
