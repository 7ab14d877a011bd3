"""Recognise titles that a download tool made up because the author wrote none: they are no captions."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOUNS = (
    r"(?:video|photo|picture|image|audio|sound|post|clip|reel|story|stories|slideshow|carousel|igtv|live|livestream|"
    r"highlight|short|snap|spotlight|tweet|status|media)s?"
)
_SITES = (
    r"(?:tiktok|douyin|instagram|facebook|fb|threads|twitter|x|youtube|snapchat|bluesky|linkedin|pinterest|reddit|"
    r"telegram|tumblr|vimeo|vk|weibo)"
)

MADE_UP = (
    # yt-dlp and gallery-dl: "TikTok video #7300...", "twitter video #1800...", "TikTok photo #7300..."
    re.compile(rf"\S+(?: \S+)? {_NOUNS} #[\w-]*\d{{5}}[\w-]*"),
    # yt-dlp: "Video by maple.test", "Post by ...", "Story by ..."; other tools: "Instagram photo by ..."
    re.compile(rf"(?:{_SITES} )?{_NOUNS} (?:by|from) (?:@?\S+|.{{1,60}} \(@\S+\))"),
    re.compile(rf"{_NOUNS} (?:shared )?by .{{1,60}} on [a-z]+ \d{{1,2}}, \d{{4}}\.?"),
    # Titles of pages: "Maple (@maple.test) on TikTok", "maple.test on Instagram", "TikTok - Make Your Day"
    re.compile(rf"(?:.{{1,60}} \(@\S+\)|@\S+|\S*[\w][._]\w\S*) (?:on|[-|·•]) {_SITES}"),
    re.compile(rf"log ?in [|·•-] {_SITES}"),
    re.compile(rf"{_SITES} [-|·•] (?:make your day|trends start here|@?\S+(?: \S+)?)"),
    re.compile(
        r"[(\[]?(?:no|without a?) ?(?:title|caption|description)[)\]]?|untitled|unknown|n/?a|nan|none|null|undefined|-+"
        r"|ohne titel|sans titre|sin título|senza titolo|sem título"
    ),
)
"""Titles that tools make up, in lower case and with single blanks."""

_FILLING = re.compile(
    rf"{_NOUNS}|{_SITES}|by|on|from|of|the|a|s|von|de|original|untitled|\d+|v\d|vid|mp4|hd|download|snaptik|ssstik|savetik"
)
_COUNTS = re.compile(r"\b[\d.,]+ ?[kmb]? (?:views?|reactions?|likes?|comments?|shares?|plays?)\b")
_LINK = re.compile(r"https?://\S+")


def is_made_up(title: str, known: Iterable[str] = ()) -> bool:
    """Whether a title was made up by a tool rather than written by the author of the post.

    That is a title with one of the forms in `MADE_UP`, or one that repeats what is known of the post and adds no words
    but "video", "by", "on", names of platforms and the like.

    Parameters
    ----------
    title : str
        The title.
    known : iterable of str
        The ids of the post and the names of its author and of the platform.
    """
    plain = " ".join(title.split()).casefold()
    if any(form.fullmatch(plain) for form in MADE_UP):
        return True
    rest = _COUNTS.sub(" ", _LINK.sub(" ", plain))
    for name in sorted({" ".join(name.split()).casefold() for name in known}, key=len, reverse=True):
        if name:
            rest = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", " ", rest)
    return all(_FILLING.fullmatch(word) for word in re.findall(r"[^\W_]+", rest)) and not _has_symbols(rest)


def _has_symbols(text: str) -> bool:
    """Whether a text has signs that are neither punctuation nor blanks, such as emoji: somebody wrote them."""
    return re.search(r"[^\w\s!-/:-@\[-`{-~·•–—…«»“”„‘’]", text) is not None
