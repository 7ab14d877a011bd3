"""Speakers: how well voices are told apart, and what that costs beside speech recognition.

The dialogues are made, so who says each word is known; the words of a turn share its time by their length. The best of
all ways to match found speakers with known ones counts, as usual. The diarization error rate is that of NIST: time
that is missed, falsely found, or given to another speaker, divided by the time of speech, without 0.25 seconds around
each start and end of a turn. It is compared with that of calling every voice one speaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from benchmarks.dialogues import Dialogue, KnownTurn, make_dialogue
from benchmarks.environment import Environment
from benchmarks.measure import interleaved
from benchmarks.results import Check, Result
from benchmarks.speech import SpeechSample, _stage
from valex_local.records import Segment, Speakers, Word
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.speakers import SpeakersStage
from valex_local.stages.speakers.stage import VOICE, SpeakerTrack
from valex_local.stages.speakers.words import spoken_parts
from valex_local.stages.speech.vad import find_voice

BARS = {1: 0.98, 2: 0.95, 3: 0.90, 4: 0.85}
"""One speaker: share of clips that stay one. More: share of words that are the right speaker's."""
CLIPS, QUICK_CLIPS = 40, 3
LENGTHS = (15, 25, 40)
SEED = 1000
COST = 0.1
COLLAR, FRAME = 0.25, 0.01


def speakers(env: Environment) -> Result:
    """Return the accuracy on made dialogues of one to four speakers, and the cost relative to speech recognition."""
    models = env.store.resolve(env.profile, {}, needed=["asr", "speaker"])
    stage = SpeakersStage(Context(Settings(), {"speaker": models["speaker"]}, env.device))
    checks, facts = [], dict[str, object]()
    for count, bar in BARS.items():
        made = [_dialogue(count, n) for n in range(QUICK_CLIPS if env.quick else CLIPS)]
        found = [_found(stage, dialogue) for dialogue in made]
        right = [len({s.speaker for s in record.segments}) == count for record in found]
        words = [word_accuracy(dialogue, record) for dialogue, record in zip(made, found, strict=True)]
        accuracy = sum(w for w, _ in words) / sum(n for _, n in words)
        if count == 1:
            checks.append(Check("share of clips of one speaker that stay one", sum(right) / len(right), bar))
        else:
            checks.append(Check(f"share of words given to the right one of {count} speakers", accuracy, bar))
        ours, alone = (
            error_rate([(d.turns, hypothesis(r)) for d, r in zip(made, found, strict=True)])
            for hypothesis in (_turns, lambda record: [(0, s, e) for _, s, e in _turns(record)])
        )
        facts[f"{count} speakers"] = {
            "clips": len(made), "words": sum(n for _, n in words), "number right": round(sum(right) / len(right), 3),
            "word accuracy": round(accuracy, 4), "DER": round(ours, 4), "DER, one speaker": round(alone, 4),
        }  # fmt: skip
    sounds = [SpeechSample(_dialogue(2, n).samples, None) for n in range(1 if env.quick else 3)]
    recognise = _stage(models["asr"], env, sounds)
    ways = {
        "speakers": lambda: [str(_found(stage, Dialogue(sound.samples, (), 2))) for sound in sounds],
        "speech": recognise,
    }
    measured = interleaved(ways, rounds=env.rounds)
    share = measured["speakers"].cost.cpu / measured["speech"].cost.cpu
    checks.append(Check("CPU time, speakers / speech", share, COST, "at most"))
    stage.close()
    return Result("speakers", {way: m.cost for way, m in measured.items()}, tuple(checks), facts)


def _dialogue(count: int, number: int) -> Dialogue:
    return make_dialogue(count, LENGTHS[number % len(LENGTHS)], seed=SEED * count + number)


def _found(stage: SpeakersStage, dialogue: Dialogue) -> Speakers:
    voice = find_voice(dialogue.samples, threshold=VOICE)
    (output,) = stage([SpeakerTrack(dialogue.samples, voice)])
    record = getattr(output, "record", None)
    if not isinstance(record, Speakers):
        raise TypeError(f"no speakers: {output}")
    return record


# --- words ------------------------------------------------------------------------------------------------------------


def word_accuracy(dialogue: Dialogue, found: Speakers) -> tuple[int, int]:
    """Return how many words are given to the right speaker, with the best matching, and how many there are."""
    pairs = [pair for turn in dialogue.turns for pair in _given(turn, found)]
    names = sorted({name for _, name in pairs})
    table = np.array([[pairs.count((speaker, name)) for name in names] for speaker in range(dialogue.speakers)])
    return best(table), len(pairs)


def _given(turn: KnownTurn, found: Speakers) -> Iterator[tuple[int, str]]:
    """Yield for each word of a turn who says it, and who was found to."""
    spelled, at = turn.words.split(), turn.start
    letters = sum(map(len, spelled))
    for text in spelled:
        end = at + (turn.end - turn.start) * len(text) / letters
        word = Word(text=f" {text}", start=at, end=end, probability=1.0)
        line = Segment(
            id="S1", start=at, end=end, text=text, words=(word,),
            avg_logprob=None, no_speech_probability=None, compression_ratio=None, voice=None,
        )  # fmt: skip
        parts = spoken_parts([line], found)
        yield turn.speaker, parts["S1"][0].speaker if parts else ""
        at = end


def best(table: NDArray[np.intp]) -> int:
    """Return the largest sum of a table's cells with at most one in each row and column."""
    rows, columns = sorted(table.shape)
    table = table if table.shape[0] == rows else table.T
    orders = permutations(range(columns), rows)
    return max((int(sum(table[row, column] for row, column in enumerate(order))) for order in orders), default=0)


# --- time -------------------------------------------------------------------------------------------------------------

Spans = Sequence[tuple[int, float, float]]


def _turns(record: Speakers) -> Spans:
    return [(int(s.speaker.rpartition(" ")[2]), s.start, s.end) for s in record.segments]


def error_rate(pairs: Sequence[tuple[Sequence[KnownTurn], Spans]]) -> float:
    """Return the diarization error rate over recordings, given the known turns and what was found in each."""
    wrong = total = 0.0
    for turns, found in pairs:
        known = [(turn.speaker, turn.start, turn.end) for turn in turns]
        end = max(end for _, _, end in (*known, *found)) + 1
        truth, guess = _active(known, end), _active(found, end)
        counted = np.ones(truth.shape[1], bool)
        for _, *edges in known:
            for edge in edges:
                counted[max(0, round((edge - COLLAR) / FRAME)) : round((edge + COLLAR) / FRAME)] = False
        truth, guess = truth[:, counted], guess[:, counted]
        # NIST: of the larger number of speakers at each moment, those that are right do not count.
        most = np.maximum(truth.sum(axis=0), guess.sum(axis=0)).sum()
        wrong += float(most - best(truth.astype(int) @ guess.astype(int).T))
        total += float(truth.sum())
    return wrong / total


def _active(spans: Spans, end: float) -> NDArray[np.bool_]:
    """Return who speaks in each frame, shape (speakers, frames)."""
    names = sorted({name for name, _, _ in spans})
    active = np.zeros((len(names), round(end / FRAME)), bool)
    for name, start, stop in spans:
        active[names.index(name), round(start / FRAME) : round(stop / FRAME)] = True
    return active
