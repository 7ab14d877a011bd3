"""What detectors find in pictures, the classes that they know, and how a detector is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ModelError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import Detection, Face
from valex_local.store.engines import find_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

PERSON = "person"
"""The class of people."""

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


class Detector(Protocol):
    """An engine that finds things, faces and people; `classes` says which things, and from which scores on."""

    classes: Classes

    def __call__(self, rgb: NDArray[np.uint8]) -> Found:
        """Return what is found in a picture, an array of shape (height, width, 3)."""


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


def load_detectors(model: StoredModel, device: Device) -> Detector:
    """Return the detectors of a model, by the engine that it names.

    Parameters
    ----------
    model : StoredModel
        The model.
    device : Device
        Where to compute.

    Returns
    -------
    Detector
        The detectors.

    Raises
    ------
    ModelError
        There is no such engine, or a file is missing or wrong.
    """
    detectors: Detector = find_engine(model, DETECTORS)(model, device)
    return detectors
