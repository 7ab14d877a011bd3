"""Train the toy image model of the demo: models/micro-clip, a CLIP model that knows the drawn world of the demo clips.

    python scripts/demo_assets/train_micro_clip.py [-o MODEL]

It is trained on drawn scenes and true statements about them (drawn_statements.py). These include none of the scenes of
the clips, and one colour of every kind of thing but one is held out, from pictures and texts alike. The figures printed
at the end are for new scenes, with and without held-out pairs.

A few minutes on a CPU are not enough to learn words and pictures jointly, so they are learned in two stages. The first
trains the image tower together with a vector for each statement: a softmax over each group of statements (places,
deeds, kinds of things, colours, ...), where the vector of a coloured thing is the sum of the vectors of its kind and
its colour. The second freezes the image tower and trains the text tower to return the sum of the vectors of the
statements in a text. The order is that of locked-image tuning (Zhai et al. 2022, LiT,
https://arxiv.org/abs/2111.07991).

The vocabulary and README.md next to the weights are written by hand. The checksums of the files are in
models/micro-clip.toml: update them there.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.distributed as dist
from drawn_statements import (
    ANYTHING,
    DEEDS,
    KINDS,
    NOTHING,
    OTHER,
    PEOPLE_WORDS,
    PLACE_WORDS,
    TEMPLATES,
    TINTS,
    Facts,
    Statement,
    Text,
    held_out,
    picture,
    scene,
    sentence,
    whole,
)
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, normalize

SIZE, CONTEXT, SCALE = 64, 32, 30.0
"""Side of the pictures in pixels, maximal length of texts in tokens, and the factor of the cosines (logit scale)."""
MODEL: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 2, 1], "width": 16, "head_width": 64},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
PREPROCESS: dict[str, Any] = {
    "mean": list(open_clip.OPENAI_DATASET_MEAN),
    "std": list(open_clip.OPENAI_DATASET_STD),
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
MAX_GRADIENT_NORM = 2.0
MAX_SHIFT, MAX_LIGHT_CHANGE = 3, 0.1
"""By how many pixels a picture is rolled at most, and by which fraction its colours are made lighter or darker."""
LINKS = "and, in, before."
"""Words that `sentence` puts between statements."""
EMPTY_TEXTS = ("a.", "a and a.", "in a.", "of a.")
"""What is left of texts without any known words."""
MAX_UNKNOWN = 12
NOT_ASKED = 0.5
"""Value of `truth` for a statement that is neither true nor false of a scene."""

NOBODY, NO_THINGS, OTHER_THING = Statement(people=0), Statement(kind=NOTHING), Statement(kind=OTHER)
ASKED: dict[str, list[Statement]] = {
    "places": [Statement(place=place) for place in PLACE_WORDS],
    "people": [Statement(people=count) for count in range(len(PEOPLE_WORDS))],
    "deeds": [*(Statement(deed=deed) for deed in DEEDS), NOBODY],
    "kinds": [*(Statement(kind=kind) for kind in KINDS), OTHER_THING, NO_THINGS],
    "colours": [*(Statement(kind=ANYTHING, color=color) for color in TINTS), NO_THINGS],
    "pairs": [
        *(Statement(kind=kind, color=color) for kind in KINDS for color in TINTS if not held_out(kind, color)),
        OTHER_THING,
        NO_THINGS,
    ],
}
STATEMENTS = [statement for group in ASKED.values() for statement in group]
SIZES = [len(group) for group in ASKED.values()]
OF_COLORS, OF_KINDS = 8, 10
BLOCKS = torch.tensor([0] * (MODEL["embed_dim"] - OF_COLORS - OF_KINDS) + [1] * OF_COLORS + [2] * OF_KINDS)
"""Use of each dimension of a vector: 1 for colours, 2 for kinds, 0 for everything else."""
COLORED = np.array([statement.color is not None for statement in STATEMENTS])
PAIRS = [*(Statement(kind=kind, color=color) for kind in KINDS for color in TINTS), OTHER_THING, NO_THINGS]


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of both stages of the training.

    Each process draws its share of the pictures and takes its own batch in each step. `grey` is the fraction of
    pictures that are made grey; they have no loss for colours. Of each text batch, whose size is a multiple of eight,
    four eighths are single statements, three eighths describe one of `text_scenes` scenes, and one eighth is empty
    texts.
    """

    processes: int = 2
    pictures: int = 45_000
    steps: int = 6_000
    batch: int = 64
    rate: float = 3e-3
    grey: float = 0.33
    text_steps: int = 2_000
    text_batch: int = 256
    text_rate: float = 4e-3
    text_scenes: int = 4_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.text_batch % 8:
            raise ValueError(f"text_batch is {self.text_batch}, which is not a multiple of 8")


