"""The audio of a post: 16 kHz mono, stored as FLAC whose first sample is the start of the video."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError
from valex_local.records import AudioTrack
from valex_local.stages.media.decode import open_video, seconds

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from numpy.typing import NDArray

SAMPLE_RATE = 16000
AUDIO_FILE = "audio.flac"
SILENCE_DB = -120.0
"""Level of digital silence, dB relative to full scale."""

GAP = 0.1
"""Seconds without audio that are more than timestamp jitter; they are filled with silence."""
LONGEST_GAP = 60.0
"""Seconds. A longer gap is taken for a broken timestamp and is not filled."""


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
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    return np.divide(samples, 32768, dtype=np.float32)


def encode_flac(samples: NDArray[np.int16]) -> bytes:
    """Return 16 kHz mono samples, shape (n,), as a FLAC file; equal samples give equal bytes."""
    import av
    from av.container import Flags

    out = BytesIO()
    with av.open(out, "w", format="flac") as container:
        container.flags |= Flags.bitexact.value
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        stream.codec_context.format = "s16"
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        for start in range(0, len(samples), size):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + size], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def level_db(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Return RMS and peak of 16-bit samples in dB relative to full scale, at least -120."""
    import numpy as np

    if not len(samples):
        return SILENCE_DB, SILENCE_DB
    wide = samples.astype(np.int64)
    # Integers up to here, so that the order of summation does not matter.
    power, peak = int(wide @ wide) / len(wide), int(np.abs(wide).max())
    return _db(power**0.5), _db(peak)


def _db(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * log10(amplitude / 32768)) if amplitude > 0 else SILENCE_DB


@dataclass
class AudioCollector:
    """Collects an audio track as 16 kHz mono while its packets are read.

    Attributes
    ----------
    zero : float
        Timestamp of the start of the video, in seconds.
    damaged : int
        Number of packets that could not be decoded.
    broken : int
        Number of implausible timestamps.
    """

    stream: AudioStream
    zero: float
    damaged: int = 0
    broken: int = 0
    _pieces: list[NDArray[np.int16]] = field(default_factory=list, repr=False)
    _resampler: AudioResampler | None = field(default=None, repr=False)
    _shape: tuple[object, ...] = field(default=(), repr=False)
    _duration: float = field(default=0.0, repr=False)

    def decode(self, packet: Packet[AudioStream] | None) -> None:
        """Decode a packet; None flushes the decoder."""
        import av

        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            self._add(frame)

    def _add(self, frame: AudioFrame) -> None:
        from av import AudioResampler

        if not frame.samples or not frame.sample_rate:
            return
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        stamp = seconds(frame.pts, self.stream.time_base)
        gap = 0.0 if stamp is None else stamp - self.zero - self._duration
        if shape != self._shape or gap > GAP:
            self._flush()
            self._resampler, self._shape = AudioResampler("s16", "mono", SAMPLE_RATE), shape
        if GAP < gap <= LONGEST_GAP:
            self._silence(gap)
        self.broken += abs(gap) > LONGEST_GAP
        self._duration += frame.samples / frame.sample_rate
        self._resample(frame)

    def _silence(self, gap: float) -> None:
        import numpy as np

        self._duration += gap
        missing = round(self._duration * SAMPLE_RATE) - sum(map(len, self._pieces))
        self._pieces.append(np.zeros(max(0, missing), np.int16))

    def _resample(self, frame: AudioFrame | None) -> None:
        import numpy as np

        if self._resampler is not None:
            outs = self._resampler.resample(frame)
            self._pieces += [np.asarray(out.to_ndarray(), np.int16).reshape(-1) for out in outs]

    def _flush(self) -> None:
        self._resample(None)
        self._resampler = None

    def finish(self) -> tuple[AudioTrack, bytes] | None:
        """Return the record of the track and its FLAC file; None when nothing could be decoded."""
        import numpy as np

        self.decode(None)
        self._flush()
        samples = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        if not len(samples):
            return None
        rms, peak = level_db(samples)
        codec = self.stream.codec_context
        record = AudioTrack(
            codec=codec.name,
            sample_rate=codec.sample_rate,
            channels=codec.channels,
            duration=len(samples) / SAMPLE_RATE,
            rms_db=rms,
            peak_db=peak,
            file=AUDIO_FILE,
            sha256=hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest(),
        )
        return record, encode_flac(samples)
