"""Every setting and its default, defined once for the TOML files, the command line and the Python interface.

Each section holds the settings of one stage; changing a field makes the records of that stage, and of those after it,
stale. Settings that never change a record (jobs, device, what to keep on disk) are in `Work`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from valex_local.errors import ConfigError
from valex_local.files.validation import explain


class Section(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)


class MediaSettings(Section):
    """Shots and keyframes."""

    shot_threshold: float = Field(default=27.0, gt=0, description="Content change that makes a cut (PySceneDetect)")
    min_shot_seconds: float = Field(default=0.6, gt=0, description="Shorter shots are merged into the next one")
    keyframe_every_seconds: float = Field(default=6.0, gt=0, description="Seconds of a long shot per keyframe")
    max_keyframes: int = Field(default=24, ge=1, description="Maximum number of keyframes of a video")
    keyframe_max_side: int = Field(default=768, ge=16, description="Longest side of a stored keyframe, pixels")


class SpeechSettings(Section):
    """Speech recognition, and which of its segments are kept."""

    language: str | None = Field(default=None, description="ISO 639-1 code; detected by the model when left out")
    translate: bool = Field(default=False, description="Translate the speech to English")
    beam_size: int = Field(default=5, ge=1, description="Number of beams of the decoder")
    silence_db: float = Field(
        default=-60.0, lt=0, description="Below this level the track is silent, dB relative to full scale"
    )
    max_no_speech: float = Field(default=0.6, ge=0, le=1, description="Drop segments above this no-speech probability")
    min_avg_logprob: float = Field(
        default=-0.8, description="Drop segments below this mean log-probability of the tokens"
    )
    max_compression: float = Field(
        default=2.4, gt=0, description="Drop segments above this compression ratio (repetition)"
    )
    voice_threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability from which sound counts as a voice"
    )
    min_voice: float = Field(
        default=0.2, ge=0, le=1, description="Drop segments with a voice in less than this fraction of their time"
    )
    min_speech_voice: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Words with a voice in less than this fraction of their time count as sung, not spoken",
    )


class SpeakersSettings(Section):
    """Who speaks when."""

    find: bool = Field(default=True, description="Tell speakers apart; otherwise every voice is SPEAKER")
    threshold: float = Field(
        default=0.66, ge=0, le=1, description="Voices at least this alike (mean cosine) are one speaker"
    )


class OcrSettings(Section):
    """On-screen text."""

    fps: float = Field(default=6.0, gt=0, le=60, description="Frames sampled per second of video")
    max_side: int = Field(default=640, ge=64, description="Longest side of the detector's input, pixels")
    min_confidence: float = Field(default=0.6, ge=0, le=1, description="Readings below this confidence are dropped")


class LlmSettings(Section):
    """How a language model is asked."""

    context: int = Field(default=4096, ge=512, description="Context size, tokens")
    max_tokens: int = Field(default=512, ge=32, description="Maximum length of an answer, tokens")
    temperature: float = Field(default=0.0, ge=0, description="0 takes the likeliest token")
    seed: int = Field(default=0, description="Seed of the sampling")

    @model_validator(mode="after")
    def _leaves_space_for_the_question(self) -> Self:
        if self.max_tokens > self.context // 2:
            raise ValueError("max_tokens must be at most half of context: the rest is for the question")
        return self


class LlmCaptionSettings(LlmSettings):
    """A language model that is shown keyframes, one at a time."""

    max_tokens: int = Field(default=256, ge=32, description="Maximum length of an answer, tokens")
    keyframe_side: int = Field(default=448, ge=28, description="Longest side of a keyframe shown, pixels")
    prompt: Path | None = Field(default=None, description="Jinja template of the prompt; the default when left out")


class CaptionSettings(Section):
    """Sentences about keyframes. All settings but `writer` and `llm` apply to CoCa only."""

    writer: Literal["coca", "llm"] = Field(
        default="coca", description="A CoCa model (if sampling is set), or the language model (if it takes images)"
    )
    sampling: Literal["top_k", "top_p"] | None = Field(
        default=None, description="How CoCa samples words; no CoCa captions when left out"
    )
    top_k: int = Field(default=1, ge=1, description="Sample from this many likeliest tokens; 1 takes the likeliest")
    top_p: float = Field(
        default=0.1, gt=0, le=1, description="Sample from the likeliest tokens that together have this probability"
    )
    temperature: float = Field(default=1.0, gt=0, description="Temperature of the sampling")
    max_tokens: int = Field(default=30, ge=8, description="Maximum length of a caption, tokens")
    seed: int = Field(default=0, description="Seed of the sampling")
    llm: LlmCaptionSettings = LlmCaptionSettings()

    @property
    def by_coca(self) -> bool:
        """Whether a CoCa model writes the captions."""
        return self.writer == "coca" and self.sampling is not None


class VisionSettings(Section):
    """Zero-shot tags of keyframes, and captions."""

    vocabulary: Path | None = Field(
        default=None, description="TOML of categories and entries; the model's own or the default when left out"
    )
    min_probability: float = Field(default=0.3, ge=0, le=1, description="Tags below this probability are dropped")
    captions: CaptionSettings = CaptionSettings()


class LlmWriterSettings(LlmSettings):
    """The language model that arranges evidence into scenes; an answer is one scene."""

    keyframes_per_scene: int = Field(
        default=4, ge=1, description="Maximum number of keyframes per scene shown to a model that takes images"
    )
    keyframe_side: int = Field(default=448, ge=28, description="Longest side of a keyframe shown, pixels")
    prompt: Path | None = Field(default=None, description="Jinja template of the prompt; the default when left out")


class ScriptSettings(Section):
    """The script and its variants."""

    variants: tuple[Literal["template", "local"], ...] = Field(
        default=("template",), min_length=1, description="Writers to run; the first is the one shown by default"
    )
    include_post_text: bool = Field(default=True, description="Begin the script with the post text")
    mumbled_logprob: float = Field(default=-0.7, description="Speech below this mean log-probability is marked mumbled")
    llm: LlmWriterSettings = LlmWriterSettings()


class GroundingSettings(Section):
    """Whether action lines match their keyframes."""

    lines: Path | None = Field(default=None, description="TOML of the reference lines; the default when left out")
    below_chance: float = Field(
        default=0.5, ge=0, le=1, description="Action lines below this percentile of the reference lines are marked"
    )
    spoken_of: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="A keyframe counts as described if reference lines fit it less well with this probability",
    )


class LlmLabelSettings(LlmSettings):
    """How a language model is asked for labels."""

    context: int = Field(default=8192, ge=512, description="Context size, tokens")
    max_tokens: int = Field(default=1024, ge=64, description="Maximum length of an answer, tokens")
    ask: Literal["together", "one", "apart", "scenes", "yes-no"] = Field(
        default="together",
        description="All values in one question; one question per value; one per polarity; all values, by scene; or "
        "yes or no per value and polarity",
    )
    values: Path | None = Field(default=None, description="TOML of definitions and examples; the default when left out")
    prompt: Path | None = Field(default=None, description="Jinja template of the prompt; the default when left out")


class DirectSettings(LlmLabelSettings):
    """How a model that takes images is asked to label the video itself."""

    ask: Literal["together", "one", "apart", "yes-no"] = Field(
        default="together", description="As for fewshot, but not by scene"
    )
    max_keyframes: int = Field(
        default=12, ge=1, description="Maximum number of keyframes shown, spread evenly over the video"
    )
    keyframe_side: int = Field(default=448, ge=28, description="Longest side of a keyframe shown, pixels")

    @field_validator("ask", mode="before")
    @classmethod
    def _asks_about_the_video(cls, way: Any) -> Any:
        if way == "scenes":
            raise ValueError("scenes is for the route fewshot: direct reads no script, so it has no scenes")
        return way


def _names_a_script(name: str) -> str:
    if name == "video":
        raise ValueError("the name video means the video itself; choose another name for the script")
    return name


ScriptName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(~[a-z_]+)*$"), AfterValidator(_names_a_script)]

RouteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
"""Name of a labelling route; `stages.label_routes` has the table of routes and checks the name."""


def _name_labels(beside: dict[str, str]) -> dict[str, str]:
    """Refuse keys that do not end the name of a file, or two that are one file where the system ignores case."""
    seen: dict[str, str] = {}
    for name in beside:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*@[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(f"{name!r}: expected ROUTE@NAME, such as encoder@mpnet; no . and no @ in a name")
        if (other := seen.setdefault(name.lower(), name)) is not name:
            raise ValueError(f"{other} and {name} differ by case alone")
    return beside


class EncoderSettings(Section):
    """The label model that reads scripts."""

    evidence: Literal["off", "lines", "checked"] = Field(
        default="lines",
        description="Name the lines on which a probability rests: by what each contributes (lines), by reading the "
        "text again without them (checked, several times slower), or not (off)",
    )


class LabelSettings(Section):
    """The labelling routes."""

    routes: tuple[RouteName, ...] = Field(
        default=("encoder",), description="Routes to run: encoder and fewshot on every script, direct on the video"
    )
    keep_silent: bool = Field(default=False, description="Label posts without verbal sound too")
    scripts: tuple[ScriptName, ...] = Field(
        default=(), description="Names of imported script variants to label too, and of views: template~action"
    )
    beside: Annotated[dict[str, str], AfterValidator(_name_labels)] = Field(
        default={},
        description="ROUTE@NAME to the id of a model that labels beside the study's own; NAME ends the labels' name",
    )
    int8: bool = Field(default=False, description="Run the label model's encoder in 8-bit integers; CPU only")
    encoder: EncoderSettings = EncoderSettings()
    fewshot: LlmLabelSettings = LlmLabelSettings()
    direct: DirectSettings = DirectSettings()


class Work(Section):
    """How a run works; nothing here changes a record."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where to compute; auto takes a GPU if there is one"
    )
    jobs: int | None = Field(
        default=None, ge=1, description="Threads that prepare inputs; depends on the number of cores when left out"
    )
    requests: int = Field(
        default=4, ge=1, description="Questions sent at once to a language-model server; other engines take one"
    )
    chunk: int = Field(default=200, ge=1, description="Number of posts that go through all steps together")
    resident: bool = Field(default=False, description="Keep all models in memory between steps")
    keep_keyframes: bool = Field(default=True, description="Keep the keyframes in the study")
    keep_audio: bool = Field(default=True, description="Keep the 16 kHz audio in the study")


