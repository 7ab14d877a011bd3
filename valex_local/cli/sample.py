"""`valex sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from valex_local.cli._output import say
from valex_local.cli._progress import working
from valex_local.cli._study import StudyCommand, open_study
from valex_local.schwartz import CIRCLE, Polarity


@click.command(cls=StudyCommand)
@click.argument("name")
@click.option("--size", type=click.IntRange(1), required=True, help="Number of posts.")
@click.option("--by", metavar="FACT", help="Strata: author, month, genre, language, or state (what --labels say).")
@click.option(
    "--equal/--proportional", default=False, help="Equal numbers from every stratum, or by its size (default)."
)
@click.option("--unsure", is_flag=True, help="Draw posts more often about which --labels are unsure.")
@click.option("--likely", is_flag=True, help="Draw posts more often that are likely to show --value: for rare values.")
@click.option("--labels", metavar="KEY", help="Labels by a model, such as template.encoder.")
@click.option("--value", type=click.Choice([str(value) for value in CIRCLE]), metavar="VALUE", help="A value.")
@click.option("--conflicted", is_flag=True, help="Look at conflict instead of presence.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw.")
def sample(folder: Path | None, name: str, labels: str | None, conflicted: bool, **given: Any) -> None:
    """Draw a sample of posts to code, samples/NAME.csv, with the probability of each post to be drawn.

    Without a design the draw is random. The probabilities make later estimates valid: see `valex estimate`.
    """
    from valex_local.files.text import counted
    from valex_local.inference.samples import Design, draw_sample, write_sample
    from valex_local.schwartz import Value
    from valex_local.study import LabelKey

    study = open_study(folder)
    value = given.pop("value")
    polarity = Polarity.CONFLICTED if conflicted else Polarity.PRESENT
    design = Design(value=Value(value) if value else None, polarity=polarity, **given)
    with working("sample"):
        drawn = draw_sample(study, design, LabelKey.of(labels) if labels else None)
    path = write_sample(study, name, drawn, design)
    strata = {one.stratum for one in drawn if one.stratum}
    within = f" from {counted(len(strata), 'stratum').replace('stratums', 'strata')}" if strata else ""
    say(f"{counted(len(drawn), 'post')}{within} · {design} · {path}")
    say(f"Code them with: valex review plan --sample {name} --coders NAMES")
