"""The records: the only thing two rooms share.

Times are float seconds from the start of the video, boxes are fractions of the displayed frame (after rotation and
pixel aspect), text is NFC UTF-8, scores are probabilities in [0, 1]. Every record knows its schema version. Records
hold what was found, never when or how fast: equal input gives equal records, byte for byte.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, model_validator
from pydantic_core import from_json

from valex_local.errors import StudyError
from valex_local.files.text import clean_text
from valex_local.schwartz import CIRCLE, State, Value

# Rounded, so that the last bits of a float do not make two equal findings differ.
Text = Annotated[str, AfterValidator(clean_text)]
Seconds = Annotated[float, Field(ge=0), AfterValidator(lambda t: round(t, 3))]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda p: round(p, 4))]
Fraction = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda x: round(x, 4))]
Score = Annotated[float, AfterValidator(lambda x: round(x, 4))]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Settings = dict[str, Any]


_FOREIGN_BYTE = re.compile("\0([0-9a-f]{2})")


def _path_from_json(path: str) -> str:
    return _FOREIGN_BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)


def _path_to_json(path: str) -> str:
    """Spell bytes that are no UTF-8 (lone surrogates in Python) with NUL, which no path can hold."""
    return re.sub("[\udc80-\udcff]", lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", path)


FilePath = Annotated[str, AfterValidator(_path_from_json), PlainSerializer(_path_to_json, when_used="json")]


class Part(BaseModel):
    """A piece of a record."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Notice(Part):
    """Something skipped, degraded or doubtful that a reader of the record must know."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    text: Text


class MadeBy(Part):
    """What made a record, apart from the records it was made from.

    Attributes
    ----------
    stage : str
        Name of the stage.
    version : int
        Version of the stage; raised when its output for equal input changes.
    settings : dict
        The settings the stage reads, as JSON.
    models : dict of str to str
        Role to ``id@sha256`` of each model used.
    """

    stage: str
    version: int
    settings: Settings = {}
    models: dict[str, str] = {}


class Record(Part):
    """Base of everything a study stores.

    `fingerprint` covers `made_by` and the content of all records read; a record is current while its fingerprint is the
    one that a run would give it now. `notices` say what a reader must know. `skipped` holds the reason when the stage
    had nothing to do or could not be done for want of a model.
    """

    SCHEMA_VERSION: ClassVar[int] = 1

    schema_version: int = 1
    fingerprint: str = ""
    made_by: MadeBy | None = None
    skipped: Text | None = None
    notices: tuple[Notice, ...] = ()

    @classmethod
    def parse(cls, raw: bytes | str, *, path: Path | None = None) -> Self:
        """Read a record from JSON.

        Raises
        ------
        StudyError
            The text is no record of this kind, or a newer version of this program wrote it.
        """
        try:
            data = from_json(raw)
            written = data.get("schema_version", 1) if isinstance(data, dict) else 1
            if isinstance(written, int) and written > cls.SCHEMA_VERSION:
                raise StudyError(
                    f"this record was written by a newer version of valex_local (schema {written}, "
                    f"this version knows {cls.SCHEMA_VERSION})",
                    path=path,
                    hint="Update valex_local; the record was left as it is",
                )
            return cls.model_validate(data)
        except (ValueError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise StudyError(
                f"this is not a readable {cls.__name__} record ({first})",
                path=path,
                hint="Delete the file and run again: it will be made anew",
            ) from error

    def to_json(self) -> str:
        """Return the record as indented JSON that ends in a newline; equal records give equal text."""
        return self.model_dump_json(indent=1) + "\n"


# --- the post -------------------------------------------------------------------------------------------------------


class Video(Part):
    """The video file of a post."""

    path: FilePath
    sha256: Sha256
    size: int


class PostText(Part):
    """What was published with the video. `posted_at` is ISO 8601."""

    caption: Text | None = None
    hashtags: tuple[Text, ...] = ()
    author: Text | None = None
    sound_title: Text | None = None
    posted_at: str | None = None
    genre: Text | None = None
    url: Text | None = None


class Post(Record):
    """The unit of a study: a video and what was published with it. Posts whose videos are gone have `video` None."""

    id: str
    video: Video | None = None
    text: PostText = PostText()


# --- media ----------------------------------------------------------------------------------------------------------


class VideoTrack(Part):
    """The picture track as displayed: after rotation and pixel aspect. `frame_rate` is the mean per second."""

    codec: str
    width: int
    height: int
    rotation: Literal[0, 90, 180, 270] = 0
    pixel_aspect: float = 1.0
    frame_rate: Score
    variable_frame_rate: bool = False


class AudioTrack(Part):
    """The sound track. It is kept as 16 kHz mono FLAC; levels are dB of full scale, at least -120."""

    codec: str
    sample_rate: int
    channels: int
    duration: Seconds
    rms_db: Score
    peak_db: Score
    file: str
    sha256: Sha256


class Shot(Part):
    """A stretch between two cuts, [start, end)."""

    start: Seconds
    end: Seconds


class Keyframe(Part):
    """A sharp still. `id` is K1, K2, ... in time order; `shot` indexes `Media.shots`; `file` is in the post folder."""

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


# --- speech ---------------------------------------------------------------------------------------------------------


class Word(Part):
    """One recognised word. Its text carries the leading space Whisper gives it."""

    text: Text
    start: Seconds
    end: Seconds
    probability: Probability


class Segment(Part):
    """A stretch of speech. `id` is S1, S2, ... over the segments kept.

    `voice` is the share of its time in which a voice detector heard a voice.
    """

    id: str
    start: Seconds
    end: Seconds
    text: Text
    words: tuple[Word, ...] = ()
    avg_logprob: Score
    no_speech_probability: Probability
    compression_ratio: Score
    voice: Fraction


class DroppedSegment(Part):
    """Recognised text that does not count, and why."""

    start: Seconds
    end: Seconds
    text: Text
    reason: Text


class Sound(Part):
    """Three facts, never mixed.

    `has_sound`: the track is not silent. `has_verbal_sound`: talk, narration or sung words (the paper's filter).
    `has_speech`: spoken.
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


# --- on-screen text -------------------------------------------------------------------------------------------------


class Box(Part):
    """A rectangle in fractions of the displayed frame."""

    left: Fraction
    top: Fraction
    width: Fraction
    height: Fraction


class Track(Part):
    """One text on the screen over time. `id` is T1, T2, ... in order of start, then top to bottom."""

    id: str
    text: Text
    start: Seconds
    end: Seconds
    box: Box
    confidence: Probability
    readings: int


class ScreenText(Record):
    """What was written on the screen (text.json). `frames_seen` were looked at, `frames_read` went through OCR."""

    tracks: tuple[Track, ...] = ()
    frames_seen: int = 0
    frames_read: int = 0


# --- vision ---------------------------------------------------------------------------------------------------------


class Tag(Part):
    """An entry of the vocabulary that fits a picture."""

    category: str
    label: Text
    probability: Probability


class KeyframeCaption(Part):
    """What one keyframe shows. `keyframe` is its id; `caption` is a sentence where an engine writes one."""

    keyframe: str
    tags: tuple[Tag, ...] = ()
    caption: Text | None = None


class Captions(Record):
    """What the keyframes show (captions.json)."""

    keyframes: tuple[KeyframeCaption, ...] = ()


# --- script ---------------------------------------------------------------------------------------------------------


class PostLine(Part):
    """The text published with the video (evidence P1)."""

    kind: Literal["post"] = "post"
    ref: str = "P1"
    text: Text


class Dialogue(Part):
    """Words that were heard. `ref` is the segment (None in scripts from elsewhere); `mumbled` marks unsure hearing."""

    kind: Literal["dialogue"] = "dialogue"
    ref: str | None
    speaker: Text
    text: Text
    start: Seconds | None
    end: Seconds | None
    mumbled: bool = False


class OnScreenText(Part):
    """Words that were read. Where they repeat speech, `repeats` names the segment; renderers show them once."""

    kind: Literal["text"] = "text"
    ref: str | None
    text: Text
    start: Seconds | None
    end: Seconds | None
    repeats: str | None = None


class Action(Part):
    """A line of what is seen. `keyframes` are the pictures it rests on."""

    kind: Literal["action"] = "action"
    text: Text
    keyframes: tuple[str, ...] = ()
    start: Seconds | None
    end: Seconds | None


Element = Annotated[PostLine | Dialogue | OnScreenText | Action, Field(discriminator="kind")]


class Scene(Part):
    """A stretch in one place. `evidence` lists every P, S, T and K it was written from."""

    heading: Text | None = None
    start: Seconds | None
    end: Seconds | None
    elements: tuple[Element, ...] = ()
    evidence: tuple[str, ...] = ()
    written_by: Literal["template", "llm", "import"]


class ScriptFigures(Part):
    """How far a language model's script could be taken at its word."""

    references_refused: int = 0
    references_restored: int = 0
    scenes_fallen_back: int = 0
    actions_refused: int = 0
    actions_without_keyframes: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Script(Record):
    """A screenplay of the post (script.<name>.json)."""

    name: str
    genre: Text | None = None
    language: str | None = None
    sound: Sound | None = None
    scenes: tuple[Scene, ...] = ()
    figures: ScriptFigures = ScriptFigures()


# --- grounding ------------------------------------------------------------------------------------------------------


class GroundedLine(Part):
    """How well an action line fits the keyframes it is held against.

    Attributes
    ----------
    scene, element : int
        Its place in the script: the number of the scene, and of the element in it, both counted from 1.
    rests_on : {"named", "time", "video"}
        Which keyframes those are: the ones that the line names; where it names none, those in its time, or in that of
        its scene; where no times are known, all of the video.
    keyframes : tuple of str
        Their ids.
    best : str
        The one that it fits best.
    similarity : float
        Cosine of the line's vector and that of `best`.
    percentile : float
        Share of the lines that chance is made of that fit these keyframes less well.
    z : float
        The similarity in standard deviations above the mean of those lines; 0 where all of them are equal.
    below_chance : bool
        Whether the percentile is below the threshold.
    """

    scene: int = Field(ge=1)
    element: int = Field(ge=1)
    rests_on: Literal["named", "time", "video"]
    keyframes: tuple[str, ...] = Field(min_length=1)
    best: str
    similarity: Score
    percentile: Probability
    z: Score
    below_chance: bool


class SpokenKeyframe(Part):
    """Whether a script speaks of a keyframe.

    `lines` is the number of action lines held against it. `above_chance` is the probability that the best of as many
    lines by chance fits it less well than the best of them; None without any. `spoken_of` says whether that reaches the
    threshold.
    """

    keyframe: str
    lines: int
    above_chance: Probability | None = None
    spoken_of: bool = False


class GroundingFigures(Part):
    """How much of a script's action is to be seen, and how much of what is to be seen is in the script.

    Attributes
    ----------
    lines, below_chance, without_keyframes : int
        Action lines; those below chance; those that name no keyframe.
    mean_percentile : float or None
        Mean over the lines; lines by chance have 0.5.
    keyframes, spoken_of : int
        Keyframes; those that the script speaks of.
    """

    lines: int = 0
    below_chance: int = 0
    without_keyframes: int = 0
    mean_percentile: Probability | None = None
    keyframes: int = 0
    spoken_of: int = 0


class Grounding(Record):
    """Whether the action lines of a script match its keyframes (grounding.<script>.json).

    `chance_lines` is the number of lines that chance is made of.
    """

    script: str
    chance_lines: int = 0
    lines: tuple[GroundedLine, ...] = ()
    keyframes: tuple[SpokenKeyframe, ...] = ()
    figures: GroundingFigures = GroundingFigures()


# --- labels ---------------------------------------------------------------------------------------------------------


class ValueLabel(Part):
    """What a route says of one value. A probability is None where the route has no model for it."""

    value: Value
    present: Probability | None = None
    conflicted: Probability | None = None
    state: State = State.NOT_ASSESSED
    dominant: bool | None = None
    evidence: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _nothing_unassessed_is_judged(self) -> Self:
        if self.present is None and self.state in (State.PRESENT, State.ABSENT):
            raise ValueError(f"{self.value}: {self.state.value} without a probability of presence")
        if self.conflicted is None and self.state is State.CONFLICTED:
            raise ValueError(f"{self.value}: conflicted without a probability of conflict")
        return self


class LabelSource(Part):
    """Whose labels these are.

    `baseline` names the kind of baseline where the model is no trained one. `domain` and `languages` are what it was
    trained (or, for a baseline, written) for.
    """

    route: str
    model: str
    baseline: Text | None = None
    domain: Text
    languages: tuple[str, ...] = ()


class LabelFigures(Part):
    """What it took to ask a language model for the labels of one post."""

    questions: int = 0
    asked_again: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


class Labels(Record):
    """A state for each of the 19 values, in circle order (labels.<script>.<route>.json); empty when skipped."""

    script: str
    source: LabelSource
    values: tuple[ValueLabel, ...] = ()
    figures: LabelFigures | None = None

    @model_validator(mode="after")
    def _all_values_or_none(self) -> Self:
        if self.values and tuple(label.value for label in self.values) != CIRCLE:
            raise ValueError("labels must hold all 19 values in circle order")
        return self


# --- failures -------------------------------------------------------------------------------------------------------


class Failure(Record):
    """Why a stage could not be done for a post (failures/<post_id>.<stage>.json)."""

    post: str
    stage: str
    what: Text
    hint: Text | None = None
