"""What was published, and what was found in it: media, speech, on-screen text, keyframes."""

from __future__ import annotations

from typing import Literal

from valex_local.records.base import (
    CleanText,
    FilePath,
    Fraction,
    Part,
    PlainName,
    Probability,
    Record,
    Rounded,
    Seconds,
    Sha256,
)

# --- the post ---------------------------------------------------------------------------------------------------------


class SourceFile(Part):
    """A file that a post was made from: a video, a picture or a sound file. `size` is in bytes."""

    path: FilePath
    sha256: Sha256
    size: int


class PostText(Part):
    """What was published with the video. `posted_at` is ISO 8601."""

    caption: CleanText | None = None
    hashtags: tuple[CleanText, ...] = ()
    author: CleanText | None = None
    sound_title: CleanText | None = None
    posted_at: str | None = None
    genre: CleanText | None = None
    url: CleanText | None = None


class Post(Record):
    """The unit of a study: a video, or pictures and sound, and what was published with it.

    Attributes
    ----------
    id : str
        Its name in the study.
    video : SourceFile or None
        The video; None for photo posts, posts that are sound alone, and posts of which only the script is left.
    pictures : tuple of SourceFile
        The pictures of a photo post, in the order in which they are shown.
    sound : SourceFile or None
        The sound, where it is in a file of its own.
    text : PostText
        What was published with it.
    """

    id: PlainName
    video: SourceFile | None = None
    pictures: tuple[SourceFile, ...] = ()
    sound: SourceFile | None = None
    text: PostText = PostText()

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All files that the post was made from."""
        video = () if self.video is None else (self.video,)
        return (*video, *self.pictures, *(() if self.sound is None else (self.sound,)))


# --- media ------------------------------------------------------------------------------------------------------------


class VideoTrack(Part):
    """The video track as displayed: after rotation and pixel aspect. `frame_rate` is the mean, in frames per second."""

    codec: str
    width: int
    height: int
    rotation: Literal[0, 90, 180, 270] = 0
    pixel_aspect: float = 1.0
    frame_rate: Rounded
    variable_frame_rate: bool = False


class AudioTrack(Part):
    """The audio track, stored as 16 kHz mono FLAC. Levels are in dB relative to full scale, at least -120."""

    codec: str
    sample_rate: int
    channels: int
    duration: Seconds
    rms_db: Rounded
    peak_db: Rounded
    file: str
    sha256: Sha256


class Shot(Part):
    """The time between two cuts, [start, end)."""

    start: Seconds
    end: Seconds


class Keyframe(Part):
    """A sharp still picture from a shot.

    `id` is K1, K2, ... in time order; `shot` indexes `Media.shots`; `file` is relative to the post's folder.
    """

    id: str
    time: Seconds
    shot: int
    file: str
    width: int
    height: int


class Media(Record):
    """What the container holds (media.json)."""

    container: str = ""
    duration: Seconds = 0.0
    video: VideoTrack | None = None
    audio: AudioTrack | None = None
    shots: tuple[Shot, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()


# --- speech -----------------------------------------------------------------------------------------------------------


class Word(Part):
    """One recognised word. Its text keeps Whisper's leading space."""

    text: CleanText
    start: Seconds
    end: Seconds
    probability: Probability


class Segment(Part):
    """A stretch of speech. `id` is S1, S2, ... over the kept segments.

    `voice` is the fraction of its time in which a voice detector found a voice. `language` is the language it was
    recognised in; None means that of the transcript. Of the last four those are None that an engine does not have, and
    all for speech that a person added.
    """

    id: str
    start: Seconds
    end: Seconds
    text: CleanText
    language: str | None = None
    words: tuple[Word, ...] = ()
    avg_logprob: Rounded | None
    no_speech_probability: Probability | None
    compression_ratio: Rounded | None
    voice: Fraction | None


class DroppedSegment(Part):
    """Recognised text that was dropped, and why."""

    start: Seconds
    end: Seconds
    text: CleanText
    reason: CleanText


class Sound(Part):
    """Three facts about the audio, kept apart.

    `has_sound`: the track is not silent. `has_verbal_sound`: talk, narration or sung words (the paper's filter).
    `has_speech`: spoken words.
    """

    has_sound: bool
    has_verbal_sound: bool
    has_speech: bool


class Transcript(Record):
    """What was said (transcript.json). `language` is ISO 639-1."""

    task: Literal["transcribe", "translate"] = "transcribe"
    language: str | None = None
    language_probability: Probability | None = None
    sound: Sound = Sound(has_sound=False, has_verbal_sound=False, has_speech=False)
    segments: tuple[Segment, ...] = ()
    dropped: tuple[DroppedSegment, ...] = ()


class SpeakerSegment(Part):
    """A stretch of time in which one person speaks; segments of several people may overlap.

    `speaker` is SPEAKER 1, SPEAKER 2, ... in the order in which they are first heard. `confidence` is the probability
    that it is this one of them; None if there is only one.
    """

    speaker: str
    start: Seconds
    end: Seconds
    confidence: Probability | None = None


class Speakers(Record):
    """Who speaks when (speakers.json), found in the sound alone; whether words were recognised there is not asked."""

    segments: tuple[SpeakerSegment, ...] = ()

    @property
    def several(self) -> bool:
        """Whether several people speak."""
        return len({segment.speaker for segment in self.segments}) > 1


# --- on-screen text ---------------------------------------------------------------------------------------------------


class Box(Part):
    """A rectangle in fractions of the displayed frame."""

    left: Fraction
    top: Fraction
    width: Fraction
    height: Fraction


class Track(Part):
    """One on-screen text over time. `id` is T1, T2, ... ordered by start, then top to bottom.

    `left_out` is the reason why scripts leave it out, if they do: it is no text of the author's.
    """

    id: str
    text: CleanText
    start: Seconds
    end: Seconds
    box: Box
    confidence: Probability
    readings: int
    left_out: CleanText | None = None


class ScreenText(Record):
    """On-screen text (text.json). `frames_seen` counts sampled frames, `frames_read` those that went through OCR."""

    tracks: tuple[Track, ...] = ()
    frames_seen: int = 0
    frames_read: int = 0


# --- vision -----------------------------------------------------------------------------------------------------------


class Tag(Part):
    """A vocabulary entry that fits a picture."""

    category: str
    label: CleanText
    probability: Probability


class Detection(Part):
    """A thing that a detector found in a picture, and its class; a person is one too."""

    name: CleanText
    score: Probability
    box: Box


class Face(Part):
    """A face that a detector found in a picture; `expression` is set where the classifier was sure."""

    score: Probability
    box: Box
    expression: CleanText | None = None


class KeyframeCaption(Part):
    """What one keyframe shows. `keyframe` is its id; `caption` is a sentence, if an engine wrote one.

    `objects`, `faces` and `people` (how many) are None where no detector looked.
    """

    keyframe: str
    tags: tuple[Tag, ...] = ()
    caption: CleanText | None = None
    objects: tuple[Detection, ...] | None = None
    faces: tuple[Face, ...] | None = None
    people: int | None = None


class Captions(Record):
    """What the keyframes show (captions.json)."""

    keyframes: tuple[KeyframeCaption, ...] = ()
