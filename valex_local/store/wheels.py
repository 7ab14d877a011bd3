"""The Python wheels of this environment: this program and everything it needs, in the installed versions."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from valex_local.errors import ModelError
from valex_local.files.removing import remove
from valex_local.store.intake import Say
from valex_local.store.manifests import built_in_folder
from valex_local.store.packages import pip

_OURS = "valex_local"


def collect(into: Path, say: Say) -> list[Path]:
    """Return the wheels of this program and of its installed requirements, collected in a folder.

    They only work on the same operating system, processor and Python version. Wheels in pip's cache are not downloaded
    again.

    Raises
    ------
    ModelError
        A wheel is not available.
    """
    wanted = pinned()
    say(f"collecting {len(wanted)} Python packages: several gigabytes, which takes a few minutes")
    requirements = into / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in wanted), "utf-8")
    pip("wheel", "--no-deps", "--wheel-dir", str(into), "-r", str(requirements))
    pip("wheel", "--no-deps", "--wheel-dir", str(into), str(_own_source()))
    remove(requirements, inside=into)
    return sorted(into.glob("*.whl"))


def pinned(extras: tuple[str, ...] = ("all",)) -> list[str]:
    """Return a requirement for every installed distribution that this program needs, without itself.

    It is the installed version, or the wheel file it was installed from if that still exists (so that nothing has to be
    compiled again). Requirements of an extra that are not installed are left out.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, str] = {}
    waiting = [(_OURS, frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if (canonicalize_name(name), wanted) in seen:
            continue
        seen.add((canonicalize_name(name), wanted))
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        source = _installed_from(distribution)
        exact = f"=={distribution.version}" if source is None or source.is_dir() else f" @ {source.as_uri()}"
        found[canonicalize_name(name)] = f"{distribution.metadata['Name']}{exact}"
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in ("", *wanted)):
                waiting.append((requirement.name, frozenset(requirement.extras)))
    if canonicalize_name(_OURS) not in found:
        raise ModelError(
            "valex_local is not installed in this Python environment", hint="Install it first: pip install PATH"
        )
    del found[canonicalize_name(_OURS)]
    return [line for _, line in sorted(found.items())]


def _own_source() -> Path:
    """Return the source tree or wheel that this program was installed from."""
    tree = built_in_folder().parent
    if (tree / "setup.cfg").is_file():
        return tree
    source = _installed_from(metadata.distribution(_OURS))
    if source is None:
        raise ModelError(
            "the wheel that this program was installed from no longer exists",
            hint="Pack from an environment installed from the source tree, or leave out --wheels",
        )
    return source


def _installed_from(distribution: metadata.Distribution) -> Path | None:
    """Return the file or folder that a distribution was installed from, if it still exists."""
    text = distribution.read_text("direct_url.json")
    url = urlsplit(str(json.loads(text).get("url", ""))) if text else None
    path = Path(unquote(url.path)) if url is not None and url.scheme == "file" else None
    return path if path is not None and path.exists() else None
