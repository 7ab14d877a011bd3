"""`valex label`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._progress import progress
from valex_local.cli._settings import nested
from valex_local.cli._study import StudyCommand, is_study, open_study, say_new_place
from valex_local.errors import ConfigError, InputError, printable
from valex_local.settings import Settings, make_settings, merge
from valex_local.stages.label_routes import ROUTES, get_route

if TYPE_CHECKING:
    from valex_local.corpus import Texts
    from valex_local.stages.labels.examples import FewShotFold
    from valex_local.stages.labels.texts import LabelledTexts

_OF_TEXTS = ("as", "language", "id_column", "text_column", "shots", "labels", "group", "folds", "seed")
"""Options that say nothing of labels that stay in a study."""

_OF_SHOTS = ("labels", "group", "folds", "seed")
"""Options that say nothing without --shots."""

FOLDS = 5
"""Folds of --shots where none are named."""


@click.command(cls=StudyCommand)
@click.argument("texts", metavar="[TEXTS]", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The CSV file to write.")
@click.option(
    "--as",
    type=click.Choice(["authors", "long"]),
    help="A row a text with -1, 0, 1, 2 as the paper's authors have it (default); or a row a value with probabilities.",
)
@click.option(
    "--route",
    type=click.Choice(list(ROUTES)),
    help="How to label: by a label model, or by a language model from the script, or from the video itself; when left "
    "out as the study does, or encoder.",
)
@click.option("--model", help="The route's model: an id of the store, or a label model's directory.")
@click.option(
    "--ask",
    type=click.Choice(["together", "one", "apart"]),
    help="Of a language model: all values at once (default), one at a time, or present and conflicted apart.",
)
@click.option(
    "--shots", type=click.IntRange(min=1), help="Examples drawn for each fold out of --labels; for --route fewshot."
)
@click.option("--labels", type=click.Path(path_type=Path), help="Label sheet of some of the texts, for --shots.")
@click.option("--group", help="What the folds of --shots never part, or none; author when left out.")
@click.option("--folds", type=click.IntRange(min=2), help="Folds of --shots; 5 when left out.")
@click.option("--seed", type=int, help="Of the folds and draws of --shots; 0 when left out.")
@click.option("--profile", help="The profile whose model is taken when none is named; a study's own, or cpu.")
@click.option("--language", metavar="CODE", help="Language of texts that do not say theirs, ISO 639-1.")
@click.option("--id-column", help="Column of ids in a table of texts.")
@click.option("--text-column", help="Column of texts in a table.")
@click.option("--script", help="Variant of a study's scripts.")
@click.option("--int8/--no-int8", default=None, help="8-bit integers: faster on CPU, and a little different.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to compute.")
@click.option("--redo", is_flag=True, help="Label a study again that another model or setting has labelled.")
def label(folder: Path | None, texts: Path | None, out: Path | None, **given: Any) -> None:
    """Label texts that need no video: a folder of .txt files, or a CSV or TSV with an id and a text column.

    Given a STUDY and no -o, its scripts are labelled in the study. Either way a study's own model and settings hold
    where no others are named.
    """
    source = _source(folder, texts)
    _check_options(given)
    given["route"], given["asked"] = _route(source, given), given["route"]
    if out is None:
        _label_study(source, given)
    else:
        _label_texts(source, out, given)


def _source(folder: Path | None, texts: Path | None) -> Path:
    if texts is None:
        return open_study(folder).root
    if folder is not None:
        raise ConfigError("a study and other texts are named", path=texts, hint="Leave out one of them")
    if not texts.exists():
        raise InputError("there is no such file or folder", path=texts)
    if is_study(texts):
        say_new_place(texts)
    return texts


def _label_study(folder: Path, given: dict[str, Any]) -> None:
    from valex_local.cli._summary import print_summary
    from valex_local.pipeline.run import run
    from valex_local.pipeline.selection import Selection

    if not (folder / "study.toml").is_file():
        raise ConfigError("these are bare texts: name the file to write with -o", path=folder, hint="-o labels.csv")
    for name in _OF_TEXTS:
        if given[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} is for texts that are labelled into a file", hint="Add -o labels.csv")
    options = _options(given)
    if given["asked"]:
        options = merge(options, nested(("labels", "routes"), _routes(folder, given["asked"])))
    _refuse_other_writer(folder, options)
    if given["script"]:
        options = merge(options, nested(("labels", "scripts"), _scripts(folder, given["script"])))
    selection = Selection(only="labels", redo=given["redo"])
    with progress(quiet=False) as shown:
        summary = run((), folder, options=options, selection=selection, progress=shown)
    print_summary(summary)
    sys.exit(0 if summary.ok else 1)


def _check_options(given: dict[str, Any]) -> None:
    """Hold that no option is given that would say nothing."""
    if given["shots"] is None and any(given[name] is not None for name in _OF_SHOTS):
        raise ConfigError("--labels, --group, --folds and --seed are for examples", hint="Add --shots N")
    if given["shots"] is not None and given["labels"] is None:
        raise ConfigError("examples come out of labels", hint="Name the label sheet with --labels")


def _route(source: Path, given: dict[str, Any]) -> str:
    """Return the route that is meant: the one named, else the only one of the study, else the encoder."""
    remembered = tuple(_remembered(source).get("labels", {}).get("routes", ("encoder",)))
    route = str(given["route"] or (remembered[0] if len(remembered) == 1 else "encoder"))
    if not given["route"] and "encoder" not in remembered and len(remembered) > 1 and (given["model"] or given["ask"]):
        raise ConfigError(f"this study labels by {' and '.join(remembered)}", hint="Say which is meant with --route")
    if given["ask"] and get_route(route).role != "llm":
        raise ConfigError("--ask is for routes that ask a language model", hint="Add --route fewshot")
    if given["shots"] is not None and route != "fewshot":
        raise ConfigError("--shots is for the route fewshot", hint="Add --route fewshot")
    if given["int8"] is not None and get_route(route).role != "labels":
        raise ConfigError("--int8 is for label models", hint="Leave it out")
    return route


def _remembered(source: Path) -> dict[str, Any]:
    """Return the options that a study remembers; of bare texts nothing."""
    from valex_local.study import Study

    return Study(source).options() if (source / "study.toml").is_file() else {}


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Collect the settings the options give, leaving out those not given."""
    route = given["route"]
    settings = (
        (("profile",), given["profile"]),
        (("models", get_route(route).role), _model_name(given["model"]) if given["model"] else None),
        (("labels", route, "ask"), given["ask"]),
        (("labels", "int8"), given["int8"]),
        (("work", "device"), given["device"]),
    )
    options: dict[str, Any] = {}
    for path, value in settings:
        if value is not None:
            options = merge(options, nested(path, value))
    return options


