"""Dialogues of flite's voices with known turns: who speaks when, to measure how well speakers are told apart.

Turns last 0.3 to 5 seconds, with pauses or, in a tenth of them, an overlap; every second dialogue has music under it.
The same seed gives the same dialogue.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import SAMPLE_RATE, _sentence, _spoken
from valex_local.errors import InputError

VOICES = ("awb", "kal16", "rms", "slt")
PITCHES = (0.93, 1.0, 1.07)
"""How much faster, and so higher, a voice is played."""
SHORT = ("Yes, of course.", "I do not think so.", "Why not?", "Really?", "That is true.", "Go on.")
PAUSES, OVERLAPS = (0.1, 0.8), (0.2, 0.7)
OVERLAPPING, BRIEF = 0.1, 0.25
"""Share of turns that begin before the last one ends, and of brief ones."""
MUSIC_DB = (None, None, 15.0, 8.0)
"""How much louder the speech is than the music, dB; None is without music."""


@dataclass(frozen=True)
class KnownTurn:
    """A turn: who speaks, from when to when in seconds, and the words."""

    speaker: int
    start: float
    end: float
    words: str


@dataclass(frozen=True)
class Dialogue:
    """A dialogue: samples at 16 kHz, float32, and its turns."""

    samples: NDArray[np.float32]
    turns: tuple[KnownTurn, ...]
    speakers: int


def make_dialogue(speakers: int, seconds: float, *, seed: int) -> Dialogue:
    """Make a dialogue.

    Parameters
    ----------
    speakers : int
        Number of speakers, 1 to 4; each has a voice of its own.
    seconds : float
        Its length, at least; the last turn ends after it.
    seed : int
        Seed of everything random.

    Returns
    -------
    Dialogue
        The dialogue.

    Raises
    ------
    InputError
        flite is not installed.
    """
    program = shutil.which("flite")
    if program is None:
        raise InputError("flite is not installed", hint="Install it (Debian: flite)")
    generator = random.Random(seed)
    cast = [(voice, generator.choice(PITCHES)) for voice in generator.sample(VOICES, speakers)]
    track, turns, at = np.zeros(round((seconds + 15) * SAMPLE_RATE), np.float32), list[KnownTurn](), 0.5
    levels = [10 ** (generator.uniform(-4, 2) / 20) for _ in cast]
    while at < seconds:
        last = turns[-1].speaker if turns else -1
        others = [n for n in range(speakers) if n != last] or [0]
        speaker = len(turns) if len(turns) < speakers else generator.choice(others)
        words = generator.choice(SHORT) if generator.random() < BRIEF else _sentence(generator)
        said = _played(_spoken(program, words, cast[speaker][0]), cast[speaker][1]) * levels[speaker]
        if turns and speakers > 1 and generator.random() < OVERLAPPING:
            at = max(turns[-1].start + 0.2, turns[-1].end - generator.uniform(*OVERLAPS))
        first = round(at * SAMPLE_RATE)
        track[first : first + len(said)] += said
        turns.append(KnownTurn(speaker, at, at + len(said) / SAMPLE_RATE, words))
        at = turns[-1].end + generator.uniform(*PAUSES)
    track = track[: round((max(turn.end for turn in turns) + 0.5) * SAMPLE_RATE)]
    louder = generator.choice(MUSIC_DB)
    if louder is not None:
        track += _music(len(track), seed) * np.sqrt(np.mean(track**2)) * 10 ** (-louder / 20)
    return Dialogue(np.clip(track, -1, 1), tuple(turns), speakers)


def _played(samples: NDArray[np.int16], pitch: float) -> NDArray[np.float32]:
    """Return speech without the silence around it, played faster by a factor."""
    sound = samples.astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[loud[0] : loud[-1] + 1]
    times = np.arange(round(len(sound) / pitch)) * pitch
    return np.asarray(np.interp(times, np.arange(len(sound)), sound), np.float32)


def _music(length: int, seed: int) -> NDArray[np.float32]:
    """Return chords that fade, with an RMS of 1."""
    generator, seconds = np.random.default_rng(seed), np.arange(length) / SAMPLE_RATE
    track = np.zeros(length)
    for start in np.arange(0, length / SAMPLE_RATE, 0.5):
        sounding = (seconds >= start) & (seconds < start + 1.5)
        for step in generator.choice([0, 2, 4, 7, 9, 12], 3):
            since = seconds[sounding] - start
            track[sounding] += np.sin(2 * np.pi * 220 * 2 ** (step / 12) * since) * np.exp(-2 * since)
    return np.asarray(track / np.sqrt(np.mean(track**2)), np.float32)
