"""Agreement of coders and figures of labels as paragraphs for a paper."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from valex_local.corpus.sheets import read_sheet
from valex_local.corpus.study_labels import gold_files
from valex_local.errors import InputError
from valex_local.evaluation.agreement import View
from valex_local.evaluation.coders import labels_of_coders
from valex_local.evaluation.evaluate import evaluate
from valex_local.evaluation.figures import Estimate
from valex_local.evaluation.inputs import prepare
from valex_local.evaluation.reliability import Reliability, reliability
from valex_local.evaluation.results import Evaluation
from valex_local.evaluation.routes import read_source
from valex_local.files.text import counted
from valex_local.schwartz import Polarity
from valex_local.study import Study

ALWAYS_YES = "always-yes"
"""The baseline whose figures stand beside those of labels."""


def in_words(study: Study) -> tuple[str, ...]:
    """Return what a paper says of agreement and of the quality of labels: a paragraph each, where there is gold.

    Raises
    ------
    InputError
        The gold labels cannot be understood.
    MissingExtra
        There are gold labels, and the libraries for figures are not installed.
    """
    if not gold_files(study):
        return ()
    return tuple(filter(None, (_agreement(study), _figures(study))))


def _agreement(study: Study) -> str:
    coders = labels_of_coders(study)
    if len(coders) < 2:
        return ""
    rows = {view: reliability(coders, view) for view in (View.PRESENT, View.CONFLICTED)}
    if not any(rows.values()):
        return ""
    parts = [_alpha(view, found[-1]) for view, found in rows.items() if found]
    thin = sorted({row.of for row in chain(*rows.values()) if row.is_thin and row.alpha is not None})
    rest = f" Alpha rests on fewer than five posts for {', '.join(thin)}." if thin else ""
    posts = len({name for matrix in coders.values() for name in matrix.ids})
    return (
        f"{counted(len(coders), 'person').replace('persons', 'people')} gave gold labels to {counted(posts, 'post')}. "
        f"Agreement where two or more labelled a post (Krippendorff's alpha, nominal, 95 % intervals from resampling "
        f"posts): {'; '.join(parts)}.{rest}"
    )


def _alpha(view: View, row: Reliability) -> str:
    agreeing = "" if row.agreeing is None else f", {100 * row.agreeing:.0f} % of pairs alike"
    if row.alpha is None:
        return f"{view}, {row.of}: not defined, since only one answer occurs{agreeing}"
    return f"{view}, {row.of}: {_interval(row.alpha)} ({row.mark}) over {counted(row.items, 'label')}{agreeing}"


def _figures(study: Study) -> str:
    try:
        source = read_source(str(study.root))
        prepared = prepare([source], sheets=[read_sheet(path) for path in gold_files(study)])
        routes = [route for route in prepared.routes if not route.baseline]
        found = evaluate(prepared.gold, routes, groups=prepared.groups, grouped_by=prepared.grouped_by, compare=())
    except InputError as error:
        return f"[The quality of labels by models is not known: {error.what}.]"
    enough, posts = found.min_support, counted(found.items, "post")
    parts = "; ".join(_of_routes(found))
    if not parts:
        return f"No value is shown by {enough} of the {posts} with gold labels, so F1 was not averaged."
    return (
        f"Labels by models were compared with the majority of gold labels in {posts}. F1 weighted by support, over the "
        f"values that {enough} posts or more show, with 95 % intervals from resampling {found.grouped_by or 'posts'}: "
        f"{parts}."
    )


def _of_routes(found: Evaluation) -> Iterator[str]:
    yes = next(route for route in found.routes if route.name == ALWAYS_YES)
    for route in (route for route in found.routes if not route.baseline):
        for polarity in Polarity:
            averages, chance = route.of(polarity).averages, yes.of(polarity).averages
            if averages is not None:
                beside = "" if chance is None else f", always-yes {chance.weighted_f1.value:.2f}"
                values = counted(averages.values, "value")
                yield f"`{route.name}`, {polarity}: {_interval(averages.weighted_f1)} over {values}{beside}"


def _interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
