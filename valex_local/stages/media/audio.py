"""The audio of a post: 16 kHz mono, stored as FLAC whose first sample is the start of the video."""

from __future__ import annotations

import hashlib
from io import BytesIO
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError
from valex_local.stages.media.decode import open_video

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16000
AUDIO_FILE = "audio.flac"
SILENCE_DB = -120.0
"""Level of digital silence, dB relative to full scale."""
_BLOCK = 1 << 18
"""Samples that are measured at once."""


def load_audio(path: Path) -> NDArray[np.float32]:
    """Return the audio of a post.

    Parameters
    ----------
    path : Path
        The FLAC file that the media stage wrote.

    Returns
    -------
    ndarray of float32, shape (n,)
        Samples in [-1, 1) at 16 kHz; sample n is n / 16000 seconds from the start of the video.

    Raises
    ------
    InputError
        The file is missing or is not such a FLAC file.
    """
    import av
    import numpy as np

    with open_video(path) as container:
        try:
            pieces = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        except (av.FFmpegError, IndexError) as error:
            raise InputError("this audio file cannot be read", path=path, hint="Run the media stage again") from error
        stream = container.streams.audio[0]
        if stream.rate != SAMPLE_RATE or stream.channels != 1 or any(p.dtype != np.int16 for p in pieces):
            raise InputError("this is not the 16 kHz mono audio of a post", path=path, hint="Run the media stage again")
    samples = np.empty(sum(map(len, pieces)), np.float32)
    at = len(samples)
    while pieces:  # from the end, so that each is freed as soon as it is copied
        piece = pieces.pop()
        np.divide(piece, 32768, out=samples[at - len(piece) : at], dtype=np.float32)
        at -= len(piece)
    return samples


def encode_flac(samples: NDArray[np.int16]) -> bytes:
    """Return 16 kHz mono samples, shape (n,), as a FLAC file; equal samples give equal bytes."""
    writer = FlacWriter()
    writer.write(samples)
    return writer.finish()


class FlacWriter:
    """Writes 16 kHz mono samples to a FLAC file in memory as they come, so that only the compressed file is held.

    Attributes
    ----------
    count : int
        Number of samples so far.
    """

    def __init__(self) -> None:
        import av
        import numpy as np
        from av.container import Flags

        self.count = 0
        self._power = self._peak = 0
        self._sum = hashlib.sha256()
        self._waiting = np.zeros(0, np.int16)
        self._out = BytesIO()
        self._container = av.open(self._out, "w", format="flac")
        self._container.flags |= Flags.bitexact.value
        self._stream = self._container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        self._stream.codec_context.format = "s16"
        self._stream.codec_context.open()

    @property
    def levels(self) -> tuple[float, float]:
        """RMS and peak so far, in dB relative to full scale, at least -120."""
        return _db((self._power / max(1, self.count)) ** 0.5), _db(self._peak)

    @property
    def sha256(self) -> str:
        """Checksum of the samples so far."""
        return self._sum.hexdigest()

    def write(self, samples: NDArray[np.int16]) -> None:
        """Append samples, shape (n,)."""
        import numpy as np

        size = self._stream.codec_context.frame_size
        for start in range(0, len(samples), _BLOCK):
            block = np.ascontiguousarray(samples[start : start + _BLOCK], np.int16)
            self._measure(block)
            waiting = np.concatenate([self._waiting, block])
            whole = len(waiting) // size * size
            for at in range(0, whole, size):
                self._encode(waiting[at : at + size], self.count - len(self._waiting) + at)
            self._waiting, self.count = waiting[whole:], self.count + len(block)

    def silence(self, samples: int) -> None:
        """Append digital silence, in pieces: however long it is, it takes no memory."""
        import numpy as np

        for start in range(0, samples, _BLOCK):
            self.write(np.zeros(min(_BLOCK, samples - start), np.int16))

    def _measure(self, block: NDArray[np.int16]) -> None:
        import numpy as np

        wide = block.astype(np.int64)
        # Integers, so that the order of summation does not matter.
        self._power += int(wide @ wide)
        self._peak = max(self._peak, int(np.abs(wide).max(initial=0)))
        self._sum.update(block.astype("<i2").tobytes())

    def _encode(self, samples: NDArray[np.int16], at: int) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = at
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """Return the whole file."""
        if len(self._waiting):
            self._encode(self._waiting, self.count - len(self._waiting))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._out.getvalue()


def level_db(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Return RMS and peak of 16-bit samples in dB relative to full scale, at least -120."""
    writer = FlacWriter()
    writer.write(samples)
    return writer.levels


def _db(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * log10(amplitude / 32768)) if amplitude > 0 else SILENCE_DB
