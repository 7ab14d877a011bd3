"""The media stage: one pass over a video gives its facts, sound, shots and keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from valex_local.errors import InputError
from valex_local.records import AudioTrack, Keyframe, Media, Notice, Shot, VideoTrack
from valex_local.settings import MediaSettings
from valex_local.stages.base import Output
from valex_local.stages.media.audio import AUDIO_FILE, SoundCollector
from valex_local.stages.media.decode import (
    PictureDecoder,
    audio_stream,
    open_video,
    packets,
    seconds,
    start_of,
    video_stream,
)
from valex_local.stages.media.keyframes import Candidate, KeyframeChooser
from valex_local.stages.media.shots import ShotFinder

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from valex_local.errors import ValexError
    from valex_local.stages.base import Context, Item

ANALYSIS_SIDE = 256
"""Longest side, in pixels, of the pictures in which cuts and sharpness are looked for."""
MAX_GAP = 0.1
"""Seconds between decoded pictures up to which cuts are found well enough."""
TRUNCATED = 0.05
"""Share of the promised duration, and at least a second, whose absence means that the file breaks off."""


class MediaStage:
    """Probe, sound, shots and keyframes. There is no model: all the work is done in `prepare`."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.media

    def prepare(self, item: Item) -> Output:
        """Decode the video of a post.

        Raises
        ------
        InputError
            The file cannot be read, or nothing of it can be decoded.
        """
        if item.post.video is None:
            return Output(Media(skipped="the post has no video file"))
        return read_media(Path(item.post.video.path), self._settings)

    def __call__(self, batch: Sequence[Output]) -> Sequence[Output | ValexError]:
        """Hand the outputs through."""
        return list(batch)

    def close(self) -> None:
        """Nothing to free."""


def read_media(path: Path, settings: MediaSettings) -> Output:
    """Read all there is to know of a video file in one pass.

    Parameters
    ----------
    path : Path
        A local video or sound file.
    settings : MediaSettings
        How shots and keyframes are found.

    Returns
    -------
    Output
        The record, and ``audio.flac`` and ``keyframes/K<n>.jpg``.

    Raises
    ------
    InputError
        The file cannot be read, or nothing of it can be decoded.
    """
    with open_video(path) as container:
        picture, sound = video_stream(container), audio_stream(container)
        sight = None if picture is None else Sight(container, picture, settings)
        hearing = None if sound is None else SoundCollector(sound, start_of(container))
        for packet in packets(container, *(s for s in (picture, sound) if s is not None)):
            if sight is not None and packet.stream_index == sight.stream.index:
                sight.decode(packet)
            elif hearing is not None:
                hearing.decode(packet)
        heard = None if hearing is None else hearing.finish()
        seen = None if sight is None else sight.finish()
        if heard is None and seen is None:
            raise InputError(
                "there is neither a picture nor a sound in it that can be decoded",
                path=path,
                hint="Get the file again, or leave it out",
            )
        return _output(container, seen, heard, _notices(container, sight, seen, hearing, heard))


@dataclass(frozen=True)
class VideoFacts:
    """What the picture track holds. `end` is in seconds."""

    track: VideoTrack
    end: float
    shots: list[tuple[float, float]]
    keyframes: list[Candidate]


class Sight:
    """Looks at the picture track while its packets come by; with `max_gap` None, at every picture of it."""

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        settings: MediaSettings,
        max_gap: float | None = MAX_GAP,
    ) -> None:
        self.stream = stream
        self.decoder = PictureDecoder(container, stream, max_gap)
        self._shots = ShotFinder(settings.shot_threshold, settings.min_shot_seconds)
        self._keyframes = KeyframeChooser(
            settings.keyframe_every_seconds, settings.max_keyframes, settings.keyframe_max_side
        )
        self._size: tuple[int, int] | None = None
        self._stamps: list[float] = []
        self._end = 0.0

    def decode(self, packet: Packet[VideoStream] | None) -> None:
        """Take a packet; None takes the pictures that the decoder still holds."""
        if packet is not None:
            self._note(packet)
        for time, frame in self.decoder.decode(packet):
            geometry = self.decoder.geometry
            if geometry is None:
                continue
            small = geometry.render(frame, ANALYSIS_SIDE)
            cut = self._shots.see(time, _fitted(small, self._size))
            self._size = self._size or (small.shape[1], small.shape[0])
            self._keyframes.see(time, small, frame, geometry, cut=cut)

    def _note(self, packet: Packet[VideoStream]) -> None:
        """Keep when a packet is shown: pictures that are not decoded count for duration and rate all the same."""
        stamp = seconds(packet.pts if packet.pts is not None else packet.dts, packet.time_base)
        if stamp is not None:
            stamp -= self.decoder.clock.zero
            self._stamps.append(stamp)
            self._end = max(self._end, stamp + (seconds(packet.duration, packet.time_base) or 0.0))

    def finish(self) -> VideoFacts | None:
        """Return what was seen; None when no picture could be decoded."""
        self.decode(None)
        clock, geometry = self.decoder.clock, self.decoder.geometry
        if geometry is None or clock.last is None:
            return None
        # Without timestamps to trust, only what was decoded counts.
        end = clock.last + clock.step if clock.broken or self._end <= clock.last else self._end
        rate, variable = _rate(self._stamps) if not clock.broken else (1 / clock.step, False)
        width, height = geometry.displayed
        track = VideoTrack(
            codec=self.stream.codec_context.name,
            width=width,
            height=height,
            rotation=geometry.rotation,
            pixel_aspect=round(float(geometry.pixel_aspect), 4),
            frame_rate=rate or 1 / clock.step,
            variable_frame_rate=variable,
        )
        shots = self._shots.spans(end)
        return VideoFacts(track, end, shots, self._keyframes.choose(end, len(shots)))


