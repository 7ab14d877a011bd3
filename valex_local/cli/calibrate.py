"""`valex calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._output import say, terminal
from valex_local.cli._study import StudyCommand, is_study, open_study, say_new_place

if TYPE_CHECKING:
    from valex_local.evaluation.validate import Validation
    from valex_local.pipeline.states import StateChange
    from valex_local.states import Unvalidated
    from valex_local.study import Study
    from valex_local.study.variants import LabelKey

_OF_GOLD = ("annotator", "group", "force", "seed")
"""Options of a fit to gold labels."""

_KINDS: dict[str, Unvalidated] = {"relative": "relative", "cautious": "cautious", "own_domain": "own domain"}
"""Options that draw states without gold labels."""


@click.command(cls=StudyCommand)
@click.argument("gold", nargs=-1, metavar="[GOLD]...", type=click.Path(path_type=Path))
@click.option("--annotator", help="Annotator whose gold labels count. Default: the majority.")
@click.option("--group", help="Posts that stay in one fold: author (default), a column of GOLD, or none.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of folds and intervals (default 0).")
@click.option("--force", is_flag=True, default=None, help="Store the cut-offs even if states are worse than before.")
@click.option("--relative", is_flag=True, help="Draw states again: where a value stands out.")
@click.option("--cautious", is_flag=True, help="Draw states again: from a probability of 0.6 on.")
@click.option("--own-domain", is_flag=True, help="Draw states again: from the model's thresholds on.")
@click.option("--script", help="Script whose labels are meant, if there are several.")
@click.option("--route", help="Route, or ROUTE@NAME, whose labels are meant, if there are several.")
def calibrate(folder: Path | None, gold: tuple[Path, ...], **given: Any) -> None:
    """Fit the states of a study to gold labels, or draw them again without.

    GOLD are label sheets; without any, the gold labels that were imported into the study count. Cut-offs are stored if
    states are better than before on posts that had no part in the fit.
    """
    for path in gold if folder is None else ():
        if is_study(path):
            say_new_place(path)
    study = open_study(folder)
    kind = _kind(gold, given)
    key = _label_set(study, given["script"], given["route"])
    if kind is not None:
        _draw_again(study, key, kind)
    else:
        _fit(study, key, gold, given)


def _kind(gold: tuple[Path, ...], given: dict[str, Any]) -> Unvalidated | None:
    """Return how states are drawn without gold labels, if so; options that would have no effect are refused."""
    from valex_local.errors import ConfigError

    asked = [name for name in _KINDS if given[name]]
    if not asked:
        return None
    options = [
        f"--{name.replace('_', '-')}" for name in (*asked, *(name for name in _OF_GOLD if given[name] is not None))
    ]
    if len(options) > 1 or gold:
        raise ConfigError(
            f"{options[0]} draws states without gold labels",
            hint=f"Leave it out, or leave out {', '.join(options[1:] or ['GOLD'])}",
        )
    return _KINDS[asked[0]]


def _label_set(study: Study, script: str | None, route: str | None) -> LabelKey:
    """Return the set of labels that is meant."""
    from valex_local.errors import InputError
    from valex_local.evaluation.selection import check_names, selects
    from valex_local.pipeline.states import label_keys

    keys = label_keys(study)
    if not keys:
        raise InputError("this study has no labels", path=study.root, hint="Make them with: valex label -s STUDY")
    chosen = {"routes": (route,) if route else (), "scripts": (script,) if script else ()}
    check_names(keys, **chosen)
    found = [key for key in keys if selects(key, **chosen)]
    by = [key for key in found if key.by == route]  # encoder alone is the study's own model
    found = by or found
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise InputError(
            f"this study has several sets of labels: {names}",
            path=study.root,
            hint=f"Choose one, such as --script {found[0].script} --route {found[0].by}",
        )
    return found[0]


def _draw_again(study: Study, key: LabelKey, kind: Unvalidated) -> None:
    from valex_local.pipeline.states import draw_again

    before = study.calibration(key)
    change = draw_again(study, key, kind)
    if before is not None and before.kind == "validated":
        say(f"{key}: these states are not validated any more", style="yellow")
    _print_change(key, change)


def _fit(study: Study, key: LabelKey, gold: tuple[Path, ...], given: dict[str, Any]) -> None:
    from datetime import date

    from valex_local.cli._progress import working
    from valex_local.errors import InputError
    from valex_local.evaluation.study_validation import read_study_gold, validate_study
    from valex_local.files.text import counted
    from valex_local.pipeline.states import store_calibration

    known = read_study_gold(study, gold, annotator=given["annotator"], group=given["group"])
    for notice in known.notices:
        say(f"notice: {notice}")
    with working("calibration"):
        found = validate_study(study, key, known, drawn=date.today(), seed=given["seed"] or 0)
    _print(key, found, known.grouped_by)
    if found.worse:
        if not given["force"]:
            raise InputError(
                "nothing was stored, because on posts that had no part in the fit states are worse than before",
                hint="Label more posts; to store the cut-offs nevertheless, add --force",
            )
        text = "on posts that had no part in the fit, states were worse than before; stored on request"
        found = found.noted("calibration-worse", text)
    change = store_calibration(study, key, found.calibration)
    say(f"{key}: states are now validated on {counted(len(found.calibration.posts), 'post')} of this study")
    _print_change(key, change)


def _print(key: LabelKey, found: Validation, grouped_by: str | None) -> None:
    from valex_local.evaluation.render import print_block, print_notes
    from valex_local.evaluation.validation_tables import validation_blocks, validation_notes

    console = terminal()
    say(f"{key}: labels by {found.calibration.model.partition('@')[0]}", style="bold")
    for block in validation_blocks(found):
        print_block(console, block)
    print_notes(console, validation_notes(found, grouped_by))


def _print_change(key: LabelKey, change: StateChange) -> None:
    from valex_local.files.text import counted

    say(
        f"{key}: {change.called_after:.1f} values called per post, before {change.called_before:.1f}; "
        f"{counted(change.states, 'state')} of {change.changed:,} of {counted(change.posts, 'post')} changed"
    )
