"""Pictures for GGUF models: the vision half (mmproj) of a model, through llama.cpp's library mtmd.

Pictures are evaluated between stretches of text rather than by a chat handler of llama-cpp-python: those write contents
into the chat template and let all of it become special tokens, so the text of a post could pass for marks of turns.
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

KEPT_BYTES = 2**30
"""What the vision model made of pictures is kept for those asked for last, up to this size. Two threads of a processor
take a minute to make it with a vision model like that of Qwen3-VL-8B, for a picture of 640 x 640. That is 400 tokens,
and a token takes 4 bytes for each input of the language model: 64 kB there.
"""

SAME = 1e-3
"""Largest difference, in nats, of log-probabilities that may be rounding on a card. Red and blue differ by far more."""

_QUESTION = b"What colour is this?"
_HINT = "Take the mmproj file that was published beside the model"


class Projector:
    """The vision half of a GGUF model.

    Parameters
    ----------
    path : Path
        The mmproj file.
    llama : llama_cpp.Llama
        The language model it belongs to. It must outlive the use of the projector.
    threads : int
        Threads of the vision model.
    on_card : bool
        Whether it computes on a card, where the library was built for it.

    Attributes
    ----------
    width : int
        Inputs of the language model: numbers that stand for a token of a picture.
    batch : int
        Most tokens that it reads at once.

    Raises
    ------
    ModelError
        The file cannot be loaded, holds no vision model, or belongs to another language model.
    """

    def __init__(self, path: Path, llama: Any, *, threads: int, on_card: bool) -> None:
        import llama_cpp

        self._mtmd = _library()
        file = os.fsencode(path)
        if not self._mtmd.mtmd_get_cap_from_file(file).inp_vision:
            raise ModelError("the file holds no vision model: it is broken or no mmproj", path=path, hint=_HINT)
        settings = self._mtmd.mtmd_context_params_default()
        settings.n_threads = threads
        settings.use_gpu = on_card
        settings.print_timings = False
        # Flash attention stays at "where the backend has it", whatever the language model does: without it the
        # attention of one keyframe of full HD takes gigabytes.
        self._context = self._mtmd.mtmd_init_from_file(file, llama.model, settings)
        if self._context is None:
            what = "llama.cpp cannot load the vision model: broken, too new, or of another language model"
            raise ModelError(what, path=path, hint=_HINT)
        self._free = weakref.finalize(self, self._mtmd.mtmd_free, self._context)
        self.width: int = llama_cpp.llama_model_n_embd_inp(llama.model)
        self.batch: int = llama_cpp.llama_n_ubatch(llama.ctx)
        self._kept: dict[str, EncodedPicture] = {}

    def encode(self, picture: Picture) -> EncodedPicture:
        """Read a picture and cut it into tokens; the vision model runs when it is first evaluated.

        Raises
        ------
        ModelError
            The picture is broken, or takes more tokens than this model can read at once.
        """
        key = hashlib.sha256(picture.data).hexdigest()
        encoded = self._kept.pop(key, None) or EncodedPicture(self, self._chunks(picture), key)
        self._kept[key] = encoded
        while sum(other.size for other in self._kept.values()) > KEPT_BYTES and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return encoded

    def _chunks(self, picture: Picture) -> int:
        """Return the address of the chunks that a picture becomes, the marks around it included."""
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
            raise ModelError(f"llama.cpp cannot cut a picture of {width} x {height} into tokens (code {code})")
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
            raise ModelError("the vision model is closed")
        address: int = self._context
        return address

    def close(self) -> None:
        """Free the vision model; a second time does nothing."""
        self._kept.clear()
        self._free()


class EncodedPicture:
    """A picture as tokens; made by `Projector.encode`. Its memory is freed with the last reference to it.

    Attributes
    ----------
    tokens : int
        What it takes of the context, the marks around it included.
    positions : int
        How far it moves the position; less than `tokens` in models with positions in two dimensions (M-RoPE).
    key : str
        SHA-256 of the file, hexadecimal: equal for equal pictures.
    size : int
        Bytes that what the vision model makes of it will take.
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
        """Refuse what the library would end the process for: tokens that see each other but not in one batch."""
        for chunk in self._chunks:
            together = self._mtmd.mtmd_decode_use_non_causal(self._projector.context, chunk)
            if together and not self._is_text(chunk) and self._length(chunk) > most:
                raise ModelError(f"a picture takes {self._length(chunk)} tokens, and the model reads {most} at once")

    def evaluate(self, llama: Any, position: int) -> int:
        """Evaluate the picture, with the marks around it, into sequence 0.

        Parameters
        ----------
        llama : llama_cpp.Llama
            The language model. Its count of tokens stays as it is.
        position : int
            Where the picture begins; nothing may be in the sequence from there on.

        Returns
        -------
        int
            Where the text after it begins.

        Raises
        ------
        ModelError
            It does not fit into the context, or the library failed. What the sequence holds from `position` on is not
            known then.
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
        """Evaluate a chunk at a position and move that on; return the library's code, 0 where all went well."""
        place = (self._projector.context, llama.ctx, chunk)
        begin, sequence, batch, end = at.value, 0, llama.n_batch, ctypes.byref(at)
        if self._is_text(chunk):
            return int(self._mtmd.mtmd_helper_eval_chunk_single(*place, begin, sequence, batch, False, end))
        embedding = self._embedding(number).ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        no_callback = self._mtmd.mtmd_helper_post_decode_callback()
        return int(
            self._mtmd.mtmd_helper_decode_image_chunk(*place, embedding, begin, sequence, batch, end, no_callback, None)
        )

    def _embedding(self, number: int) -> NDArray[np.float32]:
        """Return what the vision model makes of a chunk, float32 (tokens * inputs of the language model,)."""
        if number not in self._embeddings:
            chunk, context = self._chunks[number], self._projector.context
            code = self._mtmd.mtmd_encode_chunk(context, chunk)
            if code != 0:
                raise ModelError(f"the vision model failed on a picture of {self.tokens} tokens (code {code})")
            found = self._mtmd.mtmd_get_output_embd(context)
            self._embeddings[number] = np.ctypeslib.as_array(
                found, (self._length(chunk) * self._projector.width,)
            ).copy()
        return self._embeddings[number]