def _fitted(picture: Any, size: tuple[int, int] | None) -> Any:
    """Return a picture in the size of the first one: streams may change theirs on the way."""
    if size is None or size == (picture.shape[1], picture.shape[0]):
        return picture
    import cv2

    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _rate(stamps: Sequence[float]) -> tuple[float, bool]:
    """Return the mean number of pictures per second (0 if it cannot be told), and whether their distance varies."""
    ordered = sorted(stamps)
    gaps = [b - a for a, b in pairwise(ordered)]
    if not gaps or ordered[-1] <= ordered[0]:
        return 0.0, False
    usual = median(gaps)
    odd = sum(abs(gap - usual) > max(0.25 * usual, 0.002) for gap in gaps)
    return len(gaps) / (ordered[-1] - ordered[0]), odd > 0.01 * len(gaps)


def _output(
    container: InputContainer,
    seen: VideoFacts | None,
    heard: tuple[AudioTrack, bytes] | None,
    notices: tuple[Notice, ...],
) -> Output:
    files = {} if heard is None else {AUDIO_FILE: heard[1]}
    keyframes = []
    for number, chosen in enumerate(seen.keyframes if seen else (), 1):
        name = f"keyframes/K{number}.jpg"
        files[name] = chosen.jpeg
        keyframes.append(
            Keyframe(
                id=f"K{number}",
                time=chosen.time,
                shot=chosen.shot,
                file=name,
                width=chosen.width,
                height=chosen.height,
            )
        )
    record = Media(
        container=container.format.name,
        duration=max(seen.end if seen else 0.0, heard[0].duration if heard else 0.0),
        video=seen.track if seen else None,
        audio=heard[0] if heard else None,
        shots=tuple(Shot(start=start, end=end) for start, end in seen.shots) if seen else (),
        keyframes=tuple(keyframes),
        notices=notices,
    )
    return Output(record, files)


def _notices(
    container: InputContainer,
    sight: Sight | None,
    seen: VideoFacts | None,
    hearing: SoundCollector | None,
    heard: tuple[AudioTrack, bytes] | None,
) -> tuple[Notice, ...]:
    """Say what a reader of the record must know."""
    notices = []
    promised = (container.duration or 0) / 1e6
    got = max(seen.end if seen else 0.0, heard[0].duration if heard else 0.0)
    if promised - got > max(1.0, TRUNCATED * promised):
        notices.append(Notice(code="truncated", text=f"the file breaks off after {got:.1f} of {promised:.1f} s"))
    damaged = (sight.decoder.damaged if sight else 0) + (hearing.damaged if hearing else 0)
    if damaged:
        notices.append(Notice(code="damaged", text=f"{damaged} packets could not be decoded"))
    broken = (sight.decoder.clock.broken if sight and seen else 0) + (hearing.broken if hearing else 0)
    if broken:
        notices.append(Notice(code="timestamps", text=f"{broken} timestamps were missing or wrong; times may be off"))
    lacking = [s.type for s in container.streams if s.type in ("video", "audio") and s.codec_context is None]
    if lacking:
        notices.append(Notice(code="no-decoder", text=f"no decoder for a track ({', '.join(lacking)})"))
    if sight is not None and seen is None:
        notices.append(Notice(code="no-pictures", text="the picture track holds no picture that can be decoded"))
    if hearing is not None and heard is None:
        notices.append(Notice(code="no-sound", text="the sound track holds nothing that can be decoded"))
    return tuple(notices)
