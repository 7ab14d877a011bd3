"""Made-up studies: any number of posts with the records that a run makes, without a run."""

from __future__ import annotations

import random
from pathlib import Path

from valex_local.records import (
    Action,
    AudioTrack,
    Box,
    Captions,
    Dialogue,
    DroppedSegment,
    Element,
    Failure,
    Keyframe,
    KeyframeCaption,
    LabelFigures,
    Labels,
    LabelSource,
    MadeBy,
    Media,
    Notice,
    OnScreenText,
    Post,
    PostLine,
    PostText,
    Record,
    Scene,
    ScreenText,
    Script,
    ScriptFigures,
    Segment,
    Shot,
    Sound,
    SourceFile,
    Tag,
    Track,
    Transcript,
    ValueLabel,
    VideoTrack,
)
from valex_local.report.gather import Gathered
from valex_local.report.overview import Overview
from valex_local.schwartz import CIRCLE, State
from valex_local.states import StateSummary, draw
from valex_local.study import LabelKey, Study

HOSTILE = (
    "<script>alert('owned')</script>",
    '"><img src=x onerror="alert(1)">',
    "</script><script>document.title='owned'</script>",
    "</title><h1 id=owned>",
    "{{ 7 * 7 }} {% raw %} ${1} `x`",
    "\u202egnitaolf si txet siht\u202c \u2067\u05e9\u05dc\u05d5\u05dd",
    "x" * 400,
    "]]> --> <!-- &amp; &lt;b&gt; \x00 \x1b[31m \u2028 \u2029",
    "' onmouseover='alert(2)' style='position:fixed'",
)
WORDS = [
    "outfit", "store", "dollars", "challenge", "morning", "coffee", "money", "friend", "grandmother", "river", "jacket",
    "summer", "truth", "number", "winner", "family", "kitchen", "danger", "rules", "honest", "brave", "gentle",
    "planet", "weather", "ticket", "market", "garden", "music", "travel", "lesson", "promise",
]  # fmt: skip
ODD_ID = "it's_a_100%_#1?&=ümlaut-0badc0de"
GOAL = {"Achievement": 0.4, "Stimulation": 0.35, "Self-direction: action": 0.35, "Benevolence: caring": 0.25}


def made(stage: str, **models: str) -> MadeBy:
    return MadeBy(stage=stage, version=1, settings={"threshold": 0.5}, models=models)


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(words)).capitalize() + "."


def segments(chance: random.Random, texts: list[str]) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            id=f"S{n}", start=3.0 * n - 2.6, end=3.0 * n, text=text, avg_logprob=-chance.random(),
            no_speech_probability=0.02, compression_ratio=1.2, voice=0.9,
        )
        for n, text in enumerate(texts, 1)
    )  # fmt: skip


def tracks(chance: random.Random, texts: list[str]) -> tuple[Track, ...]:
    box = Box(left=0.1, top=0.7, width=0.8, height=0.1)
    return tuple(
        Track(
            id=f"T{n}", text=text, start=4.0 * n - 3, end=4.0 * n + 2, box=box,
            confidence=0.6 + 0.4 * chance.random(), readings=4,
        )
        for n, text in enumerate(texts, 1)
    )  # fmt: skip


def media(duration: float, shots: int) -> Media:
    length = duration / shots
    return Media(
        made_by=made("media"),
        container="mp4",
        duration=duration,
        video=VideoTrack(codec="h264", width=360, height=640, frame_rate=30),
        audio=AudioTrack(
            codec="aac", sample_rate=44100, channels=2, duration=duration, rms_db=-20, peak_db=-1, file="audio.flac",
            sha256="a" * 64,
        ),
        shots=tuple(Shot(start=n * length, end=(n + 1) * length) for n in range(shots)),
        keyframes=tuple(
            Keyframe(
                id=f"K{n + 1}", time=(n + 0.5) * length, shot=n, file=f"keyframes/K{n + 1}.jpg", width=90, height=160
            )
            for n in range(shots)
        ),
    )  # fmt: skip


def captions(shots: int, text: str) -> Captions:
    return Captions(
        made_by=made("vision", clip="clip-vit-l-14@" + "c" * 64),
        keyframes=tuple(
            KeyframeCaption(
                keyframe=f"K{n + 1}", caption=text, tags=(Tag(category="place", label="kitchen", probability=0.8),)
            )
            for n in range(shots)
        ),
    )