# --- pictures and texts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pictures:
    """Drawn scenes: pixels (n, side, side, 3) uint8, and whether STATEMENTS hold of each (n, statements)."""

    pixels: np.ndarray
    known: torch.Tensor

    @classmethod
    def drawn(cls, seeds: Iterable[int], *, side: int = SIZE) -> Pictures:
        """Return the scenes of `seeds`, drawn a little larger than `side` and resized, as frames of videos are."""
        scenes = {seed: scene(seed) for seed in seeds}
        shots = (picture(one, random.Random(seed), 72, 128) for seed, one in scenes.items())
        pixels = np.stack([np.asarray(shot.resize((side, side), Image.Resampling.BICUBIC)) for shot in shots])
        return cls(pixels, truth(STATEMENTS, [Facts.of(one) for one in scenes.values()]))


class Words:
    """The tokens of texts about the drawn world, numbered in ascending order: a small part of CLIP's vocabulary.

    The single words of held-out pairs are included; no training text names such a pair. Number 0 is the padding. Its
    vector is zero, as are those of all other words after training.
    """

    def __init__(self) -> None:
        self._tokenizer = open_clip.SimpleTokenizer(context_length=CONTEXT)
        texts = [template.format(statement.words()) for template in TEMPLATES for statement in (*STATEMENTS, *PAIRS)]
        self.used: torch.Tensor = self._tokenizer([*texts, f"{ANYTHING} {LINKS}"]).unique()
        self._known: dict[str, torch.Tensor] = {}

    def numbers(self, text: str) -> torch.Tensor:
        """Return the numbers of a text's tokens, (CONTEXT,); the end token has the greatest, as open_clip requires.

        Raises
        ------
        ValueError
            The text contains a token that is not in `used`, or has more than `CONTEXT` tokens.
        """
        if text not in self._known:
            tokens = self._tokenizer([text])[0]
            self._known[text] = torch.searchsorted(self.used, tokens)
            if not torch.equal(self.used[self._known[text]], tokens):
                raise ValueError(f"a text with an unexpected word: {text}")
            if tokens[-1] and open_clip.SimpleTokenizer(context_length=CONTEXT + 1)([text])[0, -1]:
                raise ValueError(f"a text of more than {CONTEXT} tokens: {text}")
        return self._known[text]

    def with_unknown_words(self, text: str, dice: random.Random) -> torch.Tensor:
        """Return the numbers of a text's tokens with up to `MAX_UNKNOWN` unknown words inserted, (CONTEXT,)."""
        numbers = self.numbers(text)
        last = int(numbers.argmax())
        extended = numbers[: last + 1].tolist()
        for _ in range(dice.randint(0, min(MAX_UNKNOWN, CONTEXT - len(extended)))):
            extended.insert(dice.randint(1, len(extended) - 1), 0)
        return torch.tensor(extended + [0] * (CONTEXT - len(extended)))


def truth(statements: Sequence[Statement], facts: Sequence[Facts]) -> torch.Tensor:
    """Return whether statements are true of scenes, (scenes, statements): 1, 0 or `NOT_ASKED`."""
    number = {True: 1.0, False: 0.0, None: NOT_ASKED}
    return torch.tensor([[number[statement.holds(known)] for statement in statements] for known in facts])


