"""How tokens are chosen from llama.cpp's logits: with or without a grammar, greedily or at random.

The library's own chain of samplers checks the whole vocabulary with the grammar for every token. The grammar nearly
always allows the likeliest token, so that one is checked first on its own; the choice is the same.
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
"""Tokens with less than this fraction of the likeliest token's probability are never sampled."""

# The memory layout of struct llama_token_data.
_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])

_HALVES = re.compile(r"(?<!\\)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


class Sampler:
    """Chooses the tokens of one answer.

    Parameters
    ----------
    library : module
        llama_cpp.
    vocabulary : pointer
        The model's vocabulary in the library.
    schema : dict, optional
        JSON schema that the answer follows.
    temperature : float
        With 0 the likeliest token is always taken.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    ModelError
        The library cannot turn the schema into a grammar.
    """

    def __init__(
        self, library: Any, vocabulary: Any, schema: JsonSchema | None, *, temperature: float, seed: int
    ) -> None:
        self._library = library
        self._grammar: Any = None if schema is None else _grammar(library, vocabulary, schema)
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: NDArray[np.float32]) -> int:
        """Return the next token and advance the grammar by it.

        Parameters
        ----------
        logits : ndarray of float32, shape (vocabulary,)
            The model's logits.

        Raises
        ------
        ModelError
            The grammar allows no token at all.
        """
        token = self._likeliest(logits) if self._temperature == 0 else self._sampled(logits)
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
        if self._grammar is None or np.isfinite(self._allowed(logits, np.array([first])))[0]:
            return first
        return int(self._masked(logits).argmax())

    def _sampled(self, logits: NDArray[np.float32]) -> int:
        scaled = self._masked(logits).astype(np.float64) / self._temperature
        likelihood = np.exp(scaled - scaled.max())
        likelihood[likelihood < MIN_P] = 0.0
        return int(self._random.choice(len(likelihood), p=likelihood / likelihood.sum()))

    def _masked(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits, with minus infinity for tokens that the grammar does not allow."""
        if self._grammar is None:
            return logits
        masked = self._allowed(logits, np.arange(len(logits)))
        if not np.isfinite(masked).any():
            raise ModelError("llama.cpp's grammar of the answer allows no token", hint="Choose another model")
        return masked

    def _allowed(self, logits: NDArray[np.float32], tokens: NDArray[Any]) -> NDArray[np.float32]:
        """Return the logits of some tokens, minus infinity for those that the grammar does not allow."""
        data = np.zeros(len(tokens), dtype=_TOKEN_DATA)
        data["id"], data["logit"] = tokens, logits[tokens]
        array = self._library.llama_token_data_array(
            data=data.ctypes.data_as(self._library.llama_token_data_p), size=len(tokens), selected=-1, sorted=False
        )
        self._library.llama_sampler_apply(self._grammar, ctypes.byref(array))
        masked: NDArray[np.float32] = data["logit"]
        return masked


def _grammar(library: Any, vocabulary: Any, schema: JsonSchema) -> Any:
    text = library.LlamaGrammar.from_json_schema(json.dumps(schema, ensure_ascii=False), verbose=False)._grammar
    # The library writes characters beyond U+FFFF as surrogate pairs, which its parser reads as two broken characters.
    text = _HALVES.sub(lambda halves: f"\\U{ord(json.loads(chr(34) + halves[0] + chr(34))):08x}", text)
    sampler = library.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
    if not sampler:
        raise ModelError("llama.cpp cannot turn the answer's schema into a grammar")
    return sampler


def likeliest(logits: NDArray[np.float32], count: int) -> dict[int, float]:
    """Return the tokens with the highest log-probabilities, the likeliest first.

    Parameters
    ----------
    logits : ndarray of float32, shape (vocabulary,)
        The model's logits.
    count : int
        Number of tokens, at least 1.
    """
    count = min(count, len(logits))
    top = np.argpartition(logits, -count)[-count:]
    top = top[np.argsort(-logits[top], kind="stable")]
    peak = float(logits.max())
    total = peak + float(np.log(np.exp(logits.astype(np.float64) - peak).sum()))
    return {int(token): float(logits[token]) - total for token in top}
