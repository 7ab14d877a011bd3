"""Texts to vectors: a local Hugging Face encoder over overlapping windows, so that nothing is cut off.

On the CPU every window goes through the encoder on its own: no padding is computed, and the vectors of a text do not
depend on the other texts, to the last bit. On a GPU windows are sorted by length and padded in small batches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal

from valex_local.errors import ConfigError, ModelError
from valex_local.system.devices import Device
from valex_local.system.hugging_face import quiet
from valex_local.system.imports import require_extra

if TYPE_CHECKING:
    import torch

    from valex_local.stages.labels.int8 import Int8Encoder

LEFT, RIGHT = ".left", ".right"
"""Endings of the names of two factors in a file of tuned tensors; their product is added to the encoder's tensor."""

_FAST_TOKENIZER = "tokenizer.json"
_SENTENCEPIECE = ("spiece.model", "sentencepiece.bpe.model", "spm.model")
"""Tokenizers as SentencePiece writes them, such as DeBERTa v3's, which take its library to convert."""
_TOKENIZER_FILES = (_FAST_TOKENIZER, "vocab.txt", "vocab.json", *_SENTENCEPIECE)
_PLAIN_WEIGHTS = "pytorch_model.bin"
"""Weights of models published before safetensors, such as DeBERTa v3; read as plain tensors, never as code."""

_CUDA_WINDOWS = 64
_HINT = "Add the whole directory of the encoder, including its tokenizer"


@dataclass(frozen=True)
class WindowWithout:
    """What the vector of a window would be without the tokens of a line, for each line in the window.

    Attributes
    ----------
    lines : list of int
        Positions of the k lines.
    vectors : Tensor
        float32 (k, hidden).
    """

    lines: list[int]
    vectors: torch.Tensor


@dataclass(frozen=True)
class TextVectors:
    """The vectors of a text's windows, float32 (windows, hidden), and those without each of its lines."""

    vectors: torch.Tensor
    without: tuple[WindowWithout, ...]


@dataclass(frozen=True)
class _Window:
    """The token ids of a window, and the position of the line that each token is in, -1 for none."""

    ids: list[int]
    lines: list[int]


