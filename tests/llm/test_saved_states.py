"""Models whose memory cannot be cut: a shared beginning is evaluated once, and no answer changes by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from tests.llm.tiny_gguf import Architecture, write_language_model
from valex_local.llm.base import Message, Reply
from valex_local.llm.llama_cpp import STATES, LlamaCpp
from valex_local.store import StoredModel
from valex_local.system.devices import Device

pytest.importorskip("llama_cpp")
SHARED = "The shared beginning, with definitions and examples. " * 6
SCRIPTS = ("A cat sat on the mat.", "It rained, and then it rained again.", "A dog.")


@pytest.fixture(scope="module", params=["qwen35", "gemma3"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    folder = tmp_path_factory.mktemp(request.param)
    write_language_model(folder / "tiny.gguf", cast("Architecture", request.param))
    stored = StoredModel(id="tiny", role="llm", engine="llama_cpp", folder=folder, digest="0" * 64)
    made = LlamaCpp(stored, Device("cpu", 1), context=2048)
    yield made
    made.close()


def asked(model: LlamaCpp, *parts: str) -> Reply:
    content = (SHARED, *parts)
    return model.chat([Message("user", content)], max_tokens=5, alternatives=3)


def test_a_shared_beginning_is_evaluated_once(model: LlamaCpp):
    assert model._saves == (model._llama.metadata["general.architecture"] == "qwen35")
    first = asked(model, SCRIPTS[0])
    for script in SCRIPTS[1:]:
        reply = asked(model, script)
        own = reply.prompt_tokens - model.prompt([Message("user", (SHARED, script))])[0].size
        assert reply.evaluated_tokens == own
        assert reply.evaluated_tokens < first.prompt_tokens / 4


def test_answers_are_those_of_a_model_without_a_cache(model: LlamaCpp):
    kept = [asked(model, script, end) for script in SCRIPTS for end in (" Why?", " Who?")]
    for (script, end), before in zip([(s, e) for s in SCRIPTS for e in (" Why?", " Who?")], kept, strict=True):
        model.forget()
        fresh = asked(model, script, end)
        assert fresh.evaluated_tokens == fresh.prompt_tokens
        assert (fresh.text, fresh.tokens) == (before.text, before.tokens)


def test_no_more_states_are_saved_than_fit(model: LlamaCpp):
    parts = [f"Part {i}. " for i in range(2 * STATES)]
    asked(model, *parts)
    assert sum(cached.state is not None for cached in model._cached) == (STATES if model._saves else 0)
    assert asked(model, *parts[:-1], "another end").text
