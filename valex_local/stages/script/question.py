"""What a language model is asked about a scene: only what it can add, and the evidence can support.

A model that sees
    is asked for a line about each picture, the place, and a name for whoever says each segment.
A model that reads
    is asked to join the tags of keyframes into a line, to choose the place from phrases of captions where no tag tells
    it, and to choose names where a rule allows some (see `names`). A caption is a sentence already, and the
    likeliest place of the tags is not improved by guessing.

With neither pictures nor tags nor captions there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from valex_local.stages.script.evidence import Evidence, SeenKeyframe
from valex_local.stages.script.grounded import placed
from valex_local.stages.script.names import Names, names_of
from valex_local.stages.script.scenes import EvidenceStretch, places
from valex_local.stages.script.template import groups, shown_labels

PLACE_KEY, GENRE_KEY = "place", "genre"

DOING = frozenset({"activity", "expression"})
"""Categories of tags that say what somebody does; without one, a line is a list, as the template writes it."""

UNKNOWN = "unknown"
"""The choice of a model that finds no place among the phrases of captions."""


@dataclass(frozen=True)
class SceneQuestion:
    """What is asked about a stretch. An answer is an object with one text for each of `keys`.

    Attributes
    ----------
    sees : bool
        Whether the model is shown pictures.
    lines : dict of str to tuple of SeenKeyframe
        Id of the first keyframe to the keyframes that one line is about.
    speakers : dict of str to Names
        Id of a segment to the names that its speaker may have.
    asks_place : bool
        Whether the place is asked for.
    places : tuple of str
        The places to choose from; with none, it is described in a few words.
    asks_genre : bool
        Whether the genre is asked for.
    """

    sees: bool = False
    lines: Mapping[str, tuple[SeenKeyframe, ...]] = field(default_factory=dict)
    speakers: Mapping[str, Names] = field(default_factory=dict)
    asks_place: bool = False
    places: tuple[str, ...] = ()
    asks_genre: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of an answer, in order."""
        place = (PLACE_KEY,) if self.asks_place else ()
        return (*place, *self.lines, *self.speakers, *((GENRE_KEY,) if self.asks_genre else ()))


def question_about(stretch: EvidenceStretch, evidence: Evidence, *, genre: bool = False) -> SceneQuestion | None:
    """Return what is asked about a stretch; None if the template's scene cannot be improved.

    Parameters
    ----------
    stretch : EvidenceStretch
        The evidence of the scene.
    evidence : Evidence
        The evidence of the whole post.
    genre : bool
        Whether to ask for the genre too. It is never asked for alone.
    """
    if not stretch.seen:
        return None
    if any(k.id in evidence.pictures for k in stretch.seen):
        return SceneQuestion(
            sees=True,
            lines={k.id: (k,) for k in stretch.seen},
            speakers={s.id: names_of(s, stretch) for s in stretch.speech},
            asks_place=True,
            places=tuple(places(stretch.seen)),
            asks_genre=genre,
        )
    lines = {run[0].id: run for _, run in groups(stretch) if _can_be_joined(run[0], stretch)}
    speakers = {s.id: names for s in stretch.speech if (names := names_of(s, stretch)).choices}
    phrases = () if places(stretch.seen) else tuple(placed(stretch.seen))
    if not (lines or speakers or phrases):
        return None
    # Captions mention the place late, and a small model prefers what it reads first.
    choices = (*reversed(phrases), UNKNOWN) if phrases else ()
    return SceneQuestion(lines=lines, speakers=speakers, asks_place=bool(phrases), places=choices, asks_genre=genre)


def _can_be_joined(seen: SeenKeyframe, stretch: EvidenceStretch) -> bool:
    """Whether tags can make a sentence: there are several, and one of them says what somebody does."""
    verbs = any(tag.category in DOING for tag in seen.caption.tags)
    return verbs and len(shown_labels(seen, stretch)) > 1
