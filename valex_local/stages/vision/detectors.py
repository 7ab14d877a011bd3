"""The bundled detectors: objects of known classes, faces and their expressions, and how many people there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valex_local.records import Box, Detection, Face
from valex_local.stages.vision.blazeface import BlazeFace
from valex_local.stages.vision.detection import PERSON, Found, read_classes
from valex_local.stages.vision.expressions import Expressions
from valex_local.stages.vision.nanodet import NanoDet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.stages.vision.boxes import Boxes
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

FACE = 0.8
"""Score from which a face counts, in a box of a person. Elsewhere the detector takes flowers and animals for faces."""

PERSON_OF_FACE = 0.35
"""Score from which a person's box is enough to hold a face."""

FACE_PIXELS = 40
"""Least width of a face whose expression is read, pixels of the keyframe; the classifier was trained on 48."""


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
