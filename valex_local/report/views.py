"""The content of a post's page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from valex_local.files.text import one_line
from valex_local.records import (
    DroppedSegment,
    Grounding,
    Keyframe,
    KeyframeCaption,
    Labels,
    LabelSource,
    Notice,
    PostText,
    Record,
    Script,
    ValueLabel,
)
from valex_local.rendering.detections import LookedFor, looked_for
from valex_local.rendering.lines import ShownScene, shown_scenes
from valex_local.rendering.timing import clock
from valex_local.rendering.views import script_of
from valex_local.report.circle import label_circle
from valex_local.report.gather import Gathered, step_name
from valex_local.report.links import from_page
from valex_local.report.overview import Trouble, describe_sound, unreadable
from valex_local.report.svg import pole
from valex_local.report.timeline import Lane, axis, describe, lanes
from valex_local.schwartz import State, Value
from valex_local.stages.variants import VIDEO
from valex_local.states import about_evidence, kind_of_states, shown_evidence, values_not_validated, with_cutoff
from valex_local.study import LabelKey


@dataclass(frozen=True)
class Film:
    """The video or, without one, the sound: its link, or why there is none; `poster` is shown before it plays."""

    address: str | None
    why_not: str | None = None
    poster: str | None = None


@dataclass(frozen=True)
class BoxView:
    """What a detector found in a picture: its box in pixels of the keyframe, and its name and score."""

    left: float
    top: float
    width: float
    height: float
    name: str
    is_face: bool


@dataclass(frozen=True)
class KeyframeView:
    """A keyframe: its link if the file exists, its description, its tags with probabilities, and detections."""

    id: str
    time: float
    width: int
    height: int
    address: str | None
    shows: str
    tags: tuple[tuple[str, float], ...] = ()
    boxes: tuple[BoxView, ...] = ()


@dataclass(frozen=True)
class ScriptView:
    """A variant of the script; the ids of its lines in the page start with `anchor`.

    `looked_for` is by line what it names of all that detectors know.
    """

    name: str
    anchor: str
    scenes: tuple[ShownScene, ...]
    facts: tuple[tuple[str, str], ...]
    skipped: str | None
    notices: tuple[Notice, ...]
    looked_for: Mapping[str, LookedFor]


@dataclass(frozen=True)
class LabelRow:
    """A label, and the lines given as evidence: the name of each, and its anchor if it is on the page."""

    label: ValueLabel
    pole: str
    evidence: tuple[tuple[str, str | None], ...]

    @property
    def present(self) -> tuple[str, str]:
        """Return the probability that the value is present, and its cut-off, in digits."""
        return _digits(self.label.present, self.label.present_from)

    @property
    def conflicted(self) -> tuple[str, str]:
        """Return the probability that the value is conflicted, and its cut-off, in digits."""
        return _digits(self.label.conflicted, self.label.conflicted_from)

    @property
    def state(self) -> str:
        """Return the state in words."""
        if self.label.dominant and self.label.state is State.PRESENT:
            return "present, dominant"
        return self.label.state.value.replace("_", " ")


@dataclass(frozen=True)
class LabelView:
    """The labels that one route gave one script, or the video itself."""

    key: LabelKey
    anchor: str
    source: LabelSource
    states: str
    unvalidated: frozenset[Value]
    rows: tuple[LabelRow, ...]
    circle: Markup | None
    skipped: str | None
    notices: tuple[Notice, ...]
    about_evidence: str

    @property
    def drawn(self) -> bool:
        """Whether the states were drawn by cut-offs."""
        return any(row.label.present_from is not None for row in self.rows)

    @property
    def conflicted(self) -> bool:
        """Whether conflict was assessed for any value."""
        return any(row.label.conflicted is not None for row in self.rows)


@dataclass(frozen=True)
class Origin:
    """The provenance of a record."""

    stem: str
    fingerprint: str
    stage: str
    version: int | None
    models: tuple[tuple[str, str, str], ...]
    settings: str
    skipped: str | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class PostView:
    """The content of a post's page."""

    id: str
    text: PostText
    facts: tuple[tuple[str, str], ...]
    film: Film
    duration: float
    lanes: tuple[Lane, ...]
    axis: Markup | None
    remarks: tuple[tuple[str, str], ...]
    dropped: tuple[DroppedSegment, ...]
    stills: tuple[KeyframeView, ...]
    scripts: tuple[ScriptView, ...]
    labels: tuple[LabelView, ...]
    troubles: tuple[Trouble, ...]
    origins: tuple[Origin, ...]