def check_sight(llama: Any, projector: Projector, path: Path) -> None:
    """Make sure that pictures reach the model: nothing else tells whether its vision half is wired.

    The sequences of the model are cleared before and after.

    Parameters
    ----------
    llama : llama_cpp.Llama
        The language model.
    projector : Projector
        Its vision half.
    path : Path
        The file of it, for the message.

    Raises
    ------
    ModelError
        What the model would say next is the same after a red and after a blue picture, or no number; or its context is
        too short for a picture.
    """
    try:
        red, blue = (_said_after(llama, projector, colour) for colour in ("red", "blue"))
    finally:
        _clear(llama)
    if not np.abs(red - blue).max() > SAME:  # so put, what is no number fails too
        raise ModelError("the model does not see: red and blue pictures are the same to it", path=path, hint=_HINT)


def _said_after(llama: Any, projector: Projector, colour: str) -> NDArray[np.float64]:
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
    likelihoods: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return likelihoods


def _clear(llama: Any) -> None:
    llama.reset()
    llama._ctx.kv_cache_clear()


@functools.cache
def _library() -> Any:
    """Import llama.cpp's library for pictures, once, and have it speak to our log."""
    try:
        from llama_cpp import llama_log_callback, mtmd_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama-cpp-python was built without the library for pictures ({error})",
            hint='Install it anew with: pip install --force-reinstall "valex_local[llm]"',
        ) from error

    def say(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        _log.debug("llama.cpp (level %d): %s", level, text.decode("utf-8", "replace").rstrip())

    # C keeps the address alone, so the callback must live as long as the library: its module holds it.
    mtmd_cpp.valex_log_callback = llama_log_callback(say)
    mtmd_cpp.mtmd_helper_log_set(mtmd_cpp.valex_log_callback, ctypes.c_void_p(0))
    return mtmd_cpp
