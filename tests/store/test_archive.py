from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.tiny import WEIGHTS, Tiny, tensors
from valex_local.errors import ModelError
from valex_local.store import Store, add, install
from valex_local.store.archive import pack, unpack, wheels_in


@pytest.fixture
def archive(tiny: Tiny, tmp_path: Path) -> Path:
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    pack(tiny.store, tmp_path / "models.tar", ["tiny"])
    return tmp_path / "models.tar"


@pytest.fixture
def other(tiny: Tiny, tmp_path: Path) -> Store:
    """The store of another machine, with the same program."""
    store = Store(tmp_path / "other")
    store.built_in["tiny"] = tiny.manifest
    return store


def rewrite(archive: Path, change: Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]) -> None:
    """Write an archive again, each member replaced by what `change` makes of it."""
    out = archive.with_suffix(".changed")
    with tarfile.open(archive) as old, tarfile.open(out, "w") as new:
        for member in old:
            stream = old.extractfile(member)
            for info, content in change(member, stream.read() if stream else b""):
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
    out.replace(archive)


def test_a_packed_model_arrives_whole(tiny: Tiny, archive: Path, other: Store):
    assert unpack(other, archive) == ["tiny"]
    assert (other.root / "tiny/model.bin").read_bytes() == WEIGHTS
    assert other.find("tiny") != tiny.store.find("tiny")
    assert other.find("tiny").digest == tiny.store.find("tiny").digest
    assert wheels_in(archive) == 0


def test_a_model_of_the_labs_own_arrives_with_its_manifest(tmp_path: Path):
    folder = tmp_path / "enc"
    folder.mkdir()
    (folder / "labels.json").write_text("{}", "utf-8")
    (folder / "head.safetensors").write_bytes(tensors(b"w"))
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    model = add(here, folder, role="labels", licence="ours", options={"window": 512})
    pack(here, tmp_path / "a.tar", ["enc"])
    unpack(there, tmp_path / "a.tar")
    assert there.find("enc").digest == model.digest
    assert there.manifest("enc").licence == "ours"


def test_models_that_others_rest_on_come_along_and_shipped_ones_stay(tmp_path: Path):
    store = Store(tmp_path / "store")
    for name, requires in (("below", []), ("above", ["below"])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "w").write_bytes(name.encode())
        (folder / "model.toml").write_text(
            f'id = "{name}"\nrole = "labels"\nengine = "e"\nrequires = {requires}\n[[files]]\nname = "w"\n',
            "utf-8",
        )
        add(store, folder)
    pack(store, tmp_path / "a.tar", ["above"])
    assert unpack(Store(tmp_path / "there"), tmp_path / "a.tar") == ["above", "below"]


def test_a_model_that_is_not_here_cannot_be_packed(tmp_path: Path):
    with pytest.raises(ModelError, match="minilm-l6 is not installed"):
        pack(Store(tmp_path / "store"), tmp_path / "a.tar", ["minilm-l6"])
    assert list(tmp_path.glob("*.tar")) == list(tmp_path.glob(".*part")) == []


def test_a_changed_file_is_refused_and_nothing_appears(archive: Path, other: Store):
    rewrite(archive, lambda i, c: [(i, c[:-1] + b"?" if i.name.endswith("model.bin") else c)])
    with pytest.raises(ModelError, match="not what its manifest says"):
        unpack(other, archive)
    assert list(other.root.glob("[!.]*")) == []


def test_an_archive_cannot_overrule_our_own_sums(archive: Path, other: Store):
    """Both the file and the sum that the archive states for it are forged."""
    forged = bytes(reversed(WEIGHTS))

    def forge(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name.endswith("model.bin"):
            return [(info, forged)]
        import hashlib

        old, new = (hashlib.sha256(c).hexdigest().encode() for c in (WEIGHTS, forged))
        return [(info, content.replace(old, new))]

    rewrite(archive, forge)
    with pytest.raises(ModelError, match="not what its manifest says"):
        unpack(other, archive)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "models/tiny/../../evil",
        "models/../evil",
        "models/tiny/model.toml",
        "models/tiny/unknown",
        "models/stranger/model.bin",
        "wheels/../../evil.whl",
        "wheels/a/b.whl",
        "evil",
    ],
)
def test_what_has_no_place_in_an_archive_is_refused(archive: Path, other: Store, tmp_path: Path, name: str):
    before = sorted(str(p) for p in tmp_path.rglob("*") if other.root not in p.parents and p != other.root)
    with tarfile.open(archive, "a") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(ModelError, match="something unexpected"):
        unpack(other, archive)
    assert before == sorted(str(p) for p in tmp_path.rglob("*") if other.root not in p.parents and p != other.root)
    assert list(other.root.glob("[!.]*")) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(archive: Path, other: Store, kind: bytes):
    def swap(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name.endswith("model.bin"):
            info.type, info.linkname = kind, "/etc/passwd"
            return [(info, b"")]
        return [(info, content)]

    rewrite(archive, swap)
    with pytest.raises(ModelError, match="something unexpected"):
        unpack(other, archive)


def test_a_file_twice_is_refused(archive: Path, other: Store):
    rewrite(archive, lambda i, c: [(i, c), (i, c)] if i.name.endswith("model.bin") else [(i, c)])
    with pytest.raises(ModelError, match="something unexpected"):
        unpack(other, archive)


def test_a_file_that_is_not_there(archive: Path, other: Store):
    rewrite(archive, lambda i, c: [] if i.name.endswith("config.json") else [(i, c)])
    with pytest.raises(ModelError, match=r"lacks sub/config\.json of tiny"):
        unpack(other, archive)


@pytest.mark.parametrize("size", [0, 100, 700, 5000])
def test_an_archive_cut_off(archive: Path, other: Store, size: int):
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ModelError, match="archive"):
        unpack(other, archive)
    assert list(other.root.glob("[!.]*")) == []


def test_a_tar_of_something_else(tmp_path: Path, other: Store):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(__file__, "README")
    with pytest.raises(ModelError, match="not an archive of valex models"):
        unpack(other, tmp_path / "a.tar")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"{", "index is damaged"),
        (b"[]", "index is damaged"),
        (b'{"format": 2, "models": []}', "format 2; this program reads 1"),
        (b'{"format": 1, "models": [{"id": "x"}]}', "role"),
        (b'{"format": 1, "models": 5}', "index is damaged"),
    ],
)
def test_a_bad_index(archive: Path, other: Store, index: bytes, message: str):
    rewrite(archive, lambda i, c: [(i, index if i.name == "valex-models.json" else c)])
    with pytest.raises(ModelError, match=message):
        unpack(other, archive)


def test_a_model_without_sums_is_refused(archive: Path, tmp_path: Path):
    """A manifest this program does not know must bring its own sums."""

    def strip(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name == "valex-models.json":
            data = json.loads(content)
            data["models"][0].pop("packages")
            for file in data["models"][0]["files"]:
                del file["sha256"]
            content = json.dumps(data).encode()
        return [(info, content)]

    rewrite(archive, strip)
    with pytest.raises(ModelError, match="has no checksum"):
        unpack(Store(tmp_path / "stranger"), archive)


def test_wheels_are_counted_and_left_to_tar(archive: Path, other: Store):
    with tarfile.open(archive, "a") as tar:
        info = tarfile.TarInfo("wheels/valex_local-0.1.0-py3-none-any.whl")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"zip"))
    assert wheels_in(archive) == 1
    assert unpack(other, archive) == ["tiny"]
    assert not list(other.root.rglob("*.whl"))
