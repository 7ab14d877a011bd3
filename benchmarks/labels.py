"""Labels: the encoder without padding, compared with padding every window to its full length.

Four ways through the same encoder:

unpadded    each window alone, as in the encoder route on the CPU
padded      batches in the order of the texts, every window padded to the full 512 tokens, as in fine-tuning code
sorted      batches of windows sorted by length, padded to the longest of the batch
int8        as unpadded, with the encoder in 8-bit integers, as with `labels.int8`

The texts are made here from templates and look like scripts. Windows have 512 tokens, as in the paper's code, whatever
the label model's card says. The bar is on padding; the other two ways show whether ours is the best one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environment import Environment
from benchmarks.measure import Cost, Measurement, interleaved
from benchmarks.results import Check, Result
from valex_local.corpus.label_matrix import POLARITIES, LabelMatrix
from valex_local.schwartz import CIRCLE, State
from valex_local.stages.labels.card import HEAD, OWN_ENCODER, TUNED, ModelCard, read_card
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch

    from valex_local.stages.labels.text_encoder import TextEncoder

OURS, PADDED, SORTED, INT8 = "unpadded", "padded", "sorted", "int8"
WINDOW = 512
BATCH, SORTED_BATCH = 16, 8
BAR, DIFFERENCE = 2.0, 1e-3
TEXTS, QUICK_TEXTS = 200, 16

Way = Callable[[Sequence[str]], "list[torch.Tensor]"]
Probabilities = NDArray[np.float64]


def labels(env: Environment) -> Result:
    """Return the measurements of all ways on the CPU."""
    from safetensors.torch import load_file

    stored = env.store.resolve(env.profile, {}, needed=["labels"])["labels"]
    card, head = read_card(stored.folder), load_file(stored.folder / HEAD)
    encoder, through = ways(card, stored, window=WINDOW, device=replace(env.device, kind="cpu"))
    texts = make_texts(QUICK_TEXTS if env.quick else TEXTS, encoder.tokenizer)
    for way in through.values():
        way(texts[:2])
    found: dict[str, Measurement[list[torch.Tensor]]] = interleaved(
        {name: partial(way, texts) for name, way in through.items()}, rounds=env.rounds
    )
    results = {name: probabilities(card, head, way.output) for name, way in found.items()}
    lengths = sorted(sum(map(len, encoder.windows(text))) for text in texts)
    facts = {
        "model": stored.id,
        "texts": len(texts),
        "tokens": {"least": lengths[0], "median": lengths[len(lengths) // 2], "most": lengths[-1]},
        "difference": {name: difference(results[name], results[PADDED]) for name in results if name != PADDED},
        "share_of_equal_states_int8": equal_states(card, results[INT8], results[PADDED]),
    }
    costs = {name: way.cost for name, way in found.items()}
    return Result("labels", costs, _checks(costs, results, env), facts)


def _checks(costs: Mapping[str, Cost], results: Mapping[str, Probabilities], env: Environment) -> tuple[Check, ...]:
    ours, other = costs[OURS], costs[PADDED]
    cpu = Check("CPU time, padded / unpadded", other.cpu / ours.cpu, BAR)
    wall = Check("wall time, padded / unpadded", other.wall / ours.wall, BAR)
    near = Check(
        "largest difference of a probability", difference(results[OURS], results[PADDED]), DIFFERENCE, "at most"
    )
    return (cpu, near) if env.quick else (cpu, wall, near)


# --- texts ------------------------------------------------------------------------------------------------------------

LINES = (
    '{who}: "I {did} {thing} and honestly I feel {mood} about it."',
    '{who}: "You guys, {who2} told me that {thing} is not {mood} at all."',
    '{who}: "Every {when} we {did} {thing}, because that is what my family does."',
    '{who}: "Do not let anyone tell you that you cannot have {thing}."',
    "{who} holds up {thing} and looks {mood}.",
    "{who} and {who2} walk past {thing} without a word.",
    'TEXT: "{thing}, part {n}"',
    'TEXT: "POV: you {did} {thing} on a {when}"',
    "INT. KITCHEN - {when}",
    "EXT. STREET - {when}",
)
WORDS = {
    "who": ("WOMAN", "YOUNG MAN", "SPEAKER", "GIRL", "NARRATOR"),
    "who2": ("my mother", "a stranger", "the teacher", "my boss", "an old friend"),
    "did": ("bought", "cooked", "broke", "lost", "shared", "tried", "cleaned", "gave away"),
    "thing": ("the old bike", "a whole dinner", "this dress", "my first car", "the garden", "a new job", "the truth"),
    "mood": ("proud", "tired", "happy", "guilty", "free", "calm", "strange"),
    "when": ("morning", "Sunday", "night", "summer", "holiday"),
    "n": ("1", "2", "3", "12"),
}


def make_texts(count: int, tokenizer: Any, *, seed: int = 3) -> list[str]:
    """Return texts of 50 to 300 tokens, made from templates.

    Parameters
    ----------
    count : int
        Number of texts.
    tokenizer : PreTrainedTokenizerFast
        Counts the tokens.
    seed : int
        The same seed gives the same texts.

    Returns
    -------
    list of str
        The texts.
    """
    generator = random.Random(seed)
    return [_make_text(generator, generator.randint(80, 300), tokenizer) for _ in range(count)]


def _make_text(generator: random.Random, most: int, tokenizer: Any) -> str:
    text = ""
    while True:
        line = generator.choice(LINES).format(**{name: generator.choice(words) for name, words in WORDS.items()})
        longer = f"{text}\n{line}".lstrip()
        if len(tokenizer(longer)["input_ids"]) > most:
            return text
        text = longer


# --- ways through the encoder -----------------------------------------------------------------------------------------


def ways(card: ModelCard, stored: StoredModel, *, window: int, device: Device) -> tuple[TextEncoder, dict[str, Way]]:
    """Return the encoder, and each way through it by name.

    Parameters
    ----------
    card : ModelCard
        The card of the label model.
    stored : StoredModel
        The label model.
    window : int
        Tokens per window.
    device : Device
        Where to compute.

    Returns
    -------
    TextEncoder
        The encoder.
    dict of str to callable
        Each way: returns the vectors of texts.
    """
    from valex_local.stages.labels.text_encoder import TextEncoder

    base = stored if card.encoder == OWN_ENCODER else stored.requires[card.encoder]
    tuned = stored.folder / TUNED

    def load(*, int8: bool) -> TextEncoder:
        return TextEncoder(
            base.folder,
            pooling=card.pooling,
            normalise=card.normalise,
            window=window,
            overlap=min(card.overlap, window // 2),
            device=device,
            tuned=tuned if tuned.is_file() else None,
            int8=int8,
        )

    exact, small = load(int8=False), load(int8=True)
    return exact, {
        OURS: exact.vectors,
        PADDED: lambda texts: batched(exact, texts, size=BATCH, pad_to=window),
        SORTED: lambda texts: batched(exact, texts, size=SORTED_BATCH),
        INT8: small.vectors,
    }


def batched(encoder: TextEncoder, texts: Sequence[str], *, size: int, pad_to: int | None = None) -> list[torch.Tensor]:
    """Return the vectors of texts, as `TextEncoder.vectors` does, computed in batches of windows.

    Parameters
    ----------
    encoder : TextEncoder
        The encoder.
    texts : sequence of str
        The texts.
    size : int
        Windows per batch.
    pad_to : int, optional
        Length to which all windows are padded, in their order; by default they are sorted by length and padded to the
        longest of the batch.

    Returns
    -------
    list of Tensor
        For each text float32 (windows, hidden).
    """
    import torch
    from torch.nn.functional import pad

    windows = [(row, window) for row, text in enumerate(texts) for window in encoder.windows(text)]
    order = list(range(len(windows)))
    if pad_to is None:
        order.sort(key=lambda at: len(windows[at][1]))
    rows = torch.empty(len(windows), encoder.hidden)
    with torch.inference_mode():
        for at in range(0, len(order), size):
            batch = order[at : at + size]
            ids, mask = encoder.padded([windows[i][1] for i in batch])
            more = max(0, (pad_to or 0) - ids.shape[1])
            ids, mask = pad(ids, (0, more), value=encoder.tokenizer.pad_token_id or 0), pad(mask, (0, more))
            rows[batch] = encoder.pooled(encoder.states(ids, mask), mask)
    of_text = np.array([row for row, _ in windows])
    return [rows[np.flatnonzero(of_text == row)] for row in range(len(texts))]


# --- results ----------------------------------------------------------------------------------------------------------


def probabilities(card: ModelCard, head: dict[str, torch.Tensor], vectors: Sequence[torch.Tensor]) -> Probabilities:
    """Return the probabilities of texts.

    Parameters
    ----------
    card : ModelCard
        The card of the label model.
    head : dict of str to Tensor
        Its weight and bias.
    vectors : sequence of Tensor, each float32 (windows, hidden)
        The vectors of each text.

    Returns
    -------
    ndarray of float64, shape (texts, 19, 2)
        NaN where the model has no output.
    """
    import torch

    result = np.full((len(vectors), len(CIRCLE), len(POLARITIES)), np.nan)
    for at, rows in enumerate(vectors):
        windows = torch.sigmoid(rows @ head["weight"].T + head["bias"])
        pooled = windows.amax(0) if card.pool_windows == "max" else windows.mean(0)
        for (value, polarity), output in card.rows.items():
            result[at, CIRCLE.index(value), POLARITIES.index(polarity)] = pooled[output.row]
    return result


def difference(one: Probabilities, other: Probabilities) -> float:
    """Return the largest difference of a probability."""
    return float(np.nanmax(np.abs(one - other)))


def equal_states(card: ModelCard, one: Probabilities, other: Probabilities) -> float:
    """Return the fraction of states that are the same with both probabilities.

    Parameters
    ----------
    card : ModelCard
        The card of the label model, with thresholds.
    one, other : ndarray of float64, shape (texts, 19, 2)
        The probabilities.

    Returns
    -------
    float
        In [0, 1].
    """
    pairs = zip(states(card, one), states(card, other), strict=True)
    return float(np.mean([first is second for first, second in pairs]))


def states(card: ModelCard, found: Probabilities) -> list[State]:
    """Return the states of all values that the model assesses, text by text."""
    thresholds = np.full((len(CIRCLE), len(POLARITIES)), 0.5)
    for (value, polarity), output in card.rows.items():
        thresholds[CIRCLE.index(value), POLARITIES.index(polarity)] = output.threshold
    answers = LabelMatrix.decided(map(str, range(len(found))), found, thresholds)
    places = [CIRCLE.index(value) for value in CIRCLE if value in card.outputs]
    return [answers.state(row, column) for row in range(len(answers)) for column in places]
