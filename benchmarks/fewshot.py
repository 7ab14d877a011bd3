"""Few-shot labels: what is saved by evaluating the shared prefix of all questions once.

Two ways through the same model:

kept        the evaluated prefix (rules, definitions, examples) is cached between scripts, as in the route
forgotten   the whole prompt is evaluated for every script

Both include writing the answers, so the ratio is that of labelling a script, not of reading its prompt. The scripts are
the hand-made ones of the demo clips, each with a different first line. The prefix is the default one with an example
script, about 3,000 tokens; the quick one is half as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from benchmarks.environment import Environment
from benchmarks.measure import Measurement, interleaved
from benchmarks.results import Check, Result
from valex_local.errors import ModelError
from valex_local.llm import Message, Reply, load_language_model
from valex_local.records import ValueLabel
from valex_local.schwartz import State, Value
from valex_local.settings import make_settings
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelledExample, LabelPrompt
from valex_local.stages.labels.questions import Known, Way, questions
from valex_local.stages.setting_files import setting_file
from valex_local.store.manifests import built_in_folder

if TYPE_CHECKING:
    from valex_local.llm.llama_cpp import LlamaCpp

KEPT, FORGOTTEN = "kept", "forgotten"
BAR = 2.0
MORE_THAN_OWN = 1.05
SCRIPTS, QUICK_LINES = 2, 8
SHOWN = {Value.SELF_DIRECTION_ACTION: Known(State.PRESENT, True), Value.HUMILITY: Known(State.CONFLICTED)}


@dataclass(frozen=True)
class Labelled:
    """The result for one script: its labels, tokens of its prompts, and how many of them had to be evaluated."""

    values: tuple[ValueLabel, ...]
    prompt: int
    evaluated: int


class Counting:
    """A language model that counts the tokens of its prompts; see `LanguageModel`."""

    concurrent = False

    def __init__(self, model: LlamaCpp) -> None:
        self._model = model
        self.context, self.sees = model.context, model.sees
        self.prompt = self.evaluated = 0

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take."""
        return self._model.count(messages)

    def chat(self, messages: Sequence[Message], **how: Any) -> Reply:
        """Return the answer, and count its tokens."""
        reply = self._model.chat(messages, **how)
        self.prompt += reply.prompt_tokens
        self.evaluated += reply.evaluated_tokens
        return reply

    def forget(self) -> None:
        """Clear the cache, so that the next prompt is evaluated as a whole."""
        self._model.forget()

    def close(self) -> None:
        """Free the model."""
        self._model.close()


def fewshot(env: Environment) -> Result:
    """Return the measurements of both ways on the CPU, with the profile's language model, which must be GGUF."""
    stored = env.store.resolve(env.profile, {}, needed=["llm"])["llm"]
    if stored.engine != "llama_cpp":
        raise ModelError(f"the model {stored.id} is not GGUF: its cache cannot be cleared", path=stored.folder)
    settings = make_settings({"labels": {"routes": ["fewshot"]}})
    asked = settings.labels.fewshot
    texts = demo_scripts()
    shots = () if env.quick else (LabelledExample(text_lines(texts[-1]), SHOWN),)
    definitions = read_definitions(setting_file(settings, "labels", "fewshot", "values"))
    if env.quick:
        told = tuple(value.model_copy(update={"examples": ()}) for value in definitions.value)
        definitions = definitions.model_copy(update={"value": told})
    prompt = LabelPrompt(setting_file(settings, "labels", "fewshot", "prompt"), definitions, asked.ask, shots=shots)
    engine = load_language_model(stored, replace(env.device, kind="cpu"), context=asked.context)
    model = Counting(cast("LlamaCpp", engine))
    try:
        scripts = [text_lines(text) for text in texts[:SCRIPTS]]
        if env.quick:
            scripts = [scripts[0][:QUICK_LINES]]
        model.chat(prompt.messages(text_lines("warm"), (), questions(asked.ask)[0]), max_tokens=1)
        found = measure(model, LlmLabeller(model, prompt, asked), scripts, rounds=env.rounds)
        prefix = prefix_tokens(cast("LlamaCpp", engine), prompt, asked.ask)
    finally:
        model.close()
    facts = {"model": stored.id, "scripts": len(scripts), "prefix_tokens": prefix, **_tokens(found)}
    return Result("fewshot", {way: m.cost for way, m in found.items()}, checks(found, prefix, env), facts)