def post_view(gathered: Gathered, folder: Path, pages: Path) -> PostView:
    """Return the content of a post's page.

    Parameters
    ----------
    gathered : Gathered
        All records of the post.
    folder : Path
        The folder of the post in the study, with the keyframes.
    pages : Path
        The folder of the pages, without symbolic links.

    Returns
    -------
    PostView
        The content, ready for the template.
    """
    stills = tuple(_stills(gathered, folder, pages))
    poster = next((still.address for still in stills if still.address), None)
    duration = _duration(gathered)
    found = gathered.media, gathered.transcript, gathered.screen_text, gathered.captions
    drawn = lanes(duration, *found, speakers=gathered.speakers)
    scripts = tuple(
        _script(n, *pair, gathered.get(f"grounding.{pair[0]}", Grounding))
        for n, pair in enumerate(gathered.scripts.items(), 1)
    )
    anchors = {script.name: dict(_anchors(script)) for script in scripts}
    pictures = {still.id: still.id for still in stills}
    return PostView(
        id=gathered.id,
        text=gathered.post.text,
        facts=tuple(_facts(gathered)),
        film=_film(gathered, pages, poster),
        duration=duration,
        lanes=drawn,
        axis=axis(duration) if drawn else None,
        remarks=tuple(_remarks(gathered)),
        dropped=gathered.transcript.dropped if gathered.transcript else (),
        stills=stills,
        scripts=scripts,
        labels=tuple(_labels(n, *pair, anchors, pictures) for n, pair in enumerate(gathered.labels.items(), 1)),
        troubles=tuple(_troubles(gathered)),
        origins=tuple(_origin(stem, record) for stem, record in gathered.records.items()),
    )


def reachable(gathered: Gathered) -> bool:
    """Whether what a page plays exists: the video, or the sound of a post without one."""
    film = gathered.post.video or gathered.post.sound
    return film is not None and Path(film.path).is_file()


def _film(gathered: Gathered, pages: Path, poster: str | None) -> Film:
    film = gathered.post.video or gathered.post.sound
    if film is None:
        what = "is pictures without sound" if gathered.post.pictures else "has no video in the study"
        return Film(None, f"This post {what}.")
    if not reachable(gathered):
        what = "sound" if gathered.post.video is None else "video"
        return Film(None, f"The {what} was moved or deleted. It was at {film.path}")
    return Film(from_page(pages, Path(film.path)), poster=poster)


def _duration(gathered: Gathered) -> float:
    """Return the duration of the video or, if that is unknown, the end of the last speech or text."""
    if gathered.media is not None and gathered.media.duration > 0:
        return gathered.media.duration
    ends = [segment.end for segment in gathered.transcript.segments] if gathered.transcript else []
    ends += [track.end for track in gathered.screen_text.tracks] if gathered.screen_text else []
    return max(ends, default=0.0)


def _facts(gathered: Gathered) -> Iterator[tuple[str, str]]:
    text, media, transcript = gathered.post.text, gathered.media, gathered.transcript
    for name, value in (("Author", text.author), ("Posted", text.posted_at), ("Sound title", text.sound_title)):
        if value:
            yield name, one_line(value)
    if media is not None and media.skipped is None:
        yield "Duration", clock(media.duration)
        if media.video is not None:
            yield "Video", f"{media.video.width} × {media.video.height}, {media.video.frame_rate:g} frames per second"
    if transcript is not None and transcript.skipped is None:
        yield "Sound", describe_sound(transcript.sound)
        if transcript.language and transcript.segments:
            p = transcript.language_probability
            yield "Language", transcript.language + ("" if p is None else f" (probability {p:.2f})")
    if text.url:
        yield "URL", one_line(text.url)


def _remarks(gathered: Gathered) -> Iterator[tuple[str, str]]:
    """Yield the skips and notices of all records but scripts and labels, which show their own, each with its step."""
    yield from (("intake", notice.text) for notice in gathered.post.notices)
    for stem, record in gathered.records.items():
        if not isinstance(record, Script | Labels):
            if record.skipped is not None:
                yield step_name(stem), f"skipped: {record.skipped}"
            yield from ((step_name(stem), notice.text) for notice in record.notices)


