"""Script writers: how right their places, deeds, things, people and speakers are in a world that is known.

    python -m benchmarks.writer --out FOLDER [--model MODEL] [--posts 120] [--seed TEXT]

Each generated post (`writer_world`) is written by the template, by the language model, and by its rules alone, which
take the first of every choice, from the same records:

precision, recall   of what headings and action lines name, among places, deeds, things and people: words of the world
                    are looked up in a line, and compared with the scene at that time; a thing with another colour than
                    its own is wrong
speakers            a name is right if all its words are true of who speaks, and wrong otherwise; `SPEAKER` is neither
invented words      words of headings, lines and names that say something and stand in no tag and no caption of the
                    post, nor in a name that somebody gives themselves
words of the prompt words that only the prompt's example contains

Nothing of the writer's own checks is used, apart from the list of words that say nothing. What was written is kept in
the folder, so that an interrupted run continues. CPU seconds are those of the language model's process, without
loading.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.writer_world import (
    COLOURS,
    DEEDS,
    NOUNS,
    TALK,
    TALK_TOGETHER,
    THINGS,
    Line,
    PostTruth,
    SceneTruth,
    draw_post,
    records_of,
    said_lines,
)
from valex_local.llm import LanguageModel, Message, Reply, load_language_model
from valex_local.llm.base import JsonSchema
from valex_local.records import SPEAKER, Action, Dialogue, Scene
from valex_local.settings import Settings
from valex_local.stages.script.evidence import Evidence, gather
from valex_local.stages.script.grounded import JOINING, PLACING
from valex_local.stages.script.llm import LlmWriter
from valex_local.stages.script.prompt import ScenePrompt
from valex_local.stages.script.question import SceneQuestion
from valex_local.stages.script.template import TemplateWriter
from valex_local.stages.setting_files import setting_file
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads

SEED, POSTS = "writer 2026", 120
KINDS = ("places", "deeds", "things", "people")


@dataclass
class Tally:
    """Counts of one writer; `named`, `true` and `right` by kind."""

    named: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    speakers: Counter[str] = field(default_factory=Counter)
    invented: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    posts: int = 0

    def precision(self, kind: str) -> float:
        """Return the share of what was named that is true."""
        return self.right[kind] / self.named[kind] if self.named[kind] else 1.0

    def recall(self, kind: str) -> float:
        """Return the share of what is true that was named."""
        return self.right[kind] / self.true[kind] if self.true[kind] else 1.0


# --- what a script names --------------------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _root(word: str) -> str:
    """Return a word without the endings that the words of the world take."""
    for ending in ("ning", "ming", "ting", "ping", "ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and not word.endswith("ss"):
            return word.removesuffix(ending).removesuffix("e")
    return word.removesuffix("e")


def roots(text: str) -> list[str]:
    """Return the words of a text without their endings."""
    return [_root(word) for word in _words(text)]


def holds(line: Sequence[str], phrase: str) -> bool:
    """Whether the roots of a line contain those of a phrase in a row."""
    wanted = [_root(word) for word in _words(phrase)]
    return any(list(line[i : i + len(wanted)]) == wanted for i in range(len(line)))


def named_in(text: str) -> dict[str, set[str]]:
    """Return what a line names: deeds, people, and things with the colour before them, if there is one."""
    line = roots(text)
    things = set()
    for kind in THINGS:
        for at, word in enumerate(line):
            if word == _root(kind):
                colour = next((c for c in COLOURS if at and line[at - 1] == _root(c)), "")
                things.add(f"{colour} {kind}".strip())
    deeds = {deed for deed in (*DEEDS, TALK, TALK_TOGETHER) if holds(line, deed)}
    return {"deeds": deeds, "things": things, "people": {noun for noun in NOUNS if noun in line}}


def true_of(scene: SceneTruth) -> dict[str, set[str]]:
    """Return what is true of a scene, by kind."""
    things = {f"{colour} {kind}" for colour, kind in scene.things}
    return {
        "places": {scene.place}, "deeds": set(scene.deeds), "things": things, "people": {p.noun for p in scene.people},
    }  # fmt: skip


def _is_true(kind: str, name: str, scene: SceneTruth) -> bool:
    true = true_of(scene)[kind]
    return name in true or (kind == "things" and name in {known.split()[-1] for known in true})


# --- a writer's script compared with the world ----------------------------------------------------------------------


def compare(tally: Tally, scenes: Sequence[Scene], truth: PostTruth, evidence: Evidence, example: set[str]) -> None:
    """Add the figures of one script to a tally.

    Parameters
    ----------
    tally : Tally
        The tally.
    scenes : sequence of Scene
        The script.
    truth : PostTruth
        The post as it is.
    evidence : Evidence
        What the writer read.
    example : set of str
        Words of the prompt's example, as roots.
    """
    tally.posts += 1
    for truly in truth.scenes:
        named = _named_during(truly, scenes)
        named["things"] -= {f"{person.colour} jacket" for person in truly.people}  # true, but not asked of anybody
        for kind in KINDS:
            tally.named[kind] += len(named[kind])
            tally.true[kind] += len(true_of(truly)[kind])
            tally.right[kind] += sum(_is_true(kind, name, truly) for name in named[kind])
    lines = said_lines(truth)
    for scene in scenes:
        for element in scene.elements:
            if isinstance(element, Dialogue) and element.ref in lines:
                tally.speakers[judge(element.speaker, lines[element.ref], truth)] += 1
    supported = _supported(evidence, lines.values())
    for word in _own_words(scenes):
        if word not in supported:
            tally.invented[word] += 1
            tally.leaked[word] += word in example


def _named_during(truly: SceneTruth, scenes: Sequence[Scene]) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for scene in scenes:
        begins = truly.start <= (scene.start or 0.0) < truly.end
        if begins and scene.heading:
            named["places"].add(scene.heading.casefold())
        for element in scene.elements:
            if isinstance(element, Action) and truly.start <= (element.start or 0.0) < truly.end:
                for kind, names in named_in(element.text).items():
                    named[kind] |= names
    return named


def judge(name: str, line: Line, truth: PostTruth) -> str:
    """Return whether a speaker's name is right, wrong, missing, or none where nothing tells who speaks."""
    if name == SPEAKER:
        return "missing" if line.speaker is not None and truth.kind != "neither" else "rightly none"
    if line.speaker is None:
        return "wrong"
    person = line.speaker
    true = {person.noun, person.name.casefold(), person.colour, "jacket", "person", "young", *_words(person.deed)}
    return "right" if set(_words(name)) - JOINING - PLACING <= true else "wrong"


