from __future__ import annotations

import ctypes
import gc
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.llm.tiny_gguf import SPECIAL, write_language_model, write_projector
from valex_local.errors import ModelError
from valex_local.llm import Picture, projector
from valex_local.llm.llama_cpp import _library
from valex_local.llm.projector import EncodedPicture, Projector, check_vision

pytest.importorskip("llama_cpp")

KINDS = {"mlp": "llama", "gemma3": "llama", "qwen3vl_merger": "qwen3vl"}


@dataclass
class Pair:
    """A language model and its vision half."""

    llama: Any
    projector: Projector
    folder: Path
    mmproj: Path

    def said_after(self, *parts: bytes | EncodedPicture) -> np.ndarray:
        """The logits after texts and pictures, from an empty sequence."""
        projector._clear(self.llama)
        for part in parts:
            if isinstance(part, EncodedPicture):
                self.llama.n_tokens = part.evaluate(self.llama, self.llama.n_tokens)
            else:
                self.llama.eval(self.llama.tokenize(part, add_bos=False))
        return logits(self.llama)


def logits(llama: Any) -> np.ndarray:
    return np.ctypeslib.as_array(llama._ctx.get_logits_ith(-1), (llama.n_vocab(),)).copy()


def load(path: Path, **options: int) -> Any:
    return _library().Llama(str(path), n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False, **options)


def open_projector(path: Path, llama: Any) -> Projector:
    return Projector(path, llama, threads=1, on_gpu=False)


def picture(colour: str, size: tuple[int, int] = (224, 224), kind: str = "PNG") -> Picture:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return Picture(file.getvalue())


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    yield from made(tmp_path_factory.mktemp("tiny"), request.param)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    yield from made(tmp_path_factory.mktemp("tiny"), "qwen3vl_merger")


def made(folder: Path, kind: str) -> Iterator[Pair]:
    llama = load(write_language_model(folder / "model.gguf", KINDS[kind]))
    mmproj = write_projector(folder / "mmproj.gguf", kind)
    pair = Pair(llama, open_projector(mmproj, llama), folder, mmproj)
    yield pair
    pair.projector.close()
    llama.close()


# --- what a picture takes ---------------------------------------------------------------------------------------------


def test_with_positions_in_two_dimensions_a_picture_moves_the_position_less_than_it_takes(qwen: Pair) -> None:
    encoded = qwen.projector.encode(picture("red", (320, 160)))
    marks = 2
    assert (encoded.tokens, encoded.positions) == (10 * 5 + marks, 10 + marks)
    assert encoded.size == 10 * 5 * 64 * 2 * 4  # one layer of deepstack doubles the 64 inputs


def test_what_a_picture_takes_is_what_it_takes(pair: Pair) -> None:
    """The library's own memory agrees on the position, and the tokens fill the context just so far."""
    projector._clear(pair.llama)
    pair.llama.eval(pair.llama.tokenize(b"a text", add_bos=False))
    begin = pair.llama.n_tokens
    encoded = pair.projector.encode(picture("red"))
    end = encoded.evaluate(pair.llama, begin)
    assert pair.llama.n_tokens == begin
    assert end == begin + encoded.positions
    room = pair.llama.n_ctx() - begin - encoded.tokens
    pair.llama.n_tokens = end
    pair.llama.eval([0] * room)
    with pytest.raises(RuntimeError, match="llama_decode"):
        pair.llama.eval([0])


def test_the_marks_around_a_picture_are_the_models_special_tokens(qwen: Pair) -> None:
    mtmd = qwen.projector._mtmd
    first, middle, last = qwen.projector.encode(picture("red"))._chunks
    count = ctypes.c_size_t()
    marks = [mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))[0] for chunk in (first, last)]
    assert count.value == 1
    assert marks == qwen.llama.tokenize(b"<|vision_start|><|vision_end|>", add_bos=False, special=True)
    assert mtmd.mtmd_input_chunk_get_type(middle) == mtmd.MTMD_INPUT_CHUNK_TYPE_IMAGE


def test_no_token_of_the_beginning_stands_before_a_picture(tmp_path: Path) -> None:
    llama = load(write_language_model(tmp_path / "model.gguf", add_bos=True))
    assert len(llama.tokenize(b"", add_bos=True)) == 1
    assert open_projector(write_projector(tmp_path / "mmproj.gguf"), llama).encode(picture("red")).tokens == 16


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 3), (131, 307)])
def test_any_shape_will_do(pair: Pair, size: tuple[int, int]) -> None:
    encoded = pair.projector.encode(picture("red", size, "JPEG"))
    assert np.isfinite(pair.said_after(encoded, b"?")).all()


