"""Cross-validation: every text is labelled by networks that saw neither it nor anything else of its group.

For each seed the texts are split into new grouped folds. Of the texts outside a fold, one part is held out for
calibration and thresholds; the network learns from the others and labels the fold. The labels of a fold cannot
influence its results: they are not passed to anything that does. To save time, only some folds of the first seed may
be tested; figures, calibration and thresholds then come from the texts of these folds alone.

Adaptation, if it is asked for, reads all texts beforehand, without their labels.

The final model learns from all texts, once per seed, and the weights of these trainings are averaged (Wortsman et al.
2022, model soups); calibration and thresholds come from the results of all folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from valex_local.corpus.folds import Folds
from valex_local.corpus.label_matrix import Floats, LabelMatrix
from valex_local.errors import ModelError
from valex_local.evaluation.baselines import Baseline
from valex_local.files.atomic import replacing
from valex_local.pipeline.progress import Progress
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.training.calibrate import Calibrator, calibrate
from valex_local.training.data import Data, Rows, Split, spread
from valex_local.training.network import LabelNetwork
from valex_local.training.options import TrainingOptions
from valex_local.training.slim import slim_tensors, whole_tensors
from valex_local.training.trainer import Inputs, predict_logits, train

MakeEncoder = Callable[..., TextEncoder]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The results of the networks of one seed for texts they did not learn from.

    Attributes
    ----------
    rows : ndarray of int, shape (M,)
        The texts that were tested, as places in the data: all, or those of the tested folds.
    answers : LabelMatrix
        Their labels, by the thresholds of the fold of each.
    logits : ndarray of float64, shape (M, outputs)
        Before calibration.
    folds : tuple of int
        The fold of each text of the data, whether tested or not.
    """

    rows: Rows
    answers: LabelMatrix
    logits: Floats
    folds: tuple[int, ...]

    @property
    def tested(self) -> list[int]:
        """The folds that were tested."""
        return sorted({self.folds[row] for row in self.rows})


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained weights: those of the head, and those of the encoder that changed."""

    weight: torch.Tensor
    bias: torch.Tensor
    tuned: dict[str, torch.Tensor]


class Trainer:
    """Runs the trainings of a cross-validation and of the final model.

    Parameters
    ----------
    data : Data
        Labelled texts.
    options : TrainingOptions
        Options of the training.
    make_encoder : callable
        Loads the encoder; called for every training.
    work : Path
        Folder for intermediate results; with the same folder, an interrupted training is resumed.
    progress : Progress
        Receives the progress.
    """

    def __init__(
        self, data: Data, options: TrainingOptions, make_encoder: MakeEncoder, *, work: Path, progress: Progress
    ) -> None:
        self._data, self._options, self._make_encoder = data, options, make_encoder
        self._work, self._progress = work, progress
        encoder = make_encoder()
        self._inputs: Inputs = (
            encoder.vectors(data.texts) if options.mode == "frozen" else [encoder.windows(text) for text in data.texts]
        )

    def cross_validate(self) -> dict[int, OutOfFold]:
        """Return for each tested seed the results for every tested text, by networks that did not learn from it."""
        folds_of = {seed: self._data.folds(self._options, seed) for seed in self._options.tested_seeds}
        self._progress.step("cross-validation", sum(len(_tested(folds, self._options)) for folds in folds_of.values()))
        return {seed: self._results(seed, folds) for seed, folds in folds_of.items()}

    def _results(self, seed: int, folds: Folds) -> OutOfFold:
        shape = (len(self._data), len(self._data.outputs))
        logits, probabilities, thresholds = np.empty(shape), np.empty(shape), np.empty(shape)
        splits = [Split.of(self._data, folds, fold, self._options, seed) for fold in _tested(folds, self._options)]
        for fold, split in enumerate(splits):
            found, calibration = self._fold_results(split, seed, fold)
            logits[split.score] = found
            probabilities[split.score] = calibration.probabilities(found)
            thresholds[split.score] = calibration.thresholds
            self._progress.advance()
        rows = np.sort(np.concatenate([split.score for split in splits]))
        outputs = self._data.outputs
        answers = LabelMatrix.decided(
            self._data.gold.take(rows).ids, spread(probabilities[rows], outputs), spread(thresholds[rows], outputs)
        )
        return OutOfFold(rows, answers, logits[rows], tuple(folds.tolist()))

    def _fold_results(self, split: Split, seed: int, fold: int) -> tuple[Floats, Calibrator]:
        """Return the logits of a fold's texts and the calibration, given only the labels of all other texts."""
        learn, tune = (self._data.take(rows) for rows in (split.learn, split.tune))
        name = f"seed {seed}, fold {fold + 1}"

        def predict() -> dict[str, Floats]:
            network = self._train(name, learn, self._at(split.learn), seed)
            self._reduce(network)
            return {
                "rows": np.concatenate([split.tune, split.score]),
                "tune": predict_logits(network, self._at(split.tune), self._options),
                "score": predict_logits(network, self._at(split.score), self._options),
            }

        path = self._work / f"seed-{seed}-fold-{fold}.npz"
        saved = _saved(path, predict)
        if not np.array_equal(saved["rows"], np.concatenate([split.tune, split.score])):
            raise ModelError(
                "the saved results of this fold are of other texts",
                path=path,
                hint="Remove the model directory and start again",
            )
        return saved["score"], calibrate(saved["tune"], tune.truth)

    def fit(self, results: dict[int, OutOfFold]) -> tuple[Trained, Calibrator]:
        """Train on all texts, once per seed, and return the mean of the weights with its calibration."""
        self._progress.step("final training", self._options.seeds)
        runs = [self._fit_seed(seed) for seed in self._options.all_seeds]
        # The mean weights give approximately the mean of the logits; and each text counts once.
        logits = np.mean([of_seed.logits for of_seed in results.values()], axis=0)
        return _mean(runs), calibrate(logits, self._data.truth[tested_rows(results)])

    def _fit_seed(self, seed: int) -> Trained:
        from safetensors.torch import load_file, save_file

        path = self._work / f"seed-{seed}-all.safetensors"
        if not path.is_file():
            network = self._train(f"seed {seed}, all texts", self._data, self._inputs, seed)
            network.merge()
            head = {"head.weight": network.head.weight, "head.bias": network.head.bias}
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in (head | network.tuned()).items()}
            with replacing(path) as part:
                save_file(tensors, part)
        self._progress.advance()
        tensors = load_file(path)
        return Trained(tensors.pop("head.weight"), tensors.pop("head.bias"), tensors)

    def _train(self, name: str, data: Data, inputs: Inputs, seed: int) -> LabelNetwork:
        torch.manual_seed(seed)
        auxiliary = 0 if data.auxiliary is None else data.auxiliary.shape[1]
        network = LabelNetwork(self._make_encoder(), len(data.outputs), self._options, auxiliary)
        train(
            network,
            inputs,
            data.truth,
            self._options,
            seed=seed,
            folder=self._work / name.replace(", ", "-").replace(" ", "-"),
            say=lambda text: self._progress.say(f"{name}: {text}"),
            auxiliary=data.auxiliary,
        )
        return network

    def _reduce(self, network: LabelNetwork) -> None:
        """Reduce the change of the encoder as a slim model does, so that what is tested is what will be used."""
        rank = self._options.slim_rank
        if rank is not None:
            network.merge()
            own = self._make_encoder().model.state_dict()
            network.load_tuned(whole_tensors(slim_tensors(network.tuned(), own, rank), own))

    def _at(self, rows: Rows) -> Inputs:
        return [self._inputs[row] for row in rows]