def _refuse_other_writer(folder: Path, options: dict[str, Any]) -> None:
    """Hold that another language model for labels does not leave the scripts of the study's writer outdated."""
    from valex_local.store import Store

    remembered = _remembered(folder)
    before, after = (make_settings(merge(remembered, more), source=folder) for more in ({}, options))
    if "local" not in before.script.variants:
        return
    store = Store()
    named = [s.models.get("llm", store.profile(s.profile).models.get("llm")) for s in (before, after)]
    if named[0] != named[1]:
        raise ConfigError(
            f"this study's scripts are written by {named[0]}: with {named[1]} for its language model they would become "
            "outdated",
            path=folder,
            hint="To write them anew too: valex run -o STUDY --set models.llm=MODEL --redo; or label into a file: -o",
        )


def _routes(folder: Path, name: str) -> list[str]:
    """Return the routes that the study labels by, with one more."""
    known = _remembered(folder).get("labels", {}).get("routes", make_settings({}).labels.routes)
    return list(dict.fromkeys((*known, name)))


def _scripts(folder: Path, name: str) -> list[str]:
    """Return the scripts from elsewhere that the study labels, with one more."""
    from valex_local.study import Study

    study = Study(folder)
    if not any((study.folder(post_id) / f"script.{name}.json").is_file() for post_id in study.post_ids()):
        raise InputError(f"no post of this study has script.{name}.json", path=folder, hint="Name another --script")
    known = study.options().get("labels", {}).get("scripts", ())
    return list(dict.fromkeys((*known, name)))


def _label_texts(source: Path, out: Path, given: dict[str, Any]) -> None:
    from valex_local.cli._corpus import print_list
    from valex_local.corpus import read_texts
    from valex_local.store import Store
    from valex_local.system.devices import detect, set_threads, unused_gpu

    if given["redo"]:
        raise ConfigError("--redo is for labels that stay in a study", hint="Leave it out, or leave out -o")
    _check_target(out, source)
    language = _language(given["language"])
    texts = read_texts(source, id_column=given["id_column"], text_column=given["text_column"], script=given["script"])
    print_list("left out", texts.left_out, lambda text: click.echo(text, err=True))
    settings = _settings(source, given)
    route = given["route"]
    if route == "direct":
        raise ConfigError("the route direct labels videos, not texts", hint="Leave out -o, or take --route fewshot")
    if given["script"] and not (source / "study.toml").is_file():
        raise ConfigError("--script is for the scripts of a study", path=source, hint="Leave it out")
    turns = _turns(texts, given)
    device = detect(settings.work.device)
    set_threads(device.threads)  # before torch is imported
    role = get_route(route).role
    model = Store().resolve(settings.profile, settings.models, needed=[role])[role]

    from valex_local.stages.labels.checkpoint import Checkpoint
    from valex_local.stages.labels.texts import label_texts

    # What a language model says in an hour must not be lost; a label model says it again in a minute.
    kept = Checkpoint(out, name=route, model=model, settings=settings) if role == "llm" else None
    try:
        with progress(quiet=False) as shown:
            if note := unused_gpu(device):
                shown.say(note)
            shown.step("labels", len(texts))
            labelled = label_texts(
                texts,
                model,
                settings=settings,
                device=device,
                name=route,
                turns=turns,
                kept=kept,
                language=language,
                on_progress=shown.advance,
            )
        _write(out, given["as"] or "authors", texts, labelled)
        if kept is not None:
            kept.done()
    except KeyboardInterrupt:
        so_far = "The same command goes on from here" if kept is not None else "Nothing was written"
        click.echo(f"\nvalex: interrupted. {so_far}", err=True)
        sys.exit(130)
    _say(out, labelled)
    sys.exit(1 if labelled.failed else 0)


