"""Opening a video safely and decoding it into upright frames with times.

A post's video is untrusted. FFmpeg can follow playlists to other files and to the network, so it is given an open
regular file, may only use the container formats of a list, and is refused every further file it asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from io import BufferedReader
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from valex_local.errors import InputError
from valex_local.files.text import open_regular

if TYPE_CHECKING:
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,"
    "wav,mp3,aac,flac"
)  # fmt: skip
"""Container formats that are self-contained: none of them can refer to another file."""

THREADS = 4
"""Threads of a decoder. Fixed, because it determines after which packet a change of `skip_frame` takes effect."""

PACKETS_AHEAD = 24
"""Packets that are looked at before the first of them is decoded. No encoder moves a frame by half as many."""

LONGEST_GAP = 3600.0
"""Seconds. Two frames further apart than this have broken timestamps."""


@dataclass(frozen=True)
class Frame:
    """A frame as it is displayed.

    Attributes
    ----------
    time : float
        Presentation time in seconds from the start of the video.
    rgb : ndarray of uint8, shape (height, width, 3)
        The frame after rotation and pixel aspect.
    until : float
        When the next decoded frame replaces it, seconds.
    """

    time: float
    rgb: NDArray[np.uint8]
    until: float


# --- opening --------------------------------------------------------------------------------------------------------


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open a local video or audio file for decoding.

    Raises
    ------
    InputError
        The file cannot be read or is not in one of the formats of `CONTAINERS`.
    """
    with open_regular(path) as file:
        try:
            with _open(file, path) as container:
                yield container
        except OSError as error:
            raise InputError(f"the file cannot be read ({error.strerror or error})", path=path) from error


def _open(file: BufferedReader, path: Path) -> InputContainer:
    import av

    try:
        # Without its name, which relative references would start from.
        container: InputContainer = av.open(
            _UnnamedFile(file),
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
            buffer_size=1 << 18,
            io_open=_refuse,
        )
        return container
    except (av.FFmpegError, ValueError) as error:
        raise InputError(_why_unreadable(file), path=path, hint="Get the file again, or leave it out") from error


class _UnnamedFile:
    """The parts of a file that FFmpeg needs, without its name."""

    def __init__(self, file: BufferedReader) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError("a video may not open other files")


def _why_unreadable(file: BufferedReader) -> str:
    """Return a readable reason why a file could not be opened as a video."""
    file.seek(0)
    head = file.read(4096)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        return "the file is empty"
    if start.startswith((b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0")) or b"<MPD" in start:
        return "this is a playlist, not a video; it was not followed"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "this MP4 is incomplete or damaged: its index (moov) cannot be read"
    if b"\0" not in head:
        return "this is a text file, not a video"
    return "this is not a video that can be read"


def video_stream(container: InputContainer) -> VideoStream | None:
    """Return the first video track, if any; cover art does not count."""
    import av

    attached = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if not stream.disposition & attached and stream.codec_context is not None:
            return stream
    return None


def audio_streams(container: InputContainer) -> tuple[AudioStream, ...]:
    """Return the audio tracks that can be decoded, in the order in which a player would take them.

    Those marked as default come first; commentaries and descriptions for the blind come last.
    """
    from av.stream import Disposition

    besides = Disposition.comment | Disposition.visual_impaired
    known = [s for s in container.streams.audio if s.codec_context is not None]
    return tuple(
        sorted(known, key=lambda s: (bool(s.disposition & besides), not s.disposition & Disposition.default, s.index))
    )


def start_of(container: InputContainer) -> float:
    """Return the timestamp, in seconds, at which the container's tracks begin; it counts as time 0."""
    start = container.start_time
    return 0.0 if start is None else start / 1e6


# --- geometry -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """How a coded frame is displayed: scaled by the pixel aspect, then rotated and mirrored.

    `swap`, `flip_x` and `flip_y` come from the display matrix (ISO/IEC 14496-12, 6.2.2): x and y are swapped first,
    then the axes are flipped.
    """

    width: int
    height: int
    pixel_aspect: Fraction = Fraction(1)
    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, stream: VideoStream, frame: VideoFrame) -> Geometry:
        """Return the geometry of a track, given its first decoded frame."""
        aspect = stream.sample_aspect_ratio
        # Implausible aspects come from damaged headers.
        usable = aspect if aspect and Fraction(1, 16) <= aspect <= 16 else Fraction(1)
        return cls(frame.width, frame.height, usable, *_orientation(frame))

    @property
    def rotation(self) -> Literal[0, 90, 180, 270]:
        """Clockwise rotation of the coded frame, degrees."""
        if self.swap:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height of the displayed frame, pixels."""
        width, height = self._scaled(None)
        return (height, width) if self.swap else (width, height)

    def _scaled(self, max_side: int | None) -> tuple[int, int]:
        width, height = Fraction(self.width), Fraction(self.height)
        if self.pixel_aspect > 1:
            width *= self.pixel_aspect
        else:
            height /= self.pixel_aspect
        if max_side is not None:
            shrink = min(Fraction(1), max_side / max(width, height))
            width, height = width * shrink, height * shrink
        return max(1, round(width)), max(1, round(height))

    def render(self, frame: VideoFrame, max_side: int | None = None) -> NDArray[np.uint8]:
        """Return the frame as displayed, RGB of shape (height, width, 3), scaled down to fit `max_side`."""
        import numpy as np
        from av.video.reformatter import Interpolation

        width, height = self._scaled(max_side)
        exact = Interpolation.ACCURATE_RND | Interpolation.BITEXACT
        scaled = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA | exact, threads=1)
        picture = np.asarray(scaled.to_ndarray(), np.uint8)
        if self.swap:
            picture = picture.transpose(1, 0, 2)
        if self.flip_x:
            picture = picture[:, ::-1]
        if self.flip_y:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)


