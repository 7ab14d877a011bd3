"""The records that stages write and everything else reads: the contract between packages.

Times are float seconds from the start of the video, boxes are fractions of the displayed frame (after rotation and
pixel aspect), text is NFC UTF-8, probabilities and fractions are in [0, 1]. Every record has a schema version. Records
hold what was found, never when or how fast: equal input gives equal records, byte for byte. Only a calibration, which a
person asks for or renews, names its day.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import from_json

from valex_local.errors import StudyError
from valex_local.files.folders import is_plain_name
from valex_local.files.text import clean_text
from valex_local.schwartz import CIRCLE, Polarity, State, Value

CleanText = Annotated[str, AfterValidator(clean_text)]
# Rounded, so that two equal results do not differ in the last bits of a float.
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(lambda t: round(t, 3))]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda p: round(p, 4))]
Fraction = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda x: round(x, 4))]
Rounded = Annotated[float, AfterValidator(lambda x: round(x, 4))]
Logit = Annotated[float, AfterValidator(lambda x: round(x, 3))]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SettingsData = dict[str, Any]


def _plain_name(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError("this cannot name a folder")
    return name


# Becomes part of a path in the study, so it must not lead out of its folder.
PlainName = Annotated[str, AfterValidator(_plain_name)]


_FOREIGN_BYTE = re.compile("\0([0-9a-f]{2})")


def _path_from_json(path: str) -> str:
    return _FOREIGN_BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)


def _path_to_json(path: str) -> str:
    """Return the path with bytes that are not UTF-8 (lone surrogates in Python) after a NUL, which no path contains."""
    return re.sub("[\udc80-\udcff]", lambda found: f"\0{ord(found[0]) - 0xDC00:02x}", path)


FilePath = Annotated[str, AfterValidator(_path_from_json), PlainSerializer(_path_to_json, when_used="json")]


class Part(BaseModel):
    """A piece of a record."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Notice(Part):
    """Something skipped, degraded or doubtful that a reader of the record must know about."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    text: CleanText


class MadeBy(Part):
    """What a record was made with; the records it was made from are not included.

    Attributes
    ----------
    stage : str
        Name of the stage.
    version : int
        Version of the stage; incremented when its output for equal input changes.
    settings : dict
        The settings the stage reads, as JSON.
    models : dict of str to str
        Role to ``id@sha256`` of each model used.
    """

    stage: str
    version: int
    settings: SettingsData = {}
    models: dict[str, str] = {}


class Record(Part):
    """Base class of everything a study stores.

    `fingerprint` covers `made_by` and the content of all records read; a record is current while its fingerprint is the
    one that a run would give it now. `notices` say what a reader must know. `skipped` holds the reason when the stage
    had nothing to do, or had no model to do it with.
    """

    SCHEMA_VERSION: ClassVar[int] = 1

    schema_version: int = 1
    fingerprint: str = ""
    made_by: MadeBy | None = None
    skipped: CleanText | None = None
    notices: tuple[Notice, ...] = ()

    @classmethod
    def parse(cls, raw: bytes | str, *, path: Path | None = None) -> Self:
        """Return a record read from JSON.

        Raises
        ------
        StudyError
            The text is not a record of this kind, or a newer version of this program wrote it.
        """
        try:
            data = from_json(raw)
            written = data.get("schema_version", 1) if isinstance(data, dict) else 1
            if isinstance(written, int) and written > cls.SCHEMA_VERSION:
                raise StudyError(
                    f"this record was written by a newer version of valex_local (schema {written}, "
                    f"this version reads up to {cls.SCHEMA_VERSION})",
                    path=path,
                    hint="Update valex_local; the record was not changed",
                )
            return cls.model_validate(data)
        except (ValueError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise StudyError(
                f"this is not a readable {cls.__name__} record ({first})",
                path=path,
                hint="Delete the file and run again: the record will be made again",
            ) from error

    def to_json(self) -> str:
        """Return the record as indented JSON that ends in a newline; equal records give equal text."""
        return self.model_dump_json(indent=1) + "\n"


# --- the post -------------------------------------------------------------------------------------------------------


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


# --- media ----------------------------------------------------------------------------------------------------------


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


# --- speech ---------------------------------------------------------------------------------------------------------


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


# --- on-screen text -------------------------------------------------------------------------------------------------


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


# --- vision ---------------------------------------------------------------------------------------------------------


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


# --- script ---------------------------------------------------------------------------------------------------------

SPEAKER = "SPEAKER"
"""Who speaks, where nothing is known of them."""


class PostLine(Part):
    """The text published with the video (evidence P1)."""

    kind: Literal["post"] = "post"
    ref: str = "P1"
    text: CleanText


class Dialogue(Part):
    """Speech. `ref` is the segment (None in imported scripts); `mumbled` marks speech that was recognised unsurely."""

    kind: Literal["dialogue"] = "dialogue"
    ref: str | None
    speaker: CleanText
    text: CleanText
    start: Seconds | None
    end: Seconds | None
    mumbled: bool = False


class OnScreenText(Part):
    """On-screen text. Where it repeats speech, `repeats` names the segment, and renderers show the words once."""

    kind: Literal["text"] = "text"
    ref: str | None
    text: CleanText
    start: Seconds | None
    end: Seconds | None
    repeats: str | None = None


class Action(Part):
    """A line that describes what is seen. `keyframes` are the ids of the keyframes it is based on."""

    kind: Literal["action"] = "action"
    text: CleanText
    keyframes: tuple[str, ...] = ()
    start: Seconds | None
    end: Seconds | None


Element = Annotated[PostLine | Dialogue | OnScreenText | Action, Field(discriminator="kind")]


class Scene(Part):
    """A part of a script in one place. `evidence` lists every P, S, T and K it was written from."""

    heading: CleanText | None = None
    start: Seconds | None
    end: Seconds | None
    elements: tuple[Element, ...] = ()
    evidence: tuple[str, ...] = ()
    written_by: Literal["template", "llm", "import"]


class ScriptFigures(Part):
    """How much of a language model's script had to be refused or repaired."""

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
    genre: CleanText | None = None
    language: str | None = None
    sound: Sound | None = None
    scenes: tuple[Scene, ...] = ()
    figures: ScriptFigures = ScriptFigures()


