"""No network, nothing written outside the study and the store, nothing left after `forget`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import PROGRAM, valex
from valex_local.pipeline.extract import extract
from valex_local.study import Study

pytestmark = pytest.mark.slow

CLIPS = Path(__file__).parent.parent / "models" / "demo" / "clips"


def records(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted((root / "posts").rglob("*")) if p.is_file()}


def files(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


def without_network():
    """Return the command prefix that takes the network away, or skip."""
    prefix = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare on this machine")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"the kernel forbids it: {tried.stderr.strip()}")
    return prefix


def test_a_whole_run_without_a_network_and_with_nowhere_else_to_write(demo_study, store, tmp_path):
    """Of one of the demo clips; its records are those of the run over all of them."""
    elsewhere = tmp_path / "elsewhere"
    folders = {name: elsewhere / name for name in ("home", "tmp", "cwd")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "HF_", "TORCH_", "ORT_"))}
    env |= {"HOME": str(folders["home"]), "TMPDIR": str(folders["tmp"]), "VALEX_MODELS": str(store.root)}
    kept = files(store.root)
    out = tmp_path / "study"
    clip = min(CLIPS.glob("*.mp4"))
    command = [*without_network(), *PROGRAM, "run", clip, "-s", out, "--profile", "demo"]
    done = subprocess.run(command, env=env, cwd=folders["cwd"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files(elsewhere) == [], "nothing is written outside the study"
    assert files(store.root) == kept
    (post_id,) = Study(out).post_ids()
    assert records(out) == {name: raw for name, raw in records(demo_study).items() if post_id in name}


def test_forgetting_a_post_leaves_no_word_of_it(demo_study, tmp_path):
    study = Study(shutil.copytree(demo_study, tmp_path / "study"))
    gone, *others = study.post_ids()
    done = valex("forget", gone, "--study", study.root, "--yes")
    assert done.returncode == 0
    assert f"removed posts/{gone}/" in done.stdout
    assert study.post_ids() == others
    number = gone.rpartition("_")[2]
    for path in study.root.rglob("*"):
        assert number not in path.name
        assert path.is_dir() or number.encode() not in path.read_bytes(), path


def test_one_video_through_python_leaves_nothing(demo_study, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    study = Study(demo_study)
    post_id = study.post_ids()[0]
    clip = next(p for p in CLIPS.glob("*.mp4") if post_id.rpartition("_")[2] in p.name)
    found = extract(clip, options={"profile": "demo"})
    assert found.post.id == post_id
    assert {"template": study.script(post_id, "template")[1]} == found.scripts
    assert found.labels == {f"template.{k}": v for k, v in study.labels(post_id, "template").items()}
    assert files(tmp_path) == []
