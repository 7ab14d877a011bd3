"""Files as download tools leave them, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

N1, N2, N3 = "7300000000000000001", "7300000000000000002", "7300000000000000003"
NUMBERS = (N1, N2, N3)


def put(folder: Path, *names: str) -> Path:
    """Make files whose content is their name, so that all differ, and return the folder.

    Parameters
    ----------
    folder : Path
        Where; made if it does not exist.
    names : str
        Paths below it.
    """
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def put_json(path: Path, **content: Any) -> Path:
    """Write a JSON file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path
