"""Boxes of detectors: pictures fitted into a square, non-maximum suppression, and fractions of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Boxes: TypeAlias = NDArray[np.float32]
    """Left, top, right and bottom in the last dimension."""
else:
    Boxes = object


@dataclass(frozen=True)
class Placed:
    """Where a picture lies in a square, pixels; `scale` is the size there divided by that of the picture."""

    left: int
    top: int
    width: int
    height: int
    scale: float

    def fractions(self, boxes: Boxes) -> Boxes:
        """Return boxes of the square in fractions of the picture, cut at its edges."""
        import numpy as np

        origin = np.array([self.left, self.top] * 2)
        size = self.scale * np.array([self.width, self.height] * 2)
        fractions: Boxes = np.clip((boxes - origin) / size, 0.0, 1.0)
        return fractions


def letterboxed(rgb: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], Placed]:
    """Return a picture scaled into the middle of a black square, and where it lies there.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (height, width, 3)
        The picture.
    side : int
        Width and height of the square, pixels.
    """
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + size[1], left : left + size[0]] = small
    return square, Placed(left, top, width, height, scale)


def suppressed(boxes: Boxes, scores: NDArray[np.float32], overlap: float) -> list[int]:
    """Return which boxes are left of those that show the same thing: the likeliest ones, likelier ones first.

    Parameters
    ----------
    boxes : ndarray, shape (n, 4)
        The boxes.
    scores : ndarray, shape (n,)
        Their scores.
    overlap : float
        Intersection over union from which two boxes show the same thing.
    """
    kept: list[int] = []
    for one in scores.argsort(kind="stable")[::-1]:
        if all(intersection_over_union(boxes[one], boxes[other]) < overlap for other in kept):
            kept.append(int(one))
    return kept


def intersection_over_union(one: Boxes, other: Boxes) -> float:
    """Return the area that two boxes share, divided by the area that they cover together; 0 if they are empty."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    together = _area(one) + _area(other) - shared
    return float(shared / together) if together > 0 else 0.0


def _area(box: Boxes) -> float:
    return float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))
