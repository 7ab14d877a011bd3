"""Which names a speaker may have, by two rules.

Introduced
    The name that somebody gives themselves, right after "I am", "my name is" and their like in some languages. It holds
    for that segment; if one person is seen to speak (below), for every segment of the same shot.
Seen to speak
    Tags or caption of each keyframe of the shot in which a segment has its middle say that somebody talks or sings, and
    mention exactly one person. Then words from these about the person may be the name: "YOUNG WOMAN".

A name that is merely heard is usually that of the person spoken to or about, so it is no speaker's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from valex_local.records import Segment
from valex_local.stages.script.evidence import SeenKeyframe
from valex_local.stages.script.grounded import content, runs, said_of, stem
from valex_local.stages.script.scenes import EvidenceStretch
from valex_local.stages.script.wording import words

_NAME = r"([^\W\d_a-zß-ÿ]\w*(?:[ -][^\W\d_a-zß-ÿ]\w*)?)"
_INTRODUCED = re.compile(
    r"\b(?i:i am|i['’]m|my name is|my name['’]s|ich bin|ich heiße|mein name ist|je m['’]appelle|me llamo|mi nombre es"
    rf"|soy|mi chiamo|sono|meu nome é|ik ben|ik heet|mijn naam is)\s+{_NAME}"
)

_TALKS = frozenset(
    map(stem, ("talking", "talks", "speaks", "says", "saying", "sings", "tells", "narrates", "explains",
               "interviews", "shouts", "rapping", "announces"))
)  # fmt: skip
_PERSON = frozenset({
    "person", "woman", "man", "girl", "boy", "child", "kid", "baby", "toddler", "teenager", "lady", "gentleman",
    "guy", "mother", "father", "grandmother", "grandfather", "daughter", "son", "sister", "brother", "friend",
    "teacher", "singer", "dancer", "athlete",
})  # fmt: skip
_SEVERAL = frozenset({
    "people", "persons", "women", "men", "girls", "boys", "children", "kids", "babies", "teenagers", "ladies",
    "guys", "friends", "couple", "crowd", "group", "family", "families", "players", "audience", "team", "two",
    "three", "four", "five", "another", "each", "others", "somebody", "someone",
})  # fmt: skip


@dataclass(frozen=True)
class Names:
    """The names that a segment's speaker may have: those that are introduced, and those that are seen."""

    introduced: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """All of them, as scripts write names."""
        return tuple(dict.fromkeys(name.upper() for name in (*self.introduced, *self.seen)))


def names_of(segment: Segment, stretch: EvidenceStretch) -> Names:
    """Return the names that the speaker of a segment of the stretch may have."""
    shown = _in_shot(segment, stretch.seen)
    if not one_is_seen_to_speak(shown):
        return Names(introduced(segment.text))
    beside = [s for s in stretch.speech if _in_shot(s, stretch.seen) == shown]
    given = dict.fromkeys(name for s in beside for name in introduced(s.text))
    return Names(tuple(given) if len(given) == 1 else introduced(segment.text), _people(said_of(shown)))


def _people(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the words for people in sources, with the words before them: "young woman" from "a young woman dances"."""
    found = []
    for _, run in (pair for source in sources for pair in runs(source)):
        ends = [at for at, word in enumerate(run, 1) if word in _PERSON]
        found += [" ".join(run[: ends[0]])] if ends else []
    return tuple(dict.fromkeys(found))


def introduced(text: str) -> tuple[str, ...]:
    """Return the names that somebody gives themselves in a text."""
    return tuple(dict.fromkeys(_INTRODUCED.findall(text)))


def one_is_seen_to_speak(shown: Sequence[SeenKeyframe]) -> bool:
    """Whether tags or captions of each of the keyframes mention exactly one person, and somebody who talks or sings."""
    return bool(shown) and all(_one_talks(k) for k in shown)


def is_merely_heard(name: str, heard: Sequence[str], names: Names) -> bool:
    """Whether a word of a name is spoken or shown with a capital, as names are, and nobody gives it themselves.

    Parameters
    ----------
    name : str
        The name.
    heard : sequence of str
        What is said, shown and published.
    names : Names
        The names that the speaker may have.
    """
    own = {word for given in names.introduced for word in words(given)}
    capitals = {word.casefold() for text in heard for word in re.findall(r"\w+", text) if word[:1].isupper()}
    return bool((set(words(name)) - own) & capitals)


def _in_shot(segment: Segment, seen: Sequence[SeenKeyframe]) -> list[SeenKeyframe]:
    middle = (segment.start + segment.end) / 2
    return [k for k in seen if k.shot.start <= middle < k.shot.end]


def _one_talks(seen: SeenKeyframe) -> bool:
    tags = " ".join(tag.label for tag in seen.caption.tags)
    mentions = [[w for w in words(text) if w in _PERSON] for text in (seen.caption.caption or "", tags)]
    told = f"{seen.caption.caption or ''} {tags}"
    return (
        bool(_TALKS & set(content(told)))
        and not _SEVERAL & set(words(told))
        and any(mentions)
        and all(len(found) <= 1 for found in mentions)
    )
