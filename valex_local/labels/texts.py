"""Labels of bare texts, without any video or study: how scripts are labelled whose videos are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from valex_local.answers import Answers
from valex_local.config import make_settings
from valex_local.corpus import Text
from valex_local.devices import Device
from valex_local.errors import ValexError
from valex_local.labels.encoder import EncoderRoute
from valex_local.labels.routes import foreign
from valex_local.records import LabelSource, Notice, ValueLabel
from valex_local.stages import Context
from valex_local.store import StoredModel


@dataclass(frozen=True)
class LabelledTexts:
    """What a label model says of texts.

    Attributes
    ----------
    source : LabelSource
        Whose labels these are.
    answers : Answers
        The labels, under the ids of the texts.
    notices : dict of str to tuple of Notice
        What a reader must know of a text's labels; only texts of which there is something to say.
    """

    source: LabelSource
    answers: Answers
    notices: dict[str, tuple[Notice, ...]]


def label_texts(
    texts: Sequence[Text],
    model: StoredModel,
    *,
    device: Device,
    int8: bool = False,
    language: str | None = None,
    heard: Callable[[int], None] = lambda _: None,
) -> LabelledTexts:
    """Label texts by the encoder route.

    Parameters
    ----------
    texts : sequence of Text
        The texts, each id once.
    model : StoredModel
        A label model.
    device : Device
        Where to compute.
    int8 : bool
        Run the encoder in 8-bit integers, on CPU.
    language : str, optional
        ISO 639-1 code of texts that do not say their own.
    heard : callable
        Hears how many texts are done, batch by batch.

    Raises
    ------
    ModelError
        The model cannot be used.
    """
    context = Context(make_settings({"labels": {"int8": int8}}), {"labels": model}, device)
    route = EncoderRoute(context)
    values: dict[str, tuple[ValueLabel, ...]] = {}
    notices: dict[str, tuple[Notice, ...]] = {}
    for at in range(0, len(texts), route.batch_size):
        batch = texts[at : at + route.batch_size]
        for text, judged in zip(batch, route([text.text for text in batch]), strict=True):
            if isinstance(judged, ValexError):
                raise judged
            values[text.id] = judged.values
            if found := (*judged.notices, *foreign(route.source, text.language or language)):
                notices[text.id] = found
        heard(len(batch))
    route.close()
    return LabelledTexts(route.source, Answers.from_labels(values), notices)
