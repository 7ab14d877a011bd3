"""The search index of the list of posts: the distinct words of each post, normalised as in the browser.

Distinct words take about half the space of the running text, and a word that is in several scripts is stored once. A
search finds the posts in which each of its words is part of a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from valex_local.records import PostText
from valex_local.report.gather import Gathered

_BREAKS = re.compile(r"[^\w@#$€£%&'’.-]+")
_EDGES = ".-'’"


def fold(text: str) -> str:
    """Return `text` in lower case and without accents and differences of form (NFKD without combining marks).

    ``report.js`` does the same with the words that a user searches for.
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if unicodedata.category(c) != "Mn").lower()


def words(text: str) -> list[str]:
    """Return the words of a text in order; writing systems without spaces give long ones."""
    found = (word.strip(_EDGES) for word in _BREAKS.split(fold(text)))
    return [word for word in found if word]


def searched(gathered: Gathered) -> str:
    """Return the distinct words of a post, sorted and joined by spaces."""
    return " ".join(sorted({word for text in _texts(gathered) for word in words(text)}))


def _texts(gathered: Gathered) -> Iterator[str]:
    yield gathered.id
    yield from _published(gathered.post.text)
    for script in gathered.scripts.values():
        for scene in script.scenes:
            yield scene.heading or ""
            for element in scene.elements:
                yield element.text
                yield getattr(element, "speaker", "")
    if gathered.transcript is not None:
        yield from (segment.text for segment in gathered.transcript.segments)
    if gathered.screen_text is not None:
        yield from (track.text for track in gathered.screen_text.tracks)


def _published(text: PostText) -> Iterator[str]:
    for part in (text.caption, text.author, text.sound_title, text.genre):
        yield part or ""
    yield from text.hashtags
