"""How tokens are chosen from the logits of Hugging Face models: with or without a schema, greedily or at random.

llguidance enforces schemas, and also provides the bytes of every token.
"""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.llm.base import JsonSchema, Token

if TYPE_CHECKING:
    import torch

MIN_P = 0.05
"""Tokens with less than this fraction of the likeliest token's probability are never sampled."""

OTHER = "Choose another model for this role"
"""The hint for models that cannot be used."""


class TokenVocabulary:
    """The tokens of a model: their bytes, the tokens of a text, and those that a schema allows.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerFast
        The model's tokenizer.
    ends : frozenset of int
        Tokens that end an answer.

    Attributes
    ----------
    size : int
        Number of tokens; the model may have more outputs.
    ends : frozenset of int
        Tokens that end an answer.

    Raises
    ------
    MissingExtra
        llguidance is not installed.
    """

    def __init__(self, tokenizer: Any, ends: frozenset[int]) -> None:
        try:
            import llguidance
            import llguidance.hf
        except ModuleNotFoundError as error:
            raise MissingExtra("llguidance", "llm") from error
        self._matcher = llguidance.LLMatcher
        self._pieces = llguidance.hf.from_tokenizer(tokenizer, eos_token=sorted(ends))
        added = tokenizer.added_tokens_decoder
        self._silent = {at for at, token in added.items() if token.special}
        self._marks = {at for at, token in added.items() if not token.content.isspace()} - {tokenizer.unk_token_id}
        self._plain = _without_marks(tokenizer.backend_tokenizer)
        self.size: int = self._pieces.vocab_size
        self.ends = ends

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text, none of which is a special token.

        Raises
        ------
        ModelError
            The tokenizer yields special tokens anyway.
        """
        # Lone surrogates, which JSON can contain, cannot be encoded.
        whole = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._plain.encode(whole, add_special_tokens=False).ids
        if not self._marks.isdisjoint(ids):
            raise ModelError("the tokenizer of the model turns plain text into special tokens", hint=OTHER)
        return ids

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; special tokens have none."""
        return b"" if token in self._silent else self._pieces.decode_bytes([token])

    def grammar(self, schema: JsonSchema) -> Any:
        """Return llguidance's matcher of a schema, at the beginning of an answer.

        Raises
        ------
        ModelError
            llguidance does not support the schema.
        """
        grammar = self._matcher.grammar_from_json_schema(
            json.dumps(schema, ensure_ascii=False),
            # As json.dumps writes it: with free white space a weak model writes nothing else.
            overrides={"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "},
        )
        matcher = self._matcher(self._pieces, grammar, log_level=0)
        if matcher.is_error():
            raise ModelError(f"this schema is not supported ({matcher.get_error()})")
        return matcher


class TokenSampler:
    """Chooses the tokens of one answer.

    Parameters
    ----------
    vocabulary : TokenVocabulary
        The tokens of the model.
    schema : dict, optional
        JSON schema that the answer follows.
    temperature : float
        With 0 the likeliest token is always taken.
    seed : int
        Seed of the random numbers.
    alternatives : int
        Number of likeliest tokens to report at each place.

    Attributes
    ----------
    tokens : list of Token
        The answer so far.
    ended : bool
        Whether the model ended the answer, or the schema is complete.

    Raises
    ------
    ModelError
        The schema is not supported.
    """

    def __init__(
        self,
        vocabulary: TokenVocabulary,
        schema: JsonSchema | None,
        *,
        temperature: float,
        seed: int,
        alternatives: int,
    ) -> None:
        import torch

        self._vocabulary = vocabulary
        self._grammar: Any = None if schema is None else vocabulary.grammar(schema)
        self._temperature = temperature
        self._random = torch.Generator().manual_seed(seed)
        self._alternatives = alternatives
        # A character may consist of several tokens.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.tokens: list[Token] = []
        self.ended = False

    def __call__(self, _: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Choose the next token; the signature is that of a logits processor of the library.

        Parameters
        ----------
        scores : Tensor of float32, shape (1, outputs)
            The model's logits.

        Returns
        -------
        Tensor of float32, shape (1, outputs)
            Minus infinity for all tokens but the chosen one.
        """
        logits = scores[0].cpu()
        token = self._choose(logits[: self._vocabulary.size])
        if token in self._vocabulary.ends:
            self.ended = True
        else:
            text = self._decoder.decode(self._vocabulary.piece(token))
            self.tokens.append(Token(text, self._likeliest(logits)))
            self.ended = self._grammar is not None and self._grammar.is_stopped()
        chosen = scores.new_full(scores.shape, float("-inf"))
        chosen[0, token] = 0.0
        return chosen

    def _choose(self, logits: torch.Tensor) -> int:
        """Return the next token and advance the grammar by it."""
        import torch

        if self._grammar is not None:
            logits = logits.masked_fill(~self._allowed(len(logits)), float("-inf"))
        if self._temperature == 0:
            token = int(logits.argmax())
        else:
            likelihood = (logits / self._temperature).softmax(-1)
            likelihood[likelihood < MIN_P * likelihood.max()] = 0.0
            token = int(torch.multinomial(likelihood, 1, generator=self._random))
        if self._grammar is not None and not self._grammar.consume_token(token):
            raise ModelError(f"the answer cannot follow its schema ({self._grammar.get_error()})", hint=OTHER)
        return token

    def _allowed(self, size: int) -> torch.Tensor:
        """Return which tokens the schema allows next, bool (size,)."""
        import numpy as np
        import torch

        bits = np.frombuffer(self._grammar.compute_bitmask(), np.uint8)
        return torch.from_numpy(np.unpackbits(bits, bitorder="little", count=size).astype(bool))

    def _likeliest(self, logits: torch.Tensor) -> dict[str, float]:
        """Return log-probabilities by the text of the likeliest tokens; of tokens with the same text, the likeliest."""
        if not self._alternatives:
            return {}
        known = logits.log_softmax(-1)[: self._vocabulary.size]
        top = known.topk(min(self._alternatives, len(known)))
        by_text: dict[str, float] = {}
        for logprob, token in zip(top.values.tolist(), top.indices.tolist(), strict=True):
            by_text.setdefault(self._vocabulary.piece(token).decode("utf-8", "replace"), logprob)
        return by_text


def _without_marks(tokenizer: Any) -> Any:
    """Return a copy of a tokenizer without added tokens, except for white space, which some model families add."""
    from tokenizers import Tokenizer

    facts = json.loads(tokenizer.to_str())
    facts["added_tokens"] = [token for token in facts["added_tokens"] if token["content"].isspace()]
    facts |= {"post_processor": None, "truncation": None, "padding": None}
    return Tokenizer.from_str(json.dumps(facts))
