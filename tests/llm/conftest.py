"""The smallest real language model, loaded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from valex_local.llm import LanguageModel, load_language_model
from valex_local.store import StoredModel
from valex_local.system.devices import Device


@pytest.fixture(scope="session")
def smollm(stored_model: Callable[[str], StoredModel]) -> Iterator[LanguageModel]:
    pytest.importorskip("llama_cpp")
    model = load_language_model(stored_model("smollm2-135m-instruct"), Device("cpu", 2), context=1024)
    yield model
    model.close()
