"""Pictures for GGUF models: the vision encoder (mmproj) of a model, through llama.cpp's library mtmd.

Pictures are evaluated between parts of text rather than by a chat handler of llama-cpp-python: those write contents
into the chat template and let all of it become special tokens, so the text of a post could be taken for a new turn.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import ModelError
from valex_local.llm.base import Picture
from valex_local.llm.images import open_picture, plain_picture

_log = logging.getLogger(__name__)

CACHE_BYTES = 2**30
"""Size of the cache of encoded pictures, least recently used first to go. With a vision encoder like that of
Qwen3-VL-8B, two CPU threads take a minute to encode a picture of 640 x 640. It has 400 tokens, each with 4 bytes for
every input of the language model, 64 kB in all.
"""

SAME = 1e-3
"""Largest difference of log-probabilities, in nats, that may be due to rounding on a GPU. Red and blue differ by far
more."""

_QUESTION = b"What colour is this?"
_HINT = "Use the mmproj file that was published next to the model"


class Projector:
    """The vision encoder of a GGUF model.

    Parameters
    ----------
    path : Path
        The mmproj file.
    llama : llama_cpp.Llama
        The language model it belongs to. It must outlive the projector.
    threads : int
        Number of threads.
    on_gpu : bool
        Whether to compute on a GPU, if the library was built for it.

    Attributes
    ----------
    width : int
        Size of the language model's input: numbers per token of a picture.
    batch : int
        Maximum number of tokens that the language model reads at once.

    Raises
    ------
    ModelError
        The file cannot be loaded, contains no vision encoder, or belongs to another language model.
    """

    def __init__(self, path: Path, llama: Any, *, threads: int, on_gpu: bool) -> None:
        import llama_cpp

        self._mtmd = _library()
        file = os.fsencode(path)
        if not self._mtmd.mtmd_get_cap_from_file(file).inp_vision:
            what = "the file contains no vision encoder: it is broken or not an mmproj file"
            raise ModelError(what, path=path, hint=_HINT)
        settings = self._mtmd.mtmd_context_params_default()
        settings.n_threads = threads
        settings.use_gpu = on_gpu
        settings.print_timings = False
        # Flash attention stays enabled if the backend has it, whatever the language model does: without it the
        # attention over one full HD keyframe takes gigabytes.
        self._context = self._mtmd.mtmd_init_from_file(file, llama.model, settings)
        if self._context is None:
            what = "llama.cpp cannot load the vision encoder: it is broken, too new, or for another language model"
            raise ModelError(what, path=path, hint=_HINT)
        self._free = weakref.finalize(self, self._mtmd.mtmd_free, self._context)
        self.width: int = llama_cpp.llama_model_n_embd_inp(llama.model)
        self.batch: int = llama_cpp.llama_n_ubatch(llama.ctx)
        self._cache: dict[str, EncodedPicture] = {}

    def encode(self, picture: Picture) -> EncodedPicture:
        """Return a picture divided into tokens; the vision encoder runs when it is first evaluated.

        Raises
        ------
        ModelError
            The picture is broken, or takes more tokens than this model can read at once.
        """
        key = hashlib.sha256(picture.data).hexdigest()
        encoded = self._cache.pop(key, None) or EncodedPicture(self, self._chunks(picture), key)
        self._cache[key] = encoded
        while sum(other.size for other in self._cache.values()) > CACHE_BYTES and len(self._cache) > 1:
            del self._cache[next(iter(self._cache))]
        return encoded

    def _chunks(self, picture: Picture) -> int:
        """Return the address of a picture's chunks, including the special tokens around it."""
        mtmd, pixels = self._mtmd, np.ascontiguousarray(open_picture(picture))
        height, width, _ = pixels.shape
        marker = mtmd.mtmd_get_marker(self.context)
        text = mtmd.mtmd_input_text(text=marker, text_len=len(marker), add_special=False, parse_special=True)
        chunks = mtmd.mtmd_input_chunks_init()
        bitmap = mtmd.mtmd_bitmap_init(width, height, pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        try:
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            code = mtmd.mtmd_tokenize(self.context, chunks, ctypes.byref(text), bitmaps, 1)
        finally:
            mtmd.mtmd_bitmap_free(bitmap)
        if code != 0:
            mtmd.mtmd_input_chunks_free(chunks)
            raise ModelError(f"llama.cpp cannot divide a picture of {width} x {height} into tokens (code {code})")
        address: int = chunks
        return address

    @property
    def context(self) -> int:
        """The address of the library's context.

        Raises
        ------
        ModelError
            The projector is closed.
        """
        if not self._free.alive:
            raise ModelError("the vision encoder is closed")
        address: int = self._context
        return address

    def close(self) -> None:
        """Free the vision encoder; calling it again does nothing."""
        self._cache.clear()
        self._free()


class EncodedPicture:
    """A picture as tokens; made by `Projector.encode`. Its memory is freed with the last reference to it.

    Parameters
    ----------
    projector : Projector
        What encoded it.
    chunks : int
        Address of the library's chunks; they belong to this object from now on.
    key : str
        SHA-256 of the file in hex.

    Attributes
    ----------
    tokens : int
        Number of tokens it takes of the context, including the special tokens around it.
    positions : int
        How far it advances the position; less than `tokens` in models with two-dimensional positions (M-RoPE).
    key : str
        SHA-256 of the file in hex.
    size : int
        Size of the encoded picture, bytes.
    """

    def __init__(self, projector: Projector, chunks: int, key: str) -> None:
        self._projector = projector
        self._mtmd = mtmd = _library()
        self._free = weakref.finalize(self, mtmd.mtmd_input_chunks_free, chunks)
        self._chunks = [mtmd.mtmd_input_chunks_get(chunks, i) for i in range(mtmd.mtmd_input_chunks_size(chunks))]
        self._embeddings: dict[int, NDArray[np.float32]] = {}
        self.tokens: int = mtmd.mtmd_helper_get_n_tokens(chunks)
        self.positions: int = mtmd.mtmd_helper_get_n_pos(chunks)
        self.key = key
        self.size = 4 * projector.width * sum(self._length(chunk) for chunk in self._chunks if not self._is_text(chunk))
        self._check_length(projector.batch)

    def _length(self, chunk: int) -> int:
        return int(self._mtmd.mtmd_input_chunk_get_n_tokens(chunk))

    def _is_text(self, chunk: int) -> bool:
        return bool(self._mtmd.mtmd_input_chunk_get_type(chunk) == self._mtmd.MTMD_INPUT_CHUNK_TYPE_TEXT)

    def _check_length(self, most: int) -> None:
        """Raise for chunks that would make the library abort: tokens that attend to each other need one batch."""
        for chunk in self._chunks:
            together = self._mtmd.mtmd_decode_use_non_causal(self._projector.context, chunk)
            if together and not self._is_text(chunk) and self._length(chunk) > most:
                raise ModelError(f"a picture takes {self._length(chunk)} tokens, and the model reads {most} at once")

    def evaluate(self, llama: Any, position: int) -> int:
        """Evaluate the picture, with the special tokens around it, into sequence 0.

        Parameters
        ----------
        llama : llama_cpp.Llama
            The language model. Its count of tokens is not changed.
        position : int
            Where the picture begins; the sequence must be empty from there on.

        Returns
        -------
        int
            Where the text after it begins.

        Raises
        ------
        ModelError
            It does not fit into the context, or the library failed. The content of the sequence from `position` on is
            then undefined.
        """
        at = ctypes.c_int32(position)
        for number, chunk in enumerate(self._chunks):
            code = self._evaluate_chunk(llama, number, chunk, at)
            if code != 0:
                raise ModelError(
                    f"llama.cpp cannot evaluate a picture of {self.tokens} tokens at position {position} (code {code})",
                    hint="Give fewer or smaller pictures, or a longer context",
                )
        return at.value

    def _evaluate_chunk(self, llama: Any, number: int, chunk: int, at: ctypes.c_int32) -> int:
        """Evaluate a chunk at a position and advance the position; return the library's code, 0 for success."""
        target = (self._projector.context, llama.ctx, chunk)
        begin, sequence, batch, end = at.value, 0, llama.n_batch, ctypes.byref(at)
        if self._is_text(chunk):
            return int(self._mtmd.mtmd_helper_eval_chunk_single(*target, begin, sequence, batch, False, end))
        embedding = self._embedding(number).ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        no_callback = self._mtmd.mtmd_helper_post_decode_callback()
        return int(
            self._mtmd.mtmd_helper_decode_image_chunk(
                *target, embedding, begin, sequence, batch, end, no_callback, None
            )
        )

    def _embedding(self, number: int) -> NDArray[np.float32]:
        """Return the encoded chunk, float32 (tokens * width,)."""
        if number not in self._embeddings:
            chunk, context = self._chunks[number], self._projector.context
            code = self._mtmd.mtmd_encode_chunk(context, chunk)
            if code != 0:
                raise ModelError(f"the vision encoder failed on a picture of {self.tokens} tokens (code {code})")
            found = self._mtmd.mtmd_get_output_embd(context)
            self._embeddings[number] = np.ctypeslib.as_array(
                found, (self._length(chunk) * self._projector.width,)
            ).copy()
        return self._embeddings[number]


def check_vision(llama: Any, projector: Projector, path: Path) -> None:
    """Check that pictures reach the language model, which the library does not report.

    The sequences of the model are cleared before and after.

    Parameters
    ----------
    llama : llama_cpp.Llama
        The language model.
    projector : Projector
        Its vision encoder.
    path : Path
        The file of the encoder, for messages.

    Raises
    ------
    ModelError
        The model's next token has the same log-probabilities after a red and a blue picture, or they are not numbers;
        or its context is too short for a picture.
    """
    try:
        red, blue = (_logprobs_after(llama, projector, colour) for colour in ("red", "blue"))
    finally:
        _clear(llama)
    if not np.abs(red - blue).max() > SAME:  # written this way so that NaN fails too
        what = "the model does not see images: red and blue pictures are the same to it"
        raise ModelError(what, path=path, hint=_HINT)


def _logprobs_after(llama: Any, projector: Projector, colour: str) -> NDArray[np.float64]:
    """Return the log-probabilities of the token after a picture of one colour and a question, (vocabulary,)."""
    picture = projector.encode(plain_picture(colour, 224))
    question = llama.tokenize(_QUESTION, add_bos=False, special=False)
    if picture.tokens + len(question) > llama.n_ctx():
        raise ModelError(f"a context of {llama.n_ctx()} tokens is too short for a picture of {picture.tokens}")
    _clear(llama)
    llama.n_tokens = picture.evaluate(llama, 0)
    llama.eval(question)
    logits = np.ctypeslib.as_array(llama._ctx.get_logits_ith(-1), (llama.n_vocab(),)).astype(np.float64)
    shifted = logits - logits.max()
    logprobs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return logprobs


def _clear(llama: Any) -> None:
    llama.reset()
    llama._ctx.kv_cache_clear()


@functools.cache
def _library() -> Any:
    """Return llama.cpp's library for pictures, imported once and set to write to our log."""
    try:
        from llama_cpp import llama_log_callback, mtmd_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama-cpp-python was built without the library for pictures ({error})",
            hint='Install it again with: pip install --force-reinstall "valex_local[llm]"',
        ) from error

    def say(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        _log.debug("llama.cpp (level %d): %s", level, text.decode("utf-8", "replace").rstrip())

    # C keeps only the address, so the callback must live as long as the library: its module holds it.
    mtmd_cpp.valex_log_callback = llama_log_callback(say)
    mtmd_cpp.mtmd_helper_log_set(mtmd_cpp.valex_log_callback, ctypes.c_void_p(0))
    return mtmd_cpp
