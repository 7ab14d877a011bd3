"""Keyframes: few sharp pictures that differ, at least one of every shot, chosen while the pictures come by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from valex_local.stages.media.decode import Geometry

THUMBNAIL = 16
"""Side, in pixels, of the pictures that are compared."""
SAME, SAME_PART = 0.035, 0.15
"""Mean differences of two thumbnails, of full scale, on the whole and in the window of a sixteenth where it is largest.
Below both two pictures of one shot are near-duplicates: gestures of a speaker are, a thing held up is not.
"""
SHARP = 0.9
"""Share of the sharpness of the sharpest picture from which another one is sharp too: coding alone makes frames of one
scene differ by a few hundredths, and motion blurs them by much more.
"""
MOST_HELD = 240
"""Candidates held at once; a longer video is thinned out on the way."""
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Candidate:
    """A picture that may become a keyframe.

    Attributes
    ----------
    shot : int
        Index of its shot.
    sharpness : float
        Variance of the Laplacian of its brightness.
    thumbnail : ndarray of float32, shape (16 * 16 * 3,)
        What it is compared by, in [0, 1].
    jpeg : bytes
        The picture as displayed.
    """

    time: float
    shot: int
    sharpness: float
    thumbnail: NDArray[np.float32]
    jpeg: bytes
    width: int
    height: int


@dataclass
class _Best:
    """The picture of the present span that would be kept, as decoded; `sharpest` is the most of all of the span."""

    time: float
    sharpness: float
    sharpest: float
    picture: NDArray[np.uint8]
    frame: VideoFrame
    geometry: Geometry


class KeyframeChooser:
    """Chooses a sharp picture of every span of every shot, then drops what is too much.

    Of pictures that are about equally sharp it is the last: what a shot shows and what is written over it come one by
    one, and which of them is sharpest to the last digit hangs on which pictures are looked at. How much still hangs on
    that is measured by ``python -m benchmarks --only decode``.

    Parameters
    ----------
    every_seconds : float
        Length of a span.
    most : int
        Most keyframes of a video.
    max_side : int
        Longest side of a keyframe, pixels.
    """

    def __init__(self, every_seconds: float, most: int, max_side: int) -> None:
        self._every = every_seconds
        self._most = most
        self._max_side = max_side
        self._held: list[Candidate] = []
        self._best: _Best | None = None
        self._span_start = 0.0
        self._shot = 0

    def see(self, time: float, picture: NDArray[np.uint8], frame: VideoFrame, geometry: Geometry, *, cut: bool) -> None:
        """Take the next picture: scaled down (`picture`) and as decoded (`frame`)."""
        if cut:
            self._close(time, last=True)
            self._shot += 1
            self._span_start = time
        elif time - self._span_start >= self._every:
            self._close(time, last=False)
            self._span_start = time
        sharp = sharpness(picture)
        sharpest = max(sharp, self._best.sharpest) if self._best else sharp
        if sharp >= SHARP * sharpest:
            self._best = _Best(time, sharp, sharpest, picture, frame, geometry)

    def _close(self, time: float, *, last: bool) -> None:
        """Keep the best of the span that ends; a stub at the end of a shot has none of its own."""
        stub = last and time - self._span_start < self._every / 2
        if self._best is not None and not (stub and self._held and self._held[-1].shot == self._shot):
            self._held.append(self._render(self._best))
            if len(self._held) > MOST_HELD:
                self._held = thin(self._held, MOST_HELD // 2)
        self._best = None

    def _render(self, best: _Best) -> Candidate:
        import cv2

        picture = best.geometry.render(best.frame, self._max_side)
        height, width = picture.shape[:2]
        _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        small = thumbnail(best.picture)
        return Candidate(best.time, self._shot, best.sharpness, small, jpeg.tobytes(), width, height)

    def choose(self, end: float, shots: int) -> list[Candidate]:
        """Return the keyframes in time order, given where the video ends and how many shots it has in the end."""
        self._close(end, last=True)
        # The last shot may have been too short to be one.
        kept = without_duplicates([c for c in self._held if c.shot < shots])
        return thin(kept, self._most)


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a picture's brightness."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture as a flat thumbnail with values in [0, 1]."""
    import cv2
    import numpy as np

    small = cv2.resize(picture, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    flat: NDArray[np.float32] = small.reshape(-1).astype(np.float32) / 255
    return flat


def difference(one: Candidate, other: Candidate) -> float:
    """Return the mean difference of two pictures, in [0, 1]."""
    return float(abs(one.thumbnail - other.thumbnail).mean())


def alike(one: Candidate, other: Candidate) -> bool:
    """Whether two pictures are near-duplicates."""
    from numpy.lib.stride_tricks import sliding_window_view

    far = abs(one.thumbnail - other.thumbnail).reshape(THUMBNAIL, THUMBNAIL, 3).mean(axis=2)
    windows = sliding_window_view(far, (THUMBNAIL // 4, THUMBNAIL // 4)).mean(axis=(2, 3))
    return bool(far.mean() < SAME and windows.max() < SAME_PART)


def without_duplicates(candidates: list[Candidate]) -> list[Candidate]:
    """Drop every picture that is nearly the same as an earlier one of its shot."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(c.shot == candidate.shot and alike(c, candidate) for c in kept):
            kept.append(candidate)
    return kept


def thin(candidates: list[Candidate], most: int) -> list[Candidate]:
    """Reduce candidates to `most`: of the two that are most alike the less sharp one goes, again and again.

    No shot loses its last picture as long as there are no more shots than `most`.
    """
    import numpy as np

    kept = list(range(len(candidates)))
    if len(kept) <= most:
        return list(candidates)
    far = np.array(
        [[difference(a, b) if i < j else np.inf for j, b in enumerate(candidates)] for i, a in enumerate(candidates)]
    )
    spare_shots = len({c.shot for c in candidates}) > most
    pairs = sorted((far[i, j], i, j) for i in kept for j in kept if i < j)
    while len(kept) > most:
        shots = [candidates[k].shot for k in kept]
        free = {k for k in kept if spare_shots or shots.count(candidates[k].shot) > 1}
        pair = next((i, j) for _, i, j in pairs if i in free or j in free)
        lost = min(free.intersection(pair), key=lambda k: (candidates[k].sharpness, k))
        kept.remove(lost)
        pairs = [p for p in pairs if lost not in p[1:]]
    return [candidates[k] for k in kept]
