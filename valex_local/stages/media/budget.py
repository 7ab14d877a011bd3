"""How much time and memory one post may take, from what its file plausibly is.

A few bytes can claim any length and size. So a post is refused, with one line, before it takes more than a real video
of its size would; see docs/input.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from valex_local.errors import InputError

LONGEST = 3 * 3600.0
"""Seconds of the longest post: well over the longest uploads (60 minutes on TikTok). Speech holds 0.7 GB of it."""

FREE_SECONDS = 600.0
MIN_BYTES_PER_SECOND = 125
"""A file may last `FREE_SECONDS`, and a second more for each of these: 1 kbit/s, a tenth of the least that codecs of
speech take. Less is hardly ever a recording, but timestamps set far apart."""

MAX_PIXELS = 40_000_000
"""Pixels of a frame, over those of 8K (33 million). A decoder holds up to 20 frames of 1.5 bytes a pixel."""

FREE_PIXELS = 10_000_000_000
PIXELS_PER_BYTE = 30_000
"""A file may have `FREE_PIXELS` in all its decoded frames (80 minutes of a phone's 576 x 1024 at 3 frames a second, or
some 30 CPU seconds), and this many more for each byte. A still picture in 1080p takes 60 bytes a frame."""

SAMPLE_RATES = range(1000, 768_001)
"""Samples per second of a sound that is decoded, telephones to studios; others come from damaged headers."""

_HINT = "Leave it out, or cut or re-encode it"


@dataclass
class Budget:
    """What one post may take.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    size : int
        Its bytes.
    """

    path: Path
    size: int
    _pixels: int = field(default=0, init=False)

    @property
    def seconds(self) -> float:
        """Seconds that a file of this size can plausibly last."""
        return min(LONGEST, FREE_SECONDS + self.size / MIN_BYTES_PER_SECOND)

    def check_seconds(self, seconds: float) -> None:
        """Refuse a post that lasts longer.

        Raises
        ------
        InputError
            `seconds` are more than a file of this size can last.
        """
        if seconds > self.seconds:
            minutes = f"{self.seconds / 60:.0f} minutes"
            why = "" if self.seconds == LONGEST else f", too long for a file of {self.size / 1000:.0f} kB"
            raise InputError(f"its sound is longer than {minutes}{why}", path=self.path, hint=_HINT)

    def check_frame(self, width: int, height: int) -> None:
        """Refuse frames that are too large, from the head of the track, before they are decoded.

        Raises
        ------
        InputError
            They have more than `MAX_PIXELS`.
        """
        if width * height > MAX_PIXELS:
            raise InputError(f"its frames are too large ({width} x {height} pixels)", path=self.path, hint=_HINT)

    def spend_frame(self, width: int, height: int) -> None:
        """Count a decoded frame.

        Raises
        ------
        InputError
            The frames have more pixels in all than a file of this size plausibly has.
        """
        self.check_frame(width, height)
        self._pixels += width * height
        if self._pixels > FREE_PIXELS + PIXELS_PER_BYTE * self.size:
            what = f"{self._pixels / 1e9:.0f} billion pixels in {self.size / 1000:.0f} kB"
            raise InputError(f"its video is longer than plausible ({what})", path=self.path, hint=_HINT)
