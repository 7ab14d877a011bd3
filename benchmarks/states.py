"""How good are the states that need no gold labels: each kind on texts of other kinds than the model was trained on.

    python -m benchmarks.states [--value-lens FILE] [--valueeval FOLDER] [--model ID] [--draws N]

It labels the texts with a label model of the store, draws states as `valex_local.states` does for a study of these
texts, and compares them with the gold labels. Both data sets are public, neither is part of the project:

value-lens   500 first-person texts with the ten values of Schwartz (1992), one at most in nearly all (MIT licence). A
             value counts as called where one of the 19 that refine it is; what a text resists is not present. Constants
             were chosen on its even lines; report its odd ones.
ValueEval    the validation splits of Touché ValueEval'23 (DOI 10.5281/zenodo.6814563), with the 19 values. The bundled
             models learnt from `validation`, not from `validation-zhihu`.

The first table has the sets as they are, and random studies of their texts, with the standard deviation of macro F1
over studies. The second one has studies of 60 texts in which a value is common: how often it is named as such (hit) and
how often a value is that at most a quarter of the texts show (false alarm); precision and recall of its relative
states, and the recall of the cautious ones (p >= 0.6). The third one has studies without one of the values: the share
of their texts that are said to show it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from valex_local.corpus import read_corpus
from valex_local.corpus.label_matrix import POLARITIES
from valex_local.records import Calibration, Labels, LabelSource
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.stages.labels.model import LabelModel
from valex_local.states import choose, common
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads

Bools = NDArray[np.bool_]
Kind = Literal["own domain", "cautious", "relative"]

KINDS: tuple[Kind, ...] = ("own domain", "cautious", "relative")
SIZES = (15, 30, 50, 100, 300)
COMMON_SHARES, COMMON_SIZE, RARE = (0.6, 0.75, 0.9), 60, 0.25

TEN = (
    "Self-Direction", "Stimulation", "Hedonism", "Achievement", "Power", "Security", "Conformity", "Tradition",
    "Benevolence", "Universalism",
)  # fmt: skip
PARTS = [[value for value in CIRCLE if value.value.split(":")[0].lower() == ten.lower()] for ten in TEN]
"""The values that refine each of the ten; Face and Humility refine none."""


@dataclass(frozen=True)
class Texts:
    """Labelled texts with their gold labels.

    Attributes
    ----------
    labels : list of Labels, length N
        What the model found.
    gold : ndarray of bool, shape (N, V)
        Which values a text shows.
    parts : sequence of V sequences of Value
        Which of the 19 values make up each of these.
    thresholds : dict
        The thresholds of the model.
    """

    labels: list[Labels]
    gold: Bools
    parts: Sequence[Sequence[Value]]
    thresholds: dict[tuple[Value, Polarity], float]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Texts:
        """Return some of the texts, as a study."""
        return Texts([self.labels[row] for row in rows], self.gold[np.asarray(rows)], self.parts, self.thresholds)

    def calibration(self, kind: Kind) -> Calibration:
        """Return the cut-offs of a study of these texts."""
        posts = {str(row): labels for row, labels in enumerate(self.labels)}
        return choose(posts, kind, drawn=date.min, thresholds=self.thresholds)

    def called(self, kind: Kind) -> Bools:
        """Return which values are called present, (N, V)."""
        cutoffs = {c.value: c.probability for c in self.calibration(kind).cutoffs if c.polarity is Polarity.PRESENT}
        found = np.array([[label.present for label in labels.values] for labels in self.labels])
        called = found >= np.array([cutoffs[value] for value in CIRCLE])
        return np.stack([called[:, [CIRCLE.index(value) for value in part]].any(1) for part in self.parts], 1)


@dataclass(frozen=True)
class Figures:
    """How good states are: macro F1 over the values that texts show; precision and recall over all that are called."""

    macro_f1: float
    precision: float
    recall: float
    called: float

    @classmethod
    def of(cls, called: Bools, gold: Bools) -> Figures:
        """Return the figures of what is called, (N, V)."""
        right, calls, support = (called & gold).sum(0), called.sum(0), gold.sum(0)
        f1 = 2 * right / np.maximum(calls + support, 1)
        return cls(
            macro_f1=float(f1[support > 0].mean()),
            precision=float(right.sum() / max(calls.sum(), 1)),
            recall=float(right.sum() / max(support.sum(), 1)),
            called=float(calls.sum() / len(gold)),
        )


# --- data -------------------------------------------------------------------------------------------------------------


def read_value_lens(path: Path, strength: Literal["support", "resistance"] = "support") -> tuple[list[str], Bools]:
    """Return the texts of value-lens in the order of the file, and which values each supports or resists, (N, 10)."""
    texts, gold = [], []
    for line in path.read_text("utf-8").splitlines()[3:]:
        if line.count("###") == 3:
            _, text, values, strengths = line.replace("\\", "").split("###")
            pairs = zip(_listed(values), _listed(strengths), strict=False)
            named = {value for value, own in pairs if strength in own}
            texts.append(text)
            gold.append([ten in named for ten in TEN])
    return texts, np.array(gold, dtype=bool)


def _listed(cell: str) -> list[str]:
    return [part.strip() for part in cell.strip("[] ").split(",") if part.strip()]


def read_valueeval(folder: Path, split: str) -> tuple[list[str], Bools]:
    """Return the arguments of a split, and which of the 19 values each shows, (N, 19)."""
    corpus = read_corpus([folder / f"labels-{split}.tsv"], [folder / f"arguments-{split}.tsv"])
    return [text.text for text in corpus.texts], corpus.gold.labels[:, :, POLARITIES.index(Polarity.PRESENT)] == 1


def labelled(model: LabelModel, name: str, texts: Sequence[str], gold: Bools) -> Texts:
    """Return texts with the labels of a model, and with gold labels for the 19 values or for the ten."""
    source = LabelSource(route="encoder", model=name, domain=model.card.domain)
    labels = [Labels(script="text", source=source, values=model.labels(scores)) for scores in model.scores(texts)]
    thresholds = {key: output.threshold for key, output in model.card.rows.items()}
    parts = PARTS if gold.shape[1] == len(TEN) else [[value] for value in CIRCLE]
    return Texts(labels, gold, parts, thresholds)


# --- studies ----------------------------------------------------------------------------------------------------------


def random_studies(texts: Texts, size: int, draws: int) -> Iterator[Texts]:
    """Yield studies of different texts, drawn at random."""
    generator = np.random.default_rng(size)
    for _ in range(draws):
        yield texts.take(generator.choice(len(texts), size, replace=False))


def studies_with(texts: Texts, value: int, share: float, draws: int) -> Iterator[Texts]:
    """Yield studies of `COMMON_SIZE` texts of which a share shows a value; a text may stand in one more than once."""
    shows, others = np.flatnonzero(texts.gold[:, value]), np.flatnonzero(~texts.gold[:, value])
    generator = np.random.default_rng(value)
    count = round(share * COMMON_SIZE)
    for _ in range(draws):
        rows = generator.choice(shows, count), generator.choice(others, COMMON_SIZE - count)
        yield texts.take(np.concatenate(rows))


# --- tables -----------------------------------------------------------------------------------------------------------


def quality(sets: dict[str, Texts], pool: Texts, draws: int) -> Table:
    """Return the table of all kinds of states, on the sets as they are and on random studies of a pool of texts."""
    studies = {name: [texts] for name, texts in sets.items()}
    sizes = [size for size in SIZES if size <= len(pool)]
    studies |= {f"{size} of value-lens": list(random_studies(pool, size, draws)) for size in sizes}
    table = _table("States", "texts", "kind", "macro F1", "±", "precision", "recall", "called", "gold")
    for name, found in studies.items():
        for kind in KINDS:
            figures = [Figures.of(study.called(kind), study.gold) for study in found]
            spread = float(np.std([one.macro_f1 for one in figures]))
            means = [float(np.mean([getattr(one, key) for one in figures])) for key in Figures.__annotations__]
            gold = float(np.mean([study.gold.sum() / len(study) for study in found]))
            shown = [means[0], spread if len(found) > 1 else float("nan"), *means[1:], gold]
            table.add_row(name, kind, *("" if np.isnan(x) else f"{x:.3f}" for x in shown))
    return table


def commonness(sets: dict[str, Texts], draws: int) -> Table:
    """Return the table of studies in which a value is common."""
    table = _table("A value that is common", "texts", "share", "hit", "false alarm", "precision", "recall", "p >= 0.6")
    for name, texts in sets.items():
        values = [column for column in range(len(texts.parts)) if texts.gold[:, column].sum() >= 12]
        for share in COMMON_SHARES:
            rows = [_commonness(study, value) for value in values for study in studies_with(texts, value, share, draws)]
            hits, alarms, precision, recall, plain = (np.concatenate(column) for column in zip(*rows, strict=True))
            shown = (hits, alarms, precision, recall, plain)
            table.add_row(name, f"{share:.0%}", *(f"{np.mean(x):.3f}" if len(x) else "-" for x in shown))
    return table


def _commonness(study: Texts, value: int) -> tuple[Bools | NDArray[np.float64], ...]:
    """Return whether it is named, whether others are, and its precision and recall (also with the cautious cut-off)."""
    named = {cutoff.value for cutoff in common(study.calibration("relative"))}
    rare = [part for part, share in zip(study.parts, study.gold.mean(0), strict=True) if share <= RARE]
    alarms = np.array([other in named for part in rare for other in part])
    every = study.called("relative"), study.called("cautious"), study.gold
    called, plain, gold = (found[:, value] for found in every)
    right = (called & gold).sum()
    # A study in which nothing is called has no precision.
    precision = np.array([right / called.sum()] if called.any() else [])
    recalls = (np.array([(found & gold).sum() / gold.sum()]) for found in (called, plain))
    return np.array([bool(named & set(study.parts[value]))]), alarms, precision, *recalls


def absence(sets: dict[str, Texts]) -> Table:
    """Return the table of studies without one of the values."""
    table = _table("A value that no text shows", "texts", "kind", "texts that are said to show it")
    for name, texts in sets.items():
        for kind in KINDS:
            said = []
            for value in range(len(texts.parts)):
                study = texts.take(np.flatnonzero(~texts.gold[:, value]))
                said.append(study.called(kind)[:, value].mean())
            table.add_row(name, kind, f"{np.mean(said):.1%}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in {"texts", "kind"} else "right")
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--value-lens", type=Path, required=True, help="the CSV file")
    parser.add_argument("--valueeval", type=Path, help="folder of the TSV files")
    parser.add_argument("--model", default="minilm-arguments", help="label model of the store")
    parser.add_argument("--draws", type=int, default=50, help="random studies of each size")
    options = parser.parse_args()

    device = detect("cpu")
    set_threads(device.threads)
    stored = Store().find(options.model)
    model = LabelModel(stored.folder, requires=stored.requires, device=device)
    lens = labelled(model, stored.id, *read_value_lens(options.value_lens))
    # The first text is in line 4 of the file.
    sets = {
        "value-lens, even lines": lens.take(range(0, len(lens), 2)),
        "value-lens, odd lines": lens.take(range(1, len(lens), 2)),
    }
    if options.valueeval is not None:
        for split in ("validation-zhihu", "validation"):
            sets[split] = labelled(model, stored.id, *read_valueeval(options.valueeval, split))
    console = Console(width=120)
    console.print(quality(sets, lens, options.draws))
    console.print(commonness(sets, max(1, options.draws // 10)))
    console.print(absence(sets))


if __name__ == "__main__":
    main()
