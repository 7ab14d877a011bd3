"""The model directory that training writes.

    labels.json, head.safetensors   card and head; the head includes the calibration
    config.json, model.safetensors, tokenizer files
                                    the encoder; or, for a slim model, only tuned.safetensors
    README.md                       the card as text
    model.toml                      the manifest for the store
    learnt-from.json                keyed hashes of the ids of the texts
    training/recipe.json            options, versions, checksums of data and encoder
    training/gold.csv, predictions.csv, baseline-<name>.csv
                                    the input of `valex evaluate`; not copied into the store

`labels.json` is written last: a directory without it is not a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from valex_local.corpus import Corpus
from valex_local.errors import ConfigError
from valex_local.files.atomic import write_whole
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.stages.labels.card import (
    CARD,
    HEAD,
    OWN_ENCODER,
    TUNED,
    CardFigure,
    ModelCard,
    OutputRow,
    ValueOutputs,
)
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store.describe import slug
from valex_local.store.manifests import RECORD, File, Manifest
from valex_local.system.hugging_face import quiet
from valex_local.training.calibrate import Calibrator
from valex_local.training.data import Data
from valex_local.training.options import TrainingOptions
from valex_local.training.slim import slim_tensors

if TYPE_CHECKING:
    import torch

    from valex_local.training.cross_validation import Trained

TRAINING = "training"
RECIPE = f"{TRAINING}/recipe.json"
README = "README.md"


@dataclass(frozen=True)
class Facts:
    """The parts of a card that do not come from the training.

    Attributes
    ----------
    name : str
        Display name of the model.
    domain : str
        The kind of text it is trained on, in a few words; shown wherever its labels are.
    languages : tuple of str
        ISO 639-1 codes of that text.
    data : tuple of str
        The training data, with sizes and licences.
    limits : tuple of str
        What it should not be used for.
    licence : str
        Licence of the model.
    """

    name: str
    domain: str
    languages: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    licence: str = ""

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        sources: Iterable[Path],
        *,
        name: str,
        domain: str,
        languages: Sequence[str] = (),
        data: Sequence[str] = (),
        limits: Sequence[str] = (),
        licence: str = "",
    ) -> Facts:
        """Return the facts of a model to be trained on texts and labels.

        Parameters
        ----------
        corpus : Corpus
            The texts with their labels.
        sources : iterable of Path
            The files and folders they come from, which the card names.
        name, domain, limits, licence
            As the attributes.
        languages : sequence of str
            As the attribute; by default the languages that the texts state.
        data : sequence of str
            More lines on the training data.

        Returns
        -------
        Facts
            The facts.

        Raises
        ------
        ConfigError
            The domain is empty.
        """
        if not domain.strip():
            raise ConfigError("--domain is empty", hint="Describe in a few words what kind of text this is")
        found = sorted({text.language for text in corpus.texts if text.language})
        names = ", ".join(dict.fromkeys(path.name for path in sources))
        return cls(
            name=name,
            domain=domain,
            languages=tuple(languages or found),
            data=(f"{len(corpus.texts):,} texts with labels, from {names}", *data),
            limits=tuple(limits),
            licence=licence,
        )


def make_card(
    facts: Facts,
    data: Data,
    options: TrainingOptions,
    calibration: Calibrator,
    *,
    encoder: str,
    window: int,
    overlap: int,
    measured: Sequence[CardFigure],
) -> ModelCard:
    """Return the card of a trained model.

    Parameters
    ----------
    facts : Facts
        The parts that do not come from the training.
    data : Data
        The training data.
    options : TrainingOptions
        Options of the training.
    calibration : Calibrator
        The thresholds.
    encoder : str
        ``"."``, or for a slim model the id of the encoder.
    window, overlap : int
        Tokens per window, and tokens that neighbouring windows share.
    measured : sequence of CardFigure
        The figures reached.

    Returns
    -------
    ModelCard
        The card.
    """
    outputs: dict[str, dict[str, OutputRow]] = {}
    for row, ((value, polarity), support) in enumerate(data.support.items()):
        threshold = round(float(calibration.thresholds[row]), 4)
        outputs.setdefault(value, {})[polarity] = OutputRow(row=row, threshold=threshold, support=support)
    return ModelCard(
        name=facts.name,
        domain=facts.domain,
        languages=facts.languages,
        encoder=encoder,
        pooling=options.pooling,
        window=window,
        overlap=overlap,
        pool_windows="max",
        outputs={value: ValueOutputs(**outputs[value]) for value in CIRCLE if value in outputs},
        left_out=data.left_out,
        data=facts.data,
        measured=tuple(measured),
        limits=facts.limits,
    )


def calibrated_head(trained: Trained, calibration: Calibrator) -> dict[str, torch.Tensor]:
    """Return the head with the calibration included; slopes are positive, so the largest window stays the largest."""
    import torch

    slopes, intercepts = (
        torch.from_numpy(np.ascontiguousarray(each, dtype=np.float32))
        for each in (calibration.slopes, calibration.intercepts)
    )
    return {
        "weight": (trained.weight * slopes[:, None]).contiguous(),
        "bias": (trained.bias * slopes + intercepts).contiguous(),
    }


def write_weights(
    folder: Path,
    trained: Trained,
    calibration: Calibrator,
    make_encoder: Callable[[], TextEncoder],
    *,
    slim: bool,
    rank: int | None = None,
) -> None:
    """Write head and encoder into a directory.

    Parameters
    ----------
    folder : Path
        The directory.
    trained : Trained
        The trained weights.
    calibration : Calibrator
        The calibration, which is included in the head.
    make_encoder : callable
        Loads the encoder that the training started from.
    slim : bool
        Whether to write only those tensors of the encoder that changed, in half precision.
    rank : int, optional
        Rank to which a slim model reduces the change of each matrix.
    """
    import torch
    from safetensors.torch import save_file

    save_file(calibrated_head(trained, calibration), folder / HEAD)
    if slim:
        if trained.tuned:
            own = {} if rank is None else make_encoder().model.state_dict()
            save_file(slim_tensors(trained.tuned, own, rank), folder / TUNED)
        return
    torch.manual_seed(0)  # tensors missing from the encoder's files, such as a pooler, are random: always the same
    encoder = make_encoder()
    encoder.model.load_state_dict(trained.tuned, strict=False)
    with quiet():
        encoder.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)


def write_description(folder: Path, card: ModelCard, facts: Facts) -> None:
    """Write README, manifest and, last, the card.

    Parameters
    ----------
    folder : Path
        The model directory, with everything else in it.
    card : ModelCard
        The card.
    facts : Facts
        The parts of the card that do not come from the training.
    """
    (folder / README).write_text(readme(card, facts), "utf-8")
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != RECORD
        and (path.parent == folder or path == folder / RECIPE)
        and not path.name.startswith(".")  # may be left by an interrupted call
    )
    manifest = Manifest(
        id=slug(folder),
        role="labels",
        engine="encoder",
        description=f"{card.name}: {card.domain}",
        licence=facts.licence,
        origin="trained with valex train",
        requires=() if card.encoder == OWN_ENCODER else (card.encoder,),
        files=tuple(File(name=name) for name in sorted({*names, CARD})),
    )
    (folder / RECORD).write_text(manifest.to_toml(), "utf-8")
    write_whole(folder / CARD, card.to_json().encode())


def readme(card: ModelCard, facts: Facts) -> str:
    """Return the card as Markdown."""
    lines = [f"# {card.name}", "", f"A label model for *{card.domain}*"]
    lines[-1] += f" ({', '.join(card.languages)})." if card.languages else "."
    lines += ["", "It says for each of the 19 values of Schwartz et al. (2012) whether a text shows it as present"]
    conflicted = any(polarity is Polarity.CONFLICTED for _, polarity in card.rows)
    lines[-1] += " and whether as conflicted." if conflicted else "; *conflicted* is not assessed."
    if facts.licence:
        lines += ["", f"Licence: {facts.licence}"]
    lines += _section("Data", card.data) + _section("Limits", card.limits)
    lines += _section(
        "Left out for want of support, and therefore not assessed", [_left(item) for item in card.left_out]
    )
    if card.measured:
        lines += ["", "## Figures", "", "| figure | value | 95 % interval | on |", "|---|---|---|---|"]
        lines += [f"| {m.figure} | {m.value:.3f} | {_interval(m)} | {m.on} |" for m in card.measured]
    lines += ["", "## Outputs", "", "| value | polarity | texts that show it | threshold |", "|---|---|---|---|"]
    lines += [f"| {v} | {p} | {o.support} | {o.threshold:.2f} |" for (v, p), o in card.rows.items()]
    return "\n".join(lines) + "\n"


def _section(title: str, items: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {item}" for item in items)] if items else []


def _left(item: object) -> str:
    value, polarity, support = (getattr(item, name) for name in ("value", "polarity", "support"))
    return f"{value}, {polarity}: {support} texts"


def _interval(measured: CardFigure) -> str:
    return "" if measured.low is None or measured.high is None else f"{measured.low:.3f} to {measured.high:.3f}"
