"""The sound of a video as its packets are read: which track, which channel, and when each sample is heard.

A sample is placed by its presentation time: gaps are filled with silence, overlaps are taken out, and what does not fit
is counted, so that a notice can say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from valex_local.records import AudioTrack, Notice
from valex_local.stages.media.audio import AUDIO_FILE, SAMPLE_RATE, FlacWriter
from valex_local.stages.media.budget import SAMPLE_RATES, Budget
from valex_local.stages.media.decode import audio_streams, seconds, start_of

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from numpy.typing import NDArray

GAP = 0.1
"""Seconds between where a sample is and where its timestamp puts it that are more than jitter."""
SURE = 2.0
"""Seconds. A longer overlap is a clock that began again: the sound goes on after what was there. A single frame behind
a longer gap, at the end, is not believed."""
LONGEST_GAP = 3600.0
"""Seconds. A longer gap is taken for a broken timestamp and is not filled."""

SILENT_DB = -60.0
"""RMS below which a track counts as silent, dB relative to full scale."""
MOST_TRACKS = 8
"""Sound tracks that are listened to."""
WINDOW = SAMPLE_RATE
"""Samples over which channels are compared."""


class Mixer:
    """Mixes two channels into one, but where they cancel each other out takes the louder one.

    With m and s the half sum and half difference of the channels, unrelated channels have equal power in both, and a
    voice in the middle has only m. Where s has twice the power of m the channels are of opposite phase.

    Attributes
    ----------
    cancelled : int
        Number of samples for which the louder channel was taken.
    """

    def __init__(self) -> None:
        self.cancelled = 0
        self._waiting: list[NDArray[np.int16]] = []
        self._length = 0

    def add(self, samples: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
        """Take samples, shape (n, 1) or (n, 2), and yield the mixed windows, shape (n,), that they complete."""
        if self._waiting and samples.shape[1] != self._waiting[0].shape[1]:
            yield from self.flush()
        self._waiting.append(samples)
        self._length += len(samples)
        if self._length >= WINDOW:
            yield from self.flush()

    def flush(self) -> Iterator[NDArray[np.int16]]:
        """Yield what is left."""
        import numpy as np

        if self._waiting:
            samples = np.concatenate(self._waiting)
            self._waiting, self._length = [], 0
            for start in range(0, len(samples), WINDOW):
                yield self._mixed(samples[start : start + WINDOW])

    def _mixed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        import numpy as np

        if samples.shape[1] == 1:
            return samples[:, 0]
        wide = samples.astype(np.int64)
        middle, side = wide.sum(1) // 2, (wide[:, 0] - wide[:, 1]) // 2
        if side @ side > 2 * (middle @ middle):
            self.cancelled += len(samples)
            louder = int(wide[:, 1] @ wide[:, 1] > wide[:, 0] @ wide[:, 0])
            return np.ascontiguousarray(samples[:, louder])
        return np.asarray(middle, np.int16)


@dataclass
class AudioCollector:
    """Collects an audio track as 16 kHz mono while its packets are read.

    Attributes
    ----------
    zero : float
        Timestamp of the start of the video, in seconds.
    budget : Budget
        How long the sound may be.
    damaged : int
        Number of packets that could not be decoded.
    broken : int
        Number of implausible timestamps.
    off : float
        Seconds by which sound may be at the wrong time because of them.
    overlap : float
        Seconds of sound that were taken out, since other sound was already there.
    """

    stream: AudioStream
    zero: float
    budget: Budget
    damaged: int = 0
    broken: int = 0
    off: float = 0.0
    overlap: float = 0.0
    writer: FlacWriter = field(default_factory=FlacWriter, repr=False)
    mixer: Mixer = field(default_factory=Mixer, repr=False)
    _resampler: AudioResampler | None = field(default=None, repr=False)
    _shape: tuple[object, ...] = field(default=(), repr=False)
    _duration: float = field(default=0.0, repr=False)
    _count: int = field(default=0, repr=False)
    _skip: int = field(default=0, repr=False)
    _held: AudioFrame | None = field(default=None, repr=False)

    def decode(self, packet: Packet[AudioStream] | None) -> None:
        """Decode a packet; None flushes the decoder.

        Raises
        ------
        InputError
            The sound is longer than a file of this size can be.
        """
        import av

        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            if frame.sample_rate not in SAMPLE_RATES or not frame.layout.nb_channels:
                self.damaged += 1
            elif frame.samples:
                self._take(frame)

    def _take(self, frame: AudioFrame) -> None:
        """Add a frame; one after a gap is held back until the next frame shows whether its time is true."""
        held, self._held = self._held, None
        if held is not None:
            further = self._gap(frame, held)
            self._add(held, trusted=further is None or further > -GAP)
        gap = self._gap(frame)
        if gap is not None and GAP < gap <= LONGEST_GAP:
            self._held = frame
        else:
            self._add(frame, trusted=gap is None or -SURE <= gap <= GAP)

    def _gap(self, frame: AudioFrame, since: AudioFrame | None = None) -> float | None:
        """Return the seconds from the end of what was added, or from another frame's time, to the time of a frame."""
        stamp = seconds(frame.pts, self.stream.time_base)
        if stamp is None:
            return None
        begin = None if since is None else seconds(since.pts, self.stream.time_base)
        return stamp - (self.zero + self._duration if begin is None else begin)

    def _add(self, frame: AudioFrame, *, trusted: bool) -> None:
        """Add a frame at its time, or, if that is not trusted, after what was added."""
        from av import AudioResampler

        gap = self._gap(frame) or 0.0
        if not trusted:
            self.broken += 1
            self.off = max(self.off, abs(gap))
            gap = 0.0
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        length = frame.samples / frame.sample_rate
        self.budget.check_seconds(self._duration + max(0.0, gap) + length)
        if shape != self._shape or gap > GAP:
            self._flush()
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler, self._shape = AudioResampler("s16", layout, SAMPLE_RATE), shape
        if gap > GAP:
            self._silence(gap)
        elif gap < -GAP:
            self._skip += round(-gap * SAMPLE_RATE)
            self._duration += gap
            self.overlap -= gap
        self._duration += length
        self._resample(frame)

    def _silence(self, gap: float) -> None:
        self._duration += gap
        missing = max(0, round(self._duration * SAMPLE_RATE) - self._count)
        for window in self.mixer.flush():
            self.writer.write(window)
        self.writer.silence(missing)
        self._count, self._skip = self._count + missing, 0

    def _resample(self, frame: AudioFrame | None) -> None:
        import av
        import numpy as np

        if self._resampler is None:
            return
        try:
            outs = self._resampler.resample(frame)
        except (av.FFmpegError, ValueError):
            self.damaged += 1
            return
        for out in outs:
            samples = np.asarray(out.to_ndarray(), np.int16).reshape(-1, out.layout.nb_channels)
            skipped, self._skip = min(self._skip, len(samples)), max(0, self._skip - len(samples))
            self._count += len(samples) - skipped
            for window in self.mixer.add(samples[skipped:]):
                self.writer.write(window)

    def _flush(self) -> None:
        self._resample(None)
        self._resampler = None

    def finish(self) -> None:
        """Flush the decoder and all that is held back."""
        self.decode(None)
        held, self._held = self._held, None
        if held is not None:
            self._add(held, trusted=(self._gap(held) or 0.0) <= SURE)
        self._flush()
        for window in self.mixer.flush():
            self.writer.write(window)

    def result(self) -> tuple[AudioTrack, bytes]:
        """Return the record of the track and its FLAC file."""
        rms, peak = self.writer.levels
        codec = self.stream.codec_context
        record = AudioTrack(
            codec=codec.name,
            sample_rate=codec.sample_rate,
            channels=codec.channels,
            duration=self.writer.count / SAMPLE_RATE,
            rms_db=rms,
            peak_db=peak,
            file=AUDIO_FILE,
            sha256=self.writer.sha256,
        )
        return record, self.writer.finish()

    def notices(self) -> Iterator[Notice]:
        """Yield what may be wrong with the sound."""
        if self.broken:
            yield Notice(
                code="timestamps",
                text=f"{self.broken} timestamps of the sound were wrong; its times may be off by {_length(self.off)}",
            )
        if self.overlap >= GAP:
            text = f"{self.overlap:.1f} s of sound were left out, since other sound has the same times"
            yield Notice(code="sound-overlap", text=text)
        cancelled = self.mixer.cancelled / SAMPLE_RATE
        if cancelled >= GAP:
            text = f"the channels cancel each other out for {cancelled:.1f} s; only the louder one was used there"
            yield Notice(code="sound-channels", text=text)


