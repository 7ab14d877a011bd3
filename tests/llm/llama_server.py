"""A real OpenAI-compatible server on loopback: that of llama-cpp-python, with a model of the store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from valex_local.store import StoredModel

_LIBRARIES = ("llama_cpp", "uvicorn", "fastapi", "sse_starlette", "starlette_context", "pydantic_settings")
_START_SECONDS = 60


@contextmanager
def serving(model: StoredModel, folder: Path, *, context: int, logits: bool) -> Iterator[str]:
    """Start a server in a process of its own and give its address; skip where its libraries are not installed.

    `logits` makes it keep the logits of all tokens: without them it refuses to tell log-probabilities.
    """
    for library in _LIBRARIES:
        pytest.importorskip(library)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    log = folder / f"server-{port}.log"
    options = {"model": model.folder / model.options["file"], "n_ctx": context, "logits_all": logits, "port": port}
    words = [str(word) for key, value in options.items() for word in (f"--{key}", value)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "llama_cpp.server", *words, "--n_threads", "2", "--verbose", "False"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            opener.open(f"{url}/v1/models", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
