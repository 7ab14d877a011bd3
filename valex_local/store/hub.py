"""Fetches files of models from Hugging Face; `downloads` runs this module in a process of its own.

``huggingface_hub`` reads its variables when it is imported, so the process starts with them set, and it is imported in
no other one. Its own download functions start a file again if they were interrupted, which is too much for 35 GB: this
module asks for the missing bytes. Commit, size and checksum of each file come from the library, and so do the user's
token, mirrors (``HF_ENDPOINT``), proxies and the retries.

The request is one JSON object on standard input; events are one JSON object a line on standard output.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from valex_local.errors import ModelError
from valex_local.files.removing import remove
from valex_local.store.files import check
from valex_local.store.manifests import File, Manifest, Source

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

Emit = Callable[[dict[str, Any]], None]

_CHUNK = 1 << 20
_SPARE = 256 << 20
"""Bytes of the disk that stay free."""
_TIMEOUT = 20.0
_TRIES = 5
"""How often a transfer may break off without a single new byte."""
_TELL_EVERY = 0.5
_ALTERED = "Install again. If it stays so, something in between changes files: a proxy, or the mirror in HF_ENDPOINT"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Unreachable(ModelError):
    """Hugging Face cannot be reached from this machine."""


class _Wrong(ModelError):
    """What was fetched is not the file that was to be fetched; it is removed."""


@dataclass(frozen=True)
class Remote:
    """A file as Hugging Face states it.

    `expected` is the file of the manifest, completed by the size and, for large files, the SHA-256 that Hugging Face
    states. For the others it states a Git checksum: `blob`.
    """

    url: str
    expected: File
    blob: str | None


def fetch(manifests: list[Manifest], folder: Path, emit: Emit) -> None:
    """Fetch the files of models into a folder, in which partial ones are continued.

    Parameters
    ----------
    manifests : list of Manifest
        The models, each with a source.
    folder : Path
        The files of a model are written into ``<folder>/<id>/<commit>``.
    emit : callable
        Called with events: ``progress`` of a file and ``fetched`` when a model is complete, with its files and commit.

    Raises
    ------
    Unreachable
        There is no network, or something in between lets nothing through.
    ModelError
        A file is not there, not the right one or not for this user, or the disk is full.
    """
    found = [(manifest, *_inspect(manifest)) for manifest in manifests]
    folders = {manifest.id: folder / manifest.id / commit for manifest, commit, _ in found}
    for manifest, commit, _ in found:  # files of another commit are of no use any more
        for other in (folder / manifest.id).glob("*"):
            if other.name != commit:
                remove(other, inside=folder)
    _check_space([(folders[m.id] / r.expected.name, r.expected) for m, _, remotes in found for r in remotes], folder)
    for manifest, commit, remotes in found:
        files = [_fetch_file(remote, folders[manifest.id], manifest, emit) for remote in remotes]
        emit(
            {
                "event": "fetched",
                "model": manifest.id,
                "folder": str(folders[manifest.id]),
                "source": {"repo": _source(manifest).repo, "revision": commit},
                "files": [file.model_dump() for file in files],
            }
        )


def _inspect(manifest: Manifest) -> tuple[str, list[Remote]]:
    """Return the commit and the files of a model, compared with the manifest as far as it states them."""
    source = _source(manifest)
    commit, remotes = source.revision, []
    for file in manifest.files:
        found, remote = _inspect_file(file, source, commit, manifest.id)
        if commit is not None and found != commit:
            raise ModelError(
                f"Hugging Face answers for revision {found} of {source.repo} instead of {commit}",
                hint="If HF_ENDPOINT names a mirror, try without it",
            )
        commit = found
        remotes.append(remote)
    if commit is None:
        raise ModelError(f"the model {manifest.id} names no files to fetch")
    return commit, remotes


def _inspect_file(file: File, source: Source, revision: str | None, model: str) -> tuple[str, Remote]:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    with _explained(source, model, file.name):
        url = hf_hub_url(source.repo, file.name, revision=revision)
        facts = get_hf_file_metadata(url, timeout=_TIMEOUT, library_name="valex_local")
    if facts.commit_hash is None or facts.size is None or facts.etag is None:
        raise ModelError(
            f"the server does not state commit, size and checksum of {file.name} of {model}",
            path=url,
            hint="Something between this machine and Hugging Face changes its answers: a proxy, or the mirror that "
            "HF_ENDPOINT names",
        )
    sha256 = facts.etag if _SHA256.fullmatch(facts.etag) else None
    check(File(name=file.name, size=facts.size, sha256=sha256 or file.sha256), file, model=model)
    expected = File(name=file.name, size=facts.size, sha256=file.sha256 or sha256)
    fixed = hf_hub_url(source.repo, file.name, revision=facts.commit_hash)
    return facts.commit_hash, Remote(fixed, expected, None if sha256 else facts.etag)


def _check_space(files: list[tuple[Path, File]], folder: Path) -> None:
    needed = sum((file.size or 0) - _size(path) for path, file in files)
    free = shutil.disk_usage(folder).free
    if needed > free - _SPARE:
        raise ModelError(
            f"not enough disk space: {_gigabytes(needed)} are still to be fetched and {_gigabytes(free)} are free",
            path=folder,
            hint="Free some disk space; VALEX_MODELS can name another folder",
        )


def _fetch_file(remote: Remote, folder: Path, manifest: Manifest, emit: Emit) -> File:
    """Fetch what is missing of a file and return it with its checksum."""
    path = folder / remote.expected.name
    path.parent.mkdir(parents=True, exist_ok=True)
    resumed = _size(path) > 0
    try:
        return _complete(remote, path, manifest, emit)
    except _Wrong:
        if not resumed:
            raise
    return _complete(remote, path, manifest, emit)  # the bytes of an earlier attempt were wrong, and are gone now


def _complete(remote: Remote, path: Path, manifest: Manifest, emit: Emit) -> File:
    import httpx2

    file = remote.expected
    transfer = _Transfer(remote.url, path, file.size or 0, emit, {"model": manifest.id, "file": file.name})
    with _explained(_source(manifest), manifest.id, file.name):
        try:
            transfer.run()
        except httpx2.TransportError as error:
            raise ModelError(
                f"the connection broke off at {_gigabytes(transfer.done)} of {_gigabytes(transfer.size)} ({error})",
                path=file.name,
                hint="What was downloaded is kept: the same command continues it",
            ) from error
    found = File(name=file.name, size=transfer.done, sha256=transfer.digest.hexdigest())
    try:
        check(found, file, model=manifest.id)
    except ModelError as error:
        wrong: ModelError | None = _Wrong(error.what, path=error.path, hint=_ALTERED)
    else:
        same = remote.blob is None or _blob(path) == remote.blob
        what = f"a file of the model {manifest.id} is not the one that Hugging Face lists"
        wrong = None if same else _Wrong(what, path=file.name, hint=_ALTERED)
    if wrong is not None:
        remove(path, inside=path.parent)
        raise wrong
    return found


class _Transfer:
    """Writes a file, beginning with what there is of it, and computes its SHA-256."""

    def __init__(self, url: str, path: Path, size: int, emit: Emit, facts: dict[str, Any]) -> None:
        self.url, self.path, self.size = url, path, size
        self.done, self.digest = 0, hashlib.sha256()
        self._emit, self._facts, self._told = emit, facts, 0.0

    def run(self) -> None:
        """Fetch what is missing; a transfer that breaks off is continued."""
        import httpx2

        self._read_on()
        tries = 0
        while self.done < self.size:
            before = self.done
            try:
                self._ask()
            except httpx2.TransportError:
                tries = 1 if self.done > before else tries + 1
                if tries >= _TRIES:
                    raise
                time.sleep(min(0.2 * 2**tries, 5))
        self._tell(last=True)

    def _read_on(self) -> None:
        """Take over what an earlier attempt wrote, unless it is more than the file has."""
        if _size(self.path) > self.size:
            remove(self.path, inside=self.path.parent)
        with self.path.open("ab"):
            pass
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._count(chunk)

    def _ask(self) -> None:
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

        headers = build_hf_headers(library_name="valex_local", headers={"Accept-Encoding": "identity"})
        if self.done:
            headers["Range"] = f"bytes={self.done}-"
        with (
            http_stream_backoff("GET", self.url, headers=headers, timeout=_TIMEOUT, retry_on_exceptions=()) as response,
            self.path.open("ab") as out,
        ):
            hf_raise_for_status(response)
            if self.done and response.status_code != 206:  # the whole file again
                out.truncate(0)
                self.done, self.digest = 0, hashlib.sha256()
            try:
                for chunk in response.iter_bytes():
                    out.write(chunk)
                    self._count(chunk)
                    if self.done > self.size:  # more than was announced; its checksum is wrong as well
                        break
            finally:
                out.flush()
                os.fsync(out.fileno())

    def _count(self, chunk: bytes) -> None:
        self.done += len(chunk)
        self.digest.update(chunk)
        if self.done < self.size:
            self._tell()

    def _tell(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._told >= _TELL_EVERY:
            self._told = now
            self._emit({"event": "progress", **self._facts, "done": self.done, "total": self.size})


@contextmanager
def _explained(source: Source, model: str, file: str) -> Iterator[None]:
    """Turn what the library raises into words for the person at the machine."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise Unreachable(
            "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, so nothing was downloaded",
            hint="On a machine with network: unset HF_HUB_OFFLINE TRANSFORMERS_OFFLINE",
        ) from error
    except httpx2.TransportError as error:
        reason = str(error) or type(error).__name__
        hint = _OWN_CERTIFICATE if "CERTIFICATE" in reason else None
        raise Unreachable(f"Hugging Face cannot be reached{_through()} ({reason})", hint=hint) from error
    except HfHubHTTPError as error:
        raise _refusal(error, source, model, file) from error
    except OSError as error:
        raise ModelError(
            f"cannot write a file of the model {model} ({error.strerror})",
            path=file,
            hint="Free some disk space; what was downloaded is kept",
        ) from error


