"""The variants of each stage that the settings ask for, and the settings that each variant reads.

There is one function of each kind per stage; `registry` refers to them. A change of a setting that a variant reads
makes its records outdated, so settings that cannot change a record must be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from valex_local.rendering.views import MARK
from valex_local.settings import EncoderSettings, Settings
from valex_local.stages.label_routes import ROUTES, route_spec
from valex_local.stages.setting_files import with_checksums
from valex_local.study.variants import LabelKey

VIDEO = "video"
"""Used in place of a script's name where a route labels the video itself."""

LOCAL_WRITER = 2
"""Version of the writer with a language model; the template's scripts are still those of version 1."""


@dataclass(frozen=True)
class Variant:
    """One way in which a stage is run. Attributes that are None are as in the stage's `StageSpec`.

    Attributes
    ----------
    name : str
        The part of a step's name after the stage: ``"template"``, ``"template.encoder"``, or empty.
    script : str
        The script it reads, if any.
    engine : str
        What is loaded for it; variants with the same one share it. Empty if it shares nothing.
    model : str, optional
        The model of its only role, if it is not the study's own: the key of `labels.beside`.
    reads, roles, side_files : tuple of str, optional
        As in `StageSpec`.
    """

    name: str = ""
    script: str = ""
    engine: str = ""
    model: str | None = None
    version: int | None = None
    reads: tuple[str, ...] | None = None
    roles: tuple[str, ...] | None = None
    side_files: tuple[str, ...] | None = None


def single(settings: Settings) -> Iterator[Variant]:
    """Yield the only variant of a stage without variants."""
    yield Variant()


def speakers_variants(settings: Settings) -> Iterator[Variant]:
    """Yield the only variant; none where speakers are not to be told apart."""
    if settings.speakers.find:
        yield Variant()


def vision_variants(settings: Settings) -> Iterator[Variant]:
    """Yield the only variant; it needs a language model if one writes the captions."""
    yield Variant(roles=("llm",) if settings.vision.captions.writer == "llm" else None)


def script_variants(settings: Settings) -> Iterator[Variant]:
    """Yield a variant for each writer."""
    for writer in settings.script.variants:
        local = Variant(writer, version=LOCAL_WRITER, roles=("llm",), side_files=("keyframes",))
        yield local if writer == "local" else Variant(writer)


def grounding_variants(settings: Settings) -> Iterator[Variant]:
    """Yield a variant for each script."""
    for script in _scripts(settings):
        if MARK not in script:
            yield Variant(script, script=script, engine="clip")


def label_variants(settings: Settings) -> Iterator[Variant]:
    """Yield a variant for each route, or route and model beside, and script; those that label the video have one."""
    for by in dict.fromkeys((*settings.labels.routes, *settings.labels.beside)):
        name, _, beside = by.partition("@")
        route = route_spec(name)
        shared = Variant(engine=by, model=by if beside else None, roles=(route.role,), side_files=route.side_files)
        if route.reads:
            yield replace(shared, name=f"{VIDEO}.{by}", reads=route.reads)
            continue
        for script in _scripts(settings):
            yield replace(shared, name=f"{script}.{by}", script=script)


def _scripts(settings: Settings) -> tuple[str, ...]:
    """Return the names of the scripts that a run reads: its own, then imported ones."""
    return tuple(dict.fromkeys((*settings.script.variants, *settings.labels.scripts)))


# --- settings -------------------------------------------------------------------------------------------------------


def no_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return an empty dict, for a stage that reads no settings."""
    return {}


def media_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that media reads."""
    return settings.media.model_dump(mode="json")


def speech_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that speech reads."""
    return settings.speech.model_dump(mode="json")


def speakers_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that speakers reads."""
    return settings.speakers.model_dump(mode="json", exclude={"find"})


def ocr_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that ocr reads."""
    return settings.ocr.model_dump(mode="json")


def vision_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that vision reads, without those of the caption writer that is not used."""
    data = settings.vision.model_dump(mode="json")
    captions = data["captions"]
    if captions["writer"] == "llm":
        data["captions"] = {"writer": "llm", "llm": captions["llm"]}
    else:
        # Without `writer`: records made when CoCa was the only writer do not have it.
        data["captions"] = {key: value for key, value in captions.items() if key not in ("writer", "llm")}
    return with_checksums(settings, "vision", data)


def script_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that a script writer reads, without those of the language model for the template."""
    leave_out = {"variants", "llm"} if variant == "template" else {"variants"}
    return with_checksums(settings, "script", settings.script.model_dump(mode="json", exclude=leave_out))


def grounding_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that grounding reads."""
    return with_checksums(settings, "grounding", settings.grounding.model_dump(mode="json"))


def label_settings(settings: Settings, variant: str) -> dict[str, Any]:
    """Return the settings that a labelling route reads, without those of the other routes."""
    route = LabelKey.of(variant).route
    leave_out = {
        "routes",
        "scripts",
        "beside",
        *(ROUTES.keys() - {route}),
    }  # a route's own settings are stored under its name
    if route != "encoder" or not settings.labels.int8:
        leave_out.add("int8")  # records made before this setting existed do not have it
    if settings.labels.encoder == EncoderSettings():
        leave_out.add("encoder")  # likewise
    data = settings.labels.model_dump(mode="json", exclude=leave_out)
    if "post.text" in route_spec(route).reads:
        data["include_post_text"] = settings.script.include_post_text
    return with_checksums(settings, "labels", data)
