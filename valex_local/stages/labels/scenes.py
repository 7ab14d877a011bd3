"""Split a script into windows that a language model is asked about one by one: scenes, or paragraphs of a plain text.

A scene below `LEAST` characters is asked together with those after it until they have so many, or with those before it
at the end of the script, so that no three words are judged alone. A scene above `MOST` is split between lines into
parts of similar length. Headings do not count, and lengths are in characters since not all languages put spaces
between words.

Text that was published with the video belongs to no scene, and people have it in mind while they watch: it is shown
with each window. Above `MOST_POST` it is a window of its own instead, since it would outweigh the scenes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from valex_local.files.text import counted
from valex_local.stages.labels.lines import EvidenceLine

LEAST = 150
"""Shorter scenes are asked with their neighbours; characters, about 25 words of English."""

MOST = 1000
"""Longer scenes are split; characters, about 180 words of English."""

MOST_POST = 500
"""A longer post text is asked about by itself; characters."""

Lines = tuple[EvidenceLine, ...]


@dataclass(frozen=True)
class Window:
    """Lines that are asked about together.

    Attributes
    ----------
    lines : tuple of EvidenceLine
        What the model is shown, at least one line.
    length : int
        Characters, without headings and without post text that is shown with each window.
    """

    lines: Lines
    length: int

    @property
    def name(self) -> str:
        """What messages call it: ``scene 2``, ``scenes 2 to 4``, ``the post text``."""
        own = [line for line in self.lines if line.kind != "post"]
        if not own:
            return "the post text"
        noun, first, last = _noun(own), own[0].scene, own[-1].scene
        return f"{noun} {first}" if first == last else f"{noun}s {first} to {last}"


def windows(lines: Sequence[EvidenceLine]) -> tuple[Window, ...]:
    """Return the windows of a script or text, in order; together they contain every line."""
    post = tuple(line for line in lines if line.kind == "post")
    parts = _joined(_parts([line for line in lines if line.kind != "post"]))
    if parts and length(post) <= MOST_POST:
        return tuple(Window((*post, *part), length(part)) for part in parts)
    return tuple(Window(part, length(part)) for part in (post, *parts) if part)


def counted_scenes(lines: Sequence[EvidenceLine]) -> str:
    """Return how many scenes there are, or paragraphs of a plain text: ``2 scenes``."""
    return counted(len({line.scene for line in lines if line.kind != "post"}), _noun(lines))


def _noun(lines: Sequence[EvidenceLine]) -> str:
    return "paragraph" if lines[0].kind == "text" else "scene"


def length(lines: Sequence[EvidenceLine]) -> int:
    """Return the number of characters in lines, without headings."""
    return sum(len(line.text) for line in lines if line.kind != "place")


def _parts(lines: Sequence[EvidenceLine]) -> Iterator[Lines]:
    """Yield the scenes, long ones in parts."""
    for _, scene in groupby(lines, key=lambda line: line.scene):
        yield from _cut(tuple(scene))


def _cut(scene: Lines) -> Iterator[Lines]:
    """Yield a scene, halved between two lines until no part is too long or is a single line."""
    if length(scene) <= MOST or len(scene) == 1:
        yield scene
        return
    whole = length(scene)
    at = min(range(1, len(scene)), key=lambda at: abs(2 * length(scene[:at]) - whole))
    yield from _cut(scene[:at])
    yield from _cut(scene[at:])


def _joined(parts: Iterator[Lines]) -> list[Lines]:
    """Return parts in order, short ones joined with their neighbours."""
    found: list[Lines] = []
    for part in parts:
        if found and length(found[-1]) < LEAST:
            found[-1] += part
        else:
            found.append(part)
    if len(found) > 1 and length(found[-1]) < LEAST:
        short = found.pop()
        found[-1] += short
    return found