def _through() -> str:
    """Return which variable names the proxy in use; its value may contain a password."""
    used = (f"{urlsplit(os.environ.get('HF_ENDPOINT') or 'https:').scheme}_proxy", "all_proxy")
    named = next((name for name in os.environ if name.lower() in used and os.environ[name]), None)
    return f" through the proxy that {named} names" if named else ""


_OWN_CERTIFICATE = (
    "Your network seems to open encrypted connections with a certificate of its own: ask for its file, and type: "
    "export SSL_CERT_FILE=…"
)
_MAKE_TOKEN = "make a token of the type Read at https://huggingface.co/settings/tokens and type: export HF_TOKEN=hf_…"


def _refusal(error: HfHubHTTPError, source: Source, model: str, file: str) -> ModelError:
    """Return what an answer of the server means."""
    from huggingface_hub.errors import GatedRepoError

    page = f"https://huggingface.co/{source.repo}"
    status = error.response.status_code
    match status:
        case 401 | 403 if isinstance(error, GatedRepoError):
            what = f"the model {model} is given only to people who have accepted its terms"
            hint = f"Open that page, sign in and accept the terms; then {_MAKE_TOKEN} and install again"
        case 401 if "Invalid credentials" in str(error):
            what = "Hugging Face does not accept your access token"
            hint = f"It comes from the variable HF_TOKEN or from `hf auth login`, and may have ended: {_MAKE_TOKEN}"
        case 401 | 403:
            what = f"Hugging Face does not give the model {model} to everybody, or no longer has it"
            hint = f"Open that page. If it asks you to sign in, do so; then {_MAKE_TOKEN} and install again"
        case 404:
            where = f"{source.repo}, revision {source.revision}" if source.revision else source.repo
            what = f"Hugging Face does not have {file} in {where}"
            hint = "It was removed or renamed: look there for a successor, or update valex_local"
        case 429:
            what = "Hugging Face got too many requests from your network"
            hint = f"Wait some minutes. With an account it allows more: {_MAKE_TOKEN}"
        case _:
            what = f"Hugging Face answered with the error {status}"
            hint = "Try again later; what was downloaded is kept"
    return ModelError(what, path=page, hint=hint)


def _source(manifest: Manifest) -> Source:
    if manifest.source is None:
        raise ModelError(f"the manifest of the model {manifest.id} names no source")
    return manifest.source


def _blob(path: Path) -> str:
    """Return the checksum by which Git knows a file, which is small."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def main() -> None:
    """Fetch what the request on standard input asks for; any error is an event, too."""

    def emit(event: dict[str, Any]) -> None:
        try:
            sys.stdout.write(f"{json.dumps(event)}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # whoever asked is gone; what was fetched is kept
            os._exit(1)

    request = json.load(sys.stdin)
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # A process whose parent was killed may live for a moment: two must not write into one file.
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fetch([Manifest.model_validate(m) for m in request["models"]], folder, emit)
    except ModelError as error:
        reached = not isinstance(error, Unreachable)
        emit({"event": "failed", "what": error.what, "path": error.path, "hint": error.hint, "reached": reached})


if __name__ == "__main__":
    main()
