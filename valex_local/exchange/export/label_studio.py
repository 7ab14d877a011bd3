"""Export to Label Studio: scripts as tasks, labels as predictions to start from, and the labelling configuration.

Source of the format: https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.records import Labels, Post, Script, ValueLabel
from valex_local.rendering.render import render
from valex_local.schwartz import CIRCLE, State
from valex_local.stages.variants import VIDEO
from valex_local.states import kind_of_states

CHOICES = (State.PRESENT, State.CONFLICTED, State.ABSENT)
"""The answers for each value; the question has the name of the value in the authors' sheet."""

_LOCAL_FILES = "/data/local-files/?d="
_SHOWN = "script"


class LabelStudio:
    """Write ``tasks.json`` and ``config.xml``.

    A task shows a script and, through Label Studio's local storage, the video. Its predictions are the labels of that
    script and those of the video itself, one prediction for each set of labels; none where people code blind.
    """

    def __call__(self, material: Material, target: Path) -> None:
        """Write the files."""
        # Read twice, so that only one script of a large study is in memory at a time.
        root = _document_root(post for post, _ in material.scripts())
        tasks: list[str] = []
        bare = 0
        for post, script in material.scripts():
            labels = {} if material.blind else material.labels_of(post.id, (script.name, VIDEO))
            bare += not labels and not material.blind
            tasks.append(json.dumps(_task(post, script, labels, root), ensure_ascii=False, indent=1))
        write_whole(target / "tasks.json", ("[" + ",\n".join(tasks) + "]\n").encode())
        write_whole(target / "config.xml", _config(with_video=root is not None))
        material.notice(bare, "task without predictions: no labels")
        if root is not None:
            material.notices.append(
                f"to show the videos, start Label Studio with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}"
            )


# --- tasks ----------------------------------------------------------------------------------------------------------


def _document_root(posts: Iterable[Post]) -> Path | None:
    """Return the parent of the common folder of all videos: Label Studio serves only subfolders of its root."""
    folders = [Path(post.video.path).absolute().parent for post in posts if post.video is not None]
    return Path(os.path.commonpath(folders)).parent if folders else None


def _address(post: Post, root: Path | None) -> str:
    if post.video is None or root is None:
        return ""
    relative = Path(post.video.path).absolute().relative_to(root)
    return _LOCAL_FILES + quote(os.fsencode(relative.as_posix()))


def _task(post: Post, script: Script, labels: Mapping[str, Labels], root: Path | None) -> dict[str, Any]:
    return {
        "data": {"post": post.id, _SHOWN: render(script, "text"), "video": _address(post, root)},
        "predictions": [_prediction(post.id, name, record) for name, record in labels.items()],
    }


def _prediction(post: str, name: str, record: Labels) -> dict[str, Any]:
    assessed = [label for label in record.values if label.state is not State.NOT_ASSESSED]
    scores = [certainty(label) for label in assessed]
    return {
        "model_version": _version(name, record),
        # Label Studio can show the tasks with the lowest scores first, which most need to be checked.
        "score": round(sum(scores) / len(scores), 4) if scores else 0.0,
        "result": [
            {
                "id": f"{post}.{name}.{label.value.code}",
                "type": "choices",
                "from_name": label.value.sheet_column,
                "to_name": _SHOWN,
                "value": {"choices": [label.state.value]},
                "score": score,
            }
            for label, score in zip(assessed, scores, strict=True)
        ],
    }


def _version(name: str, record: Labels) -> str:
    """Return the set of labels, its model, and how its states were drawn, which annotators see beside a prediction."""
    drawn = "" if record.calibration is None else f" ({kind_of_states(record.calibration)})"
    return f"{name}: {record.source.model}{drawn}"


def certainty(label: ValueLabel) -> float:
    """Return the probability of a label's state; for absent, 1 minus the probability of the likelier polarity."""
    match label.state:
        case State.PRESENT:
            return label.present or 0.0
        case State.CONFLICTED:
            return label.conflicted or 0.0
        case _:
            return round(1 - max(label.present or 0.0, label.conflicted or 0.0), 4)


# --- configuration --------------------------------------------------------------------------------------------------


def _config(*, with_video: bool) -> bytes:
    """Return the labelling configuration: script and video on the left, a question for each value on the right."""
    view = ElementTree.Element("View", {"style": "display: flex"})
    shown = _add(view, "View", {"style": "flex: 55%; padding-right: 2em"})
    _add(shown, "Header", {"value": "$post"})
    if with_video:
        _add(shown, "Video", {"name": "video", "value": "$video"})
    _add(shown, "Text", {"name": _SHOWN, "value": f"${_SHOWN}", "valueType": "text"})
    asked = _add(view, "View", {"style": "flex: 45%"})
    for value in CIRCLE:
        _add(asked, "Header", {"value": f"{value}: {value.goal}", "size": "5"})
        question = {"name": value.sheet_column, "toName": _SHOWN, "choice": "single-radio", "showInline": "true"}
        choices = _add(asked, "Choices", {**question, "required": "true", "requiredMessage": f"{value}?"})
        for state in CHOICES:
            _add(choices, "Choice", {"value": state.value})
    ElementTree.indent(view)
    return (ElementTree.tostring(view, encoding="unicode") + "\n").encode()


def _add(parent: ElementTree.Element, tag: str, attributes: Mapping[str, str]) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, dict(attributes))
