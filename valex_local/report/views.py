"""One post as its page tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from valex_local.files.text import one_line
from valex_local.records import DroppedSegment, Labels, LabelSource, Notice, PostText, Record, Script, ValueLabel
from valex_local.rendering.lines import ShownScene, shown_scenes
from valex_local.rendering.timing import clock
from valex_local.report.circle import label_circle
from valex_local.report.gather import PERCEPTION, Gathered, step_name
from valex_local.report.links import from_page
from valex_local.report.overview import Trouble, heard, unreadable
from valex_local.report.svg import pole
from valex_local.report.timeline import Lane, axis, describe, lanes
from valex_local.schwartz import State
from valex_local.stages.variants import VIDEO
from valex_local.study import LabelKey


@dataclass(frozen=True)
class Film:
    """The video: its address where the file can be reached, else why not; `poster` is a picture for before it plays."""

    address: str | None
    why_not: str | None = None
    poster: str | None = None


@dataclass(frozen=True)
class KeyframeView:
    """A keyframe: its address where the file is there, what it shows, its tags with probabilities."""

    id: str
    time: float
    width: int
    height: int
    address: str | None
    shows: str
    tags: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ScriptView:
    """A variant of the script; `anchor` begins the names of its lines in the page."""

    name: str
    anchor: str
    scenes: tuple[ShownScene, ...]
    facts: tuple[tuple[str, str], ...]
    skipped: str | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class LabelRow:
    """What a route says of one value, and the lines it rests on: name and, where it is on the page, anchor of each."""

    label: ValueLabel
    pole: str
    evidence: tuple[tuple[str, str | None], ...]

    @property
    def state(self) -> str:
        """The state as people read it."""
        if self.label.dominant and self.label.state is State.PRESENT:
            return "present, dominant"
        return self.label.state.value.replace("_", " ")


@dataclass(frozen=True)
class LabelView:
    """The labels that one route gave one script, or the video itself."""

    key: LabelKey
    anchor: str
    source: LabelSource
    rows: tuple[LabelRow, ...]
    circle: Markup | None
    skipped: str | None
    notices: tuple[Notice, ...]
    has_evidence: bool

    @property
    def conflicted(self) -> bool:
        """Whether conflict was assessed for any value."""
        return any(row.label.conflicted is not None for row in self.rows)


@dataclass(frozen=True)
class Origin:
    """Where a record comes from."""

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
    """A post as its page tells it."""

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
    """Return a post as its page tells it.

    Parameters
    ----------
    gathered : Gathered
        What the study holds of it.
    folder : Path
        Its folder in the study, where the keyframes lie.
    pages : Path
        The folder of the pages, without symbolic links.
    """
    stills = tuple(_stills(gathered, folder, pages))
    poster = next((still.address for still in stills if still.address), None)
    duration = _duration(gathered)
    drawn = lanes(duration, gathered.media, gathered.transcript, gathered.screen_text, gathered.captions)
    scripts = tuple(_script(n, *pair) for n, pair in enumerate(gathered.scripts.items(), 1))
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
    """Whether the post's video is where the study says."""
    video = gathered.post.video
    return video is not None and Path(video.path).is_file()


def _film(gathered: Gathered, pages: Path, poster: str | None) -> Film:
    video = gathered.post.video
    if video is None:
        return Film(None, "This post has no video in the study.")
    if not reachable(gathered):
        return Film(None, f"The video is no longer where the study found it: {video.path}")
    return Film(from_page(pages, Path(video.path)), poster=poster)


def _duration(gathered: Gathered) -> float:
    """Return how long the video is; where that is not known, until when something is heard or read."""
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
            yield "Picture", f"{media.video.width} × {media.video.height}, {media.video.frame_rate:g} frames per second"
    if transcript is not None and transcript.skipped is None:
        yield "Sound", heard(transcript.sound)
        if transcript.language and transcript.segments:
            sure = transcript.language_probability
            yield "Language", transcript.language + ("" if sure is None else f" (probability {sure:.2f})")
    if text.url:
        yield "Address", one_line(text.url)


def _remarks(gathered: Gathered) -> Iterator[tuple[str, str]]:
    """Yield what was skipped or is doubtful in what was heard and seen, each with its step."""
    for stem, record in gathered.records.items():
        if stem in PERCEPTION:
            if record.skipped is not None:
                yield step_name(stem), f"skipped: {record.skipped}"
            yield from ((step_name(stem), notice.text) for notice in record.notices)


def _stills(gathered: Gathered, folder: Path, pages: Path) -> Iterator[KeyframeView]:
    told = {c.keyframe: c for c in gathered.captions.keyframes} if gathered.captions else {}
    for keyframe in gathered.media.keyframes if gathered.media else ():
        file = folder / keyframe.file
        # A record can be of anyone's making: what lies outside the post's folder is not shown.
        inside = file.resolve().is_relative_to(folder.resolve()) and file.is_file()
        caption = told.get(keyframe.id)
        yield KeyframeView(
            id=keyframe.id,
            time=keyframe.time,
            width=keyframe.width,
            height=keyframe.height,
            address=from_page(pages, file) if inside else None,
            shows=one_line(describe(caption)) if caption else "",
            tags=tuple((tag.label, tag.probability) for tag in caption.tags) if caption else (),
        )


def _script(number: int, name: str, script: Script) -> ScriptView:
    facts = [("Genre", one_line(script.genre or "")), ("Language", script.language or "")]
    if script.sound is not None:
        facts.append(("Sound", heard(script.sound)))
    figures = script.figures
    for what, count in (
        ("References refused", figures.references_refused),
        ("References restored", figures.references_restored),
        ("Scenes fallen back", figures.scenes_fallen_back),
        ("Actions refused", figures.actions_refused),
    ):
        if count:
            facts.append((what, str(count)))
    shown = tuple((what, value) for what, value in facts if value)
    return ScriptView(name, f"s{number}", shown_scenes(script), shown, script.skipped, script.notices)


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
    """Return labels with links to the lines they rest on: of their script, or, of the video itself, of the first."""
    lines = next(iter(anchors.values()), {}) if key.script == VIDEO else anchors.get(key.script, {})
    places = {**pictures, **lines}
    rows = tuple(
        LabelRow(label, pole(label.value), tuple((line, places.get(line)) for line in label.evidence))
        for label in labels.values
    )
    return LabelView(
        key=key,
        anchor=f"labels-{number}",
        source=labels.source,
        rows=rows,
        circle=label_circle(labels.values, name=f"The values of this post by {key.title}") if labels.values else None,
        skipped=labels.skipped,
        notices=labels.notices,
        has_evidence=any(row.evidence for row in rows),
    )


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
    """Return id and digest of a model named ``id@sha256``."""
    name, _, digest = model.rpartition("@")
    return (name, digest) if name else (digest, "")
