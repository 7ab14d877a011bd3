"""The whole training, from labelled texts to a model directory.

1. The encoder is adapted to the texts, if asked for.
2. Cross-validation of the route on texts it did not learn from, and of the baselines on the same folds.
3. The final model is trained on all texts.
4. Figures, card and README are written.

Intermediate results are in ``training/work`` of the model directory. If the training is interrupted, the same call
resumes it; with other options, data or encoder that is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np

from valex_local import __version__
from valex_local.corpus import Corpus, Text, write_long
from valex_local.errors import ConfigError, ModelError
from valex_local.evaluation.baselines import BASELINES
from valex_local.evaluation.results import Evaluation
from valex_local.evaluation.routes import BASELINE
from valex_local.files.atomic import write_whole, writing
from valex_local.files.removing import remove
from valex_local.files.text import load_json, read_raw
from valex_local.pipeline.progress import Progress
from valex_local.privacy.learnt import write_learnt
from valex_local.stages.labels.card import CARD, OWN_ENCODER, CardFigure
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import Store, StoredModel
from valex_local.store.describe import slug
from valex_local.system.devices import Device
from valex_local.training import figures
from valex_local.training.adapt import adapt
from valex_local.training.auxiliary import Auxiliary
from valex_local.training.calibrate import Calibrator
from valex_local.training.cross_validation import (
    MakeEncoder,
    OutOfFold,
    Trained,
    Trainer,
    predict_baseline,
    tested_rows,
)
from valex_local.training.data import Data, spread
from valex_local.training.model import RECIPE, TRAINING, Facts, make_card, write_description, write_weights
from valex_local.training.options import TrainingOptions
from valex_local.training.slim import slim_figures

_VERSIONS = ("torch", "transformers", "accelerate", "peft", "scikit-learn")


@dataclass(frozen=True)
class Base:
    """The encoder to start from.

    Attributes
    ----------
    model : StoredModel
        The encoder, from the store or another folder.
    slim : bool
        Whether to write only those tensors of the encoder that change; the model then needs that encoder in the store.
    """

    model: StoredModel
    slim: bool = False

    @classmethod
    def find(cls, store: Store, name: str, *, slim: bool = False) -> Self:
        """Return an encoder from the store or a directory.

        Parameters
        ----------
        store : Store
            The model store.
        name : str
            The id of the encoder, or its directory.
        slim : bool
            As the attribute.

        Returns
        -------
        Base
            The encoder.

        Raises
        ------
        ModelError
            There is none, or it is for another role.
        ConfigError
            A slim model was asked for on an encoder that is not in the store.
        """
        path = Path(name).expanduser()
        known = name in store.manifests()
        if not known and path.is_dir():
            if slim:
                raise ConfigError(
                    "a slim model needs an encoder that is in the store",
                    path=path,
                    hint=f"Add it first: valex models add {path} --role encoder",
                )
            return cls(store.local(path, "encoder"))
        model = store.find(name)
        if model.role not in ("encoder", "sentence"):
            raise ModelError(f"the model {name} is for the role {model.role}: it cannot be trained into a label model")
        return cls(model, slim)


def train_model(
    corpus: Corpus,
    base: Base,
    out: Path,
    *,
    options: TrainingOptions,
    facts: Facts,
    device: Device,
    progress: Progress,
    auxiliary: Auxiliary | None = None,
) -> Evaluation:
    """Train a label model and evaluate it.

    Parameters
    ----------
    corpus : Corpus
        Texts with their labels.
    base : Base
        The encoder.
    out : Path
        The model directory to create, or that of an interrupted training.
    options : TrainingOptions
        Options of the training.
    facts : Facts
        The parts of the card that do not come from the training.
    device : Device
        Where to compute.
    progress : Progress
        Receives the progress.
    auxiliary : Auxiliary, optional
        Further labels of the texts that the encoder learns.

    Returns
    -------
    Evaluation
        Figures of the route and of the baselines, all out of fold.

    Raises
    ------
    ModelError
        The folder contains something else, or a training with other options; or the encoder cannot be used.
    ConfigError
        Options contradict each other.
    InputError
        No output has enough support, or there are fewer groups than folds.
    """
    if base.slim and options.adapt and (options.mode != "full" or options.freeze_embeddings):
        raise ConfigError(
            "a slim model contains only what changes in training on labels, but adaptation changes the rest too",
            hint="Leave out --slim, or --adapt",
        )
    if options.slim_rank is not None and not base.slim:
        raise ConfigError("slim_rank is for slim models", hint="Add --slim, or leave out slim_rank")
    if options.slim_rank is not None and options.adapt:
        raise ConfigError(
            "a slim model of low rank cannot contain what adaptation changes", hint="Leave out slim_rank, or --adapt"
        )
    if base.slim and options.mode == "lora" and options.slim_rank is None:
        # The change of every matrix is of this rank: its two factors are exact, and much smaller than the matrix.
        options = options.model_copy(update={"slim_rank": options.lora_rank * options.seeds})
    if auxiliary is not None:
        if options.mode == "frozen":
            raise ConfigError("auxiliary labels do nothing for a frozen encoder", hint="Train with --mode full or lora")
        facts = replace(facts, data=(*facts.data, auxiliary.about))
    data = Data.of(corpus, options, None if auxiliary is None else auxiliary.labels)
    work = _open(out, _recipe(data, base, options, facts, device))
    if not (out / CARD).is_file():
        _Training(corpus, data, base, out, work, options, facts, device, progress).run()
    remove(work, inside=out)
    return figures.of_model(out, options)


@dataclass(frozen=True, eq=False)
class _Training:
    """A training; see `train_model`. `work` is the folder for intermediate results."""

    corpus: Corpus
    data: Data
    base: Base
    out: Path
    work: Path
    options: TrainingOptions
    facts: Facts
    device: Device
    progress: Progress

    def run(self) -> None:
        """Run the remaining steps and write the model directory."""
        window, overlap = self._window()
        load = partial(
            TextEncoder,
            pooling=self.options.pooling,
            normalise=False,
            window=window,
            overlap=overlap,
            device=self.device,
        )
        make_encoder = partial(load, self._adapted(partial(load, self.base.model.folder)))
        trainer = Trainer(self.data, self.options, make_encoder, work=self.work, progress=self.progress)
        results = trainer.cross_validate()
        figures.write_predictions(self.out, self.data, results)
        self._write_baselines(results)
        trained, calibration = trainer.fit(results)
        write_weights(self.out, trained, calibration, make_encoder, slim=self.base.slim, rank=self.options.slim_rank)
        facts = self._facts(results)
        card = make_card(
            facts,
            self.data,
            self.options,
            calibration,
            encoder=self.base.model.id if self.base.slim else OWN_ENCODER,
            window=window,
            overlap=overlap,
            measured=self._measured(trained, calibration, make_encoder),
        )
        # The key is that of the recipe, so that the same training makes the same files.
        key = hashlib.sha256(read_raw(self.out / RECIPE)).hexdigest()
        write_learnt(self.out, key, (name for text in self._learnt() for name in (text.id, *text.names)))
        write_description(self.out, card, facts)

    def _learnt(self) -> Sequence[Text]:
        """Return the texts that the model has learnt from: an adapted encoder has seen those without labels, too."""
        corpus = self.corpus
        return [*corpus.texts, *corpus.unlabelled] if self.options.adapt else corpus.texts

    def _facts(self, results: Mapping[int, OutOfFold]) -> Facts:
        """Return the facts for the card; that only some folds were tested is one of the limits."""
        if self.options.tested_folds is None:
            return self.facts
        some = f"{len(tested_rows(results)):,} of {len(self.data):,}"
        told = f"Figures, calibration and thresholds rest on {some} texts: {self._protocol()}"
        self.progress.say(told)
        return replace(self.facts, limits=(*self.facts.limits, told))

    def _measured(self, trained: Trained, calibration: Calibrator, make_encoder: MakeEncoder) -> tuple[CardFigure, ...]:
        """Return the figures for the card, given the files already written."""
        found = figures.measured(figures.of_model(self.out, self.options), self._protocol(), texts=len(self.data))
        rank = self.options.slim_rank
        if rank is None or not trained.tuned:
            return found
        thresholds = calibration.thresholds
        return found + slim_figures(
            self.out, trained.tuned, self.data.texts, thresholds, make_encoder=make_encoder, rank=rank
        )

    def _window(self) -> tuple[int, int]:
        """Return window and overlap; by default as much as the encoder takes, and a quarter of it."""
        encoder = TextEncoder(
            self.base.model.folder, pooling="mean", normalise=False, window=8, overlap=0, device=self.device
        )
        window = self.options.window or encoder.limit
        overlap = window // 4 if self.options.overlap is None else self.options.overlap
        if overlap > window // 2:
            raise ConfigError(f"an overlap of {overlap} tokens is more than half the encoder's window of {window}")
        return window, overlap

    def _adapted(self, make_encoder: MakeEncoder) -> Path:
        """Return the folder of the encoder to start from, which is adapted first if asked for."""
        folder = self.base.model.folder
        if not self.options.adapt:
            return folder
        return adapt(
            folder,
            [text.text for text in (*self.corpus.texts, *self.corpus.unlabelled)],
            self.options,
            make_encoder=make_encoder,
            device=self.device,
            work=self.work,
            say=self.progress.say,
        )

    def _write_baselines(self, results: Mapping[int, OutOfFold]) -> None:
        """Write the labels of every baseline, on the same folds and for the same outputs as the model."""
        data = self.data
        assessed = ~np.isnan(spread(np.zeros(len(data.outputs)), data.outputs))
        gold = replace(data.gold, labels=np.where(assessed, data.gold.labels, np.nan))
        for name, make in BASELINES.items():
            path = self.out / BASELINE.format(name)
            if not path.is_file():
                self.progress.step(f"baseline {name}", sum(len(of_seed.tested) for of_seed in results.values()))
                found = predict_baseline(make, replace(data, gold=gold), results, self.progress)
                write_long(path, {str(seed): answers for seed, answers in found.items()})

    def _protocol(self) -> str:
        folds = "each group a fold" if self.options.folds is None else f"{self.options.folds} folds"
        before = "the encoder adapted to all texts before, without labels; " if self.options.adapt else ""
        if self.options.tested_folds is not None:
            return f"{before}only {self.options.tested_folds} of {folds} by {self.options.group} tested, one seed"
        return f"{before}cross-validation, {folds} by {self.options.group}, {self.options.seeds} seeds"


def _recipe(data: Data, base: Base, options: TrainingOptions, facts: Facts, device: Device) -> dict[str, Any]:
    return {
        "options": options.model_dump(mode="json"),
        "data": {"texts": len(data), "sha256": data.digest(), "said": list(facts.data)},
        "encoder": {"id": base.model.id, "sha256": base.model.digest, "slim": base.slim},
        "device": device.kind,
        "threads": device.threads,
        "versions": {"valex_local": __version__} | {name: version(name) for name in _VERSIONS},
    }


def _open(out: Path, recipe: Mapping[str, Any]) -> Path:
    """Create the model directory, or check that it was begun with the same recipe; return the work folder."""
    slug(out)  # raises now, not after the training, if the name makes no id
    path = out / RECIPE
    if path.is_file():
        before = _before(path)
        changed = [key for key in recipe if before.get(key) != recipe[key]]
        if changed:
            raise ModelError(
                f"this folder contains a training with other {' and '.join(changed)}",
                path=out,
                hint="Name a new folder with -o, or remove this one",
            )
    elif out.exists() and (not out.is_dir() or any(not left.is_dir() for left in out.rglob("*"))):
        raise ModelError(
            "this folder is not empty and contains no training", path=out, hint="Name a new folder with -o"
        )
    work = out / TRAINING / "work"
    if not (out / CARD).is_file():
        with writing(out):
            work.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(recipe, indent=1) + "\n").encode())
    return work


def _before(path: Path) -> dict[str, Any]:
    try:
        before = load_json(read_raw(path))
    except ValueError:
        before = None
    if not isinstance(before, dict):
        raise ModelError("this training recipe cannot be read", path=path, hint="Name a new folder with -o")
    return before
