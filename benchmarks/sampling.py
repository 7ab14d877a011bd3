"""How many labels active learning saves for rare values, compared with a random sample, on ValueEval'23.

    python -m benchmarks.sampling DATA --seeds 20

DATA holds `arguments-training.tsv`, `labels-training.tsv` and the same two of `validation`, as the organisers publish
them. The shared task has no labels of conflict; its rarest values stand in for them, since conflict is as rare.

A coder looks for one value. Everyone starts with the same random sample; after each round a logistic regression on
TF-IDF is trained on what is coded, and the next sample is drawn by what it says: as `valex sample --likely` and
`--unsure` draw, with known probabilities, from all texts. What was coded before costs nothing when it is drawn again,
so costs are counted in texts coded. `greedy` takes the texts nearest to 0.5, as most active learning does: it has no
probabilities, so no estimate can rest on it. The test is average precision on the validation texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from valex_local.corpus.label_matrix import Floats
from valex_local.corpus.sheets import gold_of, read_sheet
from valex_local.corpus.texts import read_texts
from valex_local.inference.sampling import entropy, random_sample, weighted_sample
from valex_local.schwartz import CIRCLE

ROUND, BUDGET = 100, 1000
DESIGNS = ("random", "likely", "unsure", "greedy")
INTERVAL = 1.96


@dataclass(frozen=True)
class World:
    """Texts as vectors, and who shows each value: a pool to code, and texts to test on."""

    pool: Any
    shown: Floats
    test: Any
    test_shown: Floats


@dataclass(frozen=True)
class Course:
    """How a course of coding went: after each round the texts coded, those with the value, and the precision."""

    coded: tuple[int, ...]
    found: tuple[int, ...]
    precision: tuple[float, ...]

    def at(self, budget: float, what: tuple[float, ...] | tuple[int, ...]) -> float:
        """Return a figure when so many texts are coded, on a line between rounds."""
        return float(np.interp(budget, self.coded, what))

    def needed(self, level: float) -> float:
        """Return how many texts are coded when the precision first reaches a level; the budget if it never does."""
        for n, precision in enumerate(self.precision):
            if precision >= level:
                if n == 0:
                    return float(self.coded[0])
                before = self.precision[n - 1]
                share = (level - before) / (precision - before)
                return float(self.coded[n - 1] + share * (self.coded[n] - self.coded[n - 1]))
        return float(self.coded[-1])


def read(folder: Path) -> World:
    """Return the texts and labels of the shared task."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = []
    for part in ("training", "validation"):
        texts = read_texts(folder / f"arguments-{part}.tsv")
        gold = gold_of(read_sheet(folder / f"labels-{part}.tsv")).of([text.id for text in texts])
        parts.append(([text.text for text in texts], gold.labels[:, :, 0]))
    (pool, shown), (test, test_shown) = parts
    vectors = TfidfVectorizer(min_df=2, sublinear_tf=True)
    return World(vectors.fit_transform(pool), shown, vectors.transform(test), test_shown)


def course(world: World, value: int, design: str, seed: int) -> Course:
    """Return how coding goes by a design, for one value."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(seed)
    names = [str(n) for n in range(world.pool.shape[0])]
    truth, test_truth = world.shown[:, value], world.test_shown[:, value]
    coded = np.zeros(len(names), dtype=np.bool_)
    coded[[int(one.post) for one in random_sample(names, ROUND, rng)]] = True
    numbers: list[int] = []
    found: list[int] = []
    precisions: list[float] = []
    while True:
        chances, tested = np.full(len(names), 0.5), np.full(len(test_truth), 0.5)
        if 0 < truth[coded].sum() < coded.sum():
            model = LogisticRegression(C=10, class_weight="balanced", solver="liblinear").fit(
                world.pool[coded], truth[coded]
            )
            chances = model.predict_proba(world.pool)[:, 1]
            tested = model.predict_proba(world.test)[:, 1]
        numbers.append(int(coded.sum()))
        found.append(int(truth[coded].sum()))
        precisions.append(float(average_precision_score(test_truth, tested)))
        if numbers[-1] >= BUDGET:
            return Course(tuple(numbers), tuple(found), tuple(precisions))
        coded[draw(names, chances, coded, design, rng)] = True


def draw(names: list[str], chances: Floats, coded: Any, design: str, rng: np.random.Generator) -> list[int]:
    """Return the texts of the next round."""
    if design == "greedy":
        distance = np.where(coded, np.inf, np.abs(chances - 0.5)) + rng.uniform(0, 1e-9, len(names))
        return [int(n) for n in np.argsort(distance)[:ROUND]]
    if design == "random":
        left = [name for name, done in zip(names, coded, strict=True) if not done]
        return [int(one.post) for one in random_sample(left, ROUND, rng)]
    weights = chances if design == "likely" else entropy(chances)
    return [int(one.post) for one in weighted_sample(names, weights, ROUND, rng)]


def rare(world: World, count: int) -> list[int]:
    """Return the values that the fewest texts show, the rarest first."""
    return [int(v) for v in np.argsort(world.shown.mean(axis=0))[:count]]


def interval(figures: list[float]) -> str:
    """Return a mean with its 95 % interval over seeds."""
    values = np.array(figures)
    half = INTERVAL * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():.3g} ±{half:.2g}"


def rows(world: World, values: list[int], seeds: int) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table."""
    for value in values:
        level = 0.0
        for design in DESIGNS:
            courses = [course(world, value, design, seed) for seed in range(seeds)]
            if design == "random":
                level = float(np.mean([one.at(BUDGET, one.precision) for one in courses]))
            yield (
                f"{CIRCLE[value]} ({world.shown[:, value].mean():.1%})",
                design,
                interval([one.at(BUDGET, one.found) for one in courses]),
                interval([one.at(BUDGET, one.precision) for one in courses]),
                interval([one.needed(level) for one in courses]),
            )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--values", type=click.IntRange(1, len(CIRCLE)), default=5, show_default=True, help="Rarest values.")
@click.option("--seeds", type=click.IntRange(2), default=20, show_default=True, help="Courses of each design.")
def main(folder: Path, values: int, seeds: int) -> None:
    """Print what active learning finds and saves."""
    world = read(folder)
    form = "{:<38}{:<9}{:>18}{:>18}{:>22}"
    click.echo(f"{world.pool.shape[0]:,} texts to code, {world.test.shape[0]:,} to test on, {seeds} seeds, ± 95 %")
    click.echo(form.format("value", "design", f"found in {BUDGET:,}", "average precision", "texts for random's"))
    for row in rows(world, rare(world, values), seeds):
        click.echo(form.format(*row))


if __name__ == "__main__":
    main()
