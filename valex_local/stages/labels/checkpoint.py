"""Checkpoints of labels, so that an interrupted labelling with a slow language model can be resumed.

A checkpoint is a file next to the one to be written, with one line of JSON per text. It contains labels and checksums,
no text, and is removed when everything is done.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from valex_local.corpus import Text
from valex_local.files.checksums import content_hash
from valex_local.files.removing import remove
from valex_local.files.text import load_json, read_raw
from valex_local.settings import Settings
from valex_local.stages.labels.examples import FewShotFold
from valex_local.stages.labels.lines import lines_of
from valex_local.stages.labels.routes import LabelResult
from valex_local.stages.variants import label_settings
from valex_local.store import StoredModel

SUFFIX = ".partial.jsonl"

_RESULT = TypeAdapter(LabelResult)


class Checkpoint:
    """The labels made so far, by a checksum of everything that a result depends on.

    Parameters
    ----------
    out : Path
        The file that will be written; the checkpoint is next to it.
    name : str
        The route.
    model : StoredModel
        The route's model.
    settings : Settings
        All settings; the route reads its own.
    """

    def __init__(self, out: Path, *, name: str, model: StoredModel, settings: Settings) -> None:
        self.path = out.with_name(out.name + SUFFIX)
        self._asked = {"route": name, "model": model.digest, "settings": label_settings(settings, name)}
        self._found = dict(self._read())

    def key(self, text: Text, fold: FewShotFold) -> str:
        """Return the checksum of everything that the result for a text depends on."""
        shots = [[repr(line) for line in shot.lines] + [repr(sorted(shot.known.items()))] for shot in fold.shots]
        return content_hash({**self._asked, "shots": shots, "text": repr(lines_of(text))})

    def get(self, key: str) -> LabelResult | None:
        """Return a result from before the interruption, if there is one."""
        return self._found.get(key)

    def add(self, key: str, result: LabelResult) -> None:
        """Save a result."""
        line = json.dumps({"key": key, "judgement": _RESULT.dump_python(result, mode="json")})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def done(self) -> None:
        """Remove the file, once all labels are written."""
        remove(self.path, inside=self.path.parent)

    def _read(self) -> list[tuple[str, LabelResult]]:
        if not self.path.is_file():
            return []
        found = []
        for line in read_raw(self.path).splitlines():
            try:
                data = load_json(line)
                found.append((str(data["key"]), _RESULT.validate_python(data["judgement"])))
            except (ValueError, KeyError, TypeError, ValidationError):
                continue  # truncated by the interruption: that text is labelled again
        return found
