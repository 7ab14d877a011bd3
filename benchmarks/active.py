"""How many labels designs of sampling save where a value is rare, on arguments with known labels.

    python -m benchmarks.active valueeval23/ --budget 400

FOLDER holds the texts and labels of the shared task ValueEval'23 (arguments-training.tsv, labels-training.tsv and those
of validation). A classifier of words, TF-IDF and logistic regression, learns from 100 texts drawn at random; then 50
texts more are labelled at a time: drawn at random, where it is unsure, or where the value is likely. It is then tested
on the validation texts. Printed are the mean average precision over the rarest values, and how many labels each design
needs to be as good as random sampling with the whole budget.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from valex_local.corpus.label_matrix import Bools, Floats
from valex_local.inference.sampling import entropy, random_sample, weighted_sample

FIRST, STEP = 100, 50
DESIGNS = ("random", "unsure", "likely")


def read_split(folder: Path, split: str) -> tuple[list[str], list[str], Bools]:
    """Return the texts of a split, the names of the values, and the labels, (N, V)."""
    texts = {
        row["Argument ID"]: f"{row['Premise']} {row['Conclusion']}" for row in _rows(folder, f"arguments-{split}.tsv")
    }
    rows = list(_rows(folder, f"labels-{split}.tsv"))
    values = [name for name in rows[0] if name != "Argument ID"]
    labels = np.array([[row[value] == "1" for value in values] for row in rows])
    return [texts[row["Argument ID"]] for row in rows], values, labels


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def curve(
    design: str, texts: Floats, labels: Bools, tested: tuple[Floats, Bools], *, budget: int, seed: int
) -> list[tuple[int, float]]:
    """Return the average precision after each round, by the number of labels."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(seed)
    names = [str(n) for n in range(texts.shape[0])]
    taken = [int(one.post) for one in random_sample(names, FIRST, rng)]
    points = []
    while True:
        scores, chances = np.zeros(tested[0].shape[0]), np.full(len(names), 0.5)
        if 0 < labels[taken].sum() < len(taken):
            # Weighted by 1 / probability nothing would be gained: the classifier ranks, and estimates nothing.
            model = LogisticRegression(C=10, class_weight="balanced", solver="liblinear")
            model.fit(texts[taken], labels[taken])
            scores, chances = model.predict_proba(tested[0])[:, 1], model.predict_proba(texts)[:, 1]
        points.append((len(taken), float(average_precision_score(tested[1], scores))))
        if len(taken) >= budget:
            return points
        rest = sorted(set(range(len(names))) - set(taken))
        left = [names[at] for at in rest]
        if design == "random":
            drawn = random_sample(left, STEP, rng)
        else:
            weights = entropy(chances[rest]) if design == "unsure" else chances[rest]
            drawn = weighted_sample(left, weights**4, STEP, rng)
        taken += [int(one.post) for one in drawn]


def labels_needed(points: Sequence[tuple[int, float]], good: float) -> int | None:
    """Return from how many labels on a curve is as good as that, or None."""
    return next((count for count, figure in points if figure >= good), None)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--budget", type=click.IntRange(200), default=600, show_default=True, help="Labels in all.")
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Draws of each design.")
@click.option("--rarest", type=click.IntRange(1), default=5, show_default=True, help="Number of values.")
def main(folder: Path, budget: int, seeds: int, rarest: int) -> None:
    """Print learning curves by design."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words, values, labels = read_split(folder, "training")
    test_words, _, test_labels = read_split(folder, "validation")
    tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    texts, tested = tfidf.fit_transform(words), tfidf.transform(test_words)

    def test(at: int) -> tuple[Floats, Bools]:
        return tested, test_labels[:, at]

    chosen = np.argsort(labels.sum(axis=0))[:rarest]
    click.echo(", ".join(f"{values[at]} ({labels[:, at].mean():.3f})" for at in chosen))
    curves: dict[str, Floats] = {}
    for design in DESIGNS:
        found = [
            [
                curve(design, texts, labels[:, at], (tested, test_labels[:, at]), budget=budget, seed=seed)
                for at in chosen
            ]
            for seed in range(seeds)
        ]
        curves[design] = np.array([[[figure for _, figure in one] for one in of_seed] for of_seed in found]).mean(
            axis=1
        )
    counts = list(range(FIRST, budget + 1, STEP))
    click.echo(f"{'labels':>8}" + "".join(f"{design:>22}" for design in DESIGNS))
    for at, count in enumerate(counts):
        cells = (curves[design][:, at] for design in DESIGNS)
        click.echo(
            f"{count:>8}" + "".join(f"{c.mean():>12.3f} ± {1.96 * c.std(ddof=1) / len(c) ** 0.5:.3f}" for c in cells)
        )
    good = float(curves["random"].mean(axis=0)[-1])
    for design in DESIGNS:
        needed = labels_needed(list(zip(counts, curves[design].mean(axis=0), strict=True)), good)
        click.echo(f"{design}: as good as {counts[-1]} random labels ({good:.3f}) with {needed or 'more'}")


if __name__ == "__main__":
    main()