def as_input(pixels: np.ndarray) -> torch.Tensor:
    """Return pictures normalised as by the preprocessing of the saved model, (n, 3, side, side)."""
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(PREPROCESS[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    return ((scaled - mean) / std).contiguous(memory_format=torch.channels_last)


def augment(pixels: np.ndarray, grey: np.ndarray, dice: random.Random) -> torch.Tensor:
    """Return augmented pictures: half of them mirrored, each with other light, all rolled by the same few pixels.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, side, side, 3)
        The pictures.
    grey : ndarray of bool, shape (n,)
        Which of them lose their colour.
    dice : random.Random
        Source of randomness.

    Returns
    -------
    tensor of float32, shape (n, 3, side, side)
        Input of the image tower.
    """
    rows = np.stack([row[:, ::-1] if dice.random() < 0.5 else row for row in pixels])
    rows[grey] = rows[grey].mean(axis=3, keepdims=True).astype(np.uint8)
    low, high = 1 - MAX_LIGHT_CHANGE, 1 + MAX_LIGHT_CHANGE
    light = np.array([[dice.uniform(low, high) for _ in range(3)] for _ in rows], np.float32)
    lit = (rows * light[:, None, None]).clip(0, 255).astype(np.uint8)
    shift = tuple(dice.randint(-MAX_SHIFT, MAX_SHIFT) for _ in range(2))
    return as_input(np.roll(lit, shift, axis=(1, 2)))


# --- training -------------------------------------------------------------------------------------------------------


class Facets(torch.nn.Module):
    """A vector for each simple statement; the vector of a coloured thing is the sum of those of its kind and colour.

    Kinds and colours have separate dimensions. So all sums have the same length, and which pair fits best does not
    depend on whether the pair was in the training data.
    """

    def __init__(self) -> None:
        super().__init__()
        named = [statement for statement in STATEMENTS if not self._is_pair(statement)]
        self._rows = {statement: row for row, statement in enumerate(dict.fromkeys(named))}
        size = MODEL["embed_dim"]
        self.vectors = torch.nn.Parameter(torch.randn(len(self._rows), size) / math.sqrt(size))
        own = torch.tensor([self._block(statement) for statement in self._rows])
        self.register_buffer("_mask", (own[:, None] == BLOCKS[None]).float())

    @staticmethod
    def _block(statement: Statement) -> int:
        return 1 if statement.color is not None else 2 if statement.kind is not None else 0

    @staticmethod
    def _is_pair(statement: Statement) -> bool:
        return statement.kind != ANYTHING and statement.color is not None

    def forward(self, texts: Sequence[Text]) -> torch.Tensor:
        """Return the vectors of texts, of length 1."""
        unit = normalize(self.vectors * self._mask, dim=-1)
        return normalize(torch.stack([sum(self._of(part, unit) for part in text) for text in texts]), dim=-1)

    def _of(self, statement: Statement, unit: torch.Tensor) -> torch.Tensor:
        if not self._is_pair(statement):
            return unit[self._rows[statement]]
        color = Statement(kind=ANYTHING, color=statement.color)
        return normalize(unit[self._rows[Statement(kind=statement.kind)]] + unit[self._rows[color]], dim=-1)


def loss_of(logits: torch.Tensor, known: torch.Tensor, *, hidden: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of rows, with a uniform target distribution over the columns that are true.

    Rows without a true column that is not hidden do not count.

    Parameters
    ----------
    logits : tensor of float32, shape (rows, columns)
        Predicted logits.
    known : tensor of float32, shape (rows, columns)
        1 where the statement of a column is true of a row.
    hidden : tensor of bool, shape (rows, columns)
        Entries that count neither as true nor as false.

    Returns
    -------
    tensor of float32, shape ()
        The loss.
    """
    true = known.masked_fill(hidden, 0.0)
    rows = true.any(dim=1)
    if not rows.any():
        return logits.sum() * 0
    shares = true[rows] / true[rows].sum(dim=1, keepdim=True)
    loss: torch.Tensor = cross_entropy(logits.masked_fill(hidden, -1e4)[rows], shares)
    return loss


def share_gradients(parameters: Sequence[torch.nn.Parameter]) -> None:
    """Replace the gradients of the parameters by their mean over all processes.

    Running means of normalisation layers are not shared: those of the first process are saved.
    """
    gradients = [parameter.grad for parameter in parameters]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    parts = (together / dist.get_world_size()).split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def descend(
    parameters: Sequence[torch.nn.Parameter],
    loss_at: Callable[[int], torch.Tensor],
    *,
    steps: int,
    rate: float,
    shared: bool = False,
) -> list[float]:
    """Minimise a loss with AdamW, a linear warm-up over a tenth of the steps, and cosine decay.

    Parameters
    ----------
    parameters : sequence of Parameter
        Parameters to train.
    loss_at : callable
        Returns the loss of a step.
    steps : int
        Number of steps.
    rate : float
        Peak learning rate.
    shared : bool
        Whether gradients are averaged over the processes.

    Returns
    -------
    list of float
        The loss of each step.
    """
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)
    losses: list[float] = []
    begin = time.monotonic()
    for step in range(steps):
        done = (step + 1) / steps
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, 10 * done) * (1 + math.cos(math.pi * step / steps)) / 2
        loss = loss_at(step)
        optimizer.zero_grad()
        loss.backward()
        if shared:
            share_gradients(parameters)
        torch.nn.utils.clip_grad_norm_(parameters, MAX_GRADIENT_NORM)
        optimizer.step()
        losses.append(loss.item())
        if len(losses) % 100 == 0 and (not shared or dist.get_rank() == 0):
            print(f"step {step + 1}: loss {sum(losses[-100:]) / 100:.3f}, {time.monotonic() - begin:.0f} s", flush=True)
    return losses


def learn_pictures(recipe: Recipe, process: int = 0) -> tuple[Any, Facets, list[float]]:
    """Draw this process's share of pictures and train the image tower; return model, statement vectors and losses."""
    torch.manual_seed(recipe.seed)
    dice = random.Random(recipe.seed + process)
    begin = time.monotonic()
    pictures = Pictures.drawn(range(process, recipe.pictures, recipe.processes))
    count = len(pictures.pixels)
    print(f"{count} pictures drawn in {time.monotonic() - begin:.0f} s", flush=True)
    model = open_clip.CLIP(**json.loads(json.dumps(MODEL)), init_logit_scale=math.log(SCALE))
    model = model.to(memory_format=torch.channels_last)
    facets = Facets()
    rows: list[int] = []

    def loss_at(step: int) -> torch.Tensor:
        nonlocal rows
        if len(rows) < recipe.batch:
            rows = dice.sample(range(count), count)
        batch, rows = rows[: recipe.batch], rows[recipe.batch :]
        grey = np.array([dice.random() < recipe.grey for _ in batch])
        with torch.autocast("cpu", torch.bfloat16):
            images = model.encode_image(augment(pictures.pixels[batch], grey, dice))
        logits = SCALE * normalize(images.float(), dim=-1) @ facets([(statement,) for statement in STATEMENTS]).T
        known = pictures.known[batch]
        hidden = torch.from_numpy(grey[:, None] & COLORED[None]) | known.eq(NOT_ASKED)
        parts = (table.split(SIZES, dim=1) for table in (logits, known, hidden))
        losses = [loss_of(part, known, hidden=out) for part, known, out in zip(*parts, strict=True)]
        return torch.stack(losses).sum()

    learned = [*model.visual.parameters(), *facets.parameters()]
    losses = descend(learned, loss_at, steps=recipe.steps, rate=recipe.rate, shared=recipe.processes > 1)
    return model, facets, losses


def learn_texts(model: Any, facets: Facets, recipe: Recipe) -> list[float]:
    """Train the text tower to return the sum of the vectors of the statements in a text.

    Unknown words have no effect, and the target of a text without known words is the mean of all scenes.

    Parameters
    ----------
    model : open_clip.CLIP
        The model; its image tower stays as it is.
    facets : Facets
        Vectors of the statements.
    recipe : Recipe
        Hyperparameters.

    Returns
    -------
    list of float
        The loss of each step.
    """
    torch.manual_seed(recipe.seed)
    dice = random.Random(recipe.seed)
    words = Words()
    all_words = model.token_embedding
    table = all_words.weight[words.used].detach()
    table[0] = 0
    model.token_embedding = torch.nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    short: list[Text] = [(statement,) for statement in dict.fromkeys(STATEMENTS)]
    scenes = [whole(scene(seed), dice) for seed in range(min(recipe.pictures, recipe.text_scenes))]
    with torch.no_grad():
        goals = {text: vector for text, vector in zip(short, facets(short), strict=True)}
        mean = normalize(torch.stack([sum(goals[part,] for part in text) for text in scenes]), dim=-1).mean(dim=0)

    def loss_at(step: int) -> torch.Tensor:
        count = recipe.text_batch // 8
        texts = dice.choices(short, k=4 * count) + dice.choices(scenes, k=3 * count)
        lines = [sentence(text, dice) for text in texts] + dice.choices(EMPTY_TEXTS, k=count)
        tokens = [
            words.with_unknown_words(line, dice) if dice.random() < 0.5 else words.numbers(line) for line in lines
        ]
        goal = torch.stack([sum(goals[part,] for part in text) for text in texts] + [mean] * count)
        encoded = model.encode_text(torch.stack(tokens), normalize=True)
        return 1 - (encoded * normalize(goal, dim=-1)).sum(1).mean()

    frozen = {id(parameter) for parameter in (*model.visual.parameters(), model.logit_scale)}
    learned = [parameter for parameter in model.parameters() if id(parameter) not in frozen]
    losses = descend(learned, loss_at, steps=recipe.text_steps, rate=recipe.text_rate)
    with torch.no_grad():
        all_words.weight.zero_()  # words that no training text uses have no effect
        all_words.weight[words.used] = model.token_embedding.weight
        model.token_embedding = all_words
    return losses


def save(model: Any, folder: Path) -> None:
    """Write a model as a directory that open_clip can load, in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    save_file(half, folder / "open_clip_model.safetensors")
    config = {"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")


# --- figures --------------------------------------------------------------------------------------------------------


def figures(folder: Path, count: int = 300) -> dict[str, float]:
    """Return the top-1 accuracy of the saved model on new pictures, by group of statements."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()
    found: dict[str, float] = {}
    for unseen in (False, True):
        of = ", held-out pairs" if unseen else ""
        scenes = [scene(seed, unseen=unseen) for seed in range(-count, 0)]
        facts = [Facts.of(one) for one in scenes]
        shots = [picture(one, random.Random(seed), 216, 384) for seed, one in enumerate(scenes)]
        with torch.inference_mode():
            images = model.encode_image(torch.stack([preprocess(shot) for shot in shots]), normalize=True)
            for name, statements in (ASKED | {"pairs": PAIRS}).items():
                right = top_1_is_right(images @ vectors(model, tokenizer, statements).T, truth(statements, facts))
                found[name + of] = float(right.float().mean())
            lines = tokenizer([sentence(whole(one, random.Random(0)), random.Random(0)) for one in scenes])
            near = images @ model.encode_text(lines, normalize=True).T
        nearer = near.diag()[:, None] > near[~torch.eye(count, dtype=torch.bool)][None]
        found[f"area under the curve, own captions against others{of}"] = float(nearer.float().mean())
    return found


def vectors(model: Any, tokenizer: Any, statements: Sequence[Statement]) -> torch.Tensor:
    """Return the vectors of statements.

    Parameters
    ----------
    model : open_clip.CLIP
        The model.
    tokenizer : callable
        Its tokenizer.
    statements : sequence of Statement
        The statements.

    Returns
    -------
    tensor of float32, shape (statements, width)
        The normalised mean of each statement's vectors over `TEMPLATES`.
    """
    texts = [tokenizer([template.format(statement.words()) for template in TEMPLATES]) for statement in statements]
    return normalize(torch.stack([model.encode_text(lines, normalize=True).mean(0) for lines in texts]), dim=-1)


def top_1_is_right(logits: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return, for each row with a true column, whether the column with the greatest logit is true."""
    rows = known.eq(1).any(dim=1)
    return known[rows].gather(1, logits[rows].argmax(1, keepdim=True))[:, 0] == 1


def run_process(process: int, recipe: Recipe, folder: Path, rendezvous: str) -> None:
    """Run one of the training processes; the first also trains the text tower and saves the model.

    Parameters
    ----------
    process : int
        Index of the process.
    recipe : Recipe
        Hyperparameters.
    folder : Path
        The model directory to make.
    rendezvous : str
        File through which the processes find each other.
    """
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{rendezvous}", rank=process, world_size=recipe.processes)
    model, facets, _ = learn_pictures(recipe, process)
    dist.destroy_process_group()
    if process == 0:
        learn_texts(model, facets, recipe)
        save(model, folder)


def main() -> None:
    """Train and save the model, and print its accuracies."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("-o", "--out", type=Path, default=Path("micro-clip"), help="the model directory to make")
    given = options.parse_args()
    recipe = Recipe()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(run_process, (recipe, given.out, f"{folder}/rendezvous"), nprocs=recipe.processes)
    for name, figure in figures(given.out).items():
        print(f"{figure:7.1%}  {name}")


if __name__ == "__main__":
    main()
