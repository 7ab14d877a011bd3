"""The Python wheels of this environment: this program with all it needs, in the versions installed here."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from valex_local.errors import ModelError
from valex_local.store.intake import Say
from valex_local.store.manifests import built_in
from valex_local.store.packages import pip

_OURS = "valex_local"


def collect(into: Path, say: Say) -> list[Path]:
    """Collect the wheels of this program and of all that is installed of what it needs.

    They fit the same operating system, processor and Python version only. What is in pip's cache is not fetched again.

    Raises
    ------
    ModelError
        A wheel cannot be had.
    """
    wanted = pinned()
    say(f"collecting {len(wanted)} Python packages: gigabytes, which takes some minutes")
    requirements = into / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in wanted), "utf-8")
    pip("wheel", "--no-deps", "--wheel-dir", str(into), "-r", str(requirements))
    pip("wheel", "--no-deps", "--wheel-dir", str(into), str(_own_source()))
    requirements.unlink()
    return sorted(into.glob("*.whl"))


def pinned(extras: tuple[str, ...] = ("all",)) -> list[str]:
    """Return a requirement for every installed distribution that this program needs, itself left out.

    It is the version installed, or the wheel file that this was installed from where that still lies on the disk (what
    took minutes to compile is not compiled again). What an extra needs and is not installed here is left out.
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
    tree = built_in().parent
    if (tree / "setup.cfg").is_file():
        return tree
    source = _installed_from(metadata.distribution(_OURS))
    if source is None:
        raise ModelError(
            "the wheel that this program was installed from is not there any more",
            hint="Pack from an environment that was installed from the source tree, or leave out --wheels",
        )
    return source


def _installed_from(distribution: metadata.Distribution) -> Path | None:
    """Return the file or folder that a distribution was installed from, where it still lies on the disk."""
    text = distribution.read_text("direct_url.json")
    url = urlsplit(str(json.loads(text).get("url", ""))) if text else None
    path = Path(unquote(url.path)) if url is not None and url.scheme == "file" else None
    return path if path is not None and path.exists() else None
