"""Labels of plain texts, without a video or study: for scripts whose videos no longer exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from valex_local.corpus import Text
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, InputError, ValexError
from valex_local.records import Labels, LabelSource, Notice
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.label_routes import route_spec
from valex_local.stages.labels.card import read_card
from valex_local.stages.labels.checkpoint import Checkpoint
from valex_local.stages.labels.examples import FewShotFold
from valex_local.stages.labels.fewshot import FewshotRoute
from valex_local.stages.labels.routes import LabelResult, LabelRoute, language_notices, load_route
from valex_local.states import StateSummary, Unvalidated, choose, cutoffs_in_digits, draw
from valex_local.states.cutoffs import Thresholds
from valex_local.store import StoredModel
from valex_local.system.devices import Device


@dataclass(frozen=True)
class LabelledTexts:
    """A route's labels of texts.

    Attributes
    ----------
    source : LabelSource
        The route and model.
    states : StateSummary
        How the states were drawn.
    answers : LabelMatrix
        The labels by text id; texts that could not be labelled are not assessed.
    cutoffs : tuple of (float or None, float or None)
        For each value, the probabilities from which it is called present and conflicted.
    notices : dict of str to tuple of Notice
        Notices on the labels of a text, for texts with any.
    failed : dict of str to ValexError
        Texts that could not be labelled, and why.
    """

    source: LabelSource
    states: StateSummary
    answers: LabelMatrix
    cutoffs: tuple[tuple[float | None, float | None], ...]
    notices: dict[str, tuple[Notice, ...]]
    failed: Mapping[str, ValexError] = field(default_factory=dict)


def label_texts(
    texts: Sequence[Text],
    model: StoredModel,
    *,
    settings: Settings,
    device: Device,
    name: str = "encoder",
    folds: Sequence[FewShotFold] = (),
    checkpoint: Checkpoint | None = None,
    language: str | None = None,
    states: Unvalidated | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> LabelledTexts:
    """Return the labels of texts.

    Parameters
    ----------
    texts : sequence of Text
        The texts, each id once.
    model : StoredModel
        The model of the route: a label model or a language model.
    settings : Settings
        All settings; the route reads its own.
    device : Device
        Where to compute.
    name : str
        The route.
    folds : sequence of FewShotFold
        Which texts are labelled with which examples, for the route ``fewshot``; all of `texts`, each once.
    checkpoint : Checkpoint, optional
        Where results are saved until all are there.
    language : str, optional
        ISO 639-1 code for texts that do not state their own.
    states : {"relative", "cautious", "own domain"}, optional
        How states are drawn. When left out, the texts count as a study: relative if they are enough, else cautious.
    on_progress : callable
        Called with the number of texts done, after each batch.

    Returns
    -------
    LabelledTexts
        The labels, notices and errors.

    Raises
    ------
    ConfigError
        The route takes no texts, or no examples, or its answers are not drawn from probabilities.
    InputError
        There are no texts.
    ModelError
        The model cannot be used.
    ValexError
        No text could be labelled: what went wrong with the first.
    """
    thresholds = _thresholds(model, states)
    loaded = load_route(name)(Context(settings, {route_spec(name).role: model}, device, f"text.{name}"))
    labels: dict[str, Labels] = {}
    notices: dict[str, tuple[Notice, ...]] = {}
    failed: dict[str, ValexError] = {}
    try:
        for fold, batch in _batches(loaded, texts, folds):
            for text, result in zip(batch, _results(loaded, batch, fold, checkpoint), strict=True):
                if isinstance(result, ValexError):
                    failed[text.id] = result
                    continue
                labels[text.id] = Labels(
                    script="text", source=loaded.source, values=result.values, figures=result.figures
                )
                if found := (*result.notices, *language_notices(loaded.source, text.language or language)):
                    notices[text.id] = found
            on_progress(len(batch))
    finally:
        loaded.close()
    if not labels:
        raise next(iter(failed.values()), InputError("there are no texts to label"))
    calibration = choose(labels, states, drawn=date.today(), thresholds=thresholds)
    drawn = {text_id: draw(record, calibration) for text_id, record in labels.items()}
    answers = LabelMatrix.from_labels({text.id: drawn[text.id].values if text.id in drawn else () for text in texts})
    summary = StateSummary.of(drawn.items(), unit="text")
    cutoffs = tuple(map(cutoffs_in_digits, next(iter(drawn.values())).values))
    return LabelledTexts(loaded.source, summary, answers, cutoffs, notices, failed)


def _thresholds(model: StoredModel, states: Unvalidated | None) -> Thresholds | None:
    """Return the model's thresholds if they draw states; a language model, which answers, has none to draw."""
    if states is not None and model.role == "llm":
        raise ConfigError(
            f"{states} states are drawn from the probabilities of a label model, but {model.id} gives answers",
            hint="Leave out --states",
        )
    if states != "own domain":
        return None
    return {output: row.threshold for output, row in read_card(model.folder).rows.items()}


def _results(
    loaded: LabelRoute, batch: Sequence[Text], fold: FewShotFold, checkpoint: Checkpoint | None
) -> Sequence[LabelResult | ValexError]:
    """Return the results of a batch; those in the checkpoint are not made again."""
    if checkpoint is None:
        return loaded([loaded.prepare_text(text) for text in batch])
    keys = [checkpoint.key(text, fold) for text in batch]
    found: list[LabelResult | ValexError | None] = [checkpoint.get(key) for key in keys]
    new = iter(loaded([loaded.prepare_text(text) for text, known in zip(batch, found, strict=True) if known is None]))
    results = [next(new) if known is None else known for known in found]
    for key, known, result in zip(keys, found, results, strict=True):
        if known is None and isinstance(result, LabelResult):
            checkpoint.add(key, result)
    return results


def _batches(
    loaded: LabelRoute, texts: Sequence[Text], folds: Sequence[FewShotFold]
) -> Iterator[tuple[FewShotFold, Sequence[Text]]]:
    """Yield the texts of each fold in batches, after setting its examples."""
    if folds and not isinstance(loaded, FewshotRoute):
        raise ConfigError("only the route fewshot uses examples", hint="Add --route fewshot")
    for fold in folds or (FewShotFold(tuple(texts), (), ()),):
        if isinstance(loaded, FewshotRoute):
            loaded.set_examples(fold.shots)  # even if none: examples of the fold before may be texts of this one
        for at in range(0, len(fold.texts), loaded.batch_size):
            yield fold, fold.texts[at : at + loaded.batch_size]