# --- what it tells ----------------------------------------------------------------------------------------------------


def test_the_model_sees_what_the_librarys_own_way_shows_it(pair: Pair) -> None:
    encoded = pair.projector.encode(picture("green"))
    ours = pair.said_after(b"Look: ", encoded, b" What is it?")
    projector._clear(pair.llama)
    pair.llama.eval(pair.llama.tokenize(b"Look: ", add_bos=False))
    after = ctypes.c_int32(pair.llama.n_tokens)
    for chunk in encoded._chunks:
        place = (pair.projector.context, pair.llama.ctx, chunk, after.value, 0, 512, False)
        assert pair.projector._mtmd.mtmd_helper_eval_chunk_single(*place, ctypes.byref(after)) == 0
    pair.llama.n_tokens = after.value
    pair.llama.eval(pair.llama.tokenize(b" What is it?", add_bos=False))
    assert np.array_equal(ours, logits(pair.llama))


def test_a_picture_and_its_place_decide_and_nothing_else(pair: Pair) -> None:
    red, blue = (pair.projector.encode(picture(colour)) for colour in ("red", "blue"))
    first = pair.said_after(b"a", red, b"b", blue, b"c")
    assert not np.allclose(first, pair.said_after(b"a", blue, b"b", red, b"c"), atol=1e-3)
    pair.llama.n_tokens = 0
    assert np.array_equal(first, pair.said_after(b"a", red, b"b", blue, b"c"))


def test_a_sequence_can_be_cut_before_a_picture_and_goes_on(pair: Pair) -> None:
    red, blue = (pair.projector.encode(picture(colour)) for colour in ("red", "blue"))
    expected = pair.said_after(b"a", blue, b"c")
    pair.said_after(b"a", red, b"c")
    begin = len(pair.llama.tokenize(b"a", add_bos=False))
    pair.llama._ctx.kv_cache_seq_rm(0, begin, -1)
    pair.llama.n_tokens = blue.evaluate(pair.llama, begin)
    pair.llama.eval(pair.llama.tokenize(b"c", add_bos=False))
    assert np.array_equal(expected, logits(pair.llama))


def test_the_vision_model_runs_once_for_equal_pictures(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    encode = pair.projector._mtmd.mtmd_encode_chunk
    monkeypatch.setattr(pair.projector._mtmd, "mtmd_encode_chunk", lambda *a: (runs.append(1), encode(*a))[1])
    first = pair.said_after(pair.projector.encode(picture("lime")), b"?")
    again = pair.projector.encode(picture("lime"))
    assert np.array_equal(first, pair.said_after(again, b"?"))
    assert len(runs) == 1
    assert again.key == pair.projector.encode(picture("lime")).key != pair.projector.encode(picture("navy")).key


def test_only_so_much_is_kept(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = pair.projector.encode(picture("red"))
    monkeypatch.setattr(projector, "CACHE_BYTES", 2 * kept.size)
    blue = pair.projector.encode(picture("blue"))
    assert pair.projector.encode(picture("red")) is kept
    pair.projector.encode(picture("green"))
    assert pair.projector.encode(picture("red")) is kept
    assert pair.projector.encode(picture("blue")) is not blue
    monkeypatch.setattr(projector, "CACHE_BYTES", 0)
    assert len({id(pair.projector.encode(picture(colour))) for colour in ("red", "blue", "red")}) == 3
    assert len(pair.projector._cache) == 1


# --- the check at load ------------------------------------------------------------------------------------------------


def test_a_model_that_sees_passes_and_is_left_clear(pair: Pair) -> None:
    pair.said_after(b"something before")
    check_vision(pair.llama, pair.projector, pair.mmproj)
    library = _library()
    assert pair.llama.n_tokens == 0
    assert library.llama_memory_seq_pos_max(library.llama_get_memory(pair.llama.ctx), 0) == -1


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_to_which_all_pictures_are_the_same_fails(kind: str, tmp_path: Path) -> None:
    llama = load(write_language_model(tmp_path / "model.gguf", KINDS[kind]))
    blank = write_projector(tmp_path / "mmproj-blank.gguf", kind, blank=True)
    with pytest.raises(ModelError, match=r"does not see.*mmproj-blank\.gguf.*published next to the model"):
        check_vision(llama, open_projector(blank, llama), blank)


def test_what_is_no_number_is_no_sight(qwen: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector, "_logprobs_after", lambda *_: np.full(4, np.nan))
    with pytest.raises(ModelError, match="does not see"):
        check_vision(qwen.llama, qwen.projector, qwen.mmproj)


def test_a_context_too_short_for_a_picture_is_named(qwen: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qwen.llama, "n_ctx", lambda: 60)
    with pytest.raises(ModelError, match="60 tokens is too short for a picture of 51"):
        check_vision(qwen.llama, qwen.projector, qwen.mmproj)


# --- what cannot be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        picture("red", kind="GIF").data,
        picture("red", kind="JPEG").data[:600],
        picture("red").data[:60],
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
    ],
    ids=["nothing", "text", "gif", "cut jpeg", "cut png", "sound"],
)
def test_broken_pictures_are_named(qwen: Pair, data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="a picture for the language model cannot be read"):
        qwen.projector.encode(Picture(data))
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_does_not_fit_is_named_and_the_model_lives(qwen: Pair) -> None:
    expected = qwen.said_after(b"a text")
    big = qwen.projector.encode(picture("red", (960, 960)))
    assert big.tokens == 902
    with pytest.raises(ModelError, match=r"902 tokens at position 0 .*fewer or smaller pictures"):
        qwen.said_after(big)
    assert np.array_equal(expected, qwen.said_after(b"a text"))


