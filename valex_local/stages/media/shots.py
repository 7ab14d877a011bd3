"""Cuts between shots, found while the video is decoded."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MICRO = Fraction(1, 1_000_000)


class ShotFinder:
    """Finds cuts with PySceneDetect's content detector, given decoded frames.

    Parameters
    ----------
    threshold : float
        Change of hue, saturation and brightness that makes a cut: the mean over the frame, on a scale from 0 to 255.
    min_seconds : float
        Shorter shots are merged into the next one, the last one into the one before.
    """

    def __init__(self, threshold: float, min_seconds: float) -> None:
        from scenedetect.detector import FlashFilter
        from scenedetect.detectors import ContentDetector

        self._detector = ContentDetector(
            threshold=threshold, min_scene_len=float(min_seconds), filter_mode=FlashFilter.Mode.SUPPRESS
        )
        self._min_seconds = min_seconds
        self.cuts: list[float] = []

    def add(self, time: float, picture: NDArray[np.uint8]) -> bool:
        """Add the next frame, RGB and always of the same size; return whether a shot begins with it."""
        import numpy as np
        from scenedetect.common import FrameTimecode, Timecode

        # In microseconds, since the distance between frames varies.
        code = FrameTimecode(Timecode(round(time / _MICRO), _MICRO), fps=25.0)
        is_cut = bool(self._detector.process_frame(code, np.ascontiguousarray(picture[..., ::-1])))
        if is_cut:
            self.cuts.append(time)
        return is_cut

    def spans(self, end: float) -> list[tuple[float, float]]:
        """Return the shots of a video that ends at `end`, as (start, end) in seconds."""
        cuts = [cut for cut in self.cuts if cut < end]
        if cuts and end - cuts[-1] < self._min_seconds:
            cuts.pop()
        return list(zip([0.0, *cuts], [*cuts, end], strict=True))
