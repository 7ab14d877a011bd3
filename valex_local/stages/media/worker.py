"""Decoding in child processes with limits of memory and CPU time: a file that breaks a decoder fails alone.

FFmpeg takes memory by itself for what a damaged or hostile header claims, and a decoder in C may crash. The parent
sends a path and settings as a line of JSON; the child answers with a line of JSON, the record or the error, and then
the bytes of the side files. A child serves many posts, one at a time, and is replaced when it dies.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from valex_local.errors import InputError
from valex_local.records import Media
from valex_local.settings import MediaSettings
from valex_local.stages.base import Output

MEMORY = 1 << 30
"""Bytes that a child may allocate. 8K takes 0.7 GB, a phone's video 0.1 GB. Linux counts it; other systems may not."""

FREE_CPU_SECONDS = 120
CPU_SECONDS_PER_MEGABYTE = 60
"""A child may spend `FREE_CPU_SECONDS` of CPU on a post and this much more per megabyte: some 50 times what usual
videos take, for slow machines. The budget of pixels (see `budget`) is reached first; this is for decoders that hang."""

_START = "import sys; sys.path[:] = {path!r}; from valex_local.stages.media.worker import serve; serve()"


class Workers:
    """Child processes that read videos: as many as threads call `read` at once."""

    def __init__(self) -> None:
        self._idle: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def read(self, path: Path, settings: MediaSettings) -> Output:
        """Return the media record and side files of a video file; see `read_media`.

        Raises
        ------
        InputError
            The file cannot be read, is refused, or broke the decoder.
        MemoryError
            It takes more than `MEMORY`.
        """
        with self._worker() as worker:
            assert worker.stdin is not None and worker.stdout is not None
            try:
                worker.stdin.write(_line({"path": str(path), "settings": settings.model_dump(mode="json")}))
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                files = {name: _exactly(worker.stdout, size) for name, size in answer.get("files", ())}
            except (OSError, ValueError, EOFError) as error:
                raise InputError(_why_died(worker), path=path, hint="Leave it out, or re-encode it") from error
        match answer:
            case {"record": record}:
                return Output(Media.model_validate_json(record), files)
            case {"refused": what, "hint": hint}:
                raise InputError(what, path=path, hint=hint)
            case {"memory": what}:
                raise MemoryError(what)
        raise RuntimeError(answer["error"])

    @contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None or worker.poll() is not None:
            worker = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        try:
            yield worker
        except BaseException:
            _end(worker)
            raise
        with self._lock:
            self._idle.append(worker)

    def close(self) -> None:
        """End the children."""
        while self._idle:
            _end(self._idle.pop())


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    for pipe in (worker.stdin, worker.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    worker.wait()


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    raw = pipe.read(size)
    if len(raw) < size:
        raise EOFError
    return raw


def _why_died(worker: subprocess.Popen[bytes]) -> str:
    """Return in words why a child ended before it answered."""
    try:
        status = worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return "its decoder gave no answer"
    if status in (-getattr(signal, "SIGXCPU", 0), -getattr(signal, "SIGKILL", 0)):
        return "decoding it takes longer than its size allows, or more memory than there is"
    return "its decoder crashed"


def serve() -> None:
    """Answer the requests on standard input until it ends: the life of a child."""
    from valex_local.system import network_guard

    network_guard.enter(kernel=False)  # the parent's kernel layer is inherited
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    limit_memory()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        path = Path(request["path"])
        _limit_cpu(path)
        answer, files = _answer(path, MediaSettings.model_validate(request["settings"]))
        answers.write(_line({**answer, "files": [(name, len(raw)) for name, raw in files.items()]}))
        for raw in files.values():
            answers.write(raw)
        answers.flush()


def _answer(path: Path, settings: MediaSettings) -> tuple[dict[str, object], dict[str, bytes]]:
    from valex_local.stages.media.stage import read_media

    try:
        output = read_media(path, settings)
    except InputError as error:
        return {"refused": error.what, "hint": error.hint}, {}
    except MemoryError as error:
        return {"memory": str(error)}, {}
    except Exception as error:  # noqa: BLE001 - the parent raises it
        return {"error": f"{type(error).__name__}: {error}"}, {}
    return {"record": output.record.to_json()}, dict(output.files)


def limit_memory() -> None:
    """Limit what may be allocated, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, most))


def _limit_cpu(path: Path) -> None:
    """Let the next post take the CPU time that its size allows."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        allowed = FREE_CPU_SECONDS + CPU_SECONDS_PER_MEGABYTE * path.stat().st_size / 1e6
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + allowed), most))
