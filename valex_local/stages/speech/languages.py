"""Which language a post, and each piece of it, is spoken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valex_local.stages.speech.vad import AudioPiece

ENOUGH_VOICE = 3.0
"""Seconds of voice; from less, Whisper's guess is no better than the rest of the post."""
SURE = 0.8
"""Probability from which a piece is taken to change the language."""


def worth_asking(pieces: Sequence[AudioPiece]) -> tuple[int, ...]:
    """Return which pieces have voice enough to tell their language: at least the one with most."""
    most = max(range(len(pieces)), key=lambda i: pieces[i].voiced)
    return tuple(i for i, piece in enumerate(pieces) if piece.voiced >= ENOUGH_VOICE or i == most)


def main_language(pieces: Sequence[AudioPiece], detected: Mapping[int, Mapping[str, float]]) -> tuple[str, float]:
    """Return the language of most of a post, and its probability.

    Parameters
    ----------
    pieces : sequence of AudioPiece
        All pieces.
    detected : mapping of int to mapping of str to float
        Probability of each language, for the pieces that were asked: at least one.

    Returns
    -------
    tuple of str and float
        The language with the highest mean probability over the pieces asked, weighted by their voice, and that mean.
    """
    voiced = sum(pieces[i].voiced for i in detected)
    mean: dict[str, float] = {}
    for i, probabilities in detected.items():
        for language, p in probabilities.items():
            mean[language] = mean.get(language, 0.0) + p * pieces[i].voiced / voiced
    main = _likeliest(mean)
    return main, min(1.0, mean[main])


def languages(count: int, detected: Mapping[int, Mapping[str, float]], *, main: str) -> tuple[str, ...]:
    """Return the language to recognise each of `count` pieces in.

    It is the main one, except for pieces that are sure of another: forced into the main language, Whisper would half
    translate them.
    """
    own = {i: _likeliest(probabilities) for i, probabilities in detected.items()}
    return tuple(own[i] if i in own and detected[i][own[i]] >= SURE else main for i in range(count))


def _likeliest(probabilities: Mapping[str, float]) -> str:
    """Return the likeliest language; of equals, the first by name."""
    return max(sorted(probabilities), key=probabilities.__getitem__)
