"""The language of a post, of each of its audio pieces, and of lines within a piece.

A piece of up to 28 seconds is recognised in one language. Where that language changes within the piece, Whisper turns
the rest into words of the first: nonsense, or a loose translation. So lines are checked where there is reason to: all
lines of a piece whose language is not certain, and otherwise those whose words are improbable or were dropped. Each is
detected by itself. Neighbouring lines in doubt are then detected together; if another language is clearly likelier they
are recognised again, and the more probable words are kept. Improbable words in an improbable language are dropped.

Measured with Whisper base on one-language speech (English and German, clean, filtered and in noise at 0 dB), the
probability of the right language was 0.63 or more for every line; for German, Dutch, French, Italian, Polish, Russian,
Spanish and Turkish read as English it was mostly below 0.15 and never above 0.44, but for a repetition loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valex_local.stages.speech.vad import AudioPiece

ENOUGH_VOICE = 3.0
"""Seconds of voice; with less, Whisper's guess is no better than the language of the rest of the post."""
SURE = 0.8
"""Probability from which a piece is taken to change the language."""
CERTAIN = 0.9
"""Probability of a piece's language below which all of its lines are checked."""
WEAK_WORDS = 0.7
"""Mean probability of its words below which a line is checked anyway."""
SHORTEST_LINE = 1.0
"""Seconds. The language of a shorter line is not detected: it goes with its neighbours if its words are no better than
`SHORT_AND_WEAK`."""
SHORT_AND_WEAK = 0.8
IN_DOUBT = 0.5
"""Probability of its language below which a line is in doubt."""
LIKELIER = 2.0
"""How many times as likely as the first language another must be for lines to be recognised again."""
AS_PROBABLE = 0.9
"""How probable words in a surely likelier language must be, relative to the first reading, to take its place."""
IMPROBABLE = 0.3
"""Probability of their language below which improbable words are dropped."""
IMPROBABLE_WORDS = 0.6
"""Mean probability of words, of a stretch in doubt, below which they are dropped if their language is improbable."""


def pieces_to_detect(pieces: Sequence[AudioPiece]) -> tuple[int, ...]:
    """Return the indices of the pieces with enough voice to detect their language, at least the one with the most."""
    most = max(range(len(pieces)), key=lambda i: pieces[i].voiced)
    return tuple(i for i, piece in enumerate(pieces) if piece.voiced >= ENOUGH_VOICE or i == most)


def main_language(pieces: Sequence[AudioPiece], detected: Mapping[int, Mapping[str, float]]) -> tuple[str, float]:
    """Return the main language of a post, and its probability.

    Parameters
    ----------
    pieces : sequence of AudioPiece
        All pieces.
    detected : mapping of int to mapping of str to float
        Index of a piece to the probability of each language, for at least one piece.

    Returns
    -------
    tuple of str and float
        The language with the highest mean probability over these pieces, weighted by their voice, and that mean.
    """
    voiced = sum(pieces[i].voiced for i in detected)
    mean: dict[str, float] = {}
    for i, probabilities in detected.items():
        for language, p in probabilities.items():
            mean[language] = mean.get(language, 0.0) + p * pieces[i].voiced / voiced
    main = likeliest(mean)
    return main, min(1.0, mean[main])


def languages(count: int, detected: Mapping[int, Mapping[str, float]], *, main: str) -> tuple[str, ...]:
    """Return the language to recognise each piece in.

    It is the main language, except for pieces that surely have another: Whisper would half translate them if forced
    into the main language.

    Parameters
    ----------
    count : int
        Number of pieces.
    detected : mapping of int to mapping of str to float
        Index of a piece to the probability of each language, for the pieces whose language was detected.
    main : str
        The main language.

    Returns
    -------
    tuple of str
        A language code for each piece.
    """
    own = {i: likeliest(probabilities) for i, probabilities in detected.items()}
    return tuple(own[i] if i in own and detected[i][own[i]] >= SURE else main for i in range(count))


def likeliest(probabilities: Mapping[str, float]) -> str:
    """Return the likeliest language; of several, the first in alphabetical order."""
    return max(sorted(probabilities), key=probabilities.__getitem__)


def likelier_language(probabilities: Mapping[str, float], language: str) -> str | None:
    """Return the language that is clearly likelier than the given one, or None if there is none.

    Parameters
    ----------
    probabilities : mapping of str to float
        The probability of each language.
    language : str
        The language to compare with.

    Returns
    -------
    str or None
        The likeliest, if it is at least `LIKELIER` times as likely.
    """
    other = likeliest(probabilities)
    surely = probabilities[other] >= LIKELIER * probabilities.get(language, 0.0)
    return other if surely and other != language else None
