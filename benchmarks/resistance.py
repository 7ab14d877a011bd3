"""Does a language model tell that a text resists a value: yes or no on value-lens, beside chance.

    python -m benchmarks.resistance FILE --out FOLDER [--model ID] [--texts N]

FILE is the CSV file of value-lens: 500 first-person texts with the ten values of Schwartz (1992), 90 of which resist
one. N of them are drawn with a fixed seed, every other one among those 90. The data set is for testing only: neither
the prompt nor a constant was chosen on it. Answers are written into ``--out`` text by text, so that an interrupted
measurement goes on.

F1     over all pairs of text and value; a value counts as conflicted where one of the 19 that refine it is. Chance is
       the F1 of the same answers dealt out to the texts at random: its mean, and the share of deals that reach F1
AUC    over the pairs that people named: is the conflict of a value that is resisted likelier, against its presence,
       than that of one that is supported?
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.asking import Floats, auc
from benchmarks.states import PARTS, TEN, Bools, read_value_lens
from valex_local.llm import load_language_model
from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, State
from valex_local.settings import make_settings
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelPrompt
from valex_local.stages.setting_files import setting_file
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads

SEED, DEALS = 20261201, 2000


def drawn(path: Path, count: int) -> tuple[list[str], Bools, Bools]:
    """Return texts that resist a value and others by turns, and what they resist and support; fewer are the first."""
    texts, supported = read_value_lens(path)
    resisted = read_value_lens(path, "resistance")[1]
    order = np.random.default_rng(SEED).permutation(len(texts))
    resist = resisted[order].any(1)
    rows = np.column_stack([order[kind][: resist.sum()] for kind in (resist, ~resist)]).ravel()[:count]
    return [texts[row] for row in rows], resisted[rows], supported[rows]


def asked(texts: Sequence[str], model_id: str, out: Path) -> Iterator[list[list[float]]]:
    """Yield, for each text, `numbers` of the 19 values; what is in `out` already is not asked again."""
    path = out / f"{model_id}.value-lens.jsonl"
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    yield from known[: len(texts)]
    if len(known) >= len(texts):
        return
    settings = make_settings({"labels": {"fewshot": {"ask": "yes-no"}}})
    how = settings.labels.fewshot
    prompt, values = (setting_file(settings, "labels", "fewshot", file) for file in ("prompt", "values"))
    device = detect("cpu")
    set_threads(device.threads)
    model = load_language_model(Store().find(model_id), device, context=how.context)
    try:
        labeller = LlmLabeller(model, LabelPrompt(prompt, read_definitions(values), how.ask), how)
        for text in texts[len(known) :]:
            row = [numbers(label) for label in labeller.label(text_lines(text)).values]
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            yield row
    finally:
        model.close()


def numbers(label: ValueLabel) -> list[float]:
    """Return whether a value is called conflicted, and by how much the logit of conflict exceeds that of presence."""
    return [float(label.state is State.CONFLICTED), (label.conflicted_logit or 0.0) - (label.present_logit or 0.0)]


def of_ten(answers: Floats) -> Floats:
    """Return the largest numbers of the values that refine each of the ten, (N, 10, 2), given (N, 19, 2)."""
    return np.stack([answers[:, [CIRCLE.index(part) for part in parts]].max(1) for parts in PARTS], axis=1)


def f1(gold: Bools, found: Bools) -> float:
    """Return F1 over all pairs of text and value."""
    return float(2 * (gold & found).sum() / max(gold.sum() + found.sum(), 1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resistance", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--texts", type=int, default=100)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    texts, resisted, supported = drawn(options.file, options.texts)
    answers = of_ten(np.array(list(asked(texts, options.model, options.out))))
    called = answers[..., 0] > 0
    own = f1(resisted, called)
    generator = np.random.default_rng(SEED)
    chance = np.array([f1(resisted, called[generator.permutation(len(called))]) for _ in range(DEALS)])
    named = resisted | supported
    area = auc(resisted[named][:, None], answers[..., 1][named][:, None])
    say = Console().print
    say(f"{len(texts)} texts, {int(resisted.any(1).sum())} of them resist one of {len(TEN)} values")
    say(f"conflicted per text: {called.sum() / len(called):.2f}, by people {resisted.sum() / len(resisted):.2f}")
    say(f"F1 {own:.3f}; chance {chance.mean():.3f}, reached by {(chance >= own).mean():.1%} of {DEALS} deals")
    say(f"AUC of resisted against supported, {int(named.sum())} pairs: {area:.3f}")


if __name__ == "__main__":
    main()
