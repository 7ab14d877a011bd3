"""The evidence of one post, numbered: P1 post text, S1 speech, T1 screen text, K1 keyframe with what it shows.

Segments, tracks and keyframes carry their numbers from the records they come from; a script refers to them and to
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import fuzz

from valex_local.llm import Picture
from valex_local.llm.images import read_picture
from valex_local.records import (
    Captions,
    Keyframe,
    KeyframeCaption,
    Media,
    Notice,
    PostText,
    ScreenText,
    Segment,
    Shot,
    Sound,
    Track,
    Transcript,
)
from valex_local.settings import ScriptSettings
from valex_local.stages.base import Item

POST = "P1"

REPEAT_SLACK = 1.0
"""Seconds that captions may run ahead of or behind the speech they repeat."""

REPEAT_SCORE = 88.0
"""Similarity (0 to 100) from which on screen text counts as the speech written down. Reading errors cost some points, a
word that was never said costs more, in captions of usual length."""


@dataclass(frozen=True)
class SeenKeyframe:
    """A keyframe and what it shows; `shot` is the stretch it stands for."""

    keyframe: Keyframe
    shot: Shot
    caption: KeyframeCaption

    @property
    def id(self) -> str:
        """The number of the keyframe."""
        return self.keyframe.id

    @property
    def is_told(self) -> bool:
        """Whether something is said of it: tags, or a caption."""
        return bool(self.caption.tags or self.caption.caption)


@dataclass(frozen=True)
class Evidence:
    """All that a script of one post may say.

    Attributes
    ----------
    duration : float
        Seconds of the video.
    shots : tuple of Shot
        Stretches between cuts, in order; empty without a picture track.
    post : str or None
        The text published with the video (P1).
    speech, texts : tuple of Segment, tuple of Track
        What was heard and read (S1, S2, ...; T1, T2, ...), by time.
    repeats : dict of str to str
        Track to the segment whose words it shows.
    mumbled : set of str
        Segments that were heard unsurely.
    seen : tuple of SeenKeyframe
        Keyframes that something is known of (K1, K2, ...), by time; empty without a vision model. All keyframes, where
        the writer looks at them itself.
    pictures : dict of str to Picture
        Keyframe to its picture, for a writer that sees.
    genre, language, sound
        As post and transcript have them.
    notices : tuple of Notice
        Which kinds of evidence are missing, and why.
    """

    duration: float = 0.0
    shots: tuple[Shot, ...] = ()
    post: str | None = None
    speech: tuple[Segment, ...] = ()
    texts: tuple[Track, ...] = ()
    repeats: dict[str, str] = field(default_factory=dict)
    mumbled: frozenset[str] = frozenset()
    seen: tuple[SeenKeyframe, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    genre: str | None = None
    language: str | None = None
    sound: Sound | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every text that was said, shown or published: what nobody else's line may say again."""
        published = () if self.post is None else (self.post,)
        return published + tuple(s.text for s in self.speech) + tuple(t.text for t in self.texts)


def gather(item: Item, settings: ScriptSettings, *, sees: bool = False) -> Evidence:
    """Collect the evidence of a post from its records.

    Parameters
    ----------
    item : Item
        With the records ``media``, ``transcript``, ``text`` and ``captions``.
    settings : ScriptSettings
        Whether post text counts, and what counts as mumbled.
    sees : bool
        Whether the writer looks at pictures: then the keyframes are read.

    Raises
    ------
    InputError
        A keyframe cannot be read.
    """
    media, transcript = item.get("media", Media), item.get("transcript", Transcript)
    screen, captions = item.get("text", ScreenText), item.get("captions", Captions)
    speech = tuple(sorted(transcript.segments, key=lambda s: s.start))
    texts = tuple(sorted(screen.tracks, key=lambda t: t.start))
    return Evidence(
        duration=media.duration,
        shots=tuple(sorted(media.shots, key=lambda s: s.start)),
        post=post_text(item.post.text) if settings.include_post_text else None,
        speech=speech,
        texts=texts,
        repeats=find_repeats(speech, texts),
        mumbled=frozenset(s.id for s in speech if s.avg_logprob < settings.mumbled_logprob),
        seen=_seen(media, captions, whole=sees),
        pictures=_pictures(item.folder, media, settings.llm.keyframe_side) if sees else {},
        genre=item.post.text.genre,
        language=transcript.language,
        sound=transcript.sound,
        notices=_missing(transcript, screen, captions, sees=sees and bool(media.keyframes)),
    )