def _stills(gathered: Gathered, folder: Path, pages: Path) -> Iterator[KeyframeView]:
    captions = {c.keyframe: c for c in gathered.captions.keyframes} if gathered.captions else {}
    for keyframe in gathered.media.keyframes if gathered.media else ():
        file = folder / keyframe.file
        # Records are untrusted: a file outside the post's folder is not shown.
        inside = file.resolve().is_relative_to(folder.resolve()) and file.is_file()
        caption = captions.get(keyframe.id)
        yield KeyframeView(
            id=keyframe.id,
            time=keyframe.time,
            width=keyframe.width,
            height=keyframe.height,
            address=from_page(pages, file) if inside else None,
            shows=one_line(describe(caption)) if caption else "",
            tags=tuple((tag.label, tag.probability) for tag in caption.tags) if caption else (),
            boxes=tuple(_boxes(caption, keyframe)) if caption else (),
        )


def _boxes(caption: KeyframeCaption, keyframe: Keyframe) -> Iterator[BoxView]:
    things = [(one.box, one.name, one.score, False) for one in caption.objects or ()]
    faces = [(one.box, one.expression or "a face", one.score, True) for one in caption.faces or ()]
    for box, name, score, is_face in things + faces:
        yield BoxView(
            left=round(box.left * keyframe.width, 1),
            top=round(box.top * keyframe.height, 1),
            width=round(box.width * keyframe.width, 1),
            height=round(box.height * keyframe.height, 1),
            name=f"{one_line(name)} {score:.2f}",
            is_face=is_face,
        )


def _script(number: int, name: str, script: Script, grounding: Grounding | None) -> ScriptView:
    facts = [("Genre", one_line(script.genre or "")), ("Language", script.language or "")]
    if script.sound is not None:
        facts.append(("Sound", describe_sound(script.sound)))
    figures = script.figures
    for what, count in (
        ("References rejected", figures.references_refused),
        ("References restored", figures.references_restored),
        ("Fallback scenes", figures.scenes_fallen_back),
        ("Actions rejected", figures.actions_refused),
    ):
        if count:
            facts.append((what, str(count)))
    shown = tuple((what, value) for what, value in facts if value)
    seen = {} if grounding is None else looked_for(script, grounding)
    return ScriptView(name, f"s{number}", shown_scenes(script), shown, script.skipped, script.notices, seen)


def _anchors(script: ScriptView) -> Iterator[tuple[str, str]]:
    for line in (line for scene in script.scenes for line in scene.lines):
        yield line.id, f"{script.anchor}-{line.id}"


def _labels(
    number: int,
    key: LabelKey,
    labels: Labels,
    anchors: Mapping[str, Mapping[str, str]],
    pictures: Mapping[str, str],
) -> LabelView:
    """Return labels with links to their evidence: lines of their script or, for labels of the video, of the first."""
    lines = next(iter(anchors.values()), {}) if key.script == VIDEO else anchors.get(script_of(key.script), {})
    places = {**pictures, **lines}
    rows = tuple(
        LabelRow(label, pole(label.value), tuple((line, places.get(line)) for line in shown_evidence(label)))
        for label in labels.values
    )
    return LabelView(
        key=key,
        anchor=f"labels-{number}",
        source=labels.source,
        states=kind_of_states(labels.calibration) if labels.calibration else "",
        unvalidated=values_not_validated(labels.calibration) if labels.calibration else frozenset(),
        rows=rows,
        circle=label_circle(labels.values, name=f"The values of this post, {key.title}") if labels.values else None,
        skipped=labels.skipped,
        notices=labels.notices,
        about_evidence=about_evidence(labels),
    )


def _digits(probability: float | None, cutoff: float | None) -> tuple[str, str]:
    return ("–", "") if probability is None else with_cutoff(probability, cutoff)


def _troubles(gathered: Gathered) -> Iterator[Trouble]:
    yield from (Trouble(failure.stage, failure.what, failure.hint) for failure in gathered.failures)
    yield from map(unreadable, gathered.problems)


def _origin(stem: str, record: Record) -> Origin:
    made = record.made_by
    return Origin(
        stem=stem,
        fingerprint=record.fingerprint,
        stage=made.stage if made else "",
        version=made.version if made else None,
        models=tuple((role, *split_model(model)) for role, model in sorted(made.models.items())) if made else (),
        settings=json.dumps(made.settings, indent=1, ensure_ascii=False) if made and made.settings else "",
        skipped=record.skipped,
        notices=record.notices,
    )


def split_model(model: str) -> tuple[str, str]:
    """Return the id and the digest of a model given as ``id@sha256``."""
    name, _, digest = model.rpartition("@")
    return (name, digest) if name else (digest, "")
