"""Whether the words of a line stand in what tags and captions say of the keyframes.

A line may join what the keyframes are said to show, and add no more than articles, "and", "with" and the like. Words
are compared without their endings, and words that belong together stay together: from "red dress" and "blue box" a
line can make "red dress", "dress" or "box", but not "red box". Pronouns, negations and words for directions are not
free, since they say something themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from valex_local.stages.script.evidence import SeenKeyframe
from valex_local.stages.script.wording import words

JOINING = frozenset({"a", "an", "and", "are", "is", "one", "the", "there", "while", "who", "with"})
"""Words that a line may add."""

PLACING = frozenset({
    "at", "behind", "beside", "by", "from", "in", "inside", "near", "next", "of", "on", "outside", "over", "to",
    "under",
})  # fmt: skip
"""Words that say how two things are placed: they end a phrase, but a line may not add them."""

_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|es|s)$")
_DOUBLED = re.compile(r"([b-df-hj-np-rtvwxz])\1$")
"""Doubled before an ending, as in "sitting"; not l and s, as in "falling" and "dress"."""

_WHERE = frozenset({"in", "at", "on", "inside", "outside"})

_NO_PLACE = frozenset({
    "apron", "bikini", "blazer", "blouse", "cap", "clothes", "coat", "costume", "dress", "glasses", "gown", "hat",
    "helmet", "hoodie", "jacket", "jersey", "jeans", "mask", "outfit", "pajama", "pant", "robe", "scarf", "shirt",
    "shoe", "short", "skirt", "suit", "sunglasses", "sweater", "swimsuit", "top", "uniform", "vest", "wig",
    "black", "white", "red", "blue", "green", "yellow", "pink", "purple", "orange", "grey", "gray", "brown",
    "air", "arm", "back", "background", "camera", "front", "hand", "head", "lap", "middle", "mouth", "phone",
})  # fmt: skip
"""What one can be in, or have something in or on, without being there: clothes, colours, parts of body and picture."""

Phrase = tuple[str, ...]


def stem(word: str) -> str:
    """Return a word without its English ending: "rides" and "riding" are both "rid", "dress" stays."""
    cut = word if word.endswith("ss") else _ENDING.sub("", word)
    return _DOUBLED.sub(r"\1", cut).removesuffix("e") if cut != word else word.removesuffix("e")


def content(text: str) -> list[str]:
    """Return the stems of the words of a text that say something."""
    return [word for phrase in phrases(text) for word in phrase]


def phrases(text: str) -> Iterator[Phrase]:
    """Yield the runs of words between the joining and placing words of a text, as stems."""
    return (tuple(map(stem, run)) for _, run in runs(text))


def runs(text: str) -> Iterator[tuple[str, Phrase]]:
    """Yield the runs of words between joining and placing words, each with the last placing word right before it."""
    before, run = "", []
    for word in (*words(text), "the"):
        if word not in JOINING | PLACING:
            run.append(word)
            continue
        if run:
            yield before, tuple(run)
            before, run = "", []
        if word in PLACING:
            before = word


def said_of(seen: Sequence[SeenKeyframe]) -> list[str]:
    """Return what tags and captions say of keyframes, each once."""
    told = [text for k in seen for text in (k.caption.caption, *(tag.label for tag in k.caption.tags)) if text]
    return list(dict.fromkeys(told))


def adds_nothing(line: str, sources: Sequence[str]) -> bool:
    """Whether a line says something, and nothing that the sources do not say.

    Each run of words between joining words must consist of ends of the sources' own runs, or of at least two
    neighbours in one: the last word of a phrase says what it is about, the others say which. No word may occur more
    often than in the sources ("and there is a person" would be another one), and the line may not break off after a
    joining word.
    """
    said, told = words(line), list(phrases(line))
    if not told or said[-1] in JOINING | PLACING:
        return False
    if not set(said) & PLACING <= {word for source in sources for word in words(source)}:
        return False
    often = Counter(word for source in sources for word in content(source))
    if Counter(word for phrase in told for word in phrase) - often:
        return False
    units = {unit for source in sources for phrase in phrases(source) for unit in _units(phrase)}
    return all(_consists_of(phrase, units) for phrase in told)


def placed(seen: Sequence[SeenKeyframe]) -> list[str]:
    """Return what captions say that something is in, at, on, inside or outside of, without clothes and the like."""
    found = [run for k in seen for before, run in runs(k.caption.caption or "") if before in _WHERE]
    return list(dict.fromkeys(" ".join(run) for run in found if not _NO_PLACE & {run[-1], run[-1].removesuffix("s")}))


def leaves_nothing_out(line: str, sources: Sequence[str]) -> bool:
    """Whether a line contains every word of the sources that says something."""
    return {word for source in sources for word in content(source)} <= set(content(line))


def leaks(text: str, own: Sequence[str]) -> bool:
    """Whether a text repeats `LEAKED_WORDS` words of the prompt in a row, or, if it is shorter, all of its words."""
    said = content(text)
    length = min(LEAKED_WORDS, len(said))
    told = {tuple(said[i : i + length]) for i in range(len(said) - length + 1)} if said else set()
    return any(
        tuple(prompt[i : i + length]) in told for prompt in map(content, own) for i in range(len(prompt) - length + 1)
    )


LEAKED_WORDS = 3
"""Words that say something; with joining words between them this is the length of a short sentence."""


def _units(phrase: Phrase) -> Iterator[Phrase]:
    for start in range(len(phrase)):
        yield phrase[start:]
        yield from (phrase[start:end] for end in range(start + 2, len(phrase)))


def _consists_of(phrase: Phrase, units: set[Phrase]) -> bool:
    reached = {0}
    for start in range(len(phrase)):
        if start in reached:
            reached |= {end for end in range(start + 1, len(phrase) + 1) if phrase[start:end] in units}
    return len(phrase) in reached
