"""The log of one run: timings and machine facts, never the content of posts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from valex_local import __version__
from valex_local.files.atomic import writing
from valex_local.study import Study
from valex_local.system import network_guard


class RunLog:
    """Timings and machine facts of one run, one JSON object per line; never the content of posts.

    Parameters
    ----------
    study : Study
        The study; the file is ``logs/<time>.jsonl``, created with the first line.
    """

    def __init__(self, study: Study) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._path = study.root / "logs" / f"{stamp}.jsonl"

    def line(self, event: str, **facts: Any) -> None:
        """Append one line, after one that says which layers of the network guard hold."""
        if not self._path.exists():
            self._write({"event": "guard", "layers": network_guard.current().describe(), "version": __version__})
        self._write({"event": event, **facts})

    def _write(self, line: dict[str, Any]) -> None:
        with writing(self._path):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            with open(self._path, "a", encoding="utf-8", opener=_for_its_owner) as file:
                file.write(json.dumps(line) + "\n")


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
