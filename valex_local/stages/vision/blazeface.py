"""Faces in pictures: BlazeFace, through ONNX Runtime.

Source: Bazarevsky et al. 2019, BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs; the variant for faces
at some distance, as in MediaPipe.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.stages.onnx_session import load_session
from valex_local.stages.vision.boxes import Boxes, letterboxed, suppressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 256
"""Width and height of the model's input, pixels."""

GRIDS = ((16, 2), (8, 6))
"""The grids of points at which the model looks for faces: points in a row, and boxes per point."""

OVERLAP = 0.3
"""Intersection over union from which two boxes are the same face."""


class BlazeFace:
    """Finds faces.

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
        self._points = _points()

    def __call__(self, rgb: NDArray[np.uint8], least: float) -> list[tuple[float, Boxes]]:
        """Return the score and the box of each face found.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            A picture.
        least : float
            Lowest score of interest.

        Returns
        -------
        list of (float, ndarray of shape (4,))
            The box as left, top, right, bottom in fractions of the picture; likelier faces first.
        """
        import numpy as np

        square, place = letterboxed(rgb, SIDE)
        outputs = self._session.run(None, {self._input: square[None].astype(np.float32) / 127.5 - 1.0})
        # One output of logits and one of positions a grid; that of the finer grid has more rows.
        logits, positions = (
            np.concatenate([o[0] for o in sorted(outputs, key=lambda o: -o.shape[1]) if (o.shape[2] == 1) == is_score])
            for is_score in (True, False)
        )
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[:, 0], -50.0, 50.0)))
        centres, halves = self._points * SIDE + positions[:, :2], positions[:, 2:4] / 2
        likely = np.flatnonzero(scores >= least)
        boxes = np.concatenate([centres - halves, centres + halves], 1)[likely]
        kept = suppressed(boxes, scores[likely], OVERLAP)
        return [(float(scores[likely[one]]), place.fractions(boxes[one])) for one in kept]


def _points() -> NDArray[np.float32]:
    """Return the points, shape (boxes, 2), x and y in fractions of the square."""
    import numpy as np

    grids = []
    for size, boxes in GRIDS:
        row, column = np.divmod(np.arange(size * size), size)
        grids.append(np.repeat((np.stack([column, row], 1) + 0.5) / size, boxes, axis=0))
    return np.concatenate(grids).astype(np.float32)
