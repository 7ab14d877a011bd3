"""The scenes of the demo clips, by the names that `demo_clips.toml` gives their shots."""

from __future__ import annotations

from dataclasses import replace

from drawn_world import Person, Scene, Thing, Waypoints

TILDA = Person("purple", hair="red", long_hair=True, mood="smiling", trousers="blue")
MARIA = Person("green", hair="black", long_hair=True, skin=2, trousers="brown")
NOAH = Person("yellow", hair="brown", skin=1, trousers="blue", height=0.72)
DANIEL = Person("grey", hair="black", skin=1, trousers="black", height=0.84)
SAMIRA = Person("pink", hair="black", long_hair=True, skin=1, trousers="purple", mood="sad")
LENA = Person("blue", hair="blond", long_hair=True, trousers="brown")

FLUNG = ((0.0, 0.7, 0.6), (0.7, 0.85, 0.5), (1.5, 1.3, 0.8))


def _jump(ground: float, top: float) -> Waypoints:
    """Return a jump across the frame; heights are fractions of the frame from its top."""
    return (0.0, 0.1, ground), (0.8, 0.5, top), (1.6, 0.9, ground)


# Things are few and large, and as far as the story allows of kinds and colours that the toy image model knows: it does
# not recognise small ones (see models/micro-clip/README.md).
SCENES: dict[str, Scene] = {
    "thrift: shop": Scene(
        "shop",
        (Thing("dress", "red", (0.24, 0.38), 0.5), replace(TILDA, at=(0.56, 0.93), height=0.86, pose="waving")),
        camera="pan",
        seed=3,
    ),
    "thrift: finds": Scene(
        "plain",
        (
            Thing("jacket", "blue", (0.36, 0.44), 0.5, motion="sway", appears=0.7),
            Thing("dress", "red", (0.66, 0.68), 0.54, motion="sway", appears=2.3),
        ),
        camera="push",
        seed=11,
    ),
    "thrift: bet": Scene(
        "street",
        (
            replace(TILDA, at=(0.27, 0.9), mood="surprised", height=0.78),
            replace(MARIA, at=(0.72, 0.91), pose="pointing", mirrored=True, height=0.82),
        ),
        camera="handheld",
        seed=5,
    ),
    "thrift: till": Scene(
        "room",
        (
            Thing("coin", "yellow", (0.5, 0.38), 0.5, motion="bob", appears=0.3),
            replace(TILDA, at=(0.5, 1.03), height=0.72, pose="cheering"),
        ),
        camera="pull",
        seed=4,
    ),
    "thrift: outfit": Scene(
        "park",
        (
            Thing("heart", "red", (0.27, 0.3), 0.45, motion="bob", appears=0.8),
            replace(TILDA, shirt="red", at=(0.5, 0.76), height=0.66, pose="cheering"),
        ),
        camera="handheld",
        seed=8,
    ),
    "skate: park": Scene(
        "skate park",
        (
            Thing("skateboard", "red", (0.3, 0.83), 0.5),
            replace(NOAH, at=(0.62, 0.86), pose="pointing", mirrored=True),
        ),
        camera="push",
        seed=1,
    ),
    "skate: fall": Scene(
        "skate park",
        (
            Thing("skateboard", "red", size=0.42, motion="spin", path=FLUNG),
            replace(NOAH, at=(0.42, 0.84), pose="falling", mood="sad", height=0.84),
        ),
        light="evening",
        camera="handheld",
        seed=7,
    ),
    "skate: brother": Scene(
        "street",
        (
            replace(DANIEL, at=(0.3, 0.92), pose="pointing", height=0.88),
            replace(NOAH, at=(0.74, 0.9), mood="sad"),
        ),
        camera="push",
        seed=6,
    ),
    "skate: ready": Scene(
        "skate park",
        (
            Thing("skateboard", "red", size=0.46, path=((0, 0.1, 0.84), (4, 0.8, 0.84))),
            replace(NOAH, pose="riding", path=((0, 0.1, 0.825), (4, 0.8, 0.825)), height=0.72),
        ),
        camera="handheld",
        seed=2,
    ),
    "skate: jump": Scene(
        "skate park",
        (
            Thing("cloud", "white", (0.7, 0.2), 0.5, motion="drift"),
            Thing("skateboard", "red", size=0.42, motion="spin", path=_jump(0.8, 0.62)),
            replace(
                NOAH,
                pose="jumping",
                mood="surprised",
                path=_jump(0.78, 0.53),
                height=0.76,
            ),
        ),
        light="evening",
        camera="still",
        seed=9,
    ),
    "skate: landed": Scene(
        "plain",
        (
            Thing("skateboard", "red", (0.5, 0.712), 0.5),
            replace(NOAH, at=(0.5, 0.69), pose="cheering", mood="smiling", height=0.78),
        ),
        camera="handheld",
        seed=2,
    ),
    "sorry: bench": Scene(
        "park",
        (
            Thing("bench", "red", (0.5, 0.75), 0.72),
            replace(SAMIRA, at=(0.38, 0.87), pose="sitting", height=0.78),
        ),
        light="evening",
        camera="push",
        seed=12,
    ),
    "sorry: sofa": Scene(
        "room",
        (
            Thing("sofa", "blue", (0.5, 0.74), 0.8),
            replace(SAMIRA, at=(0.5, 0.86), pose="sitting", mood="smiling", height=0.74),
            Thing("gamepad", "white", (0.5, 0.765), 0.2, motion="sway"),
        ),
        light="evening",
        camera="handheld",
        seed=1,
    ),
    "sorry: stairs": Scene(
        "stairwell",
        (
            replace(LENA, pose="climbing", path=((0, 0.1, 0.84), (4.5, 0.72, 0.62)), height=0.62, mood="sad"),
            Thing("box", "yellow", size=0.24, path=((0, 0.28, 0.66), (4.5, 0.9, 0.44))),
            Thing("box", "yellow", (0.72, 0.86), 0.45),
        ),
        camera="handheld",
        seed=3,
    ),
    "sorry: crowd": Scene(
        "street",
        (
            replace(MARIA, at=(0.2, 0.8), pose="laughing", mood="smiling", height=0.62),
            replace(
                DANIEL, shirt="orange", at=(0.8, 0.81), pose="laughing", mood="smiling", height=0.68, mirrored=True
            ),
            replace(SAMIRA, at=(0.5, 0.93), height=0.78),
        ),
        camera="pan",
        seed=10,
    ),
    "sorry: heart": Scene(
        "park",
        (
            Thing("heart", "red", (0.5, 0.34), 0.45, motion="bob", appears=1.2),
            replace(SAMIRA, at=(0.34, 0.8), pose="waving", mood="smiling", height=0.66, mirrored=True),
            replace(LENA, at=(0.68, 0.81), mood="smiling", height=0.68),
        ),
        camera="pull",
        seed=13,
    ),
}
