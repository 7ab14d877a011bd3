"""Cuts between shots, found while the pictures come by."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MICRO = Fraction(1, 1_000_000)


class ShotFinder:
    """Finds cuts with the content detector of PySceneDetect, fed with pictures that we decoded.

    Parameters
    ----------
    threshold : float
        Change of hue, saturation and brightness, on average over the picture and on a scale to 255, that makes a cut.
    min_seconds : float
        Shots shorter than this are joined to the one after, the last one to the one before.
    """

    def __init__(self, threshold: float, min_seconds: float) -> None:
        from scenedetect.detector import FlashFilter
        from scenedetect.detectors import ContentDetector

        self._detector = ContentDetector(
            threshold=threshold, min_scene_len=float(min_seconds), filter_mode=FlashFilter.Mode.SUPPRESS
        )
        self._min_seconds = min_seconds
        self.cuts: list[float] = []

    def see(self, time: float, picture: NDArray[np.uint8]) -> bool:
        """Take the next picture, RGB of one size throughout; return whether a shot begins with it."""
        import numpy as np
        from scenedetect.common import FrameTimecode, Timecode

        # Times in a base of their own: frames come at any distance.
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
