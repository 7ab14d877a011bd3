"""Limits of what is taken as published with a post: beyond them, no platform has such texts."""

from __future__ import annotations

from typing import Any

from valex_local.records import Notice, PostText

CAPTION = 63_206
"""Characters of a caption, as Facebook allows; TikTok allows 4,000 and YouTube 5,000."""

FIELDS = {"author": 300, "sound_title": 1_000, "genre": 300, "url": 4_000, "posted_at": 64}
"""Characters of the other texts."""

HASHTAGS = 500
"""Number of hashtags; a caption on TikTok cannot hold more than some hundreds."""

HASHTAG = 300
"""Characters of a hashtag."""


def bounded(text: PostText) -> tuple[PostText, tuple[Notice, ...]]:
    """Return what was published with a post within the limits, and a notice for each text that was cut.

    Parameters
    ----------
    text : PostText
        What was published.

    Returns
    -------
    text : PostText
        The same object if nothing was cut.
    notices : tuple of Notice
        How much was cut, by field.
    """
    changes: dict[str, Any] = {}
    said = []
    for name, most in {"caption": CAPTION, **FIELDS}.items():
        value = getattr(text, name)
        if value is not None and len(value) > most:
            changes[name] = value[:most]
            said.append(
                f"the {name.replace('_', ' ')} has {len(value):,} characters, of which the first {most:,} are used"
            )
    tags = tuple(tag[:HASHTAG] for tag in text.hashtags[:HASHTAGS])
    if tags != text.hashtags:
        changes["hashtags"] = tags
        said.append(
            f"there are {len(text.hashtags):,} hashtags, of which the first {len(tags):,} are used, "
            f"with {HASHTAG} characters each at most"
        )
    notices = tuple(Notice(code="text-cut", text=what) for what in said)
    return (text.model_copy(update=changes) if changes else text), notices
