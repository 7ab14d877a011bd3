"""Whether 95 % intervals of shares, differences and regressions hold where machine labels err.

    python -m benchmarks.estimates --repeats 2000

Posts are made up: 1,000 of 250 authors, a covariate x, and a value whose probability depends on x and on the author.
The machine errs more often where x is large, as a model does on a genre it has not seen. 150 posts are coded, drawn at
random, within strata, or more often where the value is likely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np

from valex_local.corpus.label_matrix import Floats
from valex_local.inference.estimators import Data, Link, Method, estimate
from valex_local.inference.sampling import random_sample, stratified_sample, weighted_sample

POSTS, AUTHORS, CODED = 1000, 250, 150
DESIGNS = ("random", "stratified", "likely")
QUESTIONS = ("share", "difference", "regression")


@dataclass(frozen=True)
class Row:
    """How often an interval holds the truth, its mean width, and the bias of the estimate."""

    design: str
    question: str
    method: Method
    coverage: float
    width: float
    bias: float


def chances(x: Floats) -> Floats:
    """Return the probability that the value is present."""
    found: Floats = 1 / (1 + np.exp(1.4 - 0.9 * x))
    return found


def made(rng: np.random.Generator, design: str) -> tuple[Data, Floats, Floats]:
    """Return posts with a sample, the covariate, and the true labels."""
    author = rng.integers(0, AUTHORS, POSTS)
    x = rng.normal(size=AUTHORS)[author] * 0.6 + rng.normal(size=POSTS) * 0.8
    truth = (rng.uniform(size=POSTS) < chances(x)).astype(np.float64)
    wrong = rng.uniform(size=POSTS) < np.where(truth == 1, 0.25 + 0.1 * (x > 0), 0.06 + 0.25 * (x > 0))
    machine = np.where(wrong, 1 - truth, truth)
    names = [str(n) for n in range(POSTS)]
    if design == "random":
        drawn = random_sample(names, CODED, rng)
    elif design == "stratified":
        drawn = stratified_sample({name: str(int(x[n] > 0)) for n, name in enumerate(names)}, CODED, rng, equal=True)
    else:
        drawn = weighted_sample(names, 0.2 + 0.8 * machine, CODED, rng)
    gold, probability = np.full(POSTS, np.nan), np.full(POSTS, np.nan)
    at = [int(one.post) for one in drawn]
    gold[at], probability[at] = truth[at], [one.probability for one in drawn]
    return Data(machine, gold, probability, author), x, truth


def design_matrix(question: str, x: Floats) -> tuple[Floats, Link, int]:
    """Return the covariates of a question, its link, and which coefficient answers it."""
    ones = np.ones(len(x))
    if question == "share":
        return ones[:, None], Link.LINEAR, 0
    if question == "difference":
        return np.column_stack([ones, x > 0]).astype(np.float64), Link.LINEAR, 1
    return np.column_stack([ones, x]), Link.LOGISTIC, 1


def truths(rng: np.random.Generator, draws: int = 400) -> dict[str, float]:
    """Return what is true of the world that posts are made from, from many posts whose labels are all known."""
    parts = [made(rng, "random") for _ in range(draws)]
    x, truth = np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts])
    everything = Data(truth, truth, np.ones(len(truth)), np.arange(len(truth)))
    found = {}
    for question in QUESTIONS:
        covariates, link, at = design_matrix(question, x)
        values = estimate(everything, covariates, Method.MACHINE, link).values
        found[question] = math.nan if values is None else float(values[at])
    return found


def simulate(repeats: int, seed: int = 0) -> Iterator[Row]:
    """Yield a row for each design, question and method."""
    true = truths(np.random.default_rng(seed + 1))
    for design in DESIGNS:
        rng = np.random.default_rng(seed)
        found: dict[tuple[str, Method], list[tuple[float, float, float]]] = {}
        for _ in range(repeats):
            data, x, _ = made(rng, design)
            for question in QUESTIONS:
                covariates, link, at = design_matrix(question, x)
                for method in Method:
                    interval = estimate(data, covariates, method, link).interval(at)
                    if interval is not None:
                        found.setdefault((question, method), []).append(interval)
        for (question, method), intervals in found.items():
            value, low, high = np.array(intervals).T
            inside = (low <= true[question]) & (true[question] <= high)
            bias = float(value.mean() - true[question])
            yield Row(design, question, method, float(inside.mean()), float((high - low).mean()), bias)


@click.command()
@click.option("--repeats", type=click.IntRange(10), default=2000, show_default=True, help="Studies to make.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random numbers.")
def main(repeats: int, seed: int) -> None:
    """Print how often 95 % intervals hold the truth."""
    click.echo(f"{'design':<12}{'question':<12}{'labels':<22}{'coverage':>9}{'width':>8}{'bias':>8}")
    for row in simulate(repeats, seed):
        click.echo(
            f"{row.design:<12}{row.question:<12}{row.method:<22}{row.coverage:>9.3f}{row.width:>8.3f}{row.bias:>+8.3f}"
        )


if __name__ == "__main__":
    main()
