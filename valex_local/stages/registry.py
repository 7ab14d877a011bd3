"""The ordered list of stages.

media -> speech, speakers, ocr, vision -> script.<variant> -> grounding.<variant>, labels.<variant>.<route>
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.records import (
    Captions,
    Grounding,
    Labels,
    Media,
    Post,
    Record,
    ScreenText,
    Script,
    Speakers,
    Transcript,
)
from valex_local.settings import Settings
from valex_local.stages import variants as of
from valex_local.stages.variants import Variant


@dataclass(frozen=True)
class StageSpec:
    """What planning needs to know about a stage without importing it.

    Without a model for an optional role the stage still runs, and records what it skipped.

    Attributes
    ----------
    name : str
        The name of the stage in settings and messages.
    version : int
        Incremented when the stage writes other records from equal input; older records are then outdated.
    record : type of Record
        The type of record it writes.
    stem : str
        File stem of the record; may contain ``{variant}``.
    factory : str
        Its class, as ``module:name``.
    reads : tuple of str
        What its fingerprint covers: ``video`` (the file's checksum), ``post.text``, a record's stem, or one field of a
        record (``media.audio``); may contain ``{script}``. A name that ends in ``?`` may be missing, and is covered
        only where there is something: records stay current when a stage is added that changes nothing in them.
    settings_read : callable
        Returns the settings that a variant reads, as JSON data; none by default.
    variants : callable
        Yields the variants that settings ask for.
    roles, optional_roles : tuple of str
        Roles of the models it uses.
    side_files : tuple of str
        The side files of media (``audio``, ``keyframes``) it opens; if they were dropped, they are made again.
    """

    name: str
    version: int
    record: type[Record]
    stem: str
    factory: str
    reads: tuple[str, ...]
    settings_read: Callable[[Settings, str], dict[str, Any]] = of.no_settings
    variants: Callable[[Settings], Iterator[Variant]] = of.single
    roles: tuple[str, ...] = ()
    optional_roles: tuple[str, ...] = ()
    side_files: tuple[str, ...] = ()


STAGES: tuple[StageSpec, ...] = (
    StageSpec("media", 3, Media, "media", "valex_local.stages.media:MediaStage", ("video",), of.media_settings),
    StageSpec(
        "speech", 2, Transcript, "transcript", "valex_local.stages.speech:SpeechStage",
        ("media.audio",), of.speech_settings, roles=("asr",), side_files=("audio",),
    ),
    StageSpec(
        "speakers", 1, Speakers, "speakers", "valex_local.stages.speakers:SpeakersStage",
        ("media.audio",), of.speakers_settings, of.speakers_variants,
        optional_roles=("speaker",), side_files=("audio",),
    ),
    StageSpec(
        "ocr", 3, ScreenText, "text", "valex_local.stages.ocr:OcrStage",
        ("video", "media.video", "media.duration"), of.ocr_settings, roles=("ocr",),
    ),
    StageSpec(
        "vision", 2, Captions, "captions", "valex_local.stages.vision:VisionStage",
        ("video", "media.keyframes"), of.vision_settings, of.vision_variants,
        optional_roles=("clip", "detector"), side_files=("keyframes",),
    ),
    StageSpec(
        "script", 1, Script, "script.{variant}", "valex_local.stages.script:ScriptStage",
        ("post.text", "media.duration", "media.shots", "media.keyframes", "transcript", "text", "captions",
         "speakers.several?"),
        of.script_settings, of.script_variants,
    ),
    StageSpec(
        "grounding", 1, Grounding, "grounding.{variant}", "valex_local.stages.grounding:GroundingStage",
        ("script.{script}", "video", "media.keyframes"), of.grounding_settings, of.grounding_variants,
        optional_roles=("clip", "detector"), side_files=("keyframes",),
    ),
    StageSpec(
        "labels", 1, Labels, "labels.{variant}", "valex_local.stages.labels:LabelStage",
        ("script.{script}",), of.label_settings, of.label_variants,
    ),
)  # fmt: skip
"""All stages, each after the stages it reads."""


def stems_read(reads: Sequence[str]) -> tuple[str, ...]:
    """Return the stems of the records that `reads` names, each once, without the post and the video."""
    names = (name.removesuffix("?") for name in reads)
    stems = (name if name.startswith("script.") else name.partition(".")[0] for name in names)
    return tuple(dict.fromkeys(stem for stem in stems if stem not in ("video", "post")))


def record_type(stem: str) -> type[Record]:
    """Return the type of the records with a file stem."""
    if stem == "post":
        return Post
    first = stem.partition(".")[0]
    return next(spec.record for spec in STAGES if spec.stem.partition(".")[0] == first)