# --- grounding ------------------------------------------------------------------------------------------------------


class GroundedLine(Part):
    """How well an action line fits its keyframes, compared with the reference lines.

    Attributes
    ----------
    scene, element : int
        Number of the scene in the script, and of the element in the scene, both counted from 1.
    rests_on : {"named", "time", "video"}
        Which keyframes the line is compared with: those it names; if it names none, those within its time, or within
        the time of its scene; if no times are known, all keyframes of the video.
    keyframes : tuple of str
        Ids of these keyframes.
    best : str
        Id of the keyframe that fits best.
    similarity : float
        Cosine similarity of the line's vector and that of `best`.
    percentile : float
        Fraction of the reference lines that fit these keyframes less well.
    z : float
        The similarity in standard deviations above the mean of the reference lines; 0 where all of them are equal.
    below_chance : bool
        Whether the percentile is below the threshold.
    """

    scene: int = Field(ge=1)
    element: int = Field(ge=1)
    rests_on: Literal["named", "time", "video"]
    keyframes: tuple[str, ...] = Field(min_length=1)
    best: str
    similarity: Rounded
    percentile: Probability
    z: Rounded
    below_chance: bool


class GroundedKeyframe(Part):
    """Whether the action lines of a script describe a keyframe.

    `lines` is the number of action lines compared with it. `above_chance` is the probability that the best of as many
    reference lines fits it less well than the best of them; None without any. `spoken_of` is true if that probability
    reaches the threshold.
    """

    keyframe: str
    lines: int
    above_chance: Probability | None = None
    spoken_of: bool = False


class NamedThing(Part):
    """A thing of a class that detectors know, or an expression of a face, named by an action line.

    Attributes
    ----------
    scene, element : int
        Number of the scene in the script, and of the element in the scene, both counted from 1.
    kind : {"thing", "expression"}
        Which of them it is. An expression is only compared where one was read from a face in the line's keyframes.
    name, word : str
        The class or the expression, and the word of the line.
    keyframe : str or None
        Id of the line's keyframe that shows it most surely; None where no keyframe of the line shows it.
    score : float or None
        How surely, for an expression that of the face.
    number : int or None
        How many people there are, where the line says so.
    counted : int or None
        The number of people in one of the line's keyframes, of all of them the nearest to `number`.
    """

    scene: int = Field(ge=1)
    element: int = Field(ge=1)
    kind: Literal["thing", "expression"] = "thing"
    name: CleanText
    word: CleanText
    keyframe: str | None = None
    score: Probability | None = None
    number: int | None = Field(default=None, ge=1)
    counted: int | None = Field(default=None, ge=0)


