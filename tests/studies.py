"""Studies of any number of posts in which every record exists and is current, made without models.

The records have the sizes that a run leaves of a post of 60 seconds: those of the demo clips, 22 to 28 seconds long,
in proportion. Their fingerprints are the ones that a run would give them, so that a second run finds nothing due.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from valex_local.pipeline.fingerprints import fingerprint
from valex_local.pipeline.plan import plan
from valex_local.posts import discover
from valex_local.records import (
    Action,
    AudioTrack,
    Box,
    Captions,
    Dialogue,
    DroppedSegment,
    Element,
    GroundedKeyframe,
    GroundedLine,
    Grounding,
    GroundingFigures,
    Keyframe,
    KeyframeCaption,
    Labels,
    LabelSource,
    Media,
    OnScreenText,
    Post,
    PostLine,
    Record,
    Scene,
    ScreenText,
    Script,
    Segment,
    Shot,
    Sound,
    Speakers,
    SpeakerSegment,
    Tag,
    Track,
    Transcript,
    ValueLabel,
    VideoTrack,
    Word,
)
from valex_local.schwartz import CIRCLE, State
from valex_local.settings import Settings, make_settings, merge
from valex_local.stages.registry import stems_read
from valex_local.store import Store, StoredModel
from valex_local.study import Study

OPTIONS = {
    "profile": "workstation",
    "script": {"variants": ["template", "local"]},
    "labels": {"routes": ["encoder", "fewshot"]},
}
"""Settings under which a post has every kind of record: two scripts, and two routes of labels for each."""

DURATION = 60.0


@dataclass(frozen=True)
class Size:
    """How much there is in a post; by default what a run leaves of 60 seconds."""

    shots: int = 14
    segments: int = 12
    tracks: int = 18
    scenes: int = 5


TINY = Size(1, 1, 1, 1)
POOL = 16
"""Number of posts with different content; the others repeat it with their own videos and texts."""

_SPEECH = (
    "this is what happened when nobody asked and then she went back to the kitchen because we all wanted more of it "
    "honestly my grandmother would never buy a jacket for twelve dollars but look at how it fits me today"
)
_WORDS = _SPEECH.split()


class MadeUpStore(Store):
    """A store in which every role has a model without files."""

    def resolve(
        self,
        profile: str,
        overrides: Mapping[str, str],
        *,
        needed: Iterable[str],
        optional: Iterable[str] = (),
        installed: bool = True,
    ) -> dict[str, StoredModel]:
        return {role: _model(role) for role in sorted({*needed, *optional})}


def _model(role: str) -> StoredModel:
    digest = hashlib.sha256(role.encode()).hexdigest()
    return StoredModel(id=f"made-up-{role}", role=role, engine="none", folder=Path("/nowhere"), digest=digest)


def make_videos(folder: Path, posts: int) -> Path:
    """Make files named like videos, each with the JSON that yt-dlp writes next to a video."""
    folder.mkdir()
    for number in range(posts):
        user, post = f"user.{number % 97}", 7_300_000_000_000_000_000 + number
        path = folder / f"@{user}_video_{post}.mp4"
        path.write_bytes(b"video %d" % number)
        data = {
            "id": str(post),
            "uploader": user,
            "track": f"original sound - {user}",
            "upload_date": "20240914",
            "webpage_url": f"https://www.tiktok.com/@{user}/video/{post}",
            "description": f"Day {number} of it, and {' '.join(_WORDS[:12])} #fyp #thrift",
        }
        path.with_suffix(".info.json").write_text(json.dumps(data))
    return folder


def make_study(
    root: Path,
    videos: Path,
    *,
    store: Store | None = None,
    options: Mapping[str, Any] | None = None,
    side_files: bool = False,
    size: Size = Size(),
) -> Study:
    """Return a study of all posts of a folder of videos, in which nothing is due.

    Parameters
    ----------
    root, videos : Path
        The study's folder, and that of the videos.
    store : Store, optional
        The models that the records name; made-up ones when left out.
    options : mapping, optional
        Settings the study remembers; `OPTIONS` when left out.
    side_files : bool
        Make the files of sound and keyframes too, empty ones.
    size : Size
        How much there is in each post.
    """
    study, store, given = Study(root, create=True), store or MadeUpStore(root / "no store"), options or OPTIONS
    study.save_options(given)
    maker = _Maker(study, store, given, size)
    checksums = study.checksums()
    for post in discover([videos], checksums=checksums).posts:
        maker.add(post, side_files=side_files)
    checksums.save()
    return study


class _Maker:
    def __init__(self, study: Study, store: Store, given: Mapping[str, Any], size: Size) -> None:
        settings = make_settings(merge(store.profile(str(given["profile"])).settings, given))
        self._study = study
        self._steps = plan(settings)
        self._made_by = {step.name: step.made_by(_models(store, settings)) for step in self._steps}
        self._size = size
        self._pool = [self._texts(number) for number in range(POOL)]
        self._added = 0

    def _texts(self, number: int) -> dict[str, tuple[dict[str, Any], str]]:
        """Return the records of a post without fingerprints, as data and as text, by the names of the steps."""
        content = _Content(random.Random(number), self._size)
        made = {
            step.name: content.record(step.stem).model_copy(update={"made_by": self._made_by[step.name]})
            for step in self._steps
        }
        return {name: (record.model_dump(mode="json"), record.to_json()) for name, record in made.items()}

    def add(self, post: Post, *, side_files: bool) -> None:
        """Write a post and its records as a run would, but for the care that a run takes against crashes."""
        folder = self._study.folder(post.id)
        folder.mkdir(mode=0o700)
        (folder / "post.json").write_text(post.to_json(), "utf-8")
        data, texts = post.model_dump(mode="json"), self._pool[self._added % POOL]
        records: dict[str, dict[str, Any]] = {}
        for step in self._steps:
            records[step.stem], text = texts[step.name]
            reads = {stem: records[stem] for stem in stems_read(step.reads)}
            now = fingerprint(self._made_by[step.name].model_dump(mode="json"), step.reads, data, reads)
            text = text.replace('"fingerprint": ""', f'"fingerprint": "{now}"', 1)
            (folder / f"{step.stem}.json").write_text(text, "utf-8")
        if side_files:
            (folder / "keyframes").mkdir(mode=0o700)
            for name in ("audio.flac", *(keyframe["file"] for keyframe in records["media"]["keyframes"])):
                (folder / name).touch()
        self._added += 1


def _models(store: Store, settings: Settings) -> dict[str, StoredModel]:
    steps = plan(settings)
    needed = {role for step in steps for role in step.roles}
    optional = {role for step in steps for role in step.optional_roles} - needed
    return store.resolve(settings.profile, settings.models, needed=needed, optional=optional)


class _Content:
    """The content of the records of one post."""

    def __init__(self, chance: random.Random, size: Size) -> None:
        self._chance = chance
        self._size = size
        self._segments = tuple(self._segment(n) for n in range(1, self._size.segments + 1))
        self._tracks = tuple(self._track(n) for n in range(1, self._size.tracks + 1))

    def record(self, stem: str) -> Record:
        """Return the record of a stem."""
        kind, _, variant = stem.partition(".")
        match kind:
            case "media":
                return self._media()
            case "transcript":
                return self._transcript()
            case "speakers":
                return self._speakers()
            case "text":
                return ScreenText(tracks=self._tracks, frames_seen=360, frames_read=62)
            case "captions":
                return self._captions()
            case "script":
                return self._script(variant)
            case "grounding":
                return self._grounding(variant)
            case "labels":
                return self._labels(*variant.split("."))
        raise ValueError(stem)

    def _say(self, words: int) -> str:
        return " ".join(self._chance.choice(_WORDS) for _ in range(words))

    def _segment(self, number: int) -> Segment:
        start = (number - 1) * DURATION / self._size.segments
        words = tuple(
            Word(text=f" {word}", start=start + 0.3 * n, end=start + 0.3 * n + 0.28, probability=self._chance.random())
            for n, word in enumerate(self._say(14).split())
        )
        return Segment(
            id=f"S{number}", start=start, end=words[-1].end, text="".join(word.text for word in words).strip(),
            words=words, avg_logprob=-0.2, no_speech_probability=0.01, compression_ratio=1.4, voice=0.93,
        )  # fmt: skip

    def _track(self, number: int) -> Track:
        start = (number - 1) * DURATION / self._size.tracks
        box = Box(left=0.1441, top=0.0859 + 0.05 * self._chance.random(), width=0.3385, height=0.0723)
        return Track(
            id=f"T{number}", text=self._say(6), start=start, end=start + 4, box=box, confidence=0.96, readings=5
        )

    def _media(self) -> Media:
        length = DURATION / self._size.shots
        audio = AudioTrack(
            codec="aac", sample_rate=44100, channels=1, duration=DURATION, rms_db=-21.9815, peak_db=-5.8541,
            file="audio.flac", sha256=f"{self._chance.getrandbits(256):064x}",
        )  # fmt: skip
        return Media(
            container="mov,mp4,m4a,3gp,3g2,mj2",
            duration=DURATION,
            video=VideoTrack(codec="h264", width=576, height=1024, frame_rate=25),
            audio=audio,
            shots=tuple(Shot(start=n * length, end=(n + 1) * length) for n in range(self._size.shots)),
            keyframes=tuple(
                Keyframe(id=f"K{n}", time=n * length - 1, shot=n - 1, file=f"keyframes/K{n}.jpg", width=432, height=768)
                for n in range(1, self._size.shots + 1)
            ),
        )

    def _transcript(self) -> Transcript:
        dropped = DroppedSegment(start=58, end=60, text="Thanks for watching!", reason="no voice was heard")
        return Transcript(
            language="en", language_probability=0.98, segments=self._segments, dropped=(dropped,),
            sound=Sound(has_sound=True, has_verbal_sound=True, has_speech=True),
        )  # fmt: skip

    def _speakers(self) -> Speakers:
        """Return two speakers who take turns of a line each."""
        return Speakers(
            segments=tuple(
                SpeakerSegment(speaker=f"SPEAKER {n % 2 + 1}", start=one.start, end=one.end, confidence=0.97)
                for n, one in enumerate(self._segments)
            )
        )

    def _captions(self) -> Captions:
        tags = tuple(
            Tag(category=category, label=label, probability=self._chance.random())
            for category, label in (("place", "a kitchen"), ("people", "one person"), ("shot", "a close-up"))
        )
        return Captions(
            keyframes=tuple(
                KeyframeCaption(keyframe=f"K{n}", tags=tags, caption=self._say(11))
                for n in range(1, self._size.shots + 1)
            )
        )

    def _script(self, name: str) -> Script:
        by: Literal["llm", "template"] = "llm" if name == "local" else "template"
        scenes = []
        for number in range(self._size.scenes):
            start, end = number * DURATION / self._size.scenes, (number + 1) * DURATION / self._size.scenes
            elements: list[Element] = [PostLine(text=self._say(14))] if number == 0 else []
            elements += [
                Action(text=self._say(11), keyframes=(f"K{number + 1}", f"K{number + 2}"), start=start, end=end)
            ]
            elements += [
                Dialogue(ref=s.id, speaker="SPEAKER", text=s.text, start=s.start, end=s.end)
                for s in self._segments if start <= s.start < end
            ]  # fmt: skip
            elements += [
                OnScreenText(ref=t.id, text=t.text, start=t.start, end=t.end)
                for t in self._tracks if start <= t.start < end
            ]  # fmt: skip
            evidence = tuple(str(ref) for element in elements if (ref := getattr(element, "ref", None)))
            heading = "INT. KITCHEN - DAY"
            scenes.append(
                Scene(heading=heading, start=start, end=end, elements=tuple(elements), evidence=evidence, written_by=by)
            )
        sound = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)
        return Script(name=name, genre="vlog", language="en", sound=sound, scenes=tuple(scenes))

    def _grounding(self, script: str) -> Grounding:
        lines = tuple(
            GroundedLine(
                scene=n, element=1, rests_on="named", keyframes=(f"K{n}", f"K{n + 1}"), best=f"K{n}", similarity=0.2519,
                percentile=self._chance.random(), z=1.1, below_chance=False,
            )
            for n in range(1, self._size.scenes + 1)
        )  # fmt: skip
        keyframes = tuple(
            GroundedKeyframe(keyframe=f"K{n}", lines=1, above_chance=self._chance.random())
            for n in range(1, self._size.shots + 1)
        )
        figures = GroundingFigures(
            lines=self._size.scenes, mean_percentile=0.71, keyframes=self._size.shots, spoken_of=4
        )
        return Grounding(script=script, chance_lines=1000, lines=lines, keyframes=keyframes, figures=figures)

    def _labels(self, script: str, route: str) -> Labels:
        values = tuple(
            ValueLabel(
                value=value, present=self._chance.random(), conflicted=self._chance.random(), state=State.ABSENT,
                dominant=False, evidence=("S4", "T2"),
            )
            for value in CIRCLE
        )  # fmt: skip
        source = LabelSource(route=route, model="made-up", domain="any script, by instruction; trained on no labels")
        return Labels(script=script, source=source, values=values)