def test_tokens_that_see_each_other_must_fit_into_one_batch(tmp_path: Path) -> None:
    """Else the library ends the process."""
    llama = load(write_language_model(tmp_path / "model.gguf"), n_batch=3)
    causal = open_projector(write_projector(tmp_path / "mlp.gguf", "mlp"), llama)
    assert causal.encode(picture("red")).evaluate(llama, 0) == 16
    with pytest.raises(ModelError, match="takes 4 tokens, and the model reads 3 at once"):
        open_projector(write_projector(tmp_path / "gemma3.gguf", "gemma3"), llama).encode(picture("red"))


def test_files_that_will_not_do(qwen: Pair, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = write_projector(tmp_path / "mmproj-other.gguf", "qwen3vl_merger", embedding=32)
    flat = write_projector(tmp_path / "mmproj-flat.gguf", "mlp")
    whole = qwen.mmproj.read_bytes()
    for name, data in (("cut", whole[:-9000]), ("short", whole[:500]), ("text", b"GGUF, but not really")):
        (tmp_path / f"{name}.gguf").write_bytes(data)
    wrong = [other, flat, tmp_path / "cut.gguf"]
    none = [qwen.folder / "model.gguf", *(tmp_path / f"{name}.gguf" for name in ("short", "text", "missing"))]
    for paths, complaint in ((wrong, "or for another language model"), (none, "no vision encoder")):
        for path in paths:
            with pytest.raises(ModelError, match=rf"{complaint}.*{path.name}.*published next to the model"):
                open_projector(path, qwen.llama)
    assert capfd.readouterr() == ("", "")


def test_a_build_without_the_library_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("llama_cpp.mtmd_cpp")
    monkeypatch.setitem(sys.modules, "llama_cpp.mtmd_cpp", None)
    with pytest.raises(ModelError, match=r"without the library for pictures.*pip install"):
        projector._library.__wrapped__()


# --- manners ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_said_on_the_terminal(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in made(tmp_path, kind):
        pass
    for pair in made(tmp_path, kind):
        check_vision(pair.llama, pair.projector, pair.mmproj)
    assert capfd.readouterr() == ("", "")


def test_what_is_closed_is_freed_and_says_so(qwen: Pair) -> None:
    passing = open_projector(qwen.mmproj, qwen.llama)
    encoded = passing.encode(picture("red"))
    passing.close()
    passing.close()
    assert not passing._free.alive
    with pytest.raises(ModelError, match="closed"):
        encoded.evaluate(qwen.llama, 0)
    with pytest.raises(ModelError, match="closed"):
        passing.encode(picture("red"))
    free = encoded._free
    assert free.alive
    del encoded
    gc.collect()
    assert not free.alive


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=30))
def test_the_tiny_tokenizer_reads_any_text_and_only_marks_are_special(qwen: Pair, text: str) -> None:
    data = text.encode("utf-8", "replace")
    assert qwen.llama.detokenize(qwen.llama.tokenize(data, add_bos=False)) == data
    marks = "".join(SPECIAL).encode()
    assert len(qwen.llama.tokenize(marks, add_bos=False, special=True)) == len(SPECIAL)
    assert len(qwen.llama.tokenize(marks, add_bos=False, special=False)) > len(SPECIAL)
