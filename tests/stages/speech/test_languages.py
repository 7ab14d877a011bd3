from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.stages.speech.languages import languages, main_language, pieces_to_detect
from valex_local.stages.speech.vad import AudioPiece


def pieces(*voiced: float) -> list[AudioPiece]:
    return [AudioPiece(30.0 * i, 30.0 * i + v, v) for i, v in enumerate(voiced)]


def test_short_pieces_are_not_asked() -> None:
    assert pieces_to_detect(pieces(1.0, 10.0, 2.9, 3.0)) == (1, 3)


def test_of_short_pieces_the_longest_is_asked() -> None:
    assert pieces_to_detect(pieces(0.6, 1.2, 1.1)) == (1,)


def test_most_of_the_voice_decides() -> None:
    found = main_language(pieces(5, 20), {0: {"en": 1.0, "de": 0.0}, 1: {"en": 0.1, "de": 0.9}})
    assert found == ("de", pytest.approx(0.72))


def test_a_sure_piece_keeps_its_language_and_an_unsure_one_follows() -> None:
    detected = {0: {"en": 0.9, "de": 0.1}, 1: {"en": 0.2, "de": 0.8}, 2: {"en": 0.21, "de": 0.79}}
    assert languages(4, detected, main="en") == ("en", "de", "en", "en")


@given(st.lists(st.tuples(st.floats(0.5, 28), st.floats(0, 1)), min_size=1, max_size=6))
def test_the_probability_is_one(parts: list[tuple[float, float]]) -> None:
    detected = {i: {"en": p, "de": 1 - p} for i, (_, p) in enumerate(parts)}
    main, probability = main_language(pieces(*(v for v, _ in parts)), detected)
    assert main in ("en", "de")
    assert 0.5 - 1e-9 <= probability <= 1