def _turns(texts: Texts, given: dict[str, Any]) -> tuple[FewShotFold, ...]:
    """Draw examples out of the lab's own labels, where that was asked for."""
    if given["shots"] is None:
        return ()
    from valex_local.cli._corpus import print_corpus
    from valex_local.corpus import gold_of, match, read_sheet
    from valex_local.stages.labels.examples import plan_turns

    sheet = read_sheet(given["labels"])
    corpus = match(texts, gold_of(sheet), sheet.groups)
    print_corpus(corpus, lambda text: click.echo(text, err=True))
    turns = plan_turns(
        corpus,
        shots=given["shots"],
        folds=given["folds"] or FOLDS,
        group=given["group"] or "author",
        seed=given["seed"] or 0,
    )
    for fold, turn in enumerate(turns, 1):
        click.echo(f"fold {fold}: {len(turn.texts)} texts after {', '.join(map(printable, turn.drawn))}", err=True)
    return turns


def _settings(source: Path, given: dict[str, Any]) -> Settings:
    """Return the settings given, over those that a study remembers."""
    return make_settings(merge(_remembered(source), _options(given)), source=source)


def _check_target(out: Path, source: Path) -> None:
    """Hold that the file can be written, before an hour of labels comes to nothing."""
    if out.is_dir():
        raise ConfigError("this is a folder", path=out, hint="Name the CSV file to write")
    if not out.parent.is_dir():
        raise ConfigError("there is no such folder to write into", path=out.parent, hint="Make it, or name another")
    if not os.access(out.parent, os.W_OK):
        raise ConfigError("this folder cannot be written into", path=out.parent, hint="Name another")
    if out.exists() and out.samefile(source):
        raise ConfigError("the labels would take the place of the texts", path=out, hint="Name another file with -o")


def _language(code: str | None) -> str | None:
    """Return the code of a language without its region."""
    if code is None:
        return None
    found = re.fullmatch(r"([a-z]{2,3})(?:[-_][a-z]+)?", code.lower())
    if found is None:
        raise ConfigError(f"--language {code}: expected an ISO 639-1 code", hint="For example --language de")
    return found[1]


def _model_name(model: str) -> str:
    """Return a model as the store resolves it: an id, or a directory by its path."""
    from valex_local.store.store import LOCAL

    return f"{LOCAL}{Path(model).absolute()}" if Path(model).is_dir() else model


def _write(out: Path, form: str, texts: Texts, labelled: LabelledTexts) -> None:
    from valex_local.corpus import write_authors, write_long

    source, ids = labelled.source, labelled.answers.ids
    said = {name: "; ".join(notice.text for notice in notices) for name, notices in labelled.notices.items()}
    said |= {name: f"not labelled: {error.what}" for name, error in labelled.failed.items()}
    if form == "long":
        about = {"model": source.model, "domain": source.domain, "baseline": source.baseline}
        columns = {name: dict.fromkeys(ids, cell) for name, cell in about.items() if cell is not None}
        write_long(out, {"": labelled.answers}, extra={**columns, "notes": said})
        return
    whose = f"{source.model} ({source.baseline or source.domain})"
    notes = {name: "; ".join(filter(None, (whose, said.get(name)))) for name in ids}
    write_authors(out, labelled.answers, has_sound={text.id: text.has_sound for text in texts}, notes=notes)


def _say(out: Path, labelled: LabelledTexts) -> None:
    source = labelled.source
    languages = ", ".join(source.languages) or "any language"
    done = len(labelled.answers) - len(labelled.failed)
    click.echo(f"{done} texts labelled by {source.model} ({source.domain}; {languages}): {out}")
    for text_id, error in labelled.failed.items():
        click.echo(f"not labelled: {printable(text_id)}: {error}", err=True)
    if source.baseline:
        click.echo(f"baseline: {source.baseline}")
    counts: dict[str, int] = {}
    for notices in labelled.notices.values():
        for notice in notices:
            counts[notice.text] = counts.get(notice.text, 0) + 1
    for text, count in counts.items():
        click.echo(f"{count} × {text}")