def _orientation(frame: VideoFrame) -> tuple[bool, bool, bool]:
    """Return swap, flip_x and flip_y from the display matrix, rounded to quarter turns."""
    import numpy as np

    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(memoryview(matrix), np.int32)[:5].tolist()
    swap = abs(b) + abs(c) > abs(a) + abs(d)
    return (True, c < 0, b < 0) if swap else (False, a < 0, d < 0)


# --- time -----------------------------------------------------------------------------------------------------------


def seconds(pts: int | None, time_base: Fraction | None) -> float | None:
    """Return a timestamp in seconds, or None if it or its time base is missing."""
    # The quotient of integers is rounded once, as that of fractions is, and takes a tenth of the time.
    return None if pts is None or time_base is None else pts * time_base.numerator / time_base.denominator


@dataclass
class Clock:
    """Presentation times that always increase.

    Missing, repeated and implausible timestamps are replaced by the one before plus `step`; `broken` counts them. If
    `trusted` is false, all timestamps are replaced.
    """

    zero: float
    step: float
    trusted: bool = True
    last: float | None = None
    broken: int = 0

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> Clock:
        """Return the clock of a track."""
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        length = seconds(stream.duration, stream.time_base)
        if length and length > 0 and stream.frames > 1:
            promised = stream.frames / length
            if not 0.25 < rate / promised < 4:
                # A damaged table of durations: the demuxer's times do not match the track's length.
                return cls(start_of(container), 1 / promised, trusted=False)
        return cls(start_of(container), 1 / rate if 0.1 <= rate <= 1000 else 0.04)

    def advance(self, stamp: float | None) -> float:
        """Return the time of the next frame in seconds from the start of the video, given its timestamp in seconds."""
        time = None if stamp is None or not self.trusted else stamp - self.zero
        if self.last is None:
            fine = time is not None and time < LONGEST_GAP
            now = max(0.0, time) if time is not None and fine else 0.0
        else:
            fine = time is not None and self.last < time < self.last + LONGEST_GAP
            now = time if time is not None and fine else self.last + self.step
        self.broken += not fine
        self.last = now
        return now


# --- decoding -------------------------------------------------------------------------------------------------------