def _supported(evidence: Evidence, lines: Iterable[Line]) -> set[str]:
    told = [text for k in evidence.seen for text in (k.caption.caption or "", *(t.label for t in k.caption.tags))]
    told += [line.speaker.name for line in lines if line.introduces and line.speaker]
    return {root for text in told for root in roots(text)}


def _own_words(scenes: Sequence[Scene]) -> Iterator[str]:
    """Yield the roots of all words that the writer added and that say something."""
    for scene in scenes:
        own = [scene.heading or "", *(e.text for e in scene.elements if isinstance(e, Action))]
        own += [e.speaker for e in scene.elements if isinstance(e, Dialogue) and e.speaker != SPEAKER]
        yield from (_root(word) for text in own for word in _words(text) if word not in JOINING | PLACING)


# --- writing --------------------------------------------------------------------------------------------------------


class Listening:
    """A language model whose first answer to each question is compared with what it was asked; see `LanguageModel`."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.context, self.sees, self.concurrent = model.context, model.sees, False
        self.figures: Counter[str] = Counter()

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take."""
        return self._model.count(messages)

    def chat(self, messages: Sequence[Message], **how: Any) -> Reply:
        """Return the answer, and count what it keeps of the question."""
        reply = self._model.chat(messages, **how)
        self.figures.update(
            calls=1, prompt=reply.prompt_tokens, evaluated=reply.evaluated_tokens, output=reply.output_tokens
        )
        if how["temperature"] == 0:
            asked = how["schema"]["properties"]
            self.figures.update(asked=len(asked), kept=sum(f'"{key}":' in reply.text for key in asked), scenes_asked=1)
            self.figures["lines_asked"] += sum(key.startswith("K") for key in asked)
        return reply

    def close(self) -> None:
        """Free the model."""
        self._model.close()


class FirstChoice:
    """What the rules alone achieve: a model that takes the first of every choice and writes no line."""

    context, sees, concurrent = 1 << 20, False, False

    def count(self, messages: Sequence[Message]) -> int:
        """Return 0: nothing is evaluated."""
        return 0

    def chat(self, messages: Sequence[Message], *, schema: JsonSchema | None = None, **how: Any) -> Reply:
        """Return the answer."""
        asked = {} if schema is None else schema["properties"]
        return Reply(json.dumps({key: kind.get("enum", [""])[0] for key, kind in asked.items()}), 0, 0, "stop")

    def close(self) -> None:
        """Do nothing."""


def writer_with(model: LanguageModel) -> LlmWriter:
    """Return the writer with a model, as by default."""
    settings = Settings()
    prompt = ScenePrompt(setting_file(settings, "script", "llm", "prompt"))
    return LlmWriter(model, prompt, settings.script.llm)


