"""Model files in Python packages: from this environment, from a folder of wheels, or downloaded with pip.

Downloading is the only thing this program does that uses the network: only when asked to (``valex models install``),
and in a separate process, so that this process stays cut off.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from valex_local.errors import ModelError
from valex_local.files.checksums import sha256_of
from valex_local.store.files import receive
from valex_local.store.manifests import Archive, File, Manifest, Package

_NO_PIP = "No module named pip"


def is_installed(package: Package) -> bool:
    """Return whether this environment has the package in exactly that version, with all its members."""
    try:
        distribution = metadata.distribution(package.name)
    except metadata.PackageNotFoundError:
        return False
    members = package.members.values()
    return distribution.version == package.version and all(_file(distribution, name).is_file() for name in members)


def find_wheel(package: Package, folder: Path) -> Path:
    """Return the wheel of a package in a folder.

    Raises
    ------
    ModelError
        It is not there, or its checksum is not the pinned one.
    """
    stem = package.name.replace("-", "_")
    wheels = sorted(folder.glob(f"{stem}-{package.version}-*.whl"))
    if not wheels:
        raise ModelError(
            f"there is no wheel of {package.name} {package.version}",
            path=folder,
            hint=f"Download it on a machine with network: pip download --no-deps {package.name}=={package.version}",
        )
    found = sha256_of(wheels[0])
    if found != package.sha256:
        raise ModelError(
            f"this wheel is not the pinned one: SHA-256 {found} instead of {package.sha256}",
            path=wheels[0],
            hint="Download it again",
        )
    return wheels[0]


def download(package: Package, into: Path) -> None:
    """Download a wheel with this environment's pip, which also checks its checksum.

    Raises
    ------
    ModelError
        pip is missing, has no network, or finds something other than what is pinned.
    """
    wanted = into / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", "utf-8")
    pip("download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(into), "-r", str(wanted))


def pip(command: str, *arguments: str) -> None:
    """Run a pip command of this environment.

    Raises
    ------
    ModelError
        pip is missing or failed; the message includes its last lines.
    """
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, *quiet, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    words = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
    if _NO_PIP in done.stderr:
        raise ModelError("this Python environment has no pip", hint=f"Run: {sys.executable} -m ensurepip")
    raise ModelError(
        f"pip {command} failed: {' / '.join(word.strip() for word in words[-3:]) or f'exit status {done.returncode}'}",
        hint="Without network, carry the files over from another machine: valex models pack there, valex models unpack "
        "here; or install --from a folder with the wheels",
    )


def assemble(manifest: Manifest, wheels: Mapping[str, Path], target: Path) -> tuple[File, ...]:
    """Write a model's files into a folder from the packages that contain them.

    If the packages contain an archive, it is joined in a temporary folder next to that folder and removed afterwards.

    Parameters
    ----------
    manifest : Manifest
        The model's manifest.
    wheels : dict of str to Path
        Wheel by package name; packages left out are taken from this environment.
    target : Path
        The folder.

    Returns
    -------
    tuple of File
        The files, with sizes and checksums.

    Raises
    ------
    ModelError
        A member is missing, or a file or the archive is not what the manifest says.
    """
    with ExitStack() as stack:
        wheels_of = {name: stack.enter_context(_open_zip(path, "a wheel")) for name, path in wheels.items()}
        archive = manifest.archive
        in_archive = {}
        if archive is not None:
            joined = Path(stack.enter_context(TemporaryDirectory(prefix=".joined-", dir=target.parent)), "archive.zip")
            receive(_parts(archive, manifest, wheels_of), joined, archive, model=manifest.id)
            zipped = stack.enter_context(_open_zip(joined, "a zip file"))
            in_archive = {name: _in_zip(zipped, member, archive) for name, member in archive.members.items()}
        return tuple(
            receive(
                in_archive.get(file.name) or _parts(file, manifest, wheels_of),
                target / file.name,
                file,
                model=manifest.id,
            )
            for file in manifest.files
        )


def _in_zip(zipped: zipfile.ZipFile, member: str, archive: Archive) -> Iterator[IO[bytes]]:
    """Yield a member of the archive; it is opened only now, and nothing in the archive decides where it is written."""
    try:
        part = zipped.open(member)
    except (KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ModelError(f"the archive {archive.name} does not contain {member}, or not readably") from error
    with part:
        yield part


def _parts(file: File, manifest: Manifest, archives: Mapping[str, zipfile.ZipFile]) -> Iterator[IO[bytes]]:
    for package in manifest.packages:
        member = package.members.get(file.name)
        if member is None:
            continue
        try:
            part = _open_member(package, member, archives.get(package.name))
        except (KeyError, OSError) as error:
            raise ModelError(f"{package.name} {package.version} does not contain {member}") from error
        with part:
            yield part


def _open_member(package: Package, member: str, archive: zipfile.ZipFile | None) -> IO[bytes]:
    if archive is not None:
        return archive.open(member)
    return _file(metadata.distribution(package.name), member).open("rb")


def _open_zip(path: Path, what: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"this is not {what}", path=path, hint="Download it again") from error


def _file(distribution: metadata.Distribution, member: str) -> Path:
    return Path(str(distribution.locate_file(member)))
