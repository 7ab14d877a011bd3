"""Downloads models from Hugging Face in a process of its own, so that this process stays cut off.

Partial files are kept in ``<store>/.partial`` until their model is complete, whatever happens to either process; the
next call continues them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from valex_local.errors import ModelError
from valex_local.store.hub import Unreachable
from valex_local.store.manifests import File, Manifest, Source
from valex_local.store.store import PARTIAL


@dataclass(frozen=True)
class FileProgress:
    """How far a file is, in bytes."""

    model: str
    file: str
    done: int
    total: int


Tell = Callable[[FileProgress], None]


def download(manifests: Sequence[Manifest], root: Path, home: Path, tell: Tell) -> Iterator[tuple[Manifest, Path]]:
    """Download models, and yield each as soon as it is complete.

    Parameters
    ----------
    manifests : sequence of Manifest
        The models, each with a source.
    root : Path
        Folder of the store.
    home : Path
        A temporary folder for what the library of Hugging Face wants to write.
    tell : callable
        Called with the progress.

    Yields
    ------
    tuple of Manifest and Path
        The manifest, completed by checksums and revision, and the folder with the files.

    Raises
    ------
    Unreachable
        There is no network.
    ModelError
        A file is not there, not the right one or not for this user, or the disk is full.
    """
    named = {manifest.id: manifest for manifest in manifests}
    with closing(_events(manifests, root / PARTIAL, home)) as events:
        for event in events:
            match event["event"]:
                case "progress":
                    tell(FileProgress(event["model"], event["file"], event["done"], event["total"]))
                case "fetched":
                    files = tuple(File.model_validate(file) for file in event["files"])
                    source = Source.model_validate(event["source"])
                    yield named[event["model"]].recorded(files, source), Path(event["folder"])
                case "failed":
                    kind = ModelError if event["reached"] else Unreachable
                    raise kind(event["what"], path=event["path"], hint=event["hint"])


def _events(manifests: Sequence[Manifest], folder: Path, home: Path) -> Generator[dict[str, Any]]:
    request = {"folder": str(folder.absolute()), "models": [m.model_dump(mode="json") for m in manifests]}
    with TemporaryFile("w+", dir=home, encoding="utf-8", errors="replace") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "valex_local.store.hub"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=_environment(home),
            text=True,
            encoding="utf-8",
        )
        with process:
            try:
                with suppress(BrokenPipeError):  # it ended at once, and says why
                    _send(process, request)
                for line in process.stdout or ():
                    yield json.loads(line)
                status = process.wait()
            finally:
                process.kill()
        if status:
            complaints.seek(0)
            last = complaints.read().strip().splitlines()[-1:] or [f"exit status {status}"]
            raise ModelError(f"the download failed: {last[0]}", hint="The same command continues it")


def _send(process: subprocess.Popen[str], request: dict[str, Any]) -> None:
    if process.stdin is not None:
        with process.stdin as stream:
            json.dump(request, stream)


def _environment(home: Path) -> dict[str, str]:
    """Return the variables of the process: no telemetry, and nothing is written outside the store."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    token = Path(os.path.expandvars(os.environ.get("HF_HOME") or user)).expanduser() / "token"
    return {
        "HF_TOKEN_PATH": str(token),
        **os.environ,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_XET": "1",  # a protocol of its own, which mirrors and proxies do not know
        "DO_NOT_TRACK": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