def predict_baseline(
    make: Callable[[], Baseline], data: Data, results: Mapping[int, OutOfFold], progress: Progress
) -> dict[int, LabelMatrix]:
    """Return the labels of every tested text by a baseline that did not learn from it, on the same folds as networks.

    Parameters
    ----------
    make : callable
        Makes a new baseline.
    data : Data
        Labelled texts.
    results : mapping of int to OutOfFold
        Seed to the results of the networks.
    progress : Progress
        Receives the progress.

    Returns
    -------
    dict of int to LabelMatrix
        Seed to the labels.
    """
    found = {}
    for seed, of_seed in results.items():
        fold_of = np.asarray(of_seed.folds)
        answers = LabelMatrix.empty(data.gold.ids)
        for fold in of_seed.tested:
            rest, at = data.take(np.flatnonzero(fold_of != fold)), np.flatnonzero(fold_of == fold)
            score = data.take(at)
            baseline = make()
            baseline.fit(rest.texts, rest.gold, rest.groups)
            predicted = baseline.predict(score.texts, score.gold.ids)
            answers.labels[at], answers.probabilities[at] = predicted.labels, predicted.probabilities
            progress.advance()
        found[seed] = answers.take(of_seed.rows)
    return found


def tested_rows(results: Mapping[int, OutOfFold]) -> Rows:
    """Return the texts that were tested, as places in the data; they are the same for all seeds."""
    return next(iter(results.values())).rows


def _tested(folds: Folds, options: TrainingOptions) -> range:
    return range(options.tested_folds or int(folds.max()) + 1)


def _saved(path: Path, make: Callable[[], dict[str, Floats]]) -> dict[str, Floats]:
    """Return arrays from a file; if it does not exist, they are made and saved first."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = make()
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _mean(runs: Sequence[Trained]) -> Trained:
    def mean(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.stack([tensor.float() for tensor in tensors]).mean(0)

    tuned = {name: mean([run.tuned[name] for run in runs]) for name in runs[0].tuned}
    return Trained(mean([run.weight for run in runs]), mean([run.bias for run in runs]), tuned)