def demo_scripts() -> list[str]:
    """Return the hand-made scripts of the demo clips, each with a different first line, since posts differ too."""
    paths = sorted((built_in_folder() / "demo" / "scripts").glob("@*.txt"))
    return [f"Video number {number}\n{path.read_text('utf-8')}" for number, path in enumerate(paths, 1)]


def prefix_tokens(engine: LlamaCpp, prompt: LabelPrompt, way: Way) -> int:
    """Return the number of tokens that all questions begin with.

    Parameters
    ----------
    engine : LlamaCpp
        The model.
    prompt : LabelPrompt
        The prompt.
    way : {"together", "one", "apart"}
        How to ask.

    Returns
    -------
    int
        Tokens of the shared prefix.
    """
    first = questions(way)[0]
    return engine.prompt(prompt.messages(text_lines("probe"), (), first))[0].size


def measure(
    model: Counting, labeller: LlmLabeller, scripts: Sequence[Sequence[EvidenceLine]], *, rounds: int
) -> dict[str, Measurement[list[Labelled]]]:
    """Return the measurements of labelling all scripts both ways.

    Parameters
    ----------
    model : Counting
        The model, which has already evaluated the prefix once.
    labeller : LlmLabeller
        Asks the model.
    scripts : sequence of sequence of EvidenceLine
        The scripts.
    rounds : int
        How often each way is measured.

    Returns
    -------
    dict of str to Measurement
        One for each way.
    """

    def label(lines: Sequence[EvidenceLine], *, forget: bool) -> Labelled:
        if forget:
            model.forget()
        model.prompt = model.evaluated = 0
        result = labeller.label(lines)
        return Labelled(result.values, model.prompt, model.evaluated)

    return interleaved(
        {
            KEPT: lambda: [label(lines, forget=False) for lines in scripts],
            FORGOTTEN: lambda: [label(lines, forget=True) for lines in scripts],
        },
        rounds=rounds,
    )


def checks(found: Mapping[str, Measurement[list[Labelled]]], prefix: int, env: Environment) -> tuple[Check, ...]:
    """Return the ratios, the equality of labels, and the tokens evaluated relative to a script's own.

    Parameters
    ----------
    found : mapping of str to Measurement
        The measurement of each way.
    prefix : int
        Tokens of the shared prefix.
    env : Environment
        Where it was measured.

    Returns
    -------
    tuple of Check
        The figures with their bars.
    """
    kept, forgotten = found[KEPT], found[FORGOTTEN]
    cpu = Check("CPU time, forgotten / kept", forgotten.cost.cpu / kept.cost.cpu, BAR)
    wall = Check("wall time, forgotten / kept", forgotten.cost.wall / kept.cost.wall, BAR)
    equal = [one.values == other.values for one, other in zip(kept.output, forgotten.output, strict=True)]
    own = max(one.evaluated / (one.prompt - prefix) for one in kept.output)
    return (
        *((cpu,) if env.quick else (cpu, wall)),
        Check("share of scripts with equal labels, to the last bit", sum(equal) / len(equal), 1.0),
        Check("tokens evaluated / the script's own", own, MORE_THAN_OWN, "at most"),
    )


def _tokens(found: Mapping[str, Measurement[list[Labelled]]]) -> dict[str, Any]:
    prompts = [labelled.prompt for labelled in found[KEPT].output]
    evaluated = {way: [labelled.evaluated for labelled in m.output] for way, m in found.items()}
    return {"prompt_tokens": prompts, "evaluated_tokens": evaluated}
