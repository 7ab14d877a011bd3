"""How good are labels by a language model, by way of asking, on arguments with gold labels.

    python -m benchmarks.asking FOLDER --out FOLDER [--model ID] [--ways yes-no,one:60,…] [--texts N]
                               [--first N] [--bundled]

FOLDER holds ValueEval'23 (DOI 10.5281/zenodo.6814563); N arguments of its validation split are drawn with a fixed seed.
The prompts were tried on arguments of the training split. Labels of every way are written into ``--out`` argument by
argument, so that an interrupted measurement goes on, and one of fewer texts can be extended. The bundled label models
are measured on the same arguments; they have learnt from them, which their rows say. Besides the ways of the route,
``yes-no+definitions`` and ``yes-no+pairs`` can be measured, whose prompts tell more; see `TOLD`. ``--first N`` leaves
all but the first N texts out of the table, so that ways that were asked about different numbers can be compared.

auc        area under the ROC curve of the logit of presence, mean over values that some text shows and some does not
of pairs   the same over all pairs of a text and a value at once: it needs fewer texts, and that some values are more
           frequent than others counts for it; the interval of the difference from the first row is a bootstrap over
           the texts of both
macro F1   with a threshold per value, chosen on the other texts (five folds; mean over values that at least five texts
           show), beside calling every value; the interval of the difference is a paired bootstrap over texts
CPU        seconds of processor time per text
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.states import Bools, read_valueeval
from valex_local.llm import load_language_model
from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE
from valex_local.settings import Settings, make_settings
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.prompt import LabelPrompt
from valex_local.stages.setting_files import setting_file
from valex_local.states.logits import logit_of
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads

Floats = NDArray[np.float64]

SEED, LEAST, RESAMPLES, FOLDS = 20261201, 5, 2000, 5
SPLIT = "validation"
BUNDLED = ("minilm-arguments", "mpnet-arguments")

COLUMNS = ("asked", "texts", "AUC", "of pairs", "from the first", "macro F1", "always yes", "difference", "CPU s")

_DEFINITIONS = """

Values:
{% for value in values -%}
{{ value.name }}: {{ value.definition }}
{% endfor %}"""
_PAIRS = """
Examples:
{% for value in values -%}
{% for example in value.examples -%}
{{ example.text }} For or against {{ value.name }}? {{ "For." if example.state == "present" else "Against." }}
{% endfor %}
{%- endfor %}"""
TOLD = {"definitions": _DEFINITIONS, "pairs": _DEFINITIONS + _PAIRS}
"""What a longer prompt says before the evidence, so that it is evaluated once: the definitions of the values; and, for
each value, a text that speaks for it and one that speaks against it."""

_BEFORE = "\nThe evidence of the video follows."


def drawn(folder: Path, count: int) -> tuple[list[str], Bools]:
    """Return arguments drawn at random, and which of the 19 values each shows; fewer are the first of more."""
    texts, gold = read_valueeval(folder, SPLIT)
    rows = np.random.default_rng(SEED).permutation(len(texts))[:count]
    return [texts[row] for row in rows], gold[rows]


def asked(texts: Sequence[str], model_id: str, way: str, out: Path) -> Iterator[dict[str, Any]]:
    """Yield, for each text, logits of presence and the CPU time; what is in `out` already is not asked again."""
    path = out / f"{model_id}.{way}.jsonl"
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    yield from known[: len(texts)]
    if len(known) >= len(texts):
        return
    settings = _settings(way, out)
    how = settings.labels.fewshot
    device = detect("cpu")
    set_threads(device.threads)
    prompt = LabelPrompt(
        setting_file(settings, "labels", "fewshot", "prompt"),
        read_definitions(setting_file(settings, "labels", "fewshot", "values")),
        how.ask,
    )
    model = load_language_model(Store().find(model_id), device, context=how.context)
    try:
        labeller = LlmLabeller(model, prompt, how)
        labeller.label(text_lines("Warm up."))
        for text in texts[len(known) :]:
            started = time.process_time()
            found = labeller.label(text_lines(text))
            row = {"logits": [_logit(label) for label in found.values], "cpu": time.process_time() - started}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            yield row
    finally:
        model.close()


def _settings(way: str, out: Path) -> Settings:
    """Return the settings of a way of asking; a longer prompt is written into `out`."""
    ask, _, told = way.partition("+")
    settings = make_settings({"labels": {"fewshot": {"ask": ask}}})
    if not told:
        return settings
    before, found, after = setting_file(settings, "labels", "fewshot", "prompt").read_text("utf-8").partition(_BEFORE)
    if not found:
        raise ValueError(f"the prompt of {ask} has no line to insert {told} before")
    prompt = out / f"{way}.jinja"
    prompt.write_text(before + TOLD[told] + found + after, "utf-8")
    return make_settings({"labels": {"fewshot": {"ask": ask, "prompt": str(prompt)}}})


def encoded(texts: Sequence[str], model_id: str) -> Iterator[dict[str, Any]]:
    """Yield, for each text, the logits and the CPU time of a label model."""
    model = _label_model(model_id)
    for text in texts:
        started = time.process_time()
        (scores,) = model.scores([text])
        labels = model.labels(scores)
        yield {"logits": [_logit(label) for label in labels], "cpu": time.process_time() - started}


def _label_model(model_id: str) -> LabelModel:
    stored = Store().find(model_id)
    return LabelModel(stored.folder, device=detect("cpu"), requires=stored.requires)


def _logit(label: ValueLabel) -> float:
    if label.present_logit is not None:
        return label.present_logit
    return 0.0 if label.present is None else logit_of(label.present)


def auc(gold: Bools, scores: Floats) -> float:
    """Return the mean area under the ROC curve over values; ties count half."""
    areas = []
    for shows, own in zip(gold.T, scores.T, strict=True):
        if 0 < shows.sum() < len(shows):
            above = own[shows][:, None] - own[~shows][None]
            areas.append((np.sign(above).mean() + 1) / 2)
    return float(np.mean(areas))


def auc_of_pairs(gold: Bools, scores: Floats) -> float:
    """Return the area under the ROC curve over all pairs of a text and a value; ties count half."""
    return float((np.sign(scores[gold][:, None] - scores[~gold][None]).mean() + 1) / 2)


def gain_over(gold: Bools, scores: Floats, first: Floats) -> str:
    """Return by how much the area over pairs is larger than another way's, on the texts of both, with its interval."""
    both = min(len(scores), len(first))
    gold, generator = gold[:both], np.random.default_rng(SEED)

    def gain(some: NDArray[np.intp]) -> float:
        return auc_of_pairs(gold[some], scores[some]) - auc_of_pairs(gold[some], first[some])

    low, high = np.quantile([gain(generator.integers(0, both, both)) for _ in range(RESAMPLES)], [0.025, 0.975])
    return f"{gain(np.arange(both)):+.3f} [{low:+.3f}, {high:+.3f}]"


