"""Labels of bare texts, without any video or study: how scripts are labelled whose videos are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from valex_local.corpus import Text
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import ConfigError, ValexError
from valex_local.records import LabelSource, Notice, ValueLabel
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.label_routes import get_route
from valex_local.stages.labels.checkpoint import Checkpoint
from valex_local.stages.labels.examples import FewShotFold
from valex_local.stages.labels.fewshot import FewshotRoute
from valex_local.stages.labels.routes import LabelResult, LabelRoute, foreign, route
from valex_local.store import StoredModel
from valex_local.system.devices import Device


@dataclass(frozen=True)
class LabelledTexts:
    """What a route says of texts.

    Attributes
    ----------
    source : LabelSource
        Whose labels these are.
    answers : LabelMatrix
        The labels, under the ids of the texts; nothing is said of those that could not be labelled.
    notices : dict of str to tuple of Notice
        What a reader must know of a text's labels; only texts of which there is something to say.
    failed : dict of str to ValexError
        Texts that could not be labelled, and why.
    """

    source: LabelSource
    answers: LabelMatrix
    notices: dict[str, tuple[Notice, ...]]
    failed: Mapping[str, ValexError] = field(default_factory=dict)


def label_texts(
    texts: Sequence[Text],
    model: StoredModel,
    *,
    settings: Settings,
    device: Device,
    name: str = "encoder",
    turns: Sequence[FewShotFold] = (),
    kept: Checkpoint | None = None,
    language: str | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> LabelledTexts:
    """Label texts.

    Parameters
    ----------
    texts : sequence of Text
        The texts, each id once.
    model : StoredModel
        The model of the route: of labels, or of language.
    settings : Settings
        The route reads those of its own.
    device : Device
        Where to compute.
    name : str
        The route.
    turns : sequence of FewShotFold
        Which texts come after which examples of the lab's own; for the route ``fewshot``. All of `texts`, each once.
    kept : Checkpoint, optional
        Where judgements are kept until all are there.
    language : str, optional
        ISO 639-1 code of texts that do not say their own.
    on_progress : callable
        Hears how many texts are done, batch by batch.

    Raises
    ------
    ConfigError
        The route takes no texts, or no examples.
    ModelError
        The model cannot be used.
    """
    work = route(name)(Context(settings, {get_route(name).role: model}, device, f"text.{name}"))
    values: dict[str, tuple[ValueLabel, ...]] = {}
    notices: dict[str, tuple[Notice, ...]] = {}
    failed: dict[str, ValexError] = {}
    try:
        for turn, batch in _batches(work, texts, turns):
            for text, said in zip(batch, _judged(work, batch, turn, kept), strict=True):
                if isinstance(said, ValexError):
                    failed[text.id], values[text.id] = said, ()
                    continue
                values[text.id] = said.values
                if found := (*said.notices, *foreign(work.source, text.language or language)):
                    notices[text.id] = found
            on_progress(len(batch))
    finally:
        work.close()
    if failed and len(failed) == len(texts):
        raise next(iter(failed.values()))
    answers = LabelMatrix.from_labels({text.id: values[text.id] for text in texts})
    return LabelledTexts(work.source, answers, notices, failed)


def _judged(
    work: LabelRoute, batch: Sequence[Text], turn: FewShotFold, kept: Checkpoint | None
) -> Sequence[LabelResult | ValexError]:
    """Judge a batch, or take what was judged before an interruption."""
    if kept is None:
        return work([work.prepare_text(text) for text in batch])
    keys = [kept.key(text, turn) for text in batch]
    found: list[LabelResult | ValexError | None] = [kept.get(key) for key in keys]
    new = iter(work([work.prepare_text(text) for text, known in zip(batch, found, strict=True) if known is None]))
    judged = [next(new) if known is None else known for known in found]
    for key, known, said in zip(keys, found, judged, strict=True):
        if known is None and isinstance(said, LabelResult):
            kept.add(key, said)
    return judged


def _batches(
    work: LabelRoute, texts: Sequence[Text], turns: Sequence[FewShotFold]
) -> Iterator[tuple[FewShotFold, Sequence[Text]]]:
    """Yield the texts in batches with their turn, each after its examples."""
    if turns and not isinstance(work, FewshotRoute):
        raise ConfigError("examples are shown by the route fewshot alone", hint="Add --route fewshot")
    for turn in turns or (FewShotFold(tuple(texts), (), ()),):
        if isinstance(work, FewshotRoute):
            work.show(turn.shots)  # or none: examples of the turn before may come out of this fold
        for at in range(0, len(turn.texts), work.batch_size):
            yield turn, turn.texts[at : at + work.batch_size]
