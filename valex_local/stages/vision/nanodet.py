"""Objects in pictures: NanoDet, a detector of the 80 classes of COCO, through ONNX Runtime.

Source: RangiLyu, NanoDet (2020); box distances as distributions: Li et al. 2020, Generalized Focal Loss, section 3.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.stages.onnx_session import load_session
from valex_local.stages.vision.boxes import Boxes, letterboxed, suppressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 416
"""Width and height of the model's input, pixels."""

STRIDES = (8, 16, 32)
"""Pixels between the points at which the model looks for objects."""

OVERLAP = 0.5
"""Intersection over union from which two boxes of a class are the same object."""

_MEAN = (103.53, 116.28, 123.675)
_DEVIATION = (57.375, 57.12, 58.395)  # blue, green, red


class NanoDet:
    """Finds objects.

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

    def __call__(self, rgb: NDArray[np.uint8], least: float) -> list[tuple[int, float, Boxes]]:
        """Return the class, the score and the box of each object found.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            A picture.
        least : float
            Lowest score of interest.

        Returns
        -------
        list of (int, float, ndarray of shape (4,))
            The box as left, top, right, bottom in fractions of the picture; likelier objects first.
        """
        import numpy as np

        square, place = letterboxed(rgb, SIDE)
        values = (square[..., ::-1] - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
        scores, boxes = _decoded(self._session.run(None, {self._input: values.transpose(2, 0, 1)[None]}))
        found = []
        for kind in np.flatnonzero(scores.max(0) >= least):
            likely = np.flatnonzero(scores[:, kind] >= least)
            for kept in suppressed(boxes[likely], scores[likely, kind], OVERLAP):
                at = likely[kept]
                found.append((int(kind), float(scores[at, kind]), place.fractions(boxes[at])))
        return sorted(found, key=lambda one: -one[1])


def _decoded(outputs: list[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scores, shape (points, classes), and boxes in pixels of the input, shape (points, 4).

    For every stride there is an output of scores and one of distances from a point to the four edges of its box, each a
    distribution over 0 to 10 strides.
    """
    import numpy as np

    by_size = sorted(outputs, key=lambda output: (-output.shape[1], -output.shape[2]))
    all_scores, all_boxes = [], []
    for stride, scores, distances in zip(STRIDES, by_size[::2], by_size[1::2], strict=True):
        bins = distances.reshape(-1, 4, distances.shape[2] // 4)
        shares = np.exp(bins - bins.max(-1, keepdims=True))
        edges = shares @ np.arange(bins.shape[2], dtype=np.float32) / shares.sum(-1) * stride
        row, column = np.divmod(np.arange(len(bins)), SIDE // stride)
        x, y = (column + 0.5) * stride, (row + 0.5) * stride
        all_boxes.append(np.stack([x - edges[:, 0], y - edges[:, 1], x + edges[:, 2], y + edges[:, 3]], 1))
        all_scores.append(scores[0])
    return np.concatenate(all_scores), np.concatenate(all_boxes)