def written(count: int, seed: str, model_id: str, out: Path) -> Iterator[dict[str, Any]]:
    """Yield, for each post, the scenes by the language model, figures and CPU seconds.

    Parameters
    ----------
    count : int
        Number of posts.
    seed : str
        Seed of the posts.
    model_id : str
        The model.
    out : Path
        Folder of what was written; what is in it already is not written again.
    """
    path = out / f"{model_id}.{seed.replace(' ', '-')}.jsonl"
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    yield from known[:count]
    if len(known) >= count:
        return
    device = detect("cpu")
    set_threads(device.threads)
    context = Settings().script.llm.context
    model = Listening(load_language_model(Store().find(model_id), device, context=context))
    writer = writer_with(model)
    try:
        for number in range(len(known), count):
            evidence = evidence_of(draw_post(seed, number), seed)
            model.figures.clear()
            started = time.process_time()
            draft = writer.write(evidence)
            row = {
                "scenes": [scene.model_dump(mode="json") for scene in draft.scenes],
                "figures": dict(model.figures) | draft.figures.model_dump(),
                "notices": [notice.text for notice in draft.notices],
                "cpu": time.process_time() - started,
            }
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            yield row
    finally:
        model.close()


def evidence_of(truth: PostTruth, seed: str) -> Evidence:
    """Return what a writer reads of a post."""
    return gather(records_of(truth, seed), Settings().script)


def example_words() -> set[str]:
    """Return the words of the prompt's example, as roots."""
    prompt = ScenePrompt(setting_file(Settings(), "script", "llm", "prompt"))
    _, *example = prompt.own(SceneQuestion())
    return {root for text in example for root in roots(text)}


def measure(truths: Sequence[PostTruth], rows: Iterable[dict[str, Any]], seed: str) -> dict[str, Tally]:
    """Return the tallies of the template, of the rules alone, and of the language model.

    Parameters
    ----------
    truths : sequence of PostTruth
        The posts.
    rows : iterable of dict
        What the language model wrote about each; see `written`.
    seed : str
        Seed of the posts.
    """
    example = example_words()
    tallies = {"template": Tally(), "first choice": Tally(), "local": Tally()}
    without: dict[str, TemplateWriter | LlmWriter] = {
        "template": TemplateWriter(),
        "first choice": writer_with(FirstChoice()),
    }
    for truth, row in zip(truths, rows, strict=True):
        evidence = evidence_of(truth, seed)
        for name, writer in without.items():
            compare(tallies[name], writer.write(evidence).scenes, truth, evidence, example)
        local = tallies["local"]
        scenes = [Scene.model_validate(scene) for scene in row["scenes"]]
        compare(local, scenes, truth, evidence, example)
        local.cpu += row["cpu"]
        local.figures.update(row["figures"])
        local.figures["scenes"] += len(scenes)
        local.figures["by_model"] += sum(scene.written_by == "llm" for scene in scenes)
    return tallies


def table(tallies: dict[str, Tally]) -> Table:
    """Return the figures of both writers as a table."""
    out = Table("", *tallies)

    def row(name: str, *cells: str) -> None:
        out.add_row(name, *cells)

    for kind in KINDS:
        row(f"{kind}: precision", *(f"{t.precision(kind):.3f}" for t in tallies.values()))
        row(f"{kind}: recall", *(f"{t.recall(kind):.3f}" for t in tallies.values()))
    for what in ("right", "wrong", "missing", "rightly none"):
        row(f"speakers: {what}", *(str(t.speakers[what]) for t in tallies.values()))
    row("invented words", *(str(sum(t.invented.values())) for t in tallies.values()))
    row("words of the prompt", *(str(sum(t.leaked.values())) for t in tallies.values()))
    no = [""] * (len(tallies) - 1)
    figures, posts = tallies["local"].figures, tallies["local"].posts
    row("references kept at first asking", *no, f"{figures['kept'] / max(figures['asked'], 1):.1%}")
    row("lines refused, of those asked for", *no, f"{figures['actions_refused']} of {figures['lines_asked']}")
    fallen = figures["scenes_fallen_back"]
    row("scenes fallen back", *no, f"{fallen} of {figures['scenes_asked']} asked about, of {figures['scenes']}")
    row("second calls", *no, str(figures["calls"] - figures["scenes_asked"]))
    row("calls a post", *no, f"{figures['calls'] / posts:.2f}")
    row("tokens a post: prompt, evaluated, answer", *no, ", ".join(
        f"{figures[key] / posts:.0f}" for key in ("prompt", "evaluated", "output")))  # fmt: skip
    row("CPU seconds a post", *no, f"{tallies['local'].cpu / posts:.1f}")
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writer", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b-instruct")
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    truths = [draw_post(options.seed, number) for number in range(options.posts)]
    rows = list(written(options.posts, options.seed, options.model, options.out))
    tallies = measure(truths, rows, options.seed)
    Console().print(table(tallies))
    for word, count in sorted(tallies["local"].invented.items()):
        Console().print(f"invented: {word} ({count})")


if __name__ == "__main__":
    main()
