"""`valex train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._progress import progress
from valex_local.cli._settings import read_language, read_setting
from valex_local.settings import merge

if TYPE_CHECKING:
    from valex_local.evaluation.results import Evaluation


@click.command()
@click.option(
    "--labels",
    "sheets",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A label sheet (repeatable).",
)
@click.option(
    "--texts",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A study, a folder of .txt files or a table (repeatable).",
)
@click.option(
    "--encoder",
    default="roberta-large",
    show_default=True,
    help="A model of the store, or the directory of a Hugging Face encoder.",
)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="The model directory to make, or to go on with."
)
@click.option("--domain", required=True, help="What kind of text this is, in a few words; shown with every label.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    metavar="CODE",
    help="Language of the texts, ISO 639-1 (repeatable); by the texts when left out.",
)
@click.option("--name", help="Name of the model; that of the directory when left out.")
@click.option("--licence", default="", help="Licence of the model, for the record.")
@click.option(
    "--data", multiple=True, metavar="TEXT", help="A line for the card on what it is trained on (repeatable)."
)
@click.option(
    "--limit", "limits", multiple=True, metavar="TEXT", help="A line for the card on its limits (repeatable)."
)
@click.option(
    "--mode",
    type=click.Choice(["frozen", "lora", "full"]),
    help="Train the head alone, low-rank additions, or all (default).",
)
@click.option(
    "--adapt", type=click.IntRange(min=0), metavar="EPOCHS", help="Masked-language training on all texts before."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data; by the mode when left out.")
@click.option("--learning-rate", type=float, help="Of the encoder; by the mode when left out.")
@click.option("--batch", type=click.IntRange(min=1), help="Texts per step.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), help="Of the computation.")
@click.option("--class-weights", type=click.Choice(["none", "sqrt", "balanced"]), help="Weight of positives.")
@click.option(
    "--window", type=click.IntRange(min=8), help="Tokens per window; as many as the encoder takes when left out."
)
@click.option(
    "--min-support", type=click.IntRange(min=1), help="Fewer texts leave a polarity of a value out (default 30)."
)
@click.option("--group", help="What folds never part: author (default), genre, a column of the texts, none.")
@click.option("--folds", help="Number of folds (default 5), or `each`: leave one group out.")
@click.option("--seeds", type=click.IntRange(min=1), help="Repetitions (default 3).")
@click.option("--seed", type=int, help="The first seed.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other training option (repeatable).")
@click.option("--slim/--no-slim", help="Keep of the encoder only what learns: the model then rests on the store's.")
@click.option("--annotator", help="The annotator whose labels count; the majority when left out.")
@click.option("--id-column", help="Column of ids in a table of texts.")
@click.option("--text-column", help="Column of texts in a table.")
@click.option("--script", help="Variant of a study's scripts.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def train(sheets: tuple[Path, ...], sources: tuple[Path, ...], out: Path, as_json: bool, **given: Any) -> None:
    """Train a label model on texts and their labels, and find out how good it is.

    The network that judges a text has seen neither its labels nor those of the other texts of its author.
    Interrupt at any time: the same command goes on from there.
    """
    from valex_local.cli._corpus import print_corpus
    from valex_local.corpus import read_corpus
    from valex_local.store import Store
    from valex_local.system.devices import detect, set_threads
    from valex_local.system.imports import require_extra

    require_extra("train", "sklearn", "accelerate", "peft", "pyvalues")
    device = detect(given["device"])
    set_threads(device.threads)  # before torch is imported

    from valex_local.training.model import Facts
    from valex_local.training.options import training_options
    from valex_local.training.train import Base, train_model

    options = training_options(_given(given))
    languages = list(filter(None, map(read_language, given["languages"])))
    base = Base.find(Store(), given["encoder"], slim=given["slim"])
    columns = {name: given[name] for name in ("annotator", "id_column", "text_column", "script")}
    corpus = read_corpus(sheets, sources, **columns)
    facts = Facts.of(
        corpus,
        (*sheets, *sources),
        name=given["name"] or out.resolve().name,
        languages=languages,
        **{name: given[name] for name in ("domain", "data", "limits", "licence")},
    )
    with progress(quiet=as_json) as shown:
        print_corpus(corpus, shown.say)
        evaluation = train_model(
            corpus,
            base,
            out,
            options=options,
            facts=facts,
            device=device,
            progress=shown,
        )
    _print(evaluation, as_json=as_json)
    if not as_json:
        click.echo(f"\nThe model is in {out}. Take it into the store with: valex models add {out}")


def _given(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of training that were given."""
    from valex_local.training.options import TrainingOptions

    data = {name: given[name] for name in TrainingOptions.model_fields if given.get(name) is not None}
    for text in given["settings"]:
        data = merge(data, read_setting(text))
    return data


def _print(evaluation: Evaluation, *, as_json: bool) -> None:
    from rich.console import Console

    from valex_local.evaluation.render import print_evaluation

    if as_json:
        click.echo(evaluation.to_json(), nl=False)
    else:
        print_evaluation(Console(highlight=False), evaluation)