class GroundingFigures(Part):
    """How much of a script's action the keyframes show, and how many keyframes the action describes.

    Attributes
    ----------
    lines, below_chance, without_keyframes : int
        Number of action lines; of those below the threshold; of those that name no keyframe.
    mean_percentile : float or None
        Mean over the lines; reference lines have 0.5 on average.
    keyframes, spoken_of : int
        Number of keyframes, without a CLIP model only of those in which a known thing was found; of those that the
        action lines describe.
    things, things_not_found : int
        Number of things of known classes that lines name; of those that no detector found in the line's keyframes.
    numbers, numbers_differ : int
        Number of lines that say how many people there are; of those that differ from the count in each keyframe.
    expressions, expressions_differ : int
        Number of expressions that were compared; of those that no face in the line's keyframes had.
    """

    lines: int = 0
    below_chance: int = 0
    without_keyframes: int = 0
    mean_percentile: Probability | None = None
    keyframes: int = 0
    spoken_of: int = 0
    things: int = 0
    things_not_found: int = 0
    numbers: int = 0
    numbers_differ: int = 0
    expressions: int = 0
    expressions_differ: int = 0


class Grounding(Record):
    """Whether the action lines of a script match its keyframes (grounding.<script>.json).

    `chance_lines` is the number of reference lines; 0 without a CLIP model, and `lines` is then empty. `things` are
    what lines name of all that detectors know, where these looked.
    """

    script: str
    chance_lines: int = 0
    lines: tuple[GroundedLine, ...] = ()
    keyframes: tuple[GroundedKeyframe, ...] = ()
    things: tuple[NamedThing, ...] = ()
    figures: GroundingFigures = GroundingFigures()

    @property
    def by_detections(self) -> bool:
        """Whether keyframes count as mentioned by what detectors found in them, since there was no CLIP model."""
        return self.skipped is None and not self.chance_lines and self.figures.mean_percentile is None


# --- labels ---------------------------------------------------------------------------------------------------------


class ValueLabel(Part):
    """A route's result for one value. A probability is None where the route has no model for it.

    The logits are those of the probabilities, where the route computes them: they tell small probabilities apart.

    In the file, `state` is the route's own: by the thresholds of its model, or the answer of a language model. Whoever
    reads labels through `Study` gets the state that the study's `Calibration` draws, and in `present_from` and
    `conflicted_from`, which are never stored, the probabilities from which it calls one.

    In the file, a label model's `evidence` is that of presence, and `conflicted_evidence` that of conflict; a language
    model's `evidence` is that of its answer. Through `Study`, `evidence` is that of the state drawn.
    """

    value: Value
    present: Probability | None = None
    conflicted: Probability | None = None
    state: State = State.NOT_ASSESSED
    dominant: bool | None = None
    evidence: tuple[str, ...] = ()
    conflicted_evidence: tuple[str, ...] = ()
    present_logit: Logit | None = None
    conflicted_logit: Logit | None = None
    present_from: float | None = Field(default=None, exclude=True)
    conflicted_from: float | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _unassessed_has_no_judgement(self) -> Self:
        if self.present is None and self.state in (State.PRESENT, State.ABSENT):
            raise ValueError(f"{self.value}: {self.state.value} without a probability of presence")
        if self.conflicted is None and self.state is State.CONFLICTED:
            raise ValueError(f"{self.value}: conflicted without a probability of conflict")
        return self


class LabelSource(Part):
    """Which route and model the labels come from.

    `baseline` names the kind of baseline if the model is not a trained one. `domain` and `languages` are what it was
    trained (or, for a baseline, written) for.
    """

    route: str
    model: str
    baseline: CleanText | None = None
    domain: CleanText
    languages: tuple[str, ...] = ()


class LabelFigures(Part):
    """How many questions and tokens a language model needed for the labels of one post."""

    questions: int = 0
    asked_again: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


