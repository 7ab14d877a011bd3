"""Statements about scenes of the drawn world and whether they are true: the training data of the toy image model.

A statement is about the place, the number of people, what one of them does, or a thing. `scene` makes random scenes
with things large enough to be visible in a small picture; `picture` draws them, some with lettering as videos have it.

Only some kinds of things and some colours have words. Scenes also contain things of other kinds and colours, among
them lookalikes in every colour of which only the colour is described. So a model that learns from the scenes can infer
neither the colour from the kind nor the kind from the colour.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from drawn_pen import COLORS, INK
from drawn_places import PLACES
from drawn_things import HAIRS, MOODS, SKINS
from drawn_world import CAMERAS, Person, Scene, Thing, draw
from PIL import Image, ImageDraw, ImageFont

PLACE_WORDS = {
    "plain": "plain backdrop",
    "shop": "clothes shop",
    "room": "living room",
    "skate park": "skate park",
    "park": "park",
    "stairwell": "stairwell",
    "street": "city street",
}
PEOPLE_WORDS = ("nobody", "one person", "two people", "three people")
# Words for each pose. In a small picture, people who stand, walk, climb or point cannot be told apart.
POSE_WORDS = {
    "standing": "upright",
    "walking": "upright",
    "climbing": "upright",
    "pointing": "upright",
    "laughing": "upright",
    "waving": "raising a hand",
    "cheering": "raising a hand",
    "sitting": "sitting",
    "riding": "riding a skateboard",
    "jumping": "jumping",
    "falling": "falling",
}
DEEDS = tuple(dict.fromkeys(POSE_WORDS.values()))
# The colour of each kind of thing that never occurs in training. All colours of skateboards occur: a skateboard is so
# thin that each has to be learned separately.
HELD_OUT = {
    "bench": "yellow",
    "box": "purple",
    "cloud": "red",
    "dress": "blue",
    "heart": "yellow",
    "sofa": "purple",
    "star": "purple",
}
KINDS = (*HELD_OUT, "skateboard")
OTHER_KINDS = ("balloon", "circle", "coin", "cup", "hat", "jacket", "square")
LOOKALIKES = ("plank", "shirt", "table", "triangle")
TINTS = ("blue", "green", "purple", "red", "white", "yellow")
OTHER_COLORS = tuple(sorted(set(COLORS) - set(TINTS)))
NOTHING, OTHER, ANYTHING = "nothing", "other", "thing"
FURNITURE = {"sofa": 0.8, "bench": 0.72}
SMALLEST, LARGEST = 0.42, 0.75

TEMPLATES = ("{}.", "{}", "a drawing of {}.", "a video still of {}.", "a picture that shows {}.")


def held_out(kind: str, color: str) -> bool:
    """Whether things of that kind and colour never occur in training."""
    return HELD_OUT.get(kind) == color


# --- statements -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """Content of a scene: the place, what each person does, and the things as pairs of kind and colour."""

    place: str
    deeds: tuple[str, ...]
    things: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, scene: Scene) -> Facts:
        """Return the facts of a scene."""
        deeds = tuple(POSE_WORDS[item.pose] for item in scene.content if isinstance(item, Person))
        things = frozenset((item.kind, item.color) for item in scene.content if isinstance(item, Thing))
        return cls(scene.place, deeds, things)


@dataclass(frozen=True)
class Statement:
    """A statement about exactly one of: the place, the number of people, what somebody does, a thing.

    A thing has a `kind`, a `color` or both. The kind `NOTHING` means that there are no things, `OTHER` that there is a
    thing for which there is no word, and `ANYTHING` leaves the kind open.
    """

    place: str | None = None
    people: int | None = None
    deed: str | None = None
    kind: str | None = None
    color: str | None = None

    def holds(self, facts: Facts) -> bool | None:
        """Whether the statement is true of a scene; None if undefined, which is so for the kinds of lookalikes."""
        if self.place is not None:
            return facts.place == self.place
        if self.people is not None:
            return len(facts.deeds) == self.people
        if self.deed is not None:
            return self.deed in facts.deeds
        if self.kind == NOTHING:
            return not facts.things
        if self.kind != ANYTHING and any(kind in LOOKALIKES for kind, _ in facts.things):
            return None
        return any(self._names(kind) and self.color in (None, color) for kind, color in facts.things)

    def _names(self, kind: str) -> bool:
        return self.kind in (kind, ANYTHING) or (self.kind == OTHER and kind in OTHER_KINDS)

    def words(self) -> str:
        """Return the statement as a phrase."""
        if self.place is not None:
            return f"a {PLACE_WORDS[self.place]}"
        if self.people is not None:
            return PEOPLE_WORDS[self.people]
        if self.deed is not None:
            return f"a person {self.deed}"
        if self.kind == NOTHING:
            return "no things"
        if self.kind == OTHER:
            return "another thing"
        return f"a {self.color} {self.kind}" if self.color else f"a {self.kind}"


Text = tuple[Statement, ...]


def whole(scene: Scene, dice: random.Random) -> Text:
    """Return the statements on the people, the things and the place of a scene, as far as there are words for them."""
    facts = Facts.of(scene)
    deeds = [Statement(deed=deed) for deed in facts.deeds]
    things = [
        Statement(kind=kind if kind in KINDS else ANYTHING, color=color if color in TINTS else None)
        for kind, color in sorted(facts.things)
    ]
    dice.shuffle(deeds)
    return (*deeds, *things, Statement(place=facts.place))


def sentence(text: Text, dice: random.Random) -> str:
    """Return statements as one line, in one of several random forms."""
    parts = [statement.words() for statement in text]
    at = ""
    if len(text) > 1 and text[-1].place is not None and dice.random() < 0.7:
        at = f" {'before' if text[-1].place == 'plain' else 'in'} {parts.pop()}"
    told = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return dice.choice(TEMPLATES).format(told + at)


# --- random scenes --------------------------------------------------------------------------------------------------

Box = tuple[float, float, float, float]


def scene(seed: int, *, unseen: bool = False) -> Scene:
    """Return a random scene with at most one thing that is not part of a person's pose.

    With `unseen`, the thing is of a held-out pair of kind and colour; no other scene contains such a pair.
    """
    dice = random.Random(f"scene {seed}")  # a string: Random ignores the sign of an integer
    count = dice.choices((0, 1, 2, 3), (5, 9, 4, 2))[0]
    people: list[Person] = []
    for i in range(count):
        rides = not unseen and all(person.pose != "riding" for person in people)
        spread = 0.05 if count > 1 else 0.2
        people.append(_person(dice, (i + 0.5) / count + dice.uniform(-spread, spread), rides=rides))
    content: list[Thing | Person] = []
    for person in people:
        content += [*_below(person, dice, alone=count == 1, unseen=unseen), person]
    if len(content) == len(people) and (unseen or dice.random() < 0.85):
        content.append(_thing(dice, [_body(person) for person in people], unseen=unseen))
    # The plain backdrop is twice as frequent as other places, since people and things are most visible in front of it.
    # There are only 16 pictures of each place, since drawing a place takes longer than everything else.
    place, light = dice.choice(("plain", *PLACES)), dice.choices(("day", "evening"), (3, 1))[0]
    return Scene(place, tuple(content), light, dice.choice(CAMERAS), seed=dice.randrange(16))


def _person(dice: random.Random, x: float, *, rides: bool) -> Person:
    poses = ("sitting", "falling", "jumping", "waving", "cheering", *POSE_WORDS, *["riding"] * 2)
    return Person(
        dice.choice(sorted(COLORS)),
        (x, dice.uniform(0.76, 0.98)),
        dice.uniform(0.62, 0.88),
        dice.choice([pose for pose in poses if rides or pose != "riding"]),
        dice.choice(MOODS),
        dice.choice(sorted(HAIRS)),
        dice.random() < 0.5,
        dice.randrange(len(SKINS)),
        dice.choice(("black", "blue", "brown", "purple", "grey")),
        dice.random() < 0.5,
    )


def _body(person: Person) -> Box:
    (x, y), wide, tall = person.at, person.height / 4, person.height * 9 / 16
    return x - wide, y - tall, x + wide, y


def _color(dice: random.Random, kind: str, *, unseen: bool) -> str:
    if not unseen and kind in KINDS and dice.random() < 0.3:
        return dice.choice(OTHER_COLORS)
    return dice.choice([color for color in TINTS if held_out(kind, color) == unseen])


def _below(person: Person, dice: random.Random, *, alone: bool, unseen: bool) -> list[Thing]:
    """Return what a person rides, stands or sits on."""
    (x, y), size = person.at, person.height
    if person.pose == "riding":
        color = _color(dice, "skateboard", unseen=False)
        return [Thing("skateboard", color, (x, y + 0.01), dice.uniform(0.55, 0.7) * size)]
    if person.pose in ("standing", "waving", "cheering") and alone and not unseen and dice.random() < 0.3:
        kind = dice.choice(("plank", "skateboard"))
        return [Thing(kind, _color(dice, kind, unseen=False), (x, y + 0.01), dice.uniform(0.55, 0.7) * size)]
    if person.pose == "sitting" and alone and dice.random() < 0.6:
        kind = dice.choice(sorted(FURNITURE))
        at = (x + dice.uniform(-0.1, 0.1), y - 0.15 * size)
        return [Thing(kind, _color(dice, kind, unseen=unseen), at, FURNITURE[kind] / 0.78 * size)]
    return []


def _thing(dice: random.Random, boxes: list[Box], *, unseen: bool) -> Thing:
    """Return a thing at that of eight random positions where it covers people least."""
    kind = dice.choice(tuple(HELD_OUT) if unseen else KINDS if dice.random() < 0.6 else OTHER_KINDS + LOOKALIKES)
    thing, best = Thing(kind, _color(dice, kind, unseen=unseen), angle=dice.uniform(-8, 8)), 9.0
    lowest = 0.4 if dice.random() < 0.75 else 0.8  # mostly above the people, as in the demo clips
    for _ in range(8):
        size = dice.uniform(SMALLEST, LARGEST)
        across, tall = size / 2, size * 9 / 32
        at = dice.uniform(across, 1 - across), dice.uniform(0.05 + tall, max(lowest, 0.06 + tall))
        box = (at[0] - across, at[1] - tall, at[0] + across, at[1] + tall)
        covered = max((_shared(box, other) for other in boxes), default=0.0)
        if covered < best:
            best, thing = covered, replace(thing, at=at, size=size)
    return thing


def _shared(a: Box, b: Box) -> float:
    """Return the fraction of the smaller of two boxes that the other covers."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    tall = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return across * tall / min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))