class TextEncoder:
    """An encoder with its tokenizer.

    Parameters
    ----------
    folder : Path
        A Hugging Face model directory: ``config.json``, weights, tokenizer files. Code in it is never run. Weights in
        safetensors are preferred; a lone ``pytorch_model.bin`` is loaded as plain tensors.
    pooling : {"mean", "cls"}
        How token vectors become the vector of a window; the mean includes special tokens.
    normalise : bool
        Whether to scale that vector to length 1.
    window, overlap : int
        Tokens per window, special tokens included, and tokens that two neighbouring windows share.
    device : Device
        Where to compute.
    tuned : Path, optional
        A safetensors file with what training changed: tensors, named as in the encoder, that replace its own, or the
        factors ``<name>.left`` and ``<name>.right``, whose product is added to its own.
    int8 : bool
        Whether to compute in 8-bit integers, on the CPU: several times faster, with slightly different vectors.

    Attributes
    ----------
    device : Device
        Where it computes.
    tokenizer : PreTrainedTokenizerFast
        The tokenizer.
    model : PreTrainedModel
        The network, float32.

    Raises
    ------
    ModelError
        Files are missing, do not fit each other, or are not an encoder; the window is longer than the encoder takes; or
        this type of encoder cannot be converted to 8 bits.
    ConfigError
        8-bit integers were asked for on a GPU.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pooling: Literal["mean", "cls"],
        normalise: bool,
        window: int,
        overlap: int,
        device: Device,
        tuned: Path | None = None,
        int8: bool = False,
    ) -> None:
        if int8 and device.kind != "cpu":
            raise ConfigError(
                "8-bit labels work only on the CPU",
                hint="Add --device cpu, or leave int8 out: a GPU is fast without it",
            )
        _check_files(folder)
        with quiet(), _as_model_error(folder):
            self.tokenizer = _load_tokenizer(folder)
            self.model = _load_model(folder)
        if tuned is not None:
            _tune(self.model, tuned)
        self.model.to(device.kind).eval()
        self._pooling, self._normalise = pooling, normalise
        self._window, self._overlap = window, overlap
        self.device = device
        self._batch_size = 1 if device.kind == "cpu" else _CUDA_WINDOWS
        self._check_window(folder)
        self._int8 = _int8_form(self, folder) if int8 else None

    @property
    def limit(self) -> int:
        """Maximum number of tokens of a window, special tokens included."""
        return min(int(self.tokenizer.model_max_length), _positions(self.model))

    @property
    def hidden(self) -> int:
        """Length of a vector."""
        return int(self.model.config.hidden_size)

    def vectors(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """Return the vectors of texts.

        Parameters
        ----------
        texts : sequence of str
            Texts of any length.

        Returns
        -------
        list of Tensor
            For each text float32 (windows, hidden), on the CPU; the windows in the order of the text, at least one.
        """
        return [found.vectors for found in self.vectors_by_line([(text, ()) for text in texts])]

    def vectors_by_line(self, texts: Sequence[tuple[str, Sequence[tuple[int, int]]]]) -> list[TextVectors]:
        """Return the vectors of texts, as `vectors` does, and what they would be without each line.

        A window without a line is pooled from the tokens outside of the line, which the encoder has read with it: no
        text is read twice. Only the mean can be divided in this way, so with pooling "cls" no window is without a line.

        Parameters
        ----------
        texts : sequence of (str, sequence of (int, int))
            Texts of any length; for each line the start and end of its characters, in the order of the text.
        """
        import torch

        windows = [self._windows(*text) for text in texts]
        flat = [window for of_text in windows for window in of_text]
        rows = torch.empty(len(flat), self.hidden)
        without: list[WindowWithout] = [WindowWithout([], rows[:0])] * len(flat)
        for batch in self._batches(flat):
            rows[batch], found = self._encode([flat[i] for i in batch])
            for i, of_window in zip(batch, found, strict=True):
                without[i] = of_window
        spans = [(end - len(of_text), end) for end, of_text in zip(accumulate(map(len, windows)), windows, strict=True)]
        return [TextVectors(rows[start:end], tuple(without[start:end])) for start, end in spans]

    def windows(self, text: str) -> list[list[int]]:
        """Return the token ids of a text in overlapping windows, each with its special tokens."""
        return [window.ids for window in self._windows(text, ())]

    def _windows(self, text: str, lines: Sequence[tuple[int, int]]) -> list[_Window]:
        encoded = self.tokenizer(
            text,
            truncation=True,
            max_length=self._window,
            stride=self._overlap,
            return_overflowing_tokens=True,
            return_attention_mask=False,
            return_offsets_mapping=True,
        )
        places = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return [_Window(ids, [_line_of(token, lines) for token in tokens]) for ids, tokens in places]

    def _batches(self, windows: Sequence[_Window]) -> Iterator[list[int]]:
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        return (order[at : at + self._batch_size] for at in range(0, len(order), self._batch_size))

    def _encode(self, windows: Sequence[_Window]) -> tuple[torch.Tensor, list[WindowWithout]]:
        """Return the vectors of windows, float32 (len(windows), hidden), and those without lines, on the CPU."""
        import torch

        with torch.inference_mode():
            window_ids = [window.ids for window in windows]
            ids, mask = self.padded(window_ids)
            tokens = self._int8(window_ids) if self._int8 else self.states(ids, mask)
            pooled = self.pooled(tokens, mask).float().cpu()
            without = [self._without(of_window, window) for of_window, window in zip(tokens, windows, strict=True)]
            return pooled, without

    def _without(self, tokens: torch.Tensor, window: _Window) -> WindowWithout:
        """Return the window pooled without each of its lines, given its token vectors, (longest, hidden)."""
        import torch

        lines = sorted(set(window.lines) - {-1}) if self._pooling == "mean" else []
        outside = torch.tensor(lines).unsqueeze(1) != torch.tensor(window.lines)
        weight = outside.to(tokens)
        # A tokenizer without special tokens leaves nothing of a window of one line.
        pooled = weight @ tokens[: len(window.ids)] / weight.sum(1, keepdim=True).clamp(min=1)
        return WindowWithout(lines, self._scaled(pooled).float().cpu())

    def padded(self, windows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return windows as a batch on the encoder's device: token ids and mask, int64 (len(windows), longest)."""
        import torch

        longest = max(map(len, windows))
        ids = torch.full((len(windows), longest), self.tokenizer.pad_token_id or 0)
        mask = torch.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = torch.tensor(window)
            mask[row, : len(window)] = 1
        return ids.to(self.device.kind), mask.to(self.device.kind)

    def states(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the token vectors of a batch, (windows, longest, hidden)."""
        found: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return found

    def pooled(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the vector of each window, (windows, hidden), given its token vectors."""
        if self._pooling == "cls":
            return self._scaled(tokens[:, 0])
        weight = mask.unsqueeze(-1).to(tokens.dtype)
        return self._scaled((tokens * weight).sum(1) / weight.sum(1))

    def _scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.normalize(vectors, dim=1) if self._normalise else vectors

    def _check_window(self, folder: Path) -> None:
        limit = self.limit
        special = self.tokenizer.num_special_tokens_to_add()
        if self._window > limit:
            raise ModelError(
                f"the window of {self._window} tokens is longer than the encoder's {limit}",
                path=folder,
                hint="Lower `window` in labels.json, or use an encoder that takes more tokens",
            )
        if self._overlap >= self._window - special:
            raise ModelError(f"a window of {self._window} tokens is too short for an overlap of {self._overlap}")


def _line_of(token: tuple[int, int], lines: Sequence[tuple[int, int]]) -> int:
    """Return the position of the line that a token is in, -1 for none, as for special tokens."""
    # The last character counts: tokens of some tokenizers begin with the space, or line break, before a word.
    start, last = token[0], token[1] - 1
    at = bisect_right(lines, last, key=lambda line: line[0]) - 1
    return at if start <= last and at >= 0 and last < lines[at][1] else -1


def _check_files(folder: Path) -> None:
    """Raise if a file is missing, before a library looks for it elsewhere or continues without it."""
    if not (folder / "config.json").is_file():
        raise ModelError("the encoder has no config.json", path=folder, hint=_HINT)
    if not _has_safetensors(folder) and not (folder / _PLAIN_WEIGHTS).is_file():
        raise ModelError("the encoder has no weights (model.safetensors)", path=folder, hint=_HINT)
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError("the encoder has no tokenizer (tokenizer.json)", path=folder, hint=_HINT)


def _has_safetensors(folder: Path) -> bool:
    return any(folder.glob("model*.safetensors"))


def _int8_form(encoder: TextEncoder, folder: Path) -> Int8Encoder:
    from valex_local.stages.labels.int8 import Int8Encoder

    return Int8Encoder(encoder.model, encoder.tokenizer, threads=encoder.device.threads, path=folder)


def _tune(model: Any, path: Path) -> None:
    """Change tensors of the encoder by a file of tuned tensors."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the tuned tensors cannot be read ({error})", path=path, hint="Add the file again") from error
    own = model.state_dict()
    names = {name.removesuffix(LEFT).removesuffix(RIGHT) for name in tensors}
    tuned = {name: _tuned(own.get(name), *(tensors.get(name + end) for end in ("", LEFT, RIGHT))) for name in names}
    unknown = sorted(name for name, tensor in tuned.items() if tensor is None)
    if unknown:
        raise ModelError(
            f"{len(unknown)} tuned tensors do not fit the encoder, for example {unknown[0]}",
            path=path,
            hint="The label model was trained with another encoder than this one",
        )
    model.load_state_dict(tuned, strict=False)


def _tuned(
    own: torch.Tensor | None, whole: torch.Tensor | None, left: torch.Tensor | None, right: torch.Tensor | None
) -> torch.Tensor | None:
    """Return the new form of a tensor: the whole one, or its own plus left @ right; None if they do not fit."""
    if own is None:
        return None
    if whole is not None and left is None and right is None:
        return whole if whole.shape == own.shape else None
    if whole is not None or left is None or right is None or not left.ndim == right.ndim == 2:
        return None
    fits = left.shape[1] == right.shape[0] and (left.shape[0], right.shape[1]) == own.shape
    return own + left.float() @ right.float() if fits else None


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not (folder / _FAST_TOKENIZER).is_file() and any((folder / name).is_file() for name in _SENTENCEPIECE):
        require_extra("train", "sentencepiece")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ModelError(
            "the encoder's tokenizer is not a fast tokenizer", path=folder, hint="Save it with a tokenizer.json file"
        )
    return tokenizer


def _load_model(folder: Path) -> Any:
    import torch
    from transformers import AutoModel

    model, info = AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=_has_safetensors(folder),
        weights_only=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    # The library initialises missing tensors at random. Only the pooler, which is not used here, may be missing.
    missing = sorted(key for key in info["missing_keys"] if "pooler" not in key.split("."))
    if missing:
        raise ModelError(
            f"the encoder's weights lack {len(missing)} tensors, for example {missing[0]}", path=folder, hint=_HINT
        )
    return model


def _positions(model: Any) -> int:
    """Return how many tokens the encoder takes; in RoBERTa and similar models positions start after the padding."""
    limit = int(getattr(model.config, "max_position_embeddings", 0)) or 1 << 30
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return limit if padding is None else limit - padding - 1


@contextmanager
def _as_model_error(folder: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, UnpicklingError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"this encoder cannot be loaded ({first})", path=folder, hint=_HINT) from error
