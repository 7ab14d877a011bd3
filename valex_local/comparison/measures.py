"""The figures of one post: how much of the evidence each script has, and what the two have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.lines import ComparedLine, LineKind, all_keys, of_kind
from valex_local.comparison.matching import Match, contains, joined, kendall, match_lines
from valex_local.comparison.results import Measures, Shared
from valex_local.comparison.words import common
from valex_local.records import SPEAKER, Grounding, GroundingFigures

ORDER_SLACK = 1.0
"""Lines that start within this many seconds of each other have no order that a script could get wrong."""

_MERE_SPEAKER = re.compile(rf"{SPEAKER}( ?[0-9]+| [a-z])?", re.IGNORECASE)


def measure(lines: Sequence[ComparedLine], evidence: PostEvidence, grounding: Grounding | None = None) -> Measures:
    """Return the figures of one script.

    Parameters
    ----------
    lines : sequence of ComparedLine
        The script.
    evidence : PostEvidence
        Recognised speech and screen text of the post.
    grounding : Grounding, optional
        How well its action lines match the keyframes, if that was scored.

    Returns
    -------
    Measures
        Shares of the evidence that the script keeps, shares that it adds, and counts.
    """
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
        things_not_found=_share(seen.things_not_found, seen.things),
    )


def speech_shares(speech: Sequence[ComparedLine], evidence: PostEvidence) -> tuple[float | None, float | None]:
    """Return the share of recognised words that a script's speech keeps in order, and the share of its words added.

    The words kept are a longest common subsequence of both. The first share is of the recognised words, the second of
    the words in the script.
    """
    if evidence.heard is None:
        return None, None
    heard, written = all_keys(evidence.heard), all_keys(speech)
    both = len(common(heard, written))
    return _share(both, len(heard)), _share(len(written) - both, len(written))


def text_shares(
    texts: Sequence[ComparedLine], evidence: PostEvidence
) -> tuple[float | None, float | None, float | None]:
    """Return how the screen texts of a script compare with the recognised ones.

    Returns
    -------
    kept : float or None
        Share of the recognised texts, without subtitles, that the script has. One text may be spread over several of
        the script's texts.
    added : float or None
        Share of the script's texts that were not recognised, neither as subtitles nor otherwise.
    words_added : float or None
        Share of the script's words that were not recognised: words of added texts, except as often as they occur in
        recognised texts. A text recognised with one wrong letter thus adds no word.
    """
    if evidence.read is None:
        return None, None, None
    shown = (*evidence.read, *evidence.subtitles)
    kept, read = joined(texts), joined(shown)
    added = [line for line in texts if not contains(read, line)]
    words_added = Counter(all_keys(added)) - Counter(all_keys(shown))
    return (
        _share(sum(contains(kept, line) for line in evidence.read), len(evidence.read)),
        _share(len(added), len(texts)),
        _share(words_added.total(), len(all_keys(texts))),
    )


def order_in_time(lines: Sequence[ComparedLine], evidence: PostEvidence) -> float | None:
    """Return Kendall's tau of a script's order and the times at which its lines were recognised.

    Only recognised lines that the script has count; pairs that start within `ORDER_SLACK` seconds of each other do not.
    """
    known = (*(evidence.heard or ()), *(evidence.read or ()), *evidence.subtitles)
    matches = match_lines(known, lines)
    times = [known[match.line].start or 0.0 for match in matches]
    return kendall(times, _ranks([match.other_place for match in matches]), slack=ORDER_SLACK)


def compare_lines(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine], *, similarity: float | None = None
) -> Shared:
    """Return what two scripts have in common.

    Parameters
    ----------
    one, other : sequence of ComparedLine
        The scripts.
    similarity : float, optional
        Their similarity in meaning, which is stored in the result.

    Returns
    -------
    Shared
        Shares of speech and screen text in both, and the agreement of their order.
    """
    matches = match_lines(one, other)
    words, other_words = (all_keys(of_kind(lines, LineKind.SPEECH)) for lines in (one, other))
    return Shared(
        speech_shared=_share(2 * len(common(words, other_words)), len(words) + len(other_words)),
        text_shared=_text_shared(one, other, matches),
        order=kendall(_ranks([m.place for m in matches]), _ranks([m.other_place for m in matches])),
        matched_lines=len(matches),
        similarity=similarity,
    )


def _text_shared(one: Sequence[ComparedLine], other: Sequence[ComparedLine], matches: Sequence[Match]) -> float | None:
    matched = {match.line for match in matches if match.kind is LineKind.TEXT}
    other_matched = {match.other_line for match in matches if match.kind is LineKind.TEXT}
    return _share(
        len(matched) + len(other_matched), len(of_kind(one, LineKind.TEXT)) + len(of_kind(other, LineKind.TEXT))
    )


def _ranks(places: Sequence[tuple[int, int]]) -> list[float]:
    """Return the rank of each place in reading order."""
    ranks = {place: float(rank) for rank, place in enumerate(sorted(set(places)))}
    return [ranks[place] for place in places]


def _share(part: float, whole: float) -> float | None:
    """Return a share; None if the whole is 0."""
    return part / whole if whole else None
