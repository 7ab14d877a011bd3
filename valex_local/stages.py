"""What a stage is, and the ordered list of them.

A stage is a class. Its constructor loads the model; `prepare` reads and decodes the input of one post and may run in a
thread beside the model; the call maps a batch of prepared inputs to outputs, one each and in order. A stage writes
nothing itself: it hands records and the bytes of side files back, and the run writes them.

    media -> speech, ocr, vision -> script.<variant> -> grounding.<variant>, labels.<variant>.<route>
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from valex_local.config import Settings
from valex_local.engines import load_object
from valex_local.errors import ValexError
from valex_local.records import (
    Captions,
    Grounding,
    Labels,
    MadeBy,
    Media,
    Post,
    Record,
    ScreenText,
    Script,
    Transcript,
)
from valex_local.store.store import LOCAL

if TYPE_CHECKING:
    from valex_local.devices import Device
    from valex_local.store import StoredModel

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Item:
    """One post as a stage sees it.

    Attributes
    ----------
    post : Post
        The post; `post.video.path` is the file.
    folder : Path
        The post's folder, to read side files (keyframes, sound) from. Never written to by a stage.
    records : dict of str to Record
        The records the step reads, by file stem (``"media"``, ``"transcript"``, ``"script.template"``).
    """

    post: Post
    folder: Path
    records: Mapping[str, Record] = field(default_factory=dict)

    def get(self, stem: str, kind: type[R]) -> R:
        """Return the record of that stem, of that kind."""
        record = self.records[stem]
        if not isinstance(record, kind):
            raise TypeError(f"{stem} is a {type(record).__name__}, not a {kind.__name__}")
        return record


@dataclass(frozen=True)
class Output:
    """What a stage made of one item: a record and its side files (path in the post's folder to bytes)."""

    record: Record
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a stage is built from.

    Attributes
    ----------
    settings : Settings
        All settings; a stage reads its own section only.
    models : dict of str to StoredModel
        The verified model of each role the step names; optional roles without a model are absent.
    device : Device
        Where to compute, and with how many threads.
    variant : str
        What the step's name says after the stage: ``"template"``, ``"template.encoder"``, or empty.
    """

    settings: Settings
    models: Mapping[str, StoredModel]
    device: Device
    variant: str = ""


class Stage(Protocol):
    """The shape of every stage. `batch_size` is how many prepared inputs one call takes."""

    batch_size: int

    def __init__(self, context: Context) -> None: ...

    def prepare(self, item: Item) -> Any:
        """Decode one item; runs in worker threads. Raises ValexError for an item that cannot be done."""

    def __call__(self, batch: Sequence[Any]) -> Sequence[Output | ValexError]:
        """Map prepared inputs to outputs, one each and in order."""

    def close(self) -> None:
        """Free the model."""


@dataclass(frozen=True)
class StageSpec:
    """The facts of a stage that planning needs without importing it.

    `reads` names what its fingerprint covers: ``video`` (the file's sum), ``post.text``, a record's stem, or one field
    of a record (``media.audio``). Without a model for an optional role the stage still runs, and says what it skipped.
    `side_files` are those of media (``audio``, ``keyframes``) it opens; where they were dropped they are made again.
    """

    name: str
    version: int
    record: type[Record]
    stem: str
    factory: str
    section: str
    reads: tuple[str, ...]
    roles: tuple[str, ...] = ()
    optional_roles: tuple[str, ...] = ()
    side_files: tuple[str, ...] = ()


STAGES: tuple[StageSpec, ...] = (
    StageSpec("media", 2, Media, "media", "valex_local.media:MediaStage", "media", ("video",)),
    StageSpec(
        "speech", 1, Transcript, "transcript", "valex_local.speech:SpeechStage", "speech",
        ("media.audio",), roles=("asr",), side_files=("audio",),
    ),
    StageSpec(
        "ocr", 2, ScreenText, "text", "valex_local.ocr:OcrStage", "ocr",
        ("video", "media.video", "media.duration"), roles=("ocr",),
    ),
    StageSpec(
        "vision", 2, Captions, "captions", "valex_local.vision:VisionStage", "vision",
        ("video", "media.keyframes"), optional_roles=("clip",), side_files=("keyframes",),
    ),
    StageSpec(
        "script", 1, Script, "script.{variant}", "valex_local.script:ScriptStage", "script",
        ("post.text", "media.duration", "media.shots", "media.keyframes", "transcript", "text", "captions"),
    ),
    StageSpec(
        "grounding", 1, Grounding, "grounding.{variant}", "valex_local.grounding:GroundingStage", "grounding",
        ("script.{script}", "video", "media.keyframes"), optional_roles=("clip",), side_files=("keyframes",),
    ),
    StageSpec(
        "labels", 1, Labels, "labels.{variant}", "valex_local.labels:LabelStage", "labels", ("script.{script}",),
    ),
)  # fmt: skip

ROUTE_ROLES = {"encoder": "labels", "fewshot": "llm", "direct": "llm"}
"""The role of the model that each labelling route uses."""

VIDEO = "video"
"""Stands in the place of a script's name where a route labels the video itself."""

_DIRECT_READS = ("post.text", "media.keyframes", "transcript")

# Settings that name a file: what counts is the file's content. The value is our own file when the setting is left out.
FILES: dict[tuple[str, ...], str] = {
    ("vision", "vocabulary"): "vision/vocabulary.toml",
    ("vision", "captions", "llm", "prompt"): "vision/prompts/caption.jinja",
    ("script", "llm", "prompt"): "script/prompts/scene.jinja",
    ("grounding", "lines"): "grounding/lines.toml",
    ("labels", "fewshot", "prompt"): "labels/prompts/labels.jinja",
    ("labels", "fewshot", "values"): "labels/values.toml",
    ("labels", "direct", "prompt"): "labels/prompts/labels.jinja",
    ("labels", "direct", "values"): "labels/values.toml",
}


def setting_file(settings: Settings, *keys: str) -> Path:
    """Return the file a setting of `FILES` names, or ours where it was left out."""
    value: Any = settings
    for key in keys:
        value = getattr(value, key)
    return Path(value) if value is not None else Path(__file__).parent / FILES[keys]


def absolute_paths(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as plain data with the paths in them made absolute: a study may be gone on with from anywhere."""
    out = dict(options)
    for keys in FILES:
        out = _absolute(out, *keys)
    if isinstance(models := out.get("models"), Mapping):
        for role in models:
            out = _absolute(out, "models", role, prefix=LOCAL)
    return out


def _absolute(table: Mapping[str, Any], key: str, *rest: str, prefix: str = "") -> dict[str, Any]:
    value = table.get(key)
    if rest and isinstance(value, Mapping):
        return {**table, key: _absolute(value, *rest, prefix=prefix)}
    if rest or not isinstance(value, str | Path) or not str(value).startswith(prefix):
        return dict(table)
    path = Path(str(value).removeprefix(prefix)).expanduser()
    return {**table, key: f"{prefix}{path.absolute()}"}


@dataclass(frozen=True)
class Step:
    """A stage in one of its variants, with the settings it reads: what a run does for every post.

    Attributes
    ----------
    name : str
        ``speech``, ``script.template``, ``labels.template.encoder``: as users and failure files name it.
    stem : str
        File stem of the record in the post's folder.
    settings : dict
        Exactly the settings that can change the record.
    """

    spec: StageSpec
    variant: str
    name: str
    stem: str
    settings: dict[str, Any]
    reads: tuple[str, ...]
    roles: tuple[str, ...]
    optional_roles: tuple[str, ...]
    side_files: tuple[str, ...] = ()

    def made_by(self, models: Mapping[str, StoredModel]) -> MadeBy:
        """What a record of this step says of its making."""
        used = {role: f"{models[role].id}@{models[role].digest}" for role in self.all_roles if role in models}
        return MadeBy(stage=self.spec.name, version=self.spec.version, settings=self.settings, models=used)

    @property
    def all_roles(self) -> tuple[str, ...]:
        """Roles the step uses a model of, needed ones first."""
        return self.roles + self.optional_roles

    def load(self, context: Context) -> Stage:
        """Import the stage and build it: this loads its model."""
        stage: Stage = load_object(self.spec.factory)(context)
        return stage


def plan(settings: Settings) -> tuple[Step, ...]:
    """List every step of a run, each after those it reads."""
    return tuple(step for spec in STAGES for step in _variants(spec, settings))


def _variants(spec: StageSpec, settings: Settings) -> Iterator[Step]:
    if spec.name == "vision" and settings.vision.captions.writer == "llm":
        yield _step(spec, settings, roles=("llm",))
    elif spec.name == "script":
        for writer in settings.script.variants:
            roles, files = (("llm",), ("keyframes",)) if writer == "local" else ((), ())
            yield _step(spec, settings, variant=writer, roles=roles, side_files=files)
    elif spec.name == "grounding":
        for script in _scripts(settings):
            yield _step(spec, settings, variant=script, reads=_reads_of(spec, script))
    elif spec.name == "labels":
        yield from _label_steps(spec, settings)
    else:
        yield _step(spec, settings)


def _scripts(settings: Settings) -> tuple[str, ...]:
    """Return the names of the scripts that a run reads: its own, then those from elsewhere."""
    return tuple(dict.fromkeys((*settings.script.variants, *settings.labels.scripts)))


def _reads_of(spec: StageSpec, script: str) -> tuple[str, ...]:
    return tuple(name.format(script=script) for name in spec.reads)


def _label_steps(spec: StageSpec, settings: Settings) -> Iterator[Step]:
    """Yield a step for each route: on every script, or on the video itself."""
    for route in dict.fromkeys(settings.labels.routes):
        roles = (ROUTE_ROLES[route],)
        if route == "direct":
            yield _step(
                spec, settings, variant=f"{VIDEO}.{route}", reads=_DIRECT_READS, roles=roles, side_files=("keyframes",)
            )
            continue
        for script in _scripts(settings):
            yield _step(spec, settings, variant=f"{script}.{route}", reads=_reads_of(spec, script), roles=roles)


def _step(
    spec: StageSpec,
    settings: Settings,
    *,
    variant: str = "",
    reads: tuple[str, ...] | None = None,
    roles: tuple[str, ...] | None = None,
    side_files: tuple[str, ...] | None = None,
) -> Step:
    """Return a step: the facts of its stage, but for what is its own."""
    return Step(
        spec=spec,
        variant=variant,
        name=f"{spec.name}.{variant}" if variant else spec.name,
        stem=spec.stem.format(variant=variant),
        settings=_settings_read(spec, settings, variant),
        reads=spec.reads if reads is None else reads,
        roles=spec.roles if roles is None else roles,
        optional_roles=spec.optional_roles,
        side_files=spec.side_files if side_files is None else side_files,
    )


def _settings_read(spec: StageSpec, settings: Settings, variant: str) -> dict[str, Any]:
    """Return the part of the settings that can change the record, files replaced by the sums of their content."""
    data: dict[str, Any] = getattr(settings, spec.section).model_dump(mode="json")
    data.pop("variants", None)
    data.pop("routes", None)
    data.pop("scripts", None)
    if spec.name == "vision":
        data["captions"] = _of_caption_writer(data["captions"])
    if spec.name == "labels":
        _keep_of_route(data, variant.rpartition(".")[2])
        if variant == f"{VIDEO}.direct":
            data["include_post_text"] = settings.script.include_post_text
    if variant == "template":
        data.pop("llm", None)
    for section, *keys in FILES:
        table = data
        for key in keys[:-1]:
            table = table.get(key, {})
        if section == spec.section and keys[-1] in table:
            path = setting_file(settings, section, *keys)
            table[keys[-1]] = _file_sum(path)
    return data


def _of_caption_writer(captions: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the settings that the other writer of captions reads."""
    if captions["writer"] == "llm":
        return {"writer": "llm", "llm": captions["llm"]}
    # CoCa goes without its name: so say records that were made when there was no other.
    return {key: value for key, value in captions.items() if key not in ("writer", "llm")}


def _keep_of_route(data: dict[str, Any], route: str) -> None:
    """Leave out the settings that other labelling routes read."""
    for other in ("fewshot", "direct"):
        if other != route:
            data.pop(other, None)
    if route != "encoder" or not data["int8"]:
        data.pop("int8")  # off is what records mean that were made before there was the setting


def _file_sum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ValexError(f"a file that the settings name cannot be read ({error.strerror})", path=path) from error


def stems_read(reads: Sequence[str]) -> tuple[str, ...]:
    """Return the stems of the records that `reads` names, each once, the post and the video left out."""
    stems = (name if name.startswith("script.") else name.partition(".")[0] for name in reads)
    return tuple(dict.fromkeys(stem for stem in stems if stem not in ("video", "post")))


def record_kind(stem: str) -> type[Record]:
    """Return the kind of the record with that file stem."""
    if stem == "post":
        return Post
    first = stem.partition(".")[0]
    return next(spec.record for spec in STAGES if spec.stem.partition(".")[0] == first)
