"""Language-model engines, shared by all stages that ask a language model.

An engine is a class that implements the protocol `LanguageModel`, in its own module; `ENGINES` lists them.
"""

from __future__ import annotations

from valex_local.llm.base import ContentPart, ContextOverflow, LanguageModel, Message, Picture, Reply, Token
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
    "ContentPart",
    "ContextOverflow",
    "LanguageModel",
    "Message",
    "Picture",
    "Reply",
    "Token",
    "load_language_model",
]


def load_language_model(model: StoredModel, device: Device, *, context: int) -> LanguageModel:
    """Return a language model, loaded with the engine that its manifest names.

    Parameters
    ----------
    model : StoredModel
        The model.
    device : Device
        Where to compute, and with how many threads.
    context : int
        Maximum number of tokens of prompt and answer together; limited to what the model was trained on.

    Returns
    -------
    LanguageModel
        The loaded engine.

    Raises
    ------
    ModelError
        There is no such engine, or it cannot load the weights.
    MissingExtra
        The library of the engine is not installed.
    """
    engine: LanguageModel = find_engine(model, ENGINES)(model, device, context=context)
    return engine
