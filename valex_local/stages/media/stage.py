"""The media stage: one pass over a video finds its tracks, audio, shots and keyframes."""

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
from valex_local.stages.media.audio import AUDIO_FILE, AudioCollector
from valex_local.stages.media.decode import (
    FrameDecoder,
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
"""Longest side of the frames in which cuts and sharpness are measured, pixels."""
MAX_GAP = 0.1
"""Seconds between decoded frames up to which cuts are found well enough."""
TRUNCATED = 0.05
"""A file counts as truncated if more than this fraction of its stated duration, and at least a second, is missing."""


class MediaStage:
    """Finds tracks, audio, shots and keyframes. It has no model: `prepare` does all the work."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.media

    def prepare(self, item: Item) -> Output:
        """Return the result for a post, decoded from its video.

        Raises
        ------
        InputError
            The file cannot be read, or nothing in it can be decoded.
        """
        if item.post.video is None:
            return Output(Media(skipped="the post has no video file"))
        return read_media(Path(item.post.video.path), self._settings)

    def __call__(self, batch: Sequence[Output]) -> Sequence[Output | ValexError]:
        """Return the outputs unchanged."""
        return list(batch)

    def close(self) -> None:
        """Do nothing; there is no model to free."""


def read_media(path: Path, settings: MediaSettings) -> Output:
    """Return the media record and side files of a video file, read in one pass.

    Parameters
    ----------
    path : Path
        A local video or audio file.
    settings : MediaSettings
        How to find shots and keyframes.

    Returns
    -------
    Output
        The record, and ``audio.flac`` and ``keyframes/K<n>.jpg``.

    Raises
    ------
    InputError
        The file cannot be read, or nothing in it can be decoded.
    """
    with open_video(path) as container:
        video_track, audio_track = video_stream(container), audio_stream(container)
        frames = None if video_track is None else FrameCollector(container, video_track, settings)
        sound = None if audio_track is None else AudioCollector(audio_track, start_of(container))
        for packet in packets(container, *(s for s in (video_track, audio_track) if s is not None)):
            if frames is not None and packet.stream_index == frames.stream.index:
                frames.decode(packet)
            elif sound is not None:
                sound.decode(packet)
        audio = None if sound is None else sound.finish()
        video = None if frames is None else frames.finish()
        if audio is None and video is None:
            raise InputError(
                "neither video nor audio in it can be decoded",
                path=path,
                hint="Get the file again, or leave it out",
            )
        return _output(container, video, audio, _notices(container, frames, video, sound, audio))


@dataclass(frozen=True)
class VideoFacts:
    """What was found in the video track. `end` is in seconds."""

    track: VideoTrack
    end: float
    shots: list[tuple[float, float]]
    keyframes: list[Candidate]


class FrameCollector:
    """Finds shots and keyframes in a video track while its packets are read.

    Parameters
    ----------
    container : InputContainer
        The open video.
    stream : VideoStream
        Its video track.
    settings : MediaSettings
        How to find shots and keyframes.
    max_gap : float or None
        Longest time between decoded frames, seconds; None decodes every frame.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        settings: MediaSettings,
        max_gap: float | None = MAX_GAP,
    ) -> None:
        self.stream = stream
        self.decoder = FrameDecoder(container, stream, max_gap)
        self._shots = ShotFinder(settings.shot_threshold, settings.min_shot_seconds)
        self._keyframes = KeyframeChooser(
            settings.keyframe_every_seconds, settings.max_keyframes, settings.keyframe_max_side
        )
        self._size: tuple[int, int] | None = None
        self._stamps: list[float] = []
        self._end = 0.0

    def decode(self, packet: Packet[VideoStream] | None) -> None:
        """Decode a packet; None flushes the decoder."""
        if packet is not None:
            self._note_time(packet)
        for time, frame in self.decoder.decode(packet):
            geometry = self.decoder.geometry
            if geometry is None:
                continue
            small = geometry.render(frame, ANALYSIS_SIDE)
            cut = self._shots.add(time, _fitted(small, self._size))
            self._size = self._size or (small.shape[1], small.shape[0])
            self._keyframes.add(time, small, frame, geometry, cut=cut)

    def _note_time(self, packet: Packet[VideoStream]) -> None:
        """Record when a packet is shown: frames that are not decoded count for duration and frame rate too."""
        stamp = seconds(packet.pts if packet.pts is not None else packet.dts, packet.time_base)
        if stamp is not None:
            stamp -= self.decoder.clock.zero
            self._stamps.append(stamp)
            self._end = max(self._end, stamp + (seconds(packet.duration, packet.time_base) or 0.0))

    def finish(self) -> VideoFacts | None:
        """Return what was found, or None if no frame could be decoded."""
        self.decode(None)
        clock, geometry = self.decoder.clock, self.decoder.geometry
        if geometry is None or clock.last is None:
            return None
        # Without reliable timestamps, only decoded frames count.
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
    """Return a frame scaled to the size of the first one; the size may change within a stream."""
    if size is None or size == (picture.shape[1], picture.shape[0]):
        return picture
    import cv2

    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _rate(stamps: Sequence[float]) -> tuple[float, bool]:
    """Return the mean number of frames per second (0 if unknown), and whether their distance varies."""
    ordered = sorted(stamps)
    gaps = [b - a for a, b in pairwise(ordered)]
    if not gaps or ordered[-1] <= ordered[0]:
        return 0.0, False
    usual = median(gaps)
    odd = sum(abs(gap - usual) > max(0.25 * usual, 0.002) for gap in gaps)
    return len(gaps) / (ordered[-1] - ordered[0]), odd > 0.01 * len(gaps)


