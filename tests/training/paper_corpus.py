"""A made-up corpus in the shape of the paper's sheet: 888 posts, its counts of every value and polarity, 91 authors.

Every text is put together of phrases: a few that say nothing of values, and one for each label the post has. No word of
it comes from any data set.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from valex_local.corpus.writers import SHEET_ORDER
from valex_local.schwartz import Value

POSTS, AUTHORS = 888, 91

COUNTS: dict[Value, tuple[int, int, int]] = {
    Value.SELF_DIRECTION_THOUGHT: (196, 33, 12),
    Value.SELF_DIRECTION_ACTION: (227, 27, 24),
    Value.STIMULATION: (224, 31, 3),
    Value.HEDONISM: (154, 17, 6),
    Value.ACHIEVEMENT: (306, 80, 19),
    Value.POWER_RESOURCES: (178, 42, 9),
    Value.POWER_DOMINANCE: (164, 25, 45),
    Value.FACE: (73, 16, 89),
    Value.SECURITY_PERSONAL: (83, 17, 88),
    Value.SECURITY_SOCIETAL: (2, 0, 9),
    Value.CONFORMITY_RULES: (13, 3, 14),
    Value.CONFORMITY_INTERPERSONAL: (86, 7, 125),
    Value.TRADITION: (31, 4, 4),
    Value.HUMILITY: (55, 3, 218),
    Value.BENEVOLENCE_DEPENDABILITY: (139, 9, 41),
    Value.BENEVOLENCE_CARING: (186, 24, 112),
    Value.UNIVERSALISM_CONCERN: (1, 0, 0),
    Value.UNIVERSALISM_NATURE: (9, 0, 1),
    Value.UNIVERSALISM_TOLERANCE: (5, 0, 1),
}
"""Present (dominant among them) and conflicted, as the paper's sheet counts them."""

_NEUTRAL = (
    "the lamp stands on the table", "we walk down the street", "a door opens", "it is noon now", "the phone rings",
    "she looks at the wall", "music plays in a room", "there is a chair", "he turns the page", "the bus is late",
)  # fmt: skip
_LEADS = {1: "want", -1: "refuse"}


def words() -> list[str]:
    """Return every word that a text may hold, and the marks."""
    said = [*_NEUTRAL, "we here", *(word_of(value, code) for value in Value for code in _LEADS)]
    return sorted({word for phrase in said for word in phrase.split()} | {":", '"', ".", "speaker"})


def word_of(value: Value, code: int) -> str:
    """Return the word that tells of a value as present (1, 2) or conflicted (-1)."""
    return _LEADS[1 if code > 0 else -1] + value.name.lower().replace("_", "")


def make(folder: Path, *, seed: int = 0, posts: int = POSTS) -> tuple[Path, Path]:
    """Write a label sheet in the authors' words and a folder of the first scripts; return both paths."""
    random = np.random.default_rng(seed)
    codes = _codes(random)
    texts = folder / "scripts"
    texts.mkdir(parents=True)
    rows = []
    for post in range(posts):
        user, number = f"maker_{post % AUTHORS}", 7_300_000_000_000_000_000 + post
        phrases = list(random.choice(_NEUTRAL, random.integers(2, 6)))
        phrases += [f"we {word_of(v, code)} here" for v, code in zip(COUNTS, codes[post], strict=True) if code]
        random.shuffle(phrases)
        text = "\n".join(f'SPEAKER: "{phrase}."' for phrase in phrases)
        (texts / f"@{user}_video_{number}.txt").write_text(text + "\n", "utf-8")
        rows.append((f"https://www.tiktok.com/@{user}/video/{number} ", codes[post]))
    return _write_sheet(folder / "sheet.csv", rows), texts


def _codes(random: np.random.Generator) -> np.ndarray:
    """Return -1, 0, 1 or 2 for each post and value, (POSTS, 19), with exactly the counts of the paper."""
    codes = np.zeros((POSTS, len(COUNTS)), dtype=int)
    for column, (present, dominant, conflicted) in enumerate(COUNTS.values()):
        posts = random.permutation(POSTS)[: present + conflicted]
        codes[posts[:present], column] = 1
        codes[posts[:dominant], column] = 2
        codes[posts[present:], column] = -1
    return codes


def _write_sheet(path: Path, rows: list[tuple[str, np.ndarray]]) -> Path:
    said = {0: "", 1: "present", 2: "dominant", -1: "conflict"}
    places = [list(COUNTS).index(value) for value in SHEET_ORDER]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["url", *(f"1_Value1_{value.sheet_column}_values" for value in SHEET_ORDER)])
        writer.writerows([url, *(said[codes[place]] for place in places)] for url, codes in rows)
    return path