class Retention(Section):
    """Until when posts from a source may be kept: until a day, or for some days from the day of their collection."""

    source: str = Field(min_length=1, description="Pattern of the path of a file, or of the id of a post, with * and ?")
    until: date | None = Field(default=None, description="Last day")
    collected: date | None = Field(default=None, description="Day of their collection")
    days: int | None = Field(default=None, ge=0, description="Days from then on")

    @model_validator(mode="after")
    def _says_until_when(self) -> Self:
        if (self.until is None) == (self.collected is None or self.days is None):
            raise ValueError("give until, or both collected and days")
        return self


class Governance(Section):
    """What only people know about a study; nothing here changes a record."""

    retain_until: date | None = Field(default=None, description="Last day on which posts may be kept")
    retention: tuple[Retention, ...] = Field(
        default=(),
        description="Posts with other days: the first counts whose `source`, a pattern with * and ?, fits the id or "
        "the path of a file. Each has `until`, or `collected` and `days`",
    )
    controller: str = Field(default="", description="Who is responsible: institution, people, address")
    officer: str = Field(default="", description="Data protection officer, with address")
    purpose: str = Field(default="", description="What the study is for")
    legal_basis: str = Field(default="", description="Legal basis of the processing, such as an article of law")
    persons: str = Field(default="", description="More on the persons in the posts, such as minors")
    recipients: str = Field(default="", description="Who is given what of the study")
    transfers: str = Field(default="", description="Transfers to other countries")
    measures: str = Field(default="", description="More on security, such as encrypted disks")
    necessity: str = Field(default="", description="Why the processing is necessary and proportionate")
    ethics: str = Field(default="", description="Vote of an ethics board: which, when, number")
    rights: str = Field(default="", description="How persons are informed, and how they can object")
    risks: str = Field(default="", description="More on risks for the persons")
    licence: str = Field(default="", description="Licence of what is archived, such as an address")