def _output(
    container: InputContainer,
    video: VideoFacts | None,
    audio: tuple[AudioTrack, bytes] | None,
    notices: tuple[Notice, ...],
) -> Output:
    files = {} if audio is None else {AUDIO_FILE: audio[1]}
    keyframes = []
    for number, chosen in enumerate(video.keyframes if video else (), 1):
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
        duration=max(video.end if video else 0.0, audio[0].duration if audio else 0.0),
        video=video.track if video else None,
        audio=audio[0] if audio else None,
        shots=tuple(Shot(start=start, end=end) for start, end in video.shots) if video else (),
        keyframes=tuple(keyframes),
        notices=notices,
    )
    return Output(record, files)


def _notices(
    container: InputContainer,
    frames: FrameCollector | None,
    video: VideoFacts | None,
    sound: AudioCollector | None,
    audio: tuple[AudioTrack, bytes] | None,
) -> tuple[Notice, ...]:
    """Return the notices on what is damaged or missing."""
    notices = []
    stated = (container.duration or 0) / 1e6
    found = max(video.end if video else 0.0, audio[0].duration if audio else 0.0)
    if stated - found > max(1.0, TRUNCATED * stated):
        notices.append(Notice(code="truncated", text=f"the file ends after {found:.1f} of {stated:.1f} s"))
    damaged = (frames.decoder.damaged if frames else 0) + (sound.damaged if sound else 0)
    if damaged:
        notices.append(Notice(code="damaged", text=f"{damaged} packets could not be decoded"))
    broken = (frames.decoder.clock.broken if frames and video else 0) + (sound.broken if sound else 0)
    if broken:
        notices.append(Notice(code="timestamps", text=f"{broken} timestamps were missing or wrong; times may be off"))
    lacking = [s.type for s in container.streams if s.type in ("video", "audio") and s.codec_context is None]
    if lacking:
        notices.append(Notice(code="no-decoder", text=f"no decoder for a track ({', '.join(lacking)})"))
    if frames is not None and video is None:
        notices.append(Notice(code="no-pictures", text="no frame of the video track can be decoded"))
    if sound is not None and audio is None:
        notices.append(Notice(code="no-sound", text="nothing of the audio track can be decoded"))
    return tuple(notices)
