"""How llama.cpp's logits become tokens: held by a grammar, by greed or by chance.

The library's own chain of samplers holds the whole vocabulary against the grammar for every token. Nearly always the
likeliest token is one the grammar admits, so it is tried alone first; the choice is the same.
"""

from __future__ import annotations

import ctypes
import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import ModelError
from valex_local.llm.base import JsonSchema

MIN_P = 0.05
"""Tokens less likely than this share of the likeliest are never drawn."""

# As struct llama_token_data lies in memory.
_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])

_HALVES = re.compile(r"(?<!\\)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


class Sampler:
    """Chooses the tokens of one answer.

    Parameters
    ----------
    library : module
        llama_cpp.
    vocabulary : pointer
        The model's vocabulary, as the library has it.
    schema : dict, optional
        JSON schema that the answer keeps to.
    temperature : float
        0 takes the likeliest token.
    seed : int
        Start of the random numbers.

    Raises
    ------
    ModelError
        The library cannot make a grammar of the schema.
    """

    def __init__(
        self, library: Any, vocabulary: Any, schema: JsonSchema | None, *, temperature: float, seed: int
    ) -> None:
        self._library = library
        self._grammar: Any = None if schema is None else _grammar(library, vocabulary, schema)
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: NDArray[np.float32]) -> int:
        """Return the next token and go on from it.

        Parameters
        ----------
        logits : ndarray of float32, (vocabulary,)
            What the model says.

        Raises
        ------
        ModelError
            The grammar admits no token at all.
        """
        token = self._likeliest(logits) if self._temperature == 0 else self._drawn(logits)
        if self._grammar is not None:
            self._library.llama_sampler_accept(self._grammar, token)
        return token

    def close(self) -> None:
        """Free the grammar."""
        if self._grammar is not None:
            self._library.llama_sampler_free(self._grammar)
            self._grammar = None

    def _likeliest(self, logits: NDArray[np.float32]) -> int:
        first = int(logits.argmax())
        if self._grammar is None or np.isfinite(self._admitted(logits, np.array([first])))[0]:
            return first
        return int(self._held(logits).argmax())

    def _drawn(self, logits: NDArray[np.float32]) -> int:
        scaled = self._held(logits).astype(np.float64) / self._temperature
        likelihood = np.exp(scaled - scaled.max())
        likelihood[likelihood < MIN_P] = 0.0
        return int(self._random.choice(len(likelihood), p=likelihood / likelihood.sum()))

    def _held(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits with all that the grammar does not admit at minus infinity."""
        if self._grammar is None:
            return logits
        held = self._admitted(logits, np.arange(len(logits)))
        if not np.isfinite(held).any():
            raise ModelError("llama.cpp's grammar of the answer admits no token", hint="Choose another model")
        return held

    def _admitted(self, logits: NDArray[np.float32], tokens: NDArray[Any]) -> NDArray[np.float32]:
        """Return the logits of some tokens, minus infinity where the grammar does not admit them."""
        data = np.zeros(len(tokens), dtype=_TOKEN_DATA)
        data["id"], data["logit"] = tokens, logits[tokens]
        array = self._library.llama_token_data_array(
            data=data.ctypes.data_as(self._library.llama_token_data_p), size=len(tokens), selected=-1, sorted=False
        )
        self._library.llama_sampler_apply(self._grammar, ctypes.byref(array))
        held: NDArray[np.float32] = data["logit"]
        return held


def _grammar(library: Any, vocabulary: Any, schema: JsonSchema) -> Any:
    text = library.LlamaGrammar.from_json_schema(json.dumps(schema, ensure_ascii=False), verbose=False)._grammar
    # The library spells characters beyond U+FFFF as two halves, of which its parser makes two broken characters.
    text = _HALVES.sub(lambda halves: f"\\U{ord(json.loads(chr(34) + halves[0] + chr(34))):08x}", text)
    sampler = library.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
    if not sampler:
        raise ModelError("llama.cpp cannot make a grammar of the answer's schema")
    return sampler


def likeliest(logits: NDArray[np.float32], count: int) -> dict[int, float]:
    """Return the tokens of the highest log-probability, the likeliest first.

    Parameters
    ----------
    logits : ndarray of float32, (vocabulary,)
        What the model says.
    count : int
        How many, at least 1.
    """
    count = min(count, len(logits))
    top = np.argpartition(logits, -count)[-count:]
    top = top[np.argsort(-logits[top], kind="stable")]
    peak = float(logits.max())
    total = peak + float(np.log(np.exp(logits.astype(np.float64) - peak).sum()))
    return {int(token): float(logits[token]) - total for token in top}
