"""Language-model engines, shared by every stage that asks one.

An engine is a class behind the protocol `LanguageModel`, in a file of its own; its line in `ENGINES` makes it known.
"""

from __future__ import annotations

from valex_local.llm.base import ContextOverflow, LanguageModel, Message, Part, Picture, Reply, Token
from valex_local.store import StoredModel
from valex_local.store.engines import find_engine
from valex_local.system.devices import Device

ENGINES = {
    "llama_cpp": "valex_local.llm.llama_cpp:LlamaCpp",
    "server": "valex_local.llm.server:Server",
    "transformers": "valex_local.llm.transformers:TransformersVlm",
}

__all__ = [
    "ENGINES",
    "ContextOverflow",
    "LanguageModel",
    "Message",
    "Part",
    "Picture",
    "Reply",
    "Token",
    "load_language_model",
]


def load_language_model(model: StoredModel, device: Device, *, context: int) -> LanguageModel:
    """Load a language model with the engine that its manifest names.

    Parameters
    ----------
    model : StoredModel
        The weights.
    device : Device
        Where to compute, and with how many threads.
    context : int
        Tokens of prompt and answer together; a model trained on fewer gets as many as it knows.

    Raises
    ------
    ModelError
        No such engine, or it cannot load the weights.
    MissingExtra
        The library of the engine is not installed.
    """
    engine: LanguageModel = find_engine(model, ENGINES)(model, device, context=context)
    return engine
