"""Keyframes as they are read and shown to a language model."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from valex_local.errors import InputError, ModelError
from valex_local.llm.base import Picture
from valex_local.llm.images import open_picture, plain_picture, read_keyframe, read_picture


def made(kind: str, size: tuple[int, int] = (40, 20)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def test_a_keyframe_is_read_and_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "K1.jpg"
    path.write_bytes(made("JPEG"))
    assert read_keyframe(path).size == (40, 20)
    assert open_picture(read_picture(path, 10)).size == (10, 5)
    assert open_picture(read_picture(path, 100)).size == (40, 20)


@pytest.mark.parametrize("content", [b"", b"text", made("BMP"), made("GIF"), made("JPEG")[:-40], made("PNG")[:-30]])
def test_what_is_no_whole_jpeg_or_png_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "K1.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match="a keyframe cannot be read") as raised:
        read_keyframe(path)
    assert raised.value.hint is not None and "--only media --redo" in raised.value.hint
    with pytest.raises(ModelError, match="a picture for the language model cannot be read"):
        open_picture(Picture(content))


PHOTO = made("JPEG")


@given(st.integers(0, len(PHOTO) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_is_read_or_named(at: int, damage: bytes) -> None:
    with contextlib.suppress(ModelError):
        assert open_picture(Picture(PHOTO[:at] + damage + PHOTO[at + len(damage) :])).mode == "RGB"


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "K1.png"
    path.write_bytes(made("PNG"))
    with pytest.raises(InputError, match="cannot be read"):
        read_keyframe(path)


def test_a_plain_picture_has_one_colour() -> None:
    image = open_picture(plain_picture("red", 8))
    assert image.size == (8, 8)
    assert image.getcolors() == [(64, (255, 0, 0))]