def _length(seconds: float) -> str:
    return f"up to {seconds:.1f} s" if seconds < LONGEST_GAP else "an unknown amount"


class Sound:
    """Listens to every sound track of a video, and takes the preferred one unless it is silent.

    Parameters
    ----------
    container : InputContainer
        The open video.
    budget : Budget
        How long the sound may be.

    Attributes
    ----------
    streams : tuple of AudioStream
        The tracks to demux.
    """

    def __init__(self, container: InputContainer, budget: Budget) -> None:
        self._all = audio_streams(container)
        self.streams: Sequence[AudioStream] = self._all[:MOST_TRACKS]
        zero = start_of(container)
        self._collectors = {s.index: AudioCollector(s, zero, budget) for s in self.streams}
        self.chosen: AudioCollector | None = None
        self.audio: tuple[AudioTrack, bytes] | None = None

    def decode(self, packet: Packet[AudioStream]) -> None:
        """Decode a packet of one of the tracks.

        Raises
        ------
        InputError
            The sound is longer than a file of this size can be.
        """
        self._collectors[packet.stream_index].decode(packet)

    def finish(self) -> None:
        """Choose the track: `audio` is then its record and FLAC file, None when nothing could be decoded."""
        for collector in self._collectors.values():
            collector.finish()
        tracks = list(self._collectors.values())
        audible = [c for c in tracks if c.writer.count and c.writer.levels[0] > SILENT_DB]
        decoded = [c for c in tracks if c.writer.count]
        self.chosen = next(iter(audible or decoded or tracks), None)
        if self.chosen is not None and decoded:
            self.audio = self.chosen.result()

    @property
    def damaged(self) -> int:
        """Number of packets of the chosen track that could not be decoded."""
        return self.chosen.damaged if self.chosen else 0

    def notices(self) -> Iterator[Notice]:
        """Yield what may be wrong with the sound, and which of several tracks was used and why."""
        if self.chosen is None:
            return
        if len(self._all) > 1:
            yield Notice(code="sound-tracks", text=self._choice(self.chosen))
        yield from self.chosen.notices()
        if self.audio is None:
            yield Notice(code="no-sound", text="nothing of the audio track can be decoded")

    def _choice(self, chosen: AudioCollector) -> str:
        place = sorted(s.index for s in self._all).index(chosen.stream.index) + 1
        first = self._all[0]
        if chosen.stream.index != first.index:
            why = "since the one that players take is silent"
        elif marked(first) and not all(map(marked, self._all)):
            why = "the one marked as default"
        else:
            why = "the first"
        return f"the file has {len(self._all)} sound tracks; number {place} was used, {why}"


def marked(stream: AudioStream) -> bool:
    """Whether a track is marked as the one to play by default."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.default)