def script(name: str, post: Post, spoken: tuple[Segment, ...], read: tuple[Track, ...], acted: str) -> Script:
    """Return a script of two scenes; the first text track repeats the first segment."""
    elements: list[Element] = [PostLine(text=post.text.caption or "-")]
    elements += [
        Dialogue(ref=s.id, speaker="YOUNG GIRL", text=s.text, start=s.start, end=s.end, mumbled=s.avg_logprob < -0.7)
        for s in spoken
    ]
    elements += [
        OnScreenText(
            ref=t.id, text=t.text, start=t.start, end=t.end, repeats=spoken[0].id if n == 0 and spoken else None
        )
        for n, t in enumerate(read)
    ]
    half = len(elements) // 2
    by_model = name == "local"
    action = Action(text=acted, keyframes=("K1", "K2"), start=1.0, end=4.0)
    first, writer = (*elements[:half], action), "llm" if by_model else "template"
    figures = ScriptFigures(references_refused=1, references_restored=2, scenes_fallen_back=1)
    notice = Notice(code="no-visual-evidence", text="no places: nothing is known of the pictures")
    return Script(
        made_by=made("script", llm="smollm2-135m-instruct@" + "d" * 64) if by_model else made("script"),
        name=name,
        genre="challenge",
        language="en",
        sound=Sound(has_sound=True, has_verbal_sound=bool(spoken), has_speech=bool(spoken)),
        scenes=(
            Scene(heading="Kitchen", start=0.0, end=9.0, elements=first, written_by=writer),
            Scene(start=9.0, end=18.0, elements=tuple(elements[half:]), written_by="template"),
        ),
        figures=figures if by_model else ScriptFigures(),
        notices=() if by_model else (notice,),
    )


def labels(chance: random.Random, script_name: str, route: str, *, conflicted: bool) -> Labels:
    model = {"encoder": "minilm-arguments", "fewshot": "qwen3", "direct": "qwen3-vl"}[route]
    values = []
    for value in CIRCLE:
        present = round(min(0.99, chance.random() * (0.7 + GOAL.get(value, 0.0))), 4)
        against = round(chance.random() * 0.6, 4) if conflicted else None
        state = State.PRESENT if present > 0.6 else State.ABSENT
        if against is not None and against > 0.53:
            state = State.CONFLICTED
        held = state is not State.ABSENT and route != "encoder"
        values.append(
            ValueLabel(
                value=value, present=present, conflicted=against, state=state,
                dominant=None if route == "encoder" else present > 0.9 and state is State.PRESENT,
                evidence=("S1", "T2", "K1") if held else (),
            )
        )  # fmt: skip
    baseline = "definitions beside sentences" if route == "direct" else None
    source = LabelSource(route=route, model=model, baseline=baseline, domain="English arguments", languages=("en",))
    role = "labels" if route == "encoder" else "llm"
    return Labels(
        made_by=made("labels", **{role: f"{model}@{'e' * 64}"}), script=script_name, source=source,
        values=tuple(values), figures=None if route == "encoder" else LabelFigures(),
    )  # fmt: skip


def post(number: int, chance: random.Random, video: Path | None = None) -> Post:
    author = f"author.{number % 23}"
    return Post(
        id=f"{author}_{7300000000000000000 + number}",
        video=None if video is None else SourceFile(path=str(video), sha256="b" * 64, size=1000),
        text=PostText(
            caption=f"{sentence(chance, 9)} #{chance.choice(WORDS)} #{chance.choice(WORDS)}",
            hashtags=(chance.choice(WORDS),),
            author=author,
            sound_title="original sound",
            posted_at="2024-09-14",
            url=f"https://www.tiktok.com/@{author}/video/{number}",
        ),
    )


