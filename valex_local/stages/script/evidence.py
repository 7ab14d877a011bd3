"""The numbered evidence of one post: P1 post text, S1 speech, T1 on-screen text, K1 keyframe with tags and caption.

Segments, tracks and keyframes keep their numbers from the records they come from; a script refers only to these.
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
    CORRECTED,
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
    Speakers,
    Track,
    Transcript,
)
from valex_local.settings import ScriptSettings
from valex_local.stages.base import Item
from valex_local.stages.speakers.words import SpokenPart, spoken_parts

POST = "P1"

REPEAT_SLACK = 1.0
"""Seconds that subtitles may be ahead of or behind the speech they repeat."""

REPEAT_SCORE = 88.0
"""Similarity (0 to 100) from which on-screen text counts as a subtitle of the speech. In captions of usual length, OCR
errors cost a few points and a word that was never said costs more."""


@dataclass(frozen=True)
class SeenKeyframe:
    """A keyframe with its tags and caption; `shot` is the shot it stands for."""

    keyframe: Keyframe
    shot: Shot
    caption: KeyframeCaption

    @property
    def id(self) -> str:
        """The id of the keyframe."""
        return self.keyframe.id

    @property
    def is_described(self) -> bool:
        """Whether it has tags or a caption."""
        return bool(self.caption.tags or self.caption.caption)


@dataclass(frozen=True)
class Evidence:
    """Everything that a script of one post may be based on.

    Attributes
    ----------
    duration : float
        Length of the video, seconds.
    shots : tuple of Shot
        The shots, in order; empty without a video track.
    post : str or None
        The post text (P1).
    speech : tuple of Segment
        The segments (S1, S2, ...), by time.
    texts : tuple of Track
        The on-screen texts (T1, T2, ...), by time.
    repeats : dict of str to str
        Id of a track to the id of the segment whose words it shows.
    mumbled : set of str
        Ids of segments that were recognised unsurely.
    spoken : mapping of str to tuple of SpokenPart
        Id of a segment to who says what of it; empty unless several speakers were told apart.
    seen : tuple of SeenKeyframe
        Keyframes with tags or a caption (K1, K2, ...), by time; empty without a vision model. All keyframes if the
        writer looks at the pictures itself.
    pictures : dict of str to Picture
        Id of a keyframe to its picture, for a writer that takes images.
    genre, language, sound
        As in post and transcript.
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
    spoken: Mapping[str, tuple[SpokenPart, ...]] = field(default_factory=dict)
    seen: tuple[SeenKeyframe, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    genre: str | None = None
    language: str | None = None
    sound: Sound | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every text that was said, shown or published, which lines added by a writer must not repeat."""
        published = () if self.post is None else (self.post,)
        return published + tuple(s.text for s in self.speech) + tuple(t.text for t in self.texts)


def gather(item: Item, settings: ScriptSettings, *, sees: bool = False) -> Evidence:
    """Return the evidence of a post, collected from its records.

    Parameters
    ----------
    item : Item
        The post with its records ``media``, ``transcript``, ``text`` and ``captions``, and ``speakers`` if
        there is one.
    settings : ScriptSettings
        Whether the post text is included, and what counts as mumbled.
    sees : bool
        Whether the writer takes images; if so, the keyframes are read.

    Returns
    -------
    Evidence
        The numbered evidence.

    Raises
    ------
    InputError
        A keyframe cannot be read.
    """
    media, transcript = item.get("media", Media), item.get("transcript", Transcript)
    screen, captions = item.get("text", ScreenText), item.get("captions", Captions)
    speech = tuple(sorted(transcript.segments, key=lambda s: s.start))
    texts = tuple(sorted((t for t in screen.tracks if t.left_out is None), key=lambda t: t.start))
    return Evidence(
        duration=media.duration,
        shots=tuple(sorted(media.shots, key=lambda s: s.start)),
        post=post_text(item.post.text) if settings.include_post_text else None,
        speech=speech,
        texts=texts,
        repeats=find_repeats(speech, texts),
        mumbled=frozenset(s.id for s in speech if _is_mumbled(s, settings)),
        spoken=spoken_parts(speech, item.get("speakers", Speakers) if "speakers" in item.records else None),
        seen=_seen(media, captions, all_keyframes=sees),
        pictures=_pictures(item.folder, media, settings.llm.keyframe_side) if sees else {},
        genre=item.post.text.genre,
        language=transcript.language,
        sound=transcript.sound,
        notices=_missing(transcript, screen, captions, sees=sees and bool(media.keyframes)),
    )


def _is_mumbled(segment: Segment, settings: ScriptSettings) -> bool:
    """Whether speech was recognised unsurely; what a person wrote down was not."""
    return segment.avg_logprob is not None and segment.avg_logprob < settings.mumbled_logprob


def post_text(text: PostText) -> str | None:
    """Return what the author wrote: the caption, and the hashtags that are not in it already.

    Author and sound title are left out: they name people, and a classifier that reads names learns the author, not the
    values.
    """
    caption = (text.caption or "").strip()
    present = {tag.casefold() for tag in re.findall(r"#(\w+)", caption)}
    tags = [f"#{tag.lstrip('#')}" for tag in text.hashtags if tag.lstrip("#").casefold() not in present]
    return " ".join(part for part in [caption, *tags] if part) or None


def _seen(media: Media, captions: Captions, *, all_keyframes: bool) -> tuple[SeenKeyframe, ...]:
    """Return keyframes with their shots, tags and captions; those without any only if `all_keyframes` is set."""
    known = {k.id: KeyframeCaption(keyframe=k.id) for k in media.keyframes} if all_keyframes else {}
    known |= {c.keyframe: c for c in captions.keyframes if c.tags or c.caption}
    whole = Shot(start=0.0, end=media.duration)
    return tuple(
        SeenKeyframe(k, media.shots[k.shot] if k.shot < len(media.shots) else whole, known[k.id])
        for k in sorted(media.keyframes, key=lambda k: k.time)
        if k.id in known
    )


def _pictures(folder: Path, media: Media, side: int) -> dict[str, Picture]:
    return {k.id: read_picture(folder / k.file, side) for k in media.keyframes}


def _missing(transcript: Transcript, screen: ScreenText, captions: Captions, *, sees: bool) -> tuple[Notice, ...]:
    """Return notices on the kinds of evidence that are missing, and on what people corrected."""
    kinds = (
        ("no-speech-evidence", "speech was not recognised", transcript.skipped),
        ("no-screen-text-evidence", "on-screen text was not read", screen.skipped),
        (
            "no-visual-evidence",
            "no actions and no places: the keyframes have no tags or captions",
            None if sees else captions.skipped,
        ),
    )
    missing = tuple(Notice(code=code, text=f"{what} ({why})") for code, what, why in kinds if why)
    return missing + tuple(n for record in (transcript, screen) for n in record.notices if n.code == CORRECTED)


# --- on-screen text that repeats speech -----------------------------------------------------------------------------


def find_repeats(speech: Sequence[Segment], texts: Sequence[Track]) -> dict[str, str]:
    """Return the on-screen texts that are subtitles of the speech.

    Parameters
    ----------
    speech : sequence of Segment
        The segments.
    texts : sequence of Track
        The on-screen texts.

    Returns
    -------
    dict of str to str
        Id of the track to the id of the segment with all or most of its words.
    """
    found = {}
    for track in texts:
        spoken = [(s, words) for s in speech if (words := _spoken_during(s, track))]
        if spoken and _says_the_same(track.text, " ".join(words for _, words in spoken)):
            shown = set(_plain(track.text).split())
            found[track.id] = max(spoken, key=lambda pair: len(shown.intersection(_plain(pair[1]).split())))[0].id
    return found


def _spoken_during(segment: Segment, track: Track) -> str:
    """Return the words of a segment that were said while a text was on the screen, give or take `REPEAT_SLACK`."""
    start, end = track.start - REPEAT_SLACK, track.end + REPEAT_SLACK
    if segment.words:
        return "".join(w.text if w.text[:1].isspace() else f" {w.text}" for w in segment.words
                       if w.start < end and w.end > start).strip()  # fmt: skip
    return segment.text if segment.start < end and segment.end > start else ""


def _says_the_same(shown: str, spoken: str) -> bool:
    """Return whether all that is shown is spoken too, possibly with more speech before and after."""
    shown, spoken = _plain(shown), _plain(spoken)
    if not shown.strip() or not set(re.findall(r"\d+", shown)) <= set(re.findall(r"\d+", spoken)):
        return False  # A price or a date that only the screen shows must not be dropped as a repetition.
    ratio = fuzz.partial_ratio if len(shown) <= len(spoken) else fuzz.ratio
    return ratio(shown, spoken) >= REPEAT_SCORE


def _plain(text: str) -> str:
    """Return lower-case words with single spaces between and around them, so that short words match only whole ones."""
    words = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    return f" {words} "