StateKind = Literal["own domain", "relative", "cautious", "validated", "answer"]
"""How states are drawn from probabilities; `valex_local.states` explains each."""


class Cutoff(Part):
    """From which probability on one polarity of a value is called.

    Attributes
    ----------
    value : Value
        The value.
    polarity : Polarity
        Present or conflicted.
    probability : float or None
        The smallest probability that is called; above 1 if none is. None where the answer of a language model counts.
    mean : float or None
        Mean probability over the posts that the cut-offs were drawn from.
    slope, intercept : float
        The calibration: a logit x of the model counts as ``slope * x + intercept``.
    support : int or None
        Number of posts whose gold label is this polarity, if gold labels were used.
    """

    value: Value
    polarity: Polarity
    probability: float | None = Field(ge=0)
    mean: Probability | None = None
    slope: float = 1.0
    intercept: float = 0.0
    support: int | None = Field(default=None, ge=0)


class CalibrationFigure(Part):
    """A figure on the study's gold labels, with the states of before and with those of cross-validation."""

    figure: CleanText
    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float


class Calibration(Record):
    """How the states of one set of labels are drawn from its probabilities (calibration.<script>.<route>.json).

    Attributes
    ----------
    model : str
        The model that gave the labels, see `Labels.model`; those by another one are not affected.
    kind : StateKind
        How the states are drawn.
    drawn : date or None
        The day on which the cut-offs were drawn from posts; they depend on which posts the study had by then.
    posts : tuple of str
        The posts that they were drawn from; empty where they are the same for every study.
    cutoffs : tuple of Cutoff
        One for every polarity that the model assesses.
    figures : tuple of CalibrationFigure
        Figures of validation.
    """

    model: str
    kind: StateKind
    drawn: date | None = None
    posts: tuple[PlainName, ...] = ()
    cutoffs: tuple[Cutoff, ...] = ()
    figures: tuple[CalibrationFigure, ...] = ()


class Labels(Record):
    """A state for each of the 19 values, in circle order (labels.<script>.<route>.json); empty when skipped.

    `calibration`, which is never stored here, is what drew the states; None as long as they are the route's own.
    """

    script: str
    source: LabelSource
    values: tuple[ValueLabel, ...] = ()
    figures: LabelFigures | None = None
    calibration: Calibration | None = Field(default=None, exclude=True)

    @property
    def model(self) -> str:
        """Return the model as ``id@sha256``, which tells weights of one name apart; the id if no more is known."""
        made = {} if self.made_by is None else self.made_by.models
        return next(iter(made.values()), self.source.model)

    @model_validator(mode="after")
    def _all_values_or_none(self) -> Self:
        if self.values and tuple(label.value for label in self.values) != CIRCLE:
            raise ValueError("labels must hold all 19 values in circle order")
        return self


# --- what people say of a post --------------------------------------------------------------------------------------


CORRECTED = "corrected"
"""Code of the notice on a record that is shown as people corrected it."""


LineKind = Literal["speech", "text"]
"""A line of speech, or on-screen text."""


class CorrectedLine(Part):
    """The line that a correction is about, as it was found: speech or a track of screen text, and its time."""

    kind: LineKind
    text: CleanText
    start: Seconds
    end: Seconds


class Correction(Part):
    """A correction of one line by a person.

    Attributes
    ----------
    id : str
        C1, C2, ... in the order in which they were made.
    line : CorrectedLine or None
        The line as it was found; None for speech that was missing.
    text, start, end, speaker : optional
        What it should be; None means as it was found.
    removed : bool
        Whether there is no such line.
    by : str
        Who made the correction.
    on : datetime
        When.
    """

    id: Annotated[str, Field(pattern=r"^C[1-9][0-9]{0,8}$")]
    line: CorrectedLine | None
    text: Annotated[CleanText, Field(max_length=10_000)] | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    speaker: Annotated[CleanText, Field(min_length=1, max_length=60)] | None = None
    removed: bool = False
    by: CleanText
    on: AwareDatetime

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.line is None and (self.text is None or self.start is None or self.end is None or self.removed):
            raise ValueError("speech that was missing needs a text, a start and an end")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("a line cannot end before it starts")
        return self


