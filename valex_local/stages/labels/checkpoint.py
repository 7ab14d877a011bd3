"""Judgements of a labelling that is not finished: a language model takes its time, and none of it may be lost.

One line of JSON a text, in a file beside the one to be written. It holds labels and sums, no text, and goes when all is
done.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from valex_local.corpus import Text
from valex_local.files.checksums import content_hash
from valex_local.settings import Settings
from valex_local.stages.labels.examples import FewShotFold
from valex_local.stages.labels.lines import lines_of
from valex_local.stages.labels.routes import LabelResult
from valex_local.stages.variants import label_settings
from valex_local.store import StoredModel

SUFFIX = ".partial.jsonl"

_JUDGEMENT = TypeAdapter(LabelResult)


class Checkpoint:
    """What is labelled already, by the sum of all that a judgement hangs on.

    Parameters
    ----------
    out : Path
        The file that will be written; what is kept lies beside it.
    name : str
        The route.
    model : StoredModel
        The route's model.
    settings : Settings
        The route reads those of its own.
    """

    def __init__(self, out: Path, *, name: str, model: StoredModel, settings: Settings) -> None:
        self.path = out.with_name(out.name + SUFFIX)
        self._asked = {"route": name, "model": model.digest, "settings": label_settings(settings, name)}
        self._found = dict(self._read())

    def key(self, text: Text, turn: FewShotFold) -> str:
        """Return the sum of what the judgement of a text hangs on."""
        shots = [[repr(line) for line in shot.lines] + [repr(sorted(shot.known.items()))] for shot in turn.shots]
        return content_hash({**self._asked, "shots": shots, "text": repr(lines_of(text))})

    def get(self, key: str) -> LabelResult | None:
        """Return what was judged before an interruption."""
        return self._found.get(key)

    def add(self, key: str, judgement: LabelResult) -> None:
        """Keep a judgement."""
        line = json.dumps({"key": key, "judgement": _JUDGEMENT.dump_python(judgement, mode="json")})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def done(self) -> None:
        """Remove the file: all is written where it belongs."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> list[tuple[str, LabelResult]]:
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text("utf-8").splitlines():
            try:
                data = json.loads(line)
                found.append((str(data["key"]), _JUDGEMENT.validate_python(data["judgement"])))
            except (ValueError, KeyError, TypeError, ValidationError):
                continue  # cut by the interruption: that text is asked about again
        return found