class Settings(Section):
    """All settings of a study. `models` maps roles to the ids of models that replace the profile's."""

    profile: str = Field(default="cpu", description="Name of a profile, or the path of its TOML file")
    models: dict[str, str] = Field(default={}, description="Role to the id of the model that replaces the profile's")
    media: MediaSettings = MediaSettings()
    speech: SpeechSettings = SpeechSettings()
    speakers: SpeakersSettings = SpeakersSettings()
    ocr: OcrSettings = OcrSettings()
    vision: VisionSettings = VisionSettings()
    script: ScriptSettings = ScriptSettings()
    grounding: GroundingSettings = GroundingSettings()
    labels: LabelSettings = LabelSettings()
    work: Work = Work()
    governance: Governance = Governance()


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` updated with `over`, table by table."""
    out = dict(base)
    for key, value in over.items():
        below = out.get(key)
        out[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return out


def make_settings(data: Mapping[str, Any], *, source: Path | str = "the options") -> Settings:
    """Return the settings of a study built from plain data; see `build`."""
    return build(Settings, data, source=source)


def build(kind: type[S], data: Mapping[str, Any], *, source: Path | str = "the options") -> S:
    """Return settings of a kind built from plain data.

    Parameters
    ----------
    kind : type of Section
        The section to build.
    data : mapping
        The settings as nested plain data.
    source : Path or str
        The file they come from, or what error messages call their origin.

    Returns
    -------
    Section
        An instance of `kind`.

    Raises
    ------
    ConfigError
        A key is unknown (the nearest known one is named) or a value is out of bounds.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(kind, error, noun="setting"), path=source) from error
