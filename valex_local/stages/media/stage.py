"""The media stage: one pass over a video finds its tracks, audio, shots and keyframes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from valex_local.errors import InputError
from valex_local.records import AudioTrack, Keyframe, Media, Notice, Shot, VideoTrack
from valex_local.settings import MediaSettings
from valex_local.stages.base import Output
from valex_local.stages.media.audio import AUDIO_FILE
from valex_local.stages.media.budget import LONGEST, Budget
from valex_local.stages.media.decode import (
    Clock,
    FrameDecoder,
    open_video,
    packets,
    seconds,
    start_of,
    video_stream,
)
from valex_local.stages.media.keyframes import Candidate, KeyframeChooser
from valex_local.stages.media.parts import joined, slideshow, with_absence_said
from valex_local.stages.media.shots import ShotFinder
from valex_local.stages.media.sound import Sound
from valex_local.stages.media.worker import Workers

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from valex_local.errors import ValexError
    from valex_local.stages.base import Context, Item

LONGEST_TAIL = 10.0
"""Seconds that the last frame may be shown, if no other was shown longer: nothing after it confirms a longer time."""
ANALYSIS_SIDE = 256
"""Longest side of the frames in which cuts and sharpness are measured, pixels."""
MAX_GAP = 0.1
"""Seconds between decoded frames up to which cuts are found well enough."""
TRUNCATED = 0.05
"""A file counts as truncated if more than this fraction of its stated duration, and at least a second, is missing."""


class MediaStage:
    """Finds tracks, audio, shots and keyframes. It has no model: `prepare` does all the work, in child processes."""

    batch_size = 1

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.media
        self._workers = Workers()

    def prepare(self, item: Item) -> Output:
        """Return the result for a post, decoded from its video, its pictures and its sound.

        Raises
        ------
        InputError
            The file cannot be read, nothing in it can be decoded, or it would take more than its size allows.
        """
        post = item.post
        if not post.files:
            return Output(Media(skipped="the post has no video file"))
        if post.pictures:
            sound = Output(Media()) if post.sound is None else self._sound(Path(post.sound.path))
            paths = [Path(picture.path) for picture in post.pictures]
            return slideshow(paths, sound, self._settings.keyframe_max_side)
        if post.video is None or post.sound is None:
            return with_absence_said(self._workers.read(Path(post.files[0].path), self._settings))
        video = self._workers.read(Path(post.video.path), self._settings)
        return joined(video, self._sound(Path(post.sound.path)))

    def _sound(self, path: Path) -> Output:
        """Return what is found in the sound file of a post; if it cannot be used, the post goes on without."""
        try:
            return self._workers.read(path, self._settings)
        except InputError as error:
            notice = Notice(code="no-sound", text=f"the sound file cannot be used: {error.what}")
            return Output(Media(notices=(notice,)))

    def __call__(self, batch: Sequence[Output]) -> Sequence[Output | ValexError]:
        """Return the outputs unchanged."""
        return list(batch)

    def close(self) -> None:
        """End the child processes."""
        self._workers.close()


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
        budget = Budget(path, path.stat().st_size)
        video_track, sound = video_stream(container), Sound(container, budget)
        frames = None if video_track is None else FrameCollector(container, video_track, settings, budget=budget)
        for packet in packets(container, *(() if video_track is None else (video_track,)), *sound.streams):
            if frames is not None and packet.stream_index == frames.stream.index:
                frames.decode(packet)
            else:
                sound.decode(packet)
        sound.finish()
        video = None if frames is None else frames.finish()
        if sound.audio is None and video is None:
            raise InputError(
                "neither video nor audio in it can be decoded",
                path=path,
                hint="Get the file again, or leave it out",
            )
        return _output(container, video, sound.audio, tuple(_notices(container, frames, video, sound)))


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
    budget : Budget, optional
        How many pixels may be decoded; any number when left out.

    Attributes
    ----------
    cut : float
        Seconds after the last frame that the file claims without anything to show for them; they do not count.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        settings: MediaSettings,
        max_gap: float | None = MAX_GAP,
        budget: Budget | None = None,
    ) -> None:
        self.stream = stream
        self.cut = 0.0
        self._budget = budget
        if budget is not None:
            budget.check_frame(stream.codec_context.width, stream.codec_context.height)
        self.decoder = FrameDecoder(container, stream, max_gap)
        self._shots = ShotFinder(settings.shot_threshold, settings.min_shot_seconds)
        self._keyframes = KeyframeChooser(
            settings.keyframe_every_seconds, settings.max_keyframes, settings.keyframe_max_side
        )
        self._size: tuple[int, int] | None = None
        self._stamps: list[float] = []
        self._ends: list[float] = []
        self._last = self._longest = 0.0

    def decode(self, packet: Packet[VideoStream] | None) -> None:
        """Decode a packet; None flushes the decoder."""
        if packet is not None:
            self._note_time(packet)
        for time, frame in self.decoder.decode(packet):
            if self._budget is not None:
                self._budget.spend_frame(frame.width, frame.height)
            self._longest = max(self._longest, time - self._last)
            self._last = time
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
            self._ends.append(stamp + max(0.0, seconds(packet.duration, packet.time_base) or 0.0))

    def finish(self) -> VideoFacts | None:
        """Return what was found, or None if no frame could be decoded."""
        self.decode(None)
        clock, geometry = self.decoder.clock, self.decoder.geometry
        if geometry is None or clock.last is None:
            return None
        end = self._end(clock)
        real = [stamp for stamp in self._stamps if stamp <= end]
        rate, variable = _rate(real) if not clock.broken else (1 / clock.step, False)
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

    def _end(self, clock: Clock) -> float:
        """Return when the last frame ends. What lies far behind the last decoded frame has no frame to show for it."""
        assured = clock.last + clock.step if clock.last is not None else clock.step
        if clock.broken:  # without reliable timestamps, only decoded frames count
            return assured
        limit = assured + max(LONGEST_TAIL, self._longest)
        claimed = max(self._ends, default=0.0)
        self.cut = claimed - assured if claimed > limit else 0.0
        # The mean step counts only if no packet says how long the last frame is shown.
        last = 0.0 if clock.last is None else clock.last
        return max((end for end in self._ends if last < end <= limit), default=assured)


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
    container: InputContainer, frames: FrameCollector | None, video: VideoFacts | None, sound: Sound
) -> Iterator[Notice]:
    """Yield the notices on what is damaged, missing or chosen."""
    stated = (container.duration or 0) / 1e6
    found = max(video.end if video else 0.0, sound.audio[0].duration if sound.audio else 0.0)
    if stated > LONGEST:
        yield Notice(code="timestamps", text=f"the file claims to last {stated:.0f} s; {found:.1f} s of it can be read")
    elif stated - max(0.0, start_of(container)) - found > max(1.0, TRUNCATED * stated):
        yield Notice(code="truncated", text=f"the file ends after {found:.1f} of {stated:.1f} s")
    damaged = (frames.decoder.damaged if frames else 0) + sound.damaged
    if damaged:
        yield Notice(code="damaged", text=f"{damaged} packets could not be decoded")
    broken = frames.decoder.clock.broken if frames and video else 0
    if broken:
        yield Notice(code="timestamps", text=f"{broken} timestamps were missing or wrong; times may be off")
    if frames is not None and frames.cut:
        text = f"the file claims {frames.cut:.1f} s of video after its last frame; they were left out"
        yield Notice(code="timestamps", text=text)
    lacking = [s.type for s in container.streams if s.type in ("video", "audio") and s.codec_context is None]
    if lacking:
        yield Notice(code="no-decoder", text=f"no decoder for a track ({', '.join(lacking)})")
    if frames is not None and video is None:
        yield Notice(code="no-pictures", text="no frame of the video track can be decoded")
    yield from sound.notices()
