"""Files of weights that are cut off, in each of the formats that say how long they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.tiny import CHATS, CTRANSLATE2, gguf, tensors
from valex_local.errors import ModelError
from valex_local.store.manifests import built_in_folder
from valex_local.store.whole import check_whole

ONNX = b"\x08\x08" + b"\x15abcd" + b"\x19abcdefgh" + b"\x3a\x81\x01" + bytes(129)
FILES = {"m.gguf": gguf(CHATS), "m.safetensors": tensors(b"weights"), "model.bin": CTRANSLATE2, "m.onnx": ONNX}


@pytest.mark.parametrize("name", FILES)
def test_every_cut_is_seen(name: str, tmp_path: Path):
    whole, path = FILES[name], tmp_path / name
    path.write_bytes(whole)
    check_whole(path)
    ends = {2, 7, 16} if name == "m.onnx" else set()  # a protocol buffer may end after any of its fields
    for length in set(range(len(whole))) - ends:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"cut off, or not an? .* at all"):
            check_whole(path)


@pytest.mark.parametrize("name", FILES)
@given(content=st.binary(max_size=60))
def test_anything_else_is_refused_in_words(name: str, tmp_path_factory: pytest.TempPathFactory, content: bytes):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(FILES[name][:12] + content)
    try:
        check_whole(path)
    except ModelError as error:
        assert "cut off" in str(error)


def test_the_metadata_of_a_gguf_file_are_read(tmp_path: Path):
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(CHATS))
    assert check_whole(path) == {CHATS: "{{ x }}", "general.alignment": 64, "tokens": None, "scores": None}


def test_bundled_weights_are_whole_and_cut_ones_are_not(tmp_path: Path):
    found = [p for p in sorted(built_in_folder().rglob("*")) if p.suffix in (".onnx", ".safetensors")]
    assert len(found) > 5
    for path in found:
        check_whole(path)
        cut = tmp_path / path.name
        cut.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ModelError, match="cut off"):
            check_whole(cut)


def test_other_files_are_not_read(tmp_path: Path):
    path = tmp_path / "config.json"
    path.write_bytes(b"not even JSON")
    assert check_whole(path) == {}
