"""The figures of one post: what each of two scripts holds of the evidence, and what they have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.lines import ComparedLine, LineKind, all_keys, of_kind
from valex_local.comparison.matching import Match, holds, joined, kendall, match_lines
from valex_local.comparison.results import Measures, Shared
from valex_local.comparison.words import common
from valex_local.records import SPEAKER, Grounding, GroundingFigures

ORDER_SLACK = 1.0
"""Seconds: what begins within them of each other has no order that a script could get wrong."""

_MERE_SPEAKER = re.compile(rf"{SPEAKER}( ?[0-9]+| [a-z])?", re.IGNORECASE)


def measure(lines: Sequence[ComparedLine], evidence: PostEvidence, grounding: Grounding | None = None) -> Measures:
    """Return what a script holds of the evidence, its own counts, and how far its actions match the pictures."""
    seen = GroundingFigures() if grounding is None or grounding.skipped else grounding.figures
    names = {(line.speaker or "").casefold() for line in lines if line.kind is LineKind.SPEECH}
    kept, added = speech_shares(of_kind(lines, LineKind.SPEECH), evidence)
    text_kept, text_added, words_added = text_shares(of_kind(lines, LineKind.TEXT), evidence)
    return Measures(
        speech_kept=kept,
        speech_added=added,
        text_kept=text_kept,
        text_added=text_added,
        text_words_added=words_added,
        order_in_time=order_in_time(lines, evidence),
        speakers=len(names),
        telling_speakers=_share(sum(not _MERE_SPEAKER.fullmatch(name) for name in names), len(names)),
        speech_lines=sum(line.kind is LineKind.SPEECH for line in lines),
        speech_words=len(all_keys(of_kind(lines, LineKind.SPEECH))),
        text_lines=sum(line.kind is LineKind.TEXT for line in lines),
        action_words=len(all_keys(of_kind(lines, LineKind.ACTION))),
        headings=sum(line.kind is LineKind.PLACE for line in lines),
        actions_match=seen.mean_percentile,
        keyframes_spoken=_share(seen.spoken_of, seen.keyframes),
    )


def speech_shares(speech: Sequence[ComparedLine], evidence: PostEvidence) -> tuple[float | None, float | None]:
    """Return the share of the words heard that speech has in the same order, and the share of its words beyond these.

    What both have is a longest common subsequence of their words; either share divides by the number of words there.
    """
    if evidence.heard is None:
        return None, None
    heard, said = all_keys(evidence.heard), all_keys(speech)
    both = len(common(heard, said))
    return _share(both, len(heard)), _share(len(said) - both, len(said))


def text_shares(
    texts: Sequence[ComparedLine], evidence: PostEvidence
) -> tuple[float | None, float | None, float | None]:
    """Return how screen texts stand to those that were read.

    Returns
    -------
    kept : float or None
        Share of the texts read, subtitles aside, that are there. One may be spread over several of the script's own.
    added : float or None
        Share of the texts that were not read, as subtitles or else.
    words_added : float or None
        Share of the words that were not read: those of added texts, less the words that some text read has, each as
        often as it was read. A text that was read with a letter wrong adds no word.
    """
    if evidence.read is None:
        return None, None, None
    shown = (*evidence.read, *evidence.subtitles)
    kept, read = joined(texts), joined(shown)
    added = [line for line in texts if not holds(read, line)]
    words_added = Counter(all_keys(added)) - Counter(all_keys(shown))
    return (
        _share(sum(holds(kept, line) for line in evidence.read), len(evidence.read)),
        _share(len(added), len(texts)),
        _share(words_added.total(), len(all_keys(texts))),
    )


def order_in_time(lines: Sequence[ComparedLine], evidence: PostEvidence) -> float | None:
    """Return how far a script's order follows the times at which its lines were heard and read.

    Kendall's tau over what was heard or read and stands in the script; pairs that begin within `ORDER_SLACK` seconds
    of each other are not counted.
    """
    known = (*(evidence.heard or ()), *(evidence.read or ()), *evidence.subtitles)
    matches = match_lines(known, lines)
    times = [known[match.line].start or 0.0 for match in matches]
    return kendall(times, _ranks([match.other_place for match in matches]), slack=ORDER_SLACK)


def compare_lines(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine], *, similarity: float | None = None
) -> Shared:
    """Return what two scripts have in common."""
    matches = match_lines(one, other)
    said, said_too = (all_keys(of_kind(lines, LineKind.SPEECH)) for lines in (one, other))
    return Shared(
        speech_shared=_share(2 * len(common(said, said_too)), len(said) + len(said_too)),
        text_shared=_text_shared(one, other, matches),
        order=kendall(_ranks([m.place for m in matches]), _ranks([m.other_place for m in matches])),
        matched_lines=len(matches),
        similarity=similarity,
    )


def _text_shared(one: Sequence[ComparedLine], other: Sequence[ComparedLine], matches: Sequence[Match]) -> float | None:
    held = {match.line for match in matches if match.kind is LineKind.TEXT}
    held_too = {match.other_line for match in matches if match.kind is LineKind.TEXT}
    return _share(len(held) + len(held_too), len(of_kind(one, LineKind.TEXT)) + len(of_kind(other, LineKind.TEXT)))


def _ranks(places: Sequence[tuple[int, int]]) -> list[float]:
    """Return places in reading order as numbers that stand in the same order."""
    ranks = {place: float(rank) for rank, place in enumerate(sorted(set(places)))}
    return [ranks[place] for place in places]


def _share(part: float, whole: float) -> float | None:
    """Return a share; None where there is nothing to share."""
    return part / whole if whole else None
