"""What detectors find in a picture: objects of known classes, faces and their expressions, and how many people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ModelError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import Box, Detection, Face
from valex_local.stages.vision.blazeface import BlazeFace
from valex_local.stages.vision.expressions import Expressions
from valex_local.stages.vision.nanodet import NanoDet
from valex_local.store.engines import find_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.stages.vision.boxes import Boxes
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

PERSON = "person"
"""The class of people."""

FACE = 0.8
"""Score from which a face counts, in a box of a person. Elsewhere the detector takes flowers and animals for faces."""

PERSON_OF_FACE = 0.35
"""Score from which a person's box is enough to hold a face."""

FACE_PIXELS = 40
"""Least width of a face whose expression is read, pixels of the keyframe; the classifier was trained on 48."""


DETECTORS: Mapping[str, str] = {"onnxruntime": "valex_local.stages.vision.detectors:Detectors"}
"""Engine name of a detector to the class, as ``module:name``."""


class Classes(BaseModel):
    """The classes of a detector, `classes.toml` of the model.

    Attributes
    ----------
    threshold : float
        Score from which a class without its own threshold is said.
    sure : float
        Score from which a single keyframe of a shot is enough.
    counted : float
        Score from which a person is counted.
    thresholds : dict of str to float
        Class to its own threshold.
    classes : dict of str to (str, str)
        Class to the words for one and for several, in the order of the model's outputs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(gt=0, lt=1)
    sure: float = Field(gt=0, le=1)
    counted: float = Field(gt=0, lt=1)
    thresholds: dict[str, float] = {}
    classes: dict[str, tuple[str, str]]

    def least(self, name: str) -> float:
        """Return the score from which a class is said."""
        return self.thresholds.get(name, self.threshold)


@dataclass(frozen=True)
class Found:
    """What detectors found in one picture; see `KeyframeCaption`."""

    objects: tuple[Detection, ...]
    faces: tuple[Face, ...]
    people: int


class Detectors:
    """Finds objects, faces and people in pictures, on the processor.

    Parameters
    ----------
    model : StoredModel
        Its folder holds ``objects.onnx``, ``faces.onnx``, ``expressions.onnx`` and ``classes.toml``.
    device : Device
        Of which the number of threads is used.

    Raises
    ------
    ModelError
        A file is missing or wrong.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        self.classes = read_classes(model.folder / "classes.toml")
        self._names = list(self.classes.classes)
        self._objects = NanoDet(model.folder / "objects.onnx", device.threads)
        self._faces = BlazeFace(model.folder / "faces.onnx", device.threads)
        self._expressions = Expressions(model.folder / "expressions.onnx", device.threads)

    def __call__(self, rgb: NDArray[np.uint8]) -> Found:
        """Return what is found in a picture.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            The picture.
        """
        found = [(self._names[kind], score, box) for kind, score, box in self._objects(rgb, PERSON_OF_FACE)]
        faces = []
        for score, face in self._faces(rgb, FACE):
            body = next((at for at, (name, _, box) in enumerate(found) if name == PERSON and _holds(box, face)), None)
            if body is not None:
                faces.append((score, face))
                name, own, box = found[body]
                found[body] = name, max(own, score), box  # a person with a face is as sure as the face
        least = {PERSON: self.classes.counted}
        objects = tuple(
            Detection(name=name, score=score, box=_record(box))
            for name, score, box in sorted(found, key=lambda one: -one[1])
            if score >= least.get(name, self.classes.least(name))
        )
        return Found(
            objects=objects,
            faces=tuple(
                Face(score=score, box=_record(face), expression=self._expression(rgb, face)) for score, face in faces
            ),
            people=max(sum(one.name == PERSON for one in objects), len(faces)),
        )

    def _expression(self, rgb: NDArray[np.uint8], box: Boxes) -> str | None:
        if (box[2] - box[0]) * rgb.shape[1] < FACE_PIXELS:
            return None
        return self._expressions(rgb, box)


def _holds(body: Boxes, face: Boxes) -> bool:
    """Return whether the middle of a face is in the box of a body."""
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2
    return bool(body[0] <= x <= body[2] and body[1] <= y <= body[3])


def _record(box: Boxes) -> Box:
    left, top, right, bottom = (round(float(edge), 4) for edge in box)
    return Box(left=left, top=top, width=max(0.0, right - left), height=max(0.0, bottom - top))


def read_classes(path: Path) -> Classes:
    """Return the classes of a detector.

    Raises
    ------
    ConfigError
        The file cannot be read, or is not TOML.
    ModelError
        A key is wrong; the message names it.
    """
    data: Mapping[str, object] = read_toml(path)
    try:
        return Classes.model_validate(data)
    except ValidationError as error:
        raise ModelError(explain(Classes, error, data=data), path=path) from error


def load_detectors(model: StoredModel, device: Device) -> Detectors:
    """Return the detectors of a model, by the engine that it names.

    Parameters
    ----------
    model : StoredModel
        The model.
    device : Device
        Where to compute.

    Returns
    -------
    Detectors
        The detectors.

    Raises
    ------
    ModelError
        There is no such engine, or a file is missing or wrong.
    """
    detectors: Detectors = find_engine(model, DETECTORS)(model, device)
    return detectors