def post_text(text: PostText) -> str | None:
    """Return what the author wrote: the caption, and the hashtags it does not hold already.

    Author and sound title stay out: they name people, and a classifier that reads names learns the author, not the
    values.
    """
    caption = (text.caption or "").strip()
    held = {tag.casefold() for tag in re.findall(r"#(\w+)", caption)}
    tags = [f"#{tag.lstrip('#')}" for tag in text.hashtags if tag.lstrip("#").casefold() not in held]
    return " ".join(part for part in [caption, *tags] if part) or None


def _seen(media: Media, captions: Captions, *, whole: bool) -> tuple[SeenKeyframe, ...]:
    """Join keyframes, their shots and what they show; those of which nothing is known only where all are asked for."""
    known = {k.id: KeyframeCaption(keyframe=k.id) for k in media.keyframes} if whole else {}
    known |= {c.keyframe: c for c in captions.keyframes if c.tags or c.caption}
    all_of_it = Shot(start=0.0, end=media.duration)
    return tuple(
        SeenKeyframe(k, media.shots[k.shot] if k.shot < len(media.shots) else all_of_it, known[k.id])
        for k in sorted(media.keyframes, key=lambda k: k.time)
        if k.id in known
    )


def _pictures(folder: Path, media: Media, side: int) -> dict[str, Picture]:
    return {k.id: read_picture(folder / k.file, side) for k in media.keyframes}


def _missing(transcript: Transcript, screen: ScreenText, captions: Captions, *, sees: bool) -> tuple[Notice, ...]:
    """Say which kinds of evidence a script has to do without."""
    kinds = (
        ("no-speech-evidence", "speech was not recognised", transcript.skipped),
        ("no-screen-text-evidence", "on-screen text was not read", screen.skipped),
        (
            "no-visual-evidence",
            "no actions and no places: nothing is known of the pictures",
            None if sees else captions.skipped,
        ),
    )
    return tuple(Notice(code=code, text=f"{what} ({why})") for code, what, why in kinds if why)


# --- screen text that repeats speech --------------------------------------------------------------------------------


def find_repeats(speech: Sequence[Segment], texts: Sequence[Track]) -> dict[str, str]:
    """Find the screen texts that are the speech written down: subtitles.

    Parameters
    ----------
    speech : sequence of Segment
        What was said.
    texts : sequence of Track
        What was shown.

    Returns
    -------
    dict of str to str
        Id of the track to the id of the segment whose words it shows, or most of them.
    """
    found = {}
    for track in texts:
        heard = [(s, words) for s in speech if (words := _heard_during(s, track))]
        if heard and _says_the_same(track.text, " ".join(words for _, words in heard)):
            shown = set(_plain(track.text).split())
            found[track.id] = max(heard, key=lambda pair: len(shown.intersection(_plain(pair[1]).split())))[0].id
    return found


def _heard_during(segment: Segment, track: Track) -> str:
    """Return the words of a segment that were said while a text was on the screen, give or take."""
    start, end = track.start - REPEAT_SLACK, track.end + REPEAT_SLACK
    if segment.words:
        return "".join(w.text if w.text[:1].isspace() else f" {w.text}" for w in segment.words
                       if w.start < end and w.end > start).strip()  # fmt: skip
    return segment.text if segment.start < end and segment.end > start else ""


def _says_the_same(shown: str, heard: str) -> bool:
    """Whether all that is shown was heard too. What was heard may go on before and after."""
    shown, heard = _plain(shown), _plain(heard)
    if not shown.strip() or not set(re.findall(r"\d+", shown)) <= set(re.findall(r"\d+", heard)):
        return False  # A price or a date on the screen is worth its line, whatever else was said.
    likeness = fuzz.partial_ratio if len(shown) <= len(heard) else fuzz.ratio
    return likeness(shown, heard) >= REPEAT_SCORE


def _plain(text: str) -> str:
    """Return lower-case words between single spaces, one at either end: a short word only matches a whole one."""
    words = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    return f" {words} "