def records(chance: random.Random, of: Post, texts: list[str], *, rich: bool) -> dict[str, Record]:
    """Return the records that a run makes of a post; a rich one has two scripts and three routes."""
    said, read = segments(chance, texts), tracks(chance, texts[:4])
    dropped = (DroppedSegment(start=0, end=1, text="thank you for watching", reason="no voice was heard"),)
    found: dict[str, Record] = {
        "media": media(18.0, 4),
        "transcript": Transcript(
            made_by=made("speech", asr="whisper-base-ct2@" + "f" * 64), language="en", language_probability=0.98,
            sound=Sound(has_sound=True, has_verbal_sound=True, has_speech=True), segments=said, dropped=dropped,
        ),
        "text": ScreenText(made_by=made("ocr", ocr="ppocrv6@" + "9" * 64), tracks=read, frames_seen=90, frames_read=20),
        "captions": captions(4, texts[0]) if rich else Captions(skipped="no CLIP weights in the store"),
    }  # fmt: skip
    for name in ("template", "local") if rich else ("template",):
        found[f"script.{name}"] = script(name, of, said, read, texts[0])
        found[f"labels.{name}.encoder"] = labels(chance, name, "encoder", conflicted=False)
        if rich:
            found[f"labels.{name}.fewshot"] = labels(chance, name, "fewshot", conflicted=True)
    if rich:
        found["labels.video.direct"] = labels(chance, "video", "direct", conflicted=True)
    return found


def add(study: Study, of: Post, found: dict[str, Record]) -> str:
    study.write(of.id, "post", of)
    for stem, record in found.items():
        study.write(of.id, stem, record)
    return of.id


def make_study(root: Path, posts: int, *, rich: bool = True, lines: int = 6, video: Path | None = None) -> Study:
    """Make a study of any number of posts; every tenth has failed and every seventh was skipped."""
    study = Study(root, create=True)
    study.save_options({"script": {"variants": ["local", "template"]}})
    chance = random.Random(posts)
    for number in range(posts):
        one = post(number, chance, video)
        found = records(chance, one, [sentence(chance, 8) for _ in range(lines)], rich=rich)
        if number % 10 == 9:
            found = {"media": found["media"]}
            study.write_failure(
                Failure(post=one.id, stage="speech", what="the sound cannot be read", hint="Look at it")
            )
        elif number % 7 == 6:
            for stem in [s for s in found if s.startswith("labels.")]:
                of = found[stem]
                assert isinstance(of, Labels)
                found[stem] = of.model_copy(update={"values": (), "skipped": "no verbal sound (the paper's filter)"})
        add(study, one, found)
    return study


def overview_of(*posts: Gathered, has_video: bool = False) -> Overview:
    """Return the summary of posts whose labels are as stored."""
    sets: dict[LabelKey, list[tuple[str, Labels]]] = {}
    for one in posts:
        for key, record in one.labels.items():
            if record.values:
                sets.setdefault(key, []).append((one.id, draw(record, None)))
    overview = Overview(states={key: StateSummary.of(found) for key, found in sets.items()})
    for one in posts:
        overview.add(one, has_video=has_video)
    return overview


def hostile_post(study: Study, video: Path | None = None) -> str:
    """Add a post in which every text attacks the page."""
    chance = random.Random(7)
    text = PostText(
        caption="\n".join(HOSTILE),
        author=HOSTILE[0],
        sound_title=HOSTILE[1],
        genre=HOSTILE[2],
        url="javascript:alert(3)",
        hashtags=HOSTILE,
        posted_at=HOSTILE[4],
    )
    one = post(999, chance, video).model_copy(update={"id": ODD_ID, "text": text})
    found = records(chance, one, list(HOSTILE), rich=True)
    study.write_failure(Failure(post=one.id, stage="vision", what=HOSTILE[0], hint=HOSTILE[1]))
    return add(study, one, {stem: attacking(record) for stem, record in found.items()})


def attacking(record: Record) -> Record:
    """Return a record with an attack in every free text."""
    changes: dict[str, object] = {
        "notices": tuple(Notice(code="bad", text=line) for line in HOSTILE),
        "made_by": MadeBy(
            stage=HOSTILE[1], version=1, settings={HOSTILE[0]: HOSTILE[1]}, models={HOSTILE[1]: HOSTILE[0]}
        ),
    }
    if isinstance(record, Script):
        scenes = tuple(scene.model_copy(update={"heading": HOSTILE[3]}) for scene in record.scenes)
        changes |= {"scenes": scenes, "genre": HOSTILE[2], "language": HOSTILE[1]}
    if isinstance(record, Labels):
        changes["source"] = LabelSource(
            route="encoder", model=HOSTILE[0], baseline=HOSTILE[1], domain=HOSTILE[2], languages=HOSTILE[:2]
        )
    return record.model_copy(update=changes)