# --- pictures -------------------------------------------------------------------------------------------------------


def picture(scene: Scene, dice: random.Random, width: int, height: int, *, lettered: float = 0.3) -> Image.Image:
    """Return a picture of a scene at a random time.

    Parameters
    ----------
    scene : Scene
        The scene.
    dice : random.Random
        Source of randomness.
    width, height : int
        Size of the picture, in pixels.
    lettered : float
        Probability of lettering over the picture.

    Returns
    -------
    PIL.Image.Image
        The picture, RGB.
    """
    image = Image.fromarray(draw(scene, dice.uniform(0, 5), width, height))
    if dice.random() < lettered:
        for middle in dice.sample((0.125, 0.3, 0.68, 0.84), k=dice.choice((1, 2))):
            _letter(image, middle, dice)
    return image


def _letter(image: Image.Image, middle: float, dice: random.Random) -> None:
    """Write meaningless text at a height (fraction of the image) where videos have titles, labels and subtitles."""
    font = ImageFont.load_default(max(5, round(dice.uniform(0.06, 0.09) * image.width)))
    text = "".join(dice.choices("abcdefghijklmnoprstuvwxyz    0123456789", k=dice.randint(6, 16)))
    pen = ImageDraw.Draw(image)
    where = (image.width / 2, middle * image.height)
    if dice.random() < 0.4:
        left, top, right, bottom = pen.textbbox(where, text, font, "mm")
        pen.rounded_rectangle((left - 4, top - 3, right + 4, bottom + 3), 4, fill=(250, 214, 74))
        pen.text(where, text, INK, font, "mm")
    else:
        pen.text(where, text, "white", font, "mm", stroke_width=1, stroke_fill=INK)