def called(gold: Bools, scores: Floats) -> Bools:
    """Return which values are called, with thresholds chosen on the texts of other folds."""
    of = np.random.default_rng(SEED).permutation(len(gold)) % FOLDS
    found = np.zeros_like(gold)
    for fold in range(FOLDS):
        for value in range(gold.shape[1]):
            seen, own = gold[of != fold, value], scores[of != fold, value]
            f1s = {threshold: _f1(seen, own >= threshold) for threshold in np.unique(own)}
            threshold = max(f1s, key=lambda t: f1s[t])
            found[of == fold, value] = scores[of == fold, value] >= threshold
    return found


def _f1(gold: Bools, found: Bools) -> float:
    return float(2 * (gold & found).sum() / max(gold.sum() + found.sum(), 1))


def macro_f1(gold: Bools, found: Bools, values: NDArray[np.intp]) -> float:
    """Return the mean F1 over some values."""
    return float(np.mean([_f1(gold[:, value], found[:, value]) for value in values]))


def row(name: str, gold: Bools, rows: Sequence[dict[str, Any]], first: Sequence[dict[str, Any]]) -> list[str]:
    """Return the figures of one way, and how it compares with the first."""
    gold = gold[: len(rows)]
    scores, other = (np.array([one["logits"] for one in found]) for found in (rows, first))
    cpu = float(np.mean([one["cpu"] for one in rows]))
    return [
        name, str(len(rows)), f"{auc(gold, scores):.3f}",
        f"{auc_of_pairs(gold, scores):.3f}", "" if rows is first else gain_over(gold, scores, other),
        *f1_columns(gold, scores), f"{cpu:.2f}",
    ]  # fmt: skip


def f1_columns(gold: Bools, scores: Floats) -> list[str]:
    """Return macro F1, that of calling every value, and the difference; nothing where texts are too few."""
    values = np.flatnonzero(gold.sum(0) >= LEAST)
    if not len(values):
        return ["", "", ""]
    found, every = called(gold, scores), np.ones_like(gold)
    generator = np.random.default_rng(SEED)
    gains = []
    for _ in range(RESAMPLES):
        some = generator.integers(0, len(gold), len(gold))
        gains.append(macro_f1(gold[some], found[some], values) - macro_f1(gold[some], every[some], values))
    low, high = np.quantile(gains, [0.025, 0.975])
    own, always = macro_f1(gold, found, values), macro_f1(gold, every, values)
    return [f"{own:.3f}", f"{always:.3f}", f"{own - always:+.3f} [{low:+.3f}, {high:+.3f}]"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asking", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--ways", default="yes-no", help="with commas; WAY:N asks about the first N texts only")
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--first", type=int, help="compute the table from the first N texts")
    parser.add_argument("--bundled", action="store_true", help="measure the bundled label models too")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    texts, gold = drawn(options.folder, options.texts)
    table = Table(
        "asked", "texts", "AUC", "of pairs", "from the first", "macro F1", "always yes", "difference", "CPU s"
    )
    sources: list[tuple[str, Iterator[dict[str, Any]]]] = []
    for way, _, count in (one.partition(":") for one in options.ways.split(",")):
        sources.append((way, asked(texts[: int(count or len(texts))], options.model, way, options.out)))
    if options.bundled:
        sources += [(f"{name} (trained on them)", encoded(texts, name)) for name in BUNDLED]
    first: list[dict[str, Any]] = []
    for name, measured in sources:
        rows = list(measured)[: options.first]
        first = first or rows
        table.add_row(*row(name, gold, rows, first))
    Console().print(table)
    shown = int((gold[: options.first].sum(0) >= LEAST).sum())
    Console().print(f"values shown by {LEAST} texts or more: {shown} of {len(CIRCLE)}")


if __name__ == "__main__":
    main()
