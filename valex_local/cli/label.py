"""`valex label`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._blank import blank_option
from valex_local.cli._output import say
from valex_local.cli._progress import progress
from valex_local.cli._pseudonyms import pseudonyms_option
from valex_local.cli._settings import read_language
from valex_local.cli._study import StudyCommand, is_study, open_study, say_new_place
from valex_local.cli._views import named_script, without_option
from valex_local.errors import ConfigError, InputError
from valex_local.stages.label_routes import ROUTES

if TYPE_CHECKING:
    from valex_local.corpus import Texts
    from valex_local.pipeline.label import LabelPlan, Shape
    from valex_local.stages.labels.examples import FewShotFold
    from valex_local.stages.labels.texts import LabelledTexts
    from valex_local.study import Study

_OF_FILES = (
    "as",
    "states",
    "language",
    "id_column",
    "text_column",
    "shots",
    "labels",
    "group",
    "folds",
    "seed",
    "pseudonyms",
)
"""Options for labels that go into a file."""

_OF_SHOTS = ("labels", "group", "folds", "seed")
"""Options for the examples of --shots."""

_PATH = click.Path(path_type=Path)


@click.command(cls=StudyCommand)
@click.argument("texts", metavar="[TEXTS]", required=False, type=_PATH)
@click.option("-o", "--out", type=_PATH, help="CSV file to write the labels into.")
@click.option(
    "--as",
    type=click.Choice(["authors", "long"]),
    help="Columns of the file: the authors' sheet, a row per text with -1, 0, 1, 2 (default); or a row per text and "
    "value, with probabilities.",
)
@click.option(
    "--route",
    type=click.Choice(list(ROUTES)),
    help="How to label: with a label model (encoder), or with a language model that reads the script (fewshot) or sees "
    "the video (direct). Default: the study's route, or encoder.",
)
@click.option("--model", help="The route's model: an id in the store, or the directory of a label model.")
@click.option(
    "--name",
    help="What to name labels that stand beside those of the study's own model: labels.SCRIPT.ROUTE@NAME. Default: the "
    "model's id.",
)
@click.option(
    "--ask",
    type=click.Choice(["together", "one", "apart", "scenes", "yes-no"]),
    help="How to ask a language model: for all values at once (default), for one value at a time, for present and "
    "conflicted apart, or for all values scene by scene (fewshot).",
)
@click.option("--prompt", type=_PATH, help="Prompt file to ask a language model with, instead of the study's; with -o.")
@click.option("--shots", type=click.IntRange(min=1), help="Number of labelled texts to show as examples (fewshot).")
@click.option("--labels", type=_PATH, help="Label sheet to draw the examples from.")
@blank_option
@click.option("--group", help="Texts kept in one fold of --shots: author (default), a column, or none.")
@click.option("--folds", type=click.IntRange(min=2), help="Number of folds of --shots (default 5).")
@click.option("--seed", type=int, help="Seed of --shots (default 0).")
@click.option("--profile", help="Profile whose settings and models apply. Default: the study's, or cpu.")
@click.option("--language", metavar="CODE", help="Language of texts that do not name theirs (ISO 639-1).")
@click.option("--id-column", help="Column of ids, if TEXTS is a table.")
@click.option("--text-column", help="Column of texts, if TEXTS is a table.")
@click.option(
    "--states",
    type=click.Choice(["relative", "cautious", "own-domain"]),
    help="How states are drawn from probabilities in a file: where a value stands out among these texts (default for "
    "30 and more), from 0.6 on (default for fewer), or from the thresholds of the label model on.",
)
@click.option("--script", help="Variant of the study's scripts to label.")
@without_option
@click.option("--int8/--no-int8", default=None, help="Compute in 8-bit integers: faster on a CPU, slightly different.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to compute.")
@pseudonyms_option
@click.option("--redo", is_flag=True, help="Replace labels made with other settings.")
def label(folder: Path | None, texts: Path | None, out: Path | None, **given: Any) -> None:
    """Label the scripts of a study, or texts without videos.

    Labels of a study go into the study, or into the file that -o names. The model and the settings are the study's
    unless options say otherwise. Where the study has labels by another model, those of --model stand beside them.

    TEXTS is a folder of .txt files, or a table with a column of ids and a column of texts. Their labels go into the
    file that -o names.
    """
    from valex_local.pipeline.label import LabelOptions, plan_labels
    from valex_local.study import output

    study, source = _source(folder, texts)
    _check_options(out, given)
    given["script"] = named_script(given, [source])
    if out is None and given["without"] and given["script"].startswith("~"):
        raise ConfigError("--without needs to know of which scripts", hint="Name them: --script template")
    asked = ("route", "model", "name", "ask", "prompt", "int8", "profile", "device")
    plan = plan_labels(LabelOptions(**{name: given[name] for name in asked}), study=study)
    if given["without"] and ROUTES[plan.route].reads:
        raise ConfigError(f"the route {plan.route} labels videos, not scripts", hint="Leave out --without")
    if out is not None:
        with output(out):
            _label_file(source, out, plan, given)
    elif study is not None:
        _label_study(study, plan, given)
    else:
        raise ConfigError("these texts are in no study", path=source, hint="Name a file for the labels: -o labels.csv")


def _source(folder: Path | None, texts: Path | None) -> tuple[Study | None, Path]:
    """Return the study, if its scripts are meant, and where the texts are."""
    if texts is None:
        study = open_study(folder)
        return study, study.root
    if folder is not None:
        raise ConfigError("both a study and texts are named", path=texts, hint="Leave out one of them")
    if not texts.exists():
        raise InputError("there is no such file or folder", path=texts)
    if is_study(texts):
        say_new_place(texts)
    return None, texts


def _check_options(out: Path | None, given: dict[str, Any]) -> None:
    """Refuse options that would have no effect."""
    if given["shots"] is None and any(given[name] is not None for name in _OF_SHOTS):
        raise ConfigError("--labels, --group, --folds and --seed are for examples", hint="Add --shots N")
    if given["shots"] is not None and given["labels"] is None:
        raise ConfigError("--shots draws examples from labels", hint="Name a label sheet with --labels")
    for name in _OF_FILES if out is None else ():
        if given[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} is for labels that go into a file", hint="Add -o labels.csv")
    if given["prompt"] is not None and out is None:
        raise ConfigError(
            "--prompt is for labels that go into a file",
            hint="Add -o labels.csv, or change the study's own: valex run --set labels.fewshot.prompt=FILE",
        )
    for name in ("redo", "name") if out is not None else ():
        if given[name]:
            raise ConfigError(f"--{name} is for labels that go into a study", hint="Leave it out, or leave out -o")
    if given["name"] is not None and given["model"] is None:
        raise ConfigError("--name is for labels by another model", hint="Add --model")


def _label_study(study: Study, plan: LabelPlan, given: dict[str, Any]) -> None:
    from valex_local.cli._summary import print_summary
    from valex_local.pipeline.label import label_study
    from valex_local.study import state_summaries

    with progress() as shown:
        summary = label_study(study, plan, script=given["script"], redo=given["redo"], progress=shown)
    print_summary(summary, state_summaries(study))
    in_vain = any(step.blocked for step in summary.steps) and not any(s.written or s.current for s in summary.steps)
    sys.exit(0 if summary.ok and not in_vain else 1)


def _label_file(source: Path, out: Path, plan: LabelPlan, given: dict[str, Any]) -> None:
    from valex_local.cli._corpus import print_list
    from valex_local.corpus import read_texts
    from valex_local.pipeline.label import check_target, label_file
    from valex_local.privacy.texts import texts_with_pseudonyms

    if given["script"] and plan.study is None:
        raise ConfigError("--script is for the scripts of a study", path=source, hint="Leave it out")
    check_target(out, source)
    language = read_language(given["language"])
    columns = {name: given[name] for name in ("id_column", "text_column", "script")}
    texts = read_texts(source, **columns)
    print_list("left out", texts.left_out, _warn)
    if given["pseudonyms"]:
        texts = texts_with_pseudonyms(texts, given["pseudonyms"])
    folds = _draw_examples(texts, plan, given)
    try:
        with progress() as shown:
            shape: Shape = "long" if given["as"] == "long" else "authors"
            states: Any = given["states"] and given["states"].replace("-", " ")
            labelled = label_file(
                texts, out, plan, shape=shape, folds=folds, language=language, states=states, progress=shown
            )
    except KeyboardInterrupt:
        so_far = "The same command continues from here" if plan.can_resume else "Nothing was written"
        raise KeyboardInterrupt(so_far) from None
    _print(out, labelled)
    sys.exit(1 if labelled.failed else 0)


def _draw_examples(texts: Texts, plan: LabelPlan, given: dict[str, Any]) -> tuple[FewShotFold, ...]:
    from valex_local.cli._corpus import print_corpus
    from valex_local.pipeline.label import draw_examples

    if given["shots"] is None:
        return ()
    if plan.route != "fewshot":
        raise ConfigError("--shots is for the route fewshot", hint="Add --route fewshot")
    corpus, folds = draw_examples(
        texts,
        given["labels"],
        shots=given["shots"],
        folds=given["folds"] or 5,
        group=given["group"] or "author",
        seed=given["seed"] or 0,
        blank=given["blank"],
    )
    print_corpus(corpus, _warn)
    for number, fold in enumerate(folds, 1):
        _warn(f"fold {number}: {len(fold.texts)} texts after {', '.join(fold.drawn)}")
    return folds


def _print(out: Path, labelled: LabelledTexts) -> None:
    source = labelled.source
    languages = ", ".join(source.languages) or "any language"
    done = len(labelled.answers) - len(labelled.failed)
    say(f"{done} texts labelled by {source.model} ({source.domain}; {languages}): {out}")
    for sentence in labelled.states.sentences():
        say(sentence)
    for text_id, error in labelled.failed.items():
        _warn(f"not labelled: {text_id}: {error}")
    if source.baseline:
        say(f"baseline: {source.baseline}")
    for text, count in Counter(n.text for notices in labelled.notices.values() for n in notices).items():
        say(f"{count} × {text}")


def _warn(text: str) -> None:
    say(text, err=True)
