"""The language of a post, and of each of its audio pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valex_local.stages.speech.vad import AudioPiece

ENOUGH_VOICE = 3.0
"""Seconds of voice; with less, Whisper's guess is no better than the language of the rest of the post."""
SURE = 0.8
"""Probability from which a piece is taken to change the language."""


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
    main = _likeliest(mean)
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
    own = {i: _likeliest(probabilities) for i, probabilities in detected.items()}
    return tuple(own[i] if i in own and detected[i][own[i]] >= SURE else main for i in range(count))


def _likeliest(probabilities: Mapping[str, float]) -> str:
    """Return the likeliest language; of several, the first in alphabetical order."""
    return max(sorted(probabilities), key=probabilities.__getitem__)
