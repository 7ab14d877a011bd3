"""Posts for the benchmark of script writers: a world that is known, and the records that the stages make of it.

A post has one or two scenes, each a shot. A scene has a place, at most two people with a deed each, and things. It is
told by the person in it, by two who speak with each other, or by a voice without a face. Names are called ("Lina, look
at this!"), spoken about, or given by their owner ("Hi, I am Lina.").

The records are generated, not recognised: what a recognition misses and mistakes is drawn at random (`MISSED`,
`MISTAKEN`), so that it is the same for every writer. Keyframes of half of the posts have tags, of others captions, half
of these with a tag of the place, and the rest has neither.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from valex_local.records import (
    Captions,
    Keyframe,
    KeyframeCaption,
    Media,
    Post,
    PostText,
    ScreenText,
    Segment,
    Shot,
    Sound,
    Tag,
    Transcript,
)
from valex_local.stages.base import Item

MISSED, MISTAKEN = 0.1, 0.03
"""Probability that a tag or a part of a caption is missing, or another of its kind."""

TAGGED, CAPTIONED = 0.5, 0.4
SECONDS = 9.0

PLACES = ("kitchen", "living room", "bedroom", "shop", "street", "park", "beach", "gym", "office", "stage", "garden")
TALK, TALK_TOGETHER = "talking to the camera", "talking with each other"
DEEDS = (
    "dancing", "cooking", "eating", "drinking", "cleaning", "running", "climbing", "falling", "sleeping", "sitting",
    "jumping", "swimming", "shopping", "exercising",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black")
THINGS = ("box", "dress", "sofa", "skateboard", "jacket", "bag", "hat", "cup", "book", "phone", "lamp", "guitar")
NOUNS = ("woman", "man", "girl", "boy")
NAMES = ("Lina", "Marco", "Tilda", "Noah", "Samira", "Yusuf", "Greta", "Omar")
OPENINGS = ("This took me three weeks", "I never thought I would say that", "You have to see how it ends")
CALLS = ("{name}, look at this!", "Come here, {name}, quick.", "What do you think, {name}?")
ANSWERS = ("I would not do it again.", "That is so kind of you.", "We should share it with everybody.")
ABOUT = ("My friend {name} said it was too hard.", "{name} gave it to me last year.")
GIVEN = ("Hi, I am {name}, and today is the day.", "My name is {name}.", "Hello everyone, I'm {name}.")

Kind = Literal["tags", "captions", "neither"]


@dataclass(frozen=True)
class Human:
    """A person: a noun, a name, the colour of the jacket, what they do."""

    noun: str
    name: str
    colour: str
    deed: str


@dataclass(frozen=True)
class Line:
    """A sentence that is said, and by whom; by nobody who is seen if `speaker` is None."""

    text: str
    speaker: Human | None
    introduces: bool = False


@dataclass(frozen=True)
class SceneTruth:
    """What is true of a scene; `things` are pairs of colour and kind."""

    start: float
    end: float
    place: str
    people: tuple[Human, ...]
    things: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]

    @property
    def deeds(self) -> tuple[str, ...]:
        """What the people do, each once."""
        return tuple(dict.fromkeys(person.deed for person in self.people))


@dataclass(frozen=True)
class PostTruth:
    """What is true of a post, and how its keyframes are described."""

    number: int
    kind: Kind
    scenes: tuple[SceneTruth, ...]


def draw_post(seed: str, number: int) -> PostTruth:
    """Return a random post; equal arguments give equal posts."""
    dice = random.Random(f"{seed} {number}")
    part = dice.random()
    kind: Kind = "tags" if part < TAGGED else "captions" if part < TAGGED + CAPTIONED else "neither"
    places = dice.sample(PLACES, k=dice.choice((1, 2)))
    names = dice.sample(NAMES, k=4)
    scenes = (_scene(dice, i * SECONDS, place, names) for i, place in enumerate(places))
    return PostTruth(number, kind, tuple(scenes))


def _scene(dice: random.Random, start: float, place: str, names: list[str]) -> SceneTruth:
    told = dice.choice(("alone", "alone", "together", "voice", "voice over"))
    nouns, colours = dice.sample(NOUNS, k=2), dice.sample(COLOURS, k=2)
    deeds = {"alone": [TALK], "together": [TALK_TOGETHER] * 2, "voice": [], "voice over": [dice.choice(DEEDS)]}[told]
    people = tuple(Human(n, m, c, d) for n, m, c, d in zip(nouns, names, colours, deeds, strict=False))
    things = tuple((dice.choice(COLOURS), kind) for kind in dice.sample(THINGS, k=dice.choice((1, 1, 2))))
    return SceneTruth(start, start + SECONDS, place, people, things, tuple(_lines(dice, told, people, names)))


def _lines(dice: random.Random, told: str, people: tuple[Human, ...], names: list[str]) -> Iterator[Line]:
    other = names[2]
    if told == "together":
        first, second = people
        yield Line(dice.choice(CALLS).format(name=second.name), first)
        yield Line(dice.choice(ANSWERS), second)
    elif told == "alone":
        speaker = people[0]
        if dice.random() < 0.4:
            yield Line(dice.choice(GIVEN).format(name=speaker.name), speaker, introduces=True)
        else:
            yield Line(dice.choice(CALLS).format(name=other), speaker)
        yield Line(dice.choice((*ABOUT, *ANSWERS)).format(name=other), speaker)
    else:
        yield Line(f"{dice.choice(OPENINGS)}.", None)
        yield Line(dice.choice((*ABOUT, *CALLS)).format(name=other), None)


# --- records --------------------------------------------------------------------------------------------------------


def records_of(post: PostTruth, seed: str) -> Item:
    """Return the post with the records that a writer reads."""
    dice = random.Random(f"{seed} records {post.number}")
    shots = tuple(Shot(start=s.start, end=s.end) for s in post.scenes)
    keyframes = tuple(
        Keyframe(id=f"K{i}", time=s.start + 2.0, shot=i - 1, file=f"keyframes/K{i}.jpg", width=576, height=1024)
        for i, s in enumerate(post.scenes, 1)
    )
    seen = [_seen(dice, f"K{i}", scene, post.kind) for i, scene in enumerate(post.scenes, 1)]
    captions = Captions(keyframes=tuple(seen)) if post.kind != "neither" else Captions(skipped="no CLIP weights")
    sound = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)
    return Item(
        post=Post(id=f"world_{post.number}", text=PostText(genre="vlog")),
        folder=Path("nowhere"),
        records={
            "media": Media(duration=post.scenes[-1].end, shots=shots, keyframes=keyframes),
            "transcript": Transcript(
                language="en", language_probability=0.99, sound=sound, segments=tuple(_segments(post))
            ),
            "text": ScreenText(),
            "captions": captions,
        },
    )


def said_lines(post: PostTruth) -> dict[str, Line]:
    """Return what is said by the id of its segment."""
    lines = [line for scene in post.scenes for line in scene.lines]
    return {f"S{i}": line for i, line in enumerate(lines, 1)}


def _segments(post: PostTruth) -> Iterator[Segment]:
    number = 1
    for scene in post.scenes:
        for i, line in enumerate(scene.lines):
            start = scene.start + 0.5 + 4.0 * i
            yield Segment(
                id=f"S{number}", start=start, end=start + 3.5, text=line.text, avg_logprob=-0.2,
                no_speech_probability=0.01, compression_ratio=1.2, voice=1.0,
            )  # fmt: skip
            number += 1


def _seen(dice: random.Random, keyframe: str, scene: SceneTruth, kind: Kind) -> KeyframeCaption:
    scene = _as_recognised(dice, scene)
    place = (Tag(category="place", label=scene.place, probability=0.8),) if scene.place else ()
    if kind == "captions":
        return KeyframeCaption(keyframe=keyframe, caption=_caption(scene), tags=place if dice.random() < 0.5 else ())
    counted = {0: [], 1: [f"one {p.noun}" for p in scene.people], 2: ["two people"]}[len(scene.people)]
    labels = [("people", counted), ("activity", [*scene.deeds]), ("objects", [f"{c} {k}" for c, k in scene.things])]
    tags = [Tag(category=name, label=label, probability=0.7) for name, some in labels for label in some if label]
    return KeyframeCaption(keyframe=keyframe, tags=(*place, *tags))


def _as_recognised(dice: random.Random, scene: SceneTruth) -> SceneTruth:
    """Return a scene with some of its facts missing or mistaken."""

    def read(true: str, others: tuple[str, ...]) -> str:
        luck = dice.random()
        return "" if luck < MISSED else dice.choice(others) if luck < MISSED + MISTAKEN else true

    deed = read(scene.people[0].deed, (*DEEDS, TALK)) if scene.people else ""
    people = tuple(replace(person, deed=deed) for person in scene.people)
    if len(people) > 1 and dice.random() < MISTAKEN:
        people = (replace(people[0], deed=TALK),)  # the other one is overlooked
    if people and dice.random() < MISSED:
        people = ()
    kinds = [(colour, read(kind, THINGS)) for colour, kind in scene.things]
    things = tuple((read(colour, COLOURS) or colour, kind) for colour, kind in kinds if kind)
    return replace(scene, place=read(scene.place, PLACES), people=people, things=things)


def _caption(scene: SceneTruth) -> str | None:
    parts = [f"a {person.noun} in a {person.colour} jacket" for person in scene.people]
    told = " and ".join(parts)
    if told and scene.people[0].deed:
        told += f" {'is' if len(parts) == 1 else 'are'} {scene.people[0].deed}"
    shown = " and ".join(f"a {colour} {kind}" for colour, kind in scene.things)
    told = " with ".join(part for part in (told, shown) if part)
    if scene.place and told:
        told += f" in a {scene.place}"
    return f"{told[0].upper()}{told[1:]}." if told else None