Confidence = Literal["low", "medium", "high"]
"""How sure a person is of a decision."""

CoderNote = Annotated[CleanText, Field(max_length=10_000)]
"""A person's remark on a decision."""


class CodedValue(Part):
    """A person's decision about one value.

    Attributes
    ----------
    state : State
        What was decided.
    dominant : bool
        Whether the post is about this value.
    lines : tuple of str
        Lines of the script that show it.
    confidence : {"low", "medium", "high"} or None
        How sure the coder is.
    note : str
        The coder's remark.
    """

    state: State
    dominant: bool = False
    lines: tuple[str, ...] = ()
    confidence: Confidence | None = None
    note: CoderNote = ""

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.state is State.NOT_ASSESSED:
            raise ValueError("a person decides a value, or leaves it open")
        if self.dominant and self.state is not State.PRESENT:
            raise ValueError("only a value that is present can be dominant")
        return self


class Coding(Record):
    """How a person coded a post (coding.<coder>.json).

    Attributes
    ----------
    coder : str
        Who.
    script : str or None
        The script that was read, and whose lines are named.
    values : dict of Value to CodedValue
        What was decided; other values are open.
    confidence : {"low", "medium", "high"} or None
        How sure the coder is of the post as a whole.
    note : str
        The coder's remark on the post.
    done : bool
        Whether the coder has finished the post.
    shown : tuple of str
        Sets of labels that the coder saw before the post was finished.
    seen_from : int or None
        The revision at which labels by models were first shown, before or after finishing: what `changed` says was
        changed later was decided with them in view.
    adjudicates : tuple of str
        Coders whose decisions the coder saw to decide between them.
    revision : int
        Number of changes so far.
    changed : dict of str to int
        The revision at which a field, or a value by its name, was last changed.
    on : datetime or None
        When it was last changed.
    """

    coder: str = ""
    script: str | None = None
    values: dict[Value, CodedValue] = {}
    confidence: Confidence | None = None
    note: CoderNote = ""
    done: bool = False
    shown: tuple[str, ...] = ()
    seen_from: int | None = Field(default=None, ge=0)
    adjudicates: tuple[str, ...] = ()
    revision: int = Field(default=0, ge=0)
    changed: dict[str, int] = {}
    on: AwareDatetime | None = None


class ReviewPlan(Record):
    """Who codes which posts, in which order (review-plan.json).

    `coders` are the posts of each; `overlap` is the share of posts that all of them code, `seed` that of the draw, and
    `sample` the name of the sample that the posts were taken from.
    """

    coders: dict[str, tuple[PlainName, ...]] = {}
    overlap: Fraction = 0.0
    seed: int = 0
    sample: str | None = None


class SpeakerName(Part):
    """Another name for a speaker of a post."""

    speaker: Annotated[CleanText, Field(min_length=1, max_length=60)]
    name: Annotated[CleanText, Field(min_length=1, max_length=60)]
    by: CleanText
    on: AwareDatetime


class Edits(Record):
    """What people corrected (edits.json): a layer over the records of a post, which stay as they were found."""

    corrections: tuple[Correction, ...] = ()
    speakers: tuple[SpeakerName, ...] = ()


class Exclusion(Part):
    """Why a post is left out of a study."""

    reason: CleanText
    by: CleanText
    on: AwareDatetime


class LeftOut(Record):
    """Posts that a run does not add or work on (left-out.json).

    `excluded` posts stay in the study, but not in figures. Of forgotten posts nothing is kept but `forgotten`, keyed
    hashes of their ids, so that they do not come back with the next search for videos.
    """

    excluded: dict[PlainName, Exclusion] = {}
    key: str = ""
    forgotten: tuple[Sha256, ...] = ()


# --- what is about no single post -----------------------------------------------------------------------------------


class Intake(Record):
    """What the last search for posts left out or guessed, as far as it is about no single post (intake.json).

    `unmatched` lists the rows of the table of post texts that match no post.
    """

    unmatched: tuple[CleanText, ...] = ()


# --- failures -------------------------------------------------------------------------------------------------------


class Failure(Record):
    """Why a step failed for a post (failures/<post_id>.<step>.json); `stage` names the step, or ``intake``."""

    post: PlainName
    stage: PlainName
    what: CleanText
    hint: CleanText | None = None
