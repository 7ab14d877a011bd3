"""`valex train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._blank import blank_option
from valex_local.cli._evaluation import SUPPORT, read_support
from valex_local.cli._output import say, say_json_text, terminal
from valex_local.cli._progress import progress
from valex_local.cli._settings import read_language, read_setting
from valex_local.cli._views import named_script, without_option
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
    help="Label sheet (repeatable).",
)
@click.option(
    "--texts",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Study, folder of .txt files, or table (repeatable).",
)
@click.option(
    "--encoder",
    default="roberta-large",
    show_default=True,
    help="Encoder to train: a model in the store, or a Hugging Face directory.",
)
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Model directory to write, or to continue."
)
@click.option("--domain", required=True, help="The kind of text, in a few words; shown with every label.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    metavar="CODE",
    help="Language of the texts (ISO 639-1, repeatable). Default: as the texts say.",
)
@click.option("--name", help="Name of the model. Default: that of the directory.")
@click.option("--licence", default="", help="Licence of the model, for the model card.")
@click.option(
    "--data", multiple=True, metavar="TEXT", help="Line on the training data for the model card (repeatable)."
)
@click.option(
    "--limit", "limits", multiple=True, metavar="TEXT", help="Line on limits for the model card (repeatable)."
)
@click.option(
    "--mode",
    type=click.Choice(["frozen", "lora", "full"]),
    help="What to train: the head, low-rank additions, or everything (default).",
)
@click.option(
    "--adapt",
    type=click.IntRange(min=0),
    metavar="EPOCHS",
    help="Epochs of masked-language training first.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data. Default: by the mode.")
@click.option("--learning-rate", type=float, help="Learning rate of the encoder. Default: by the mode.")
@click.option("--batch", type=click.IntRange(min=1), help="Texts per training step.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), help="Floating-point precision.")
@click.option("--class-weights", type=click.Choice(["none", "sqrt", "balanced"]), help="How to weight positive labels.")
@click.option("--window", type=click.IntRange(min=8), help="Tokens per window. Default: as many as the encoder takes.")
@click.option(
    "--min-support",
    callback=read_support,
    metavar=SUPPORT,
    help="Texts that must show a value for it to be learnt (default 30), or their share, such as 5%.",
)
@click.option("--group", help="Texts kept in one fold: author (default), genre, a column, or none.")
@click.option("--folds", help="Number of folds (default 5), or each: leave one group out.")
@click.option("--seeds", type=click.IntRange(min=1), help="Repetitions with other seeds (default 3).")
@click.option("--seed", type=int, help="First seed (default 0).")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Other training option (repeatable).")
@click.option("--slim/--no-slim", help="Save only what was trained; the rest comes from the encoder in the store.")
@click.option(
    "--auxiliary",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Table of further 0/1 columns that the encoder learns besides the values (repeatable).",
)
@click.option("--annotator", help="Annotator whose labels count. Default: the majority.")
@blank_option
@click.option("--id-column", help="Column of ids, in a table of texts.")
@click.option("--text-column", help="Column of texts, in a table of texts.")
@click.option("--script", help="Variant of the scripts, in a study.")
@without_option
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def train(sheets: tuple[Path, ...], sources: tuple[Path, ...], out: Path, as_json: bool, **given: Any) -> None:
    """Train a label model on labelled texts and measure how good it is.

    The figures are out of fold: a text is judged by a network that saw no label of any text by the same author. A
    training can be interrupted at any time: the same command continues from there.
    """
    from valex_local.cli._corpus import print_corpus, print_list
    from valex_local.corpus import read_corpus
    from valex_local.store import Store
    from valex_local.study import output
    from valex_local.system.devices import detect, set_threads
    from valex_local.system.imports import require_extra

    require_extra("train", "sklearn", "accelerate", "peft", "pyvalues")
    device = detect(given["device"])
    set_threads(device.threads)  # before torch is imported

    from valex_local.training.auxiliary import read_auxiliary
    from valex_local.training.model import Facts
    from valex_local.training.options import support_note, training_options
    from valex_local.training.train import Base, train_model

    options = training_options(_given(given))
    languages = list(filter(None, map(read_language, given["languages"])))
    base = Base.find(Store(), given["encoder"], slim=given["slim"])
    given["script"] = named_script(given, sources)
    if given["without"]:
        given["data"] = (*given["data"], f"scripts without {', '.join(given['without'])}")
    columns = {name: given[name] for name in ("annotator", "id_column", "text_column", "script", "blank")}
    corpus = read_corpus(sheets, sources, **columns)
    options = options.model_copy(update={"group": corpus.grouping(options.group)})
    facts = Facts.of(
        corpus,
        (*sheets, *sources),
        name=given["name"] or out.resolve().name,
        languages=languages,
        data=(*given["data"], *support_note(options, len(corpus.texts))),
        **{name: given[name] for name in ("domain", "limits", "licence")},
    )
    with output(out), progress(quiet=as_json) as shown:
        print_corpus(corpus, shown.say)
        auxiliary = read_auxiliary(given["auxiliary"], corpus) if given["auxiliary"] else None
        if auxiliary is not None:
            shown.say(auxiliary.about)
            print_list("notice", auxiliary.notices, shown.say)
        evaluation = train_model(
            corpus,
            base,
            out,
            options=options,
            facts=facts,
            device=device,
            progress=shown,
            auxiliary=auxiliary,
        )
    _print(evaluation, as_json=as_json)
    if not as_json:
        say()
        say(f"The model is in {out}. Add it to the store with: valex models add {out}")


def _given(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of training that were given."""
    from valex_local.training.options import TrainingOptions

    data = {name: given[name] for name in TrainingOptions.model_fields if given.get(name) is not None}
    for text in given["settings"]:
        data = merge(data, read_setting(text))
    return data


def _print(evaluation: Evaluation, *, as_json: bool) -> None:
    from valex_local.evaluation.render import print_evaluation

    if as_json:
        say_json_text(evaluation.to_json())
    else:
        print_evaluation(terminal(), evaluation)
