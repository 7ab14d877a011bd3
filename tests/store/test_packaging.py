"""What setup.cfg says fits what lies here, and a wheel holds all of it."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "setup.cfg").is_file(), reason="no source tree")


def setup_cfg() -> configparser.RawConfigParser:
    config = configparser.RawConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    return config


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def requirements() -> list[Requirement]:
    config = setup_cfg()
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return [Requirement(line) for text in texts for line in lines(text)]


def test_every_room_is_packaged():
    found = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "valex_local").rglob("__init__.py")}
    assert set(lines(setup_cfg()["options"]["packages"])) == found | {"valex_local.manifests"}


def test_every_dependency_has_an_upper_bound():
    for requirement in requirements():
        if requirement.name != "valex_local":
            assert any(s.operator in ("<", "==") for s in requirement.specifier), requirement


def test_one_opencv_and_no_ffmpeg():
    names = {requirement.name for requirement in requirements()}
    assert {name for name in names if name.startswith("opencv")} == {"opencv-python-headless"}
    assert "scenedetect-headless" in names
    assert "scenedetect" not in names


def test_all_imports_are_declared():
    """What the package imports at its top level is the standard library or named in setup.cfg."""
    declared = {re.sub("-", "_", r.name.lower()) for r in requirements()} | {"valex_local"}
    renamed = {"pil": "pillow", "cv2": "opencv_python_headless", "pynvml": "nvidia_ml_py", "whisper": "openai_whisper"}
    renamed |= {"open_clip": "open_clip_torch", "llama_cpp": "llama_cpp_python", "scenedetect": "scenedetect_headless"}
    renamed |= {"sklearn": "scikit_learn"}
    # Brought by a declared package that could not do without them.
    renamed |= {"pydantic_core": "pydantic", "tokenizers": "transformers", "huggingface_hub": "transformers"}
    for path in (ROOT / "valex_local").rglob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) ([a-zA-Z0-9_]+)", path.read_text("utf-8"), re.M):
            if name not in sys.stdlib_module_names:
                assert renamed.get(name.lower(), name.lower()) in declared, f"{path.name} imports {name}"


@pytest.mark.slow
def test_a_wheel_holds_code_prompts_and_manifests(tmp_path: Path):
    """Built from a copy of the tree, unpacked elsewhere, the manifests are found."""
    tree = tmp_path / "tree"
    copy = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(copy, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git working tree")
    for name in filter(None, done.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, tree],
        check=True,
    )
    (wheel,) = tmp_path.glob("valex_local-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    data = [p for p in (ROOT / "valex_local").rglob("*") if p.suffix in (".css", ".jinja", ".js", ".toml", ".typed")]
    assert {str(p.relative_to(ROOT)) for p in data} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)

    found = subprocess.run(
        [sys.executable, "-c", "import valex_local.store as s; t = s.Store('none'); print(s.__file__, *t.manifests())"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    where, *ids = found.stdout.split()
    assert Path(where).is_relative_to(tmp_path / "site")
    assert ids == sorted(p.stem for p in (ROOT / "models").glob("*.toml"))
