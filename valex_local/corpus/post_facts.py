"""Facts of posts as a table: what analyses group by and adjust for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from valex_local.records import Captions, Edits, Media, ScreenText, Transcript
from valex_local.study import Study

FACTS = (
    "author", "date", "month", "genre", "caption", "hashtags", "address", "duration", "width", "height", "pictures",
    "language", "has_sound", "has_verbal_sound", "has_speech", "words_spoken", "words_on_screen", "people",
    "corrections", "excluded",
)  # fmt: skip
"""What is known of a post; empty where it is not."""

GROUPS = ("author", "month", "genre", "language")
"""Facts that posts can be grouped by."""


def post_facts(study: Study, post_id: str) -> dict[str, str]:
    """Return the facts of a post, as the cells of a table.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.

    Returns
    -------
    dict of str to str
        A cell for each name in `FACTS`. Times are seconds, sizes are pixels, yes and no are 1 and 0, and `people` is
        the largest number of people that detectors counted in a keyframe.

    Raises
    ------
    StudyError
        The post or its records cannot be read.
    """
    post = study.post(post_id)
    text = post.text
    date = (text.posted_at or "")[:10]
    facts = dict.fromkeys(FACTS, "") | {
        "author": text.author or "",
        "date": date,
        "month": date[:7] if re.fullmatch(r"\d{4}-\d{2}-\d{2}", date) else "",
        "genre": text.genre or "",
        "caption": text.caption or "",
        "hashtags": " ".join(text.hashtags),
        "address": text.url or "",
        "pictures": str(len(post.pictures)) if post.pictures else "",
    }
    facts |= _of_media(study.read(post_id, "media", Media))
    facts |= _of_speech(study.read(post_id, "transcript", Transcript))
    screen = study.read(post_id, "text", ScreenText)
    if screen is not None and screen.skipped is None:
        facts["words_on_screen"] = _words(track.text for track in screen.tracks if track.left_out is None)
    captions = study.read(post_id, "captions", Captions)
    counted = [frame.people for frame in (captions.keyframes if captions else ()) if frame.people is not None]
    facts["people"] = str(max(counted)) if counted else ""
    edits = study.edits(post_id) or Edits()
    facts["corrections"] = str(len(edits.corrections) + len(edits.speakers))
    excluded = study.left_out().excluded.get(post_id)
    facts["excluded"] = excluded.reason if excluded else ""
    return facts


def group_of(study: Study, by: str) -> dict[str, str]:
    """Return the group of each post: a fact in `GROUPS`, ``""`` where it is not known.

    Parameters
    ----------
    study : Study
        The study.
    by : str
        The fact.
    """
    return {post_id: post_facts(study, post_id)[by] for post_id in study.post_ids()}


def _of_media(media: Media | None) -> dict[str, str]:
    if media is None or media.skipped is not None:
        return {}
    facts = {"duration": f"{media.duration:.3f}".rstrip("0").rstrip(".")}
    if media.video is not None:
        facts |= {"width": str(media.video.width), "height": str(media.video.height)}
    return facts


def _of_speech(transcript: Transcript | None) -> dict[str, str]:
    if transcript is None:
        return {}
    sound = transcript.sound
    facts = {"language": transcript.language or ""}
    if transcript.skipped is None:
        facts |= {name: str(int(getattr(sound, name))) for name in ("has_sound", "has_verbal_sound", "has_speech")}
        facts["words_spoken"] = _words(segment.text for segment in transcript.segments)
    return facts


def _words(texts: Iterable[str]) -> str:
    return str(sum(len(text.split()) for text in texts))
