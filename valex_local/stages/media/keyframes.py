"""Keyframes: a few sharp frames that differ, at least one per shot, chosen while the video is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    from valex_local.stages.media.decode import Geometry

THUMBNAIL = 16
"""Side of the thumbnails that are compared, pixels."""
SAME, SAME_PART = 0.035, 0.15
"""Mean differences of two thumbnails, as fractions of full scale: over the whole, and in the window of a sixteenth of
the area where it is largest. Below both, two frames of a shot are near-duplicates: a speaker's gestures stay below, an
object held up does not.
"""
SHARP = 0.9
"""Fraction of the sharpest frame's sharpness from which another frame counts as sharp: coding alone makes frames of one
scene differ by a few hundredths, and motion blurs them by much more.
"""
STILL, STILL_SECONDS = 0.004, 1.0
"""Mean difference of the thumbnails of two frames in a row up to which nothing moves, as a fraction of full scale; and
for how many seconds nothing must move for a picture to be one of a slideshow.
"""
MAX_CANDIDATES = 240
"""Maximum number of candidates in memory; in a longer video they are thinned out on the way."""
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Candidate:
    """A frame that may become a keyframe.

    Attributes
    ----------
    time : float
        Seconds from the start of the video.
    shot : int
        Index of its shot.
    sharpness : float
        Variance of the Laplacian of its brightness.
    thumbnail : ndarray of float32, shape (16 * 16 * 3,)
        A thumbnail for comparisons, in [0, 1].
    jpeg : bytes
        The frame as displayed.
    width, height : int
        Pixels, as displayed.
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
    """The best frame of the current span, as decoded; `sharpest` is the maximum sharpness in the span."""

    time: float
    sharpness: float
    sharpest: float
    small: NDArray[np.uint8]
    frame: VideoFrame
    geometry: Geometry


class KeyframeChooser:
    """Chooses a sharp frame from every span of every shot, then drops surplus ones.

    A picture of a slideshow is a span of its own, however short, also where no cut is found before the next one.

    Of frames that are about equally sharp it takes the last: the content of a shot and the text over it appear bit by
    bit, and which frame is sharpest to the last digit depends on which frames are decoded. How much still depends on
    that is measured by ``python -m benchmarks --only decode``.

    Parameters
    ----------
    every_seconds : float
        Length of a span, seconds.
    most : int
        Maximum number of keyframes of a video.
    max_side : int
        Longest side of a keyframe, pixels.
    """

    def __init__(self, every_seconds: float, most: int, max_side: int) -> None:
        self._every = every_seconds
        self._most = most
        self._max_side = max_side
        self._candidates: list[Candidate] = []
        self._best: _Best | None = None
        self._last: NDArray[np.uint8] | None = None
        self._still_since = 0.0
        self._span_start = 0.0
        self._shot = 0

    def add(self, time: float, picture: NDArray[np.uint8], frame: VideoFrame, geometry: Geometry, *, cut: bool) -> None:
        """Add the next frame.

        Parameters
        ----------
        time : float
            Seconds from the start of the video.
        picture : ndarray of uint8, shape (height, width, 3)
            The frame as displayed, RGB, scaled down.
        frame : VideoFrame
            The frame as decoded.
        geometry : Geometry
            How to display it.
        cut : bool
            Whether a shot begins with it.
        """
        small = shrunk(picture)
        moved = self._last is None or _moved(small, self._last)
        replaced = moved and self._last is not None and self._stood(time) and not _near(_flat(small), _flat(self._last))
        if cut:
            self._close(time, last=True)
            self._shot += 1
            self._span_start = time
        elif replaced or time - self._span_start >= self._every:
            self._close(time, last=False)
            self._span_start = time
        self._last = small
        if moved:
            self._still_since = time
        sharp = sharpness(picture)
        sharpest = max(sharp, self._best.sharpest) if self._best else sharp
        if sharp >= SHARP * sharpest:
            self._best = _Best(time, sharp, sharpest, small, frame, geometry)

    def _stood(self, time: float) -> bool:
        """Return whether the last picture, replaced at `time`, was one of a slideshow."""
        return time - self._still_since >= STILL_SECONDS

    def _close(self, time: float, *, last: bool) -> None:
        """Keep the best frame of the span that ends; a short rest at the end of a shot gets none of its own."""
        short = last and time - self._span_start < self._every / 2 and not self._stood(time)
        if self._best is not None and not (short and self._candidates and self._candidates[-1].shot == self._shot):
            self._candidates.append(self._render(self._best))
            if len(self._candidates) > MAX_CANDIDATES:
                self._candidates = thin(self._candidates, MAX_CANDIDATES // 2)
        self._best = None

    def _render(self, best: _Best) -> Candidate:
        import cv2

        picture = best.geometry.render(best.frame, self._max_side)
        height, width = picture.shape[:2]
        _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return Candidate(best.time, self._shot, best.sharpness, _flat(best.small), jpeg.tobytes(), width, height)

    def choose(self, end: float, shots: int) -> list[Candidate]:
        """Return the keyframes in time order, given the end of the video in seconds and its final number of shots."""
        self._close(end, last=True)
        # The last shot may have been too short and merged into the one before.
        kept = without_duplicates([c for c in self._candidates if c.shot < shots])
        return thin(kept, self._most)


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a picture's brightness."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture as a flat thumbnail with values in [0, 1]."""
    return _flat(shrunk(picture))


def shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as a thumbnail of shape (`THUMBNAIL`, `THUMBNAIL`, 3)."""
    import cv2
    import numpy as np

    return np.asarray(cv2.resize(picture, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)


def _flat(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    import numpy as np

    flat: NDArray[np.float32] = small.reshape(-1).astype(np.float32) / np.float32(255)
    return flat


def _moved(small: NDArray[np.uint8], last: NDArray[np.uint8]) -> bool:
    """Return whether two thumbnails differ by more than a still picture does; integers make it cheap for each frame."""
    import cv2

    return cv2.norm(small, last, cv2.NORM_L1) > STILL * 255 * small.size


def difference(one: Candidate, other: Candidate) -> float:
    """Return the mean difference of two thumbnails, in [0, 1]."""
    return float(abs(one.thumbnail - other.thumbnail).mean())


def alike(one: Candidate, other: Candidate) -> bool:
    """Return whether two candidates are near-duplicates."""
    return _near(one.thumbnail, other.thumbnail)


def _near(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    from numpy.lib.stride_tricks import sliding_window_view

    far = abs(one - other).reshape(THUMBNAIL, THUMBNAIL, 3).mean(axis=2)
    windows = sliding_window_view(far, (THUMBNAIL // 4, THUMBNAIL // 4)).mean(axis=(2, 3))
    return bool(far.mean() < SAME and windows.max() < SAME_PART)


def without_duplicates(candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates without near-duplicates of an earlier one of the same shot."""
    kept: list[Candidate] = []
    for candidate in candidates:
        if not any(c.shot == candidate.shot and alike(c, candidate) for c in kept):
            kept.append(candidate)
    return kept


def thin(candidates: list[Candidate], most: int) -> list[Candidate]:
    """Return at most `most` candidates: of the two most similar ones the less sharp is dropped, repeatedly.

    No shot loses its last candidate unless there are more shots than `most`.
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
