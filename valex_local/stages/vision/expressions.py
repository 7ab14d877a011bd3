"""Expressions of faces: a small classifier of seven expressions, through ONNX Runtime.

Source: Arriaga et al. 2017, Real-time Convolutional Neural Networks for Emotion and Gender Classification. It was
trained on FER-2013: grey faces of 48 pixels. It reads an expression, not a feeling.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.stages.onnx_session import load_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.stages.vision.boxes import Boxes

SIDE = 64
"""Width and height of the model's input, pixels."""

MARGIN = 1.2
"""Size of the part that is classified, divided by that of the face's box: the model was trained on whole heads."""

OUTPUTS = ("angry", "disgusted", "afraid", "smiling", "sad", "surprised", "neutral")
"""The model's outputs, as scripts name them."""

SAID = {"smiling": 0.9, "neutral": 0.9, "sad": 0.95, "surprised": 0.95, "angry": 0.97}
"""Probability from which an expression is said. Faces that speak are taken for angry ones, and looks down for sad ones;
the other two were hardly ever right, and are never said."""


class Expressions:
    """Reads the expression of a face.

    Parameters
    ----------
    path : Path
        The ONNX file.
    threads : int
        Number of threads.

    Raises
    ------
    ModelError
        It is no ONNX model.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._session = load_session(path, threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, rgb: NDArray[np.uint8], face: Boxes) -> str | None:
        """Return the expression of a face if the model is sure of it.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            A picture.
        face : ndarray of shape (4,)
            The box of the face: left, top, right, bottom in fractions of the picture.
        """
        import cv2
        import numpy as np

        height, width = rgb.shape[:2]
        left, top, right, bottom = face * np.array([width, height, width, height])
        half = max(right - left, bottom - top) * MARGIN / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        head = rgb[max(0, int(y - half)) : int(y + half) + 1, max(0, int(x - half)) : int(x + half) + 1]
        grey = cv2.resize(cv2.cvtColor(head, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        values = grey.astype(np.float32)[None, ..., None] / 127.5 - 1.0
        (shares,) = self._session.run(None, {self._input: values})[0]
        likeliest = OUTPUTS[int(shares.argmax())]
        return likeliest if shares.max() >= SAID.get(likeliest, np.inf) else None