@dataclass
class FrameDecoder:
    """Decodes a video track, skipping frames that no other frame depends on if the rest is dense enough.

    A few packets are looked at before they are decoded: where frames are far apart, as in a slideshow, each may be the
    only one that shows a picture, and none is skipped from there on.

    Attributes
    ----------
    max_gap : float or None
        Longest time between decoded frames that is dense enough, seconds; None decodes every frame.
    damaged : int
        Number of packets that could not be decoded.
    """

    container: InputContainer
    stream: VideoStream
    max_gap: float | None
    damaged: int = 0
    clock: Clock = field(init=False)
    geometry: Geometry | None = field(init=False, default=None)
    _ahead: deque[tuple[Packet[VideoStream], float | None]] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self.clock = Clock.of(self.container, self.stream)
        codec = self.stream.codec_context
        codec.thread_type = "AUTO"
        codec.thread_count = THREADS
        # Without timestamps every frame must be counted.
        if self.max_gap is not None and self.clock.trusted:
            codec.skip_frame = "NONREF"
        else:
            self.max_gap = None

    def decode(self, packet: Packet[VideoStream] | None) -> Iterator[tuple[float, VideoFrame]]:
        """Yield the frames that can be decoded after a further packet, with their times; None flushes the decoder."""
        if packet is not None:
            stamp = packet.pts if packet.pts is not None else packet.dts
            self._ahead.append((packet, seconds(stamp, self.stream.time_base)))
        if self.max_gap is not None and (packet is None or len(self._ahead) >= PACKETS_AHEAD):
            self._skip_none_if_sparse(self.max_gap, last=packet is None)
        waiting = 0 if packet is None or self.max_gap is None else PACKETS_AHEAD - 1
        while len(self._ahead) > waiting:
            yield from self._decode(self._ahead.popleft()[0])
        if packet is None:
            yield from self._decode(None)

    def _skip_none_if_sparse(self, max_gap: float, *, last: bool) -> None:
        """Decode every frame from now on if one of the next is shown for longer than `max_gap`."""
        known = sorted(stamp for _, stamp in self._ahead if stamp is not None)
        # Frames that are shown between the later ones may follow yet.
        settled = known if last else known[: PACKETS_AHEAD // 2 + 1]
        if any(after - before > max_gap for before, after in pairwise(settled)):
            self._skip_none()

    def _skip_none(self) -> None:
        self.stream.codec_context.skip_frame = "DEFAULT"
        self.max_gap = None

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[tuple[float, VideoFrame]]:
        import av

        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            return
        for frame in frames:
            if self.geometry is None or (frame.width, frame.height) != (self.geometry.width, self.geometry.height):
                self.geometry = Geometry.of(self.stream, frame)
            before = self.clock.last
            now = self.clock.advance(seconds(frame.pts if frame.pts is not None else frame.dts, self.stream.time_base))
            if self.max_gap is not None and before is not None and now - before > self.max_gap:
                # Some encoders mark nearly all frames as not needed by others; skipping them would leave gaps.
                self._skip_none()
            yield now, frame


def packets(container: InputContainer, *streams: VideoStream | AudioStream) -> Iterator[Packet[Any]]:
    """Yield the packets of some tracks in file order; a truncated file just ends."""
    import av

    with suppress(av.FFmpegError):
        for packet in container.demux(*streams):
            if packet.size:
                yield packet


def iter_frames(path: Path, *, fps: float | None, max_side: int | None = None) -> Iterator[Frame]:
    """Yield the frames of a video in display order, in one pass and with bounded memory.

    Parameters
    ----------
    path : Path
        A local video file.
    fps : float or None
        Frames per second: the first frame at or after each tick, and every frame that is shown for longer than a tick.
        None yields every frame.
    max_side : int, optional
        Longest side in pixels; larger frames are scaled down to it.

    Yields
    ------
    Frame
        Upright frames with presentation times. No frames if the file has no video track; fewer if it is truncated.

    Raises
    ------
    InputError
        The file cannot be opened as a video.
    """
    with open_video(path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        decoder = FrameDecoder(container, stream, None if fps is None else 1 / fps)
        due = 0.0
        for time, until, frame in _with_ends(decoder, packets(container, stream)):
            if decoder.geometry is None:
                continue
            if fps is not None:
                if time < due - 1e-6 and until - time <= 1 / fps:
                    continue
                due = (int(time * fps + 1e-6) + 1) / fps
            yield Frame(time, decoder.geometry.render(frame, max_side), until)


def _with_ends(
    decoder: FrameDecoder, source: Iterable[Packet[VideoStream]]
) -> Iterator[tuple[float, float, VideoFrame]]:
    """Yield the decoded frames with the times at which each appears and is replaced by the next one."""
    before: tuple[float, VideoFrame] | None = None
    for packet in chain(source, [None]):
        for time, frame in decoder.decode(packet):
            if before is not None:
                yield before[0], time, before[1]
            before = time, frame
    if before is not None:
        time, frame = before
        length = seconds(frame.duration or None, frame.time_base) or decoder.clock.step
        yield time, time + length, frame
