"""Similarity of meaning by sentence encoders: a tiny one with random weights, and the one in the store."""

from __future__ import annotations

import pytest

from tests.comparison.made import lines, say, show
from tests.stages.labels.tiny import save_encoder
from valex_local.comparison.similarity import TextSimilarity
from valex_local.errors import ModelError
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 2)
CAT, RAIN = lines(say("the cat sat on the mat")), lines(show("then it rained"))


def model(folder, **options):
    return StoredModel(
        id="tiny", role="sentence", engine="transformers", folder=folder, digest="0" * 64, options=options,
        requires={}, cache=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = save_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
    return TextSimilarity(model(folder, pooling="mean", max_tokens=16), CPU)


def test_a_script_means_what_it_means(encoder):
    assert encoder.similarity(CAT, CAT) == pytest.approx(1)
    other = encoder.similarity(CAT, RAIN)
    assert -1 <= other < 0.999
    assert encoder.similarity(RAIN, CAT) == pytest.approx(other, abs=1e-6)


def test_long_scripts_are_read_to_their_end(encoder):
    long = lines(*[say("the cat sat on the mat")] * 20)
    assert encoder.similarity(long, lines(*[say("the cat sat on the mat")] * 20, say("zebra zebra zebra"))) < 1 - 1e-6


def test_who_speaks_and_what_is_shown_is_part_of_it(encoder):
    assert encoder.similarity(CAT, lines(say("the cat sat on the mat", "ZEBRA"))) < 1 - 1e-6
    assert encoder.similarity(CAT, lines(show("the cat sat on the mat"))) < 1 - 1e-6


def test_an_empty_script_has_no_meaning(encoder):
    assert encoder.similarity(CAT, ()) is None
    assert encoder.similarity(lines(show("!!!")), CAT) is None


def test_an_encoder_that_is_none(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json"):
        TextSimilarity(model(tmp_path), CPU)


@pytest.mark.slow
def test_scripts_of_one_meaning_are_more_alike_than_others(stored_model):
    by_store = TextSimilarity(stored_model("minilm-l6"), CPU)
    one = lines(say("I bought a red dress for five dollars", "GIRL"))
    same = lines(say("She got a red gown for only $5", "YOUNG WOMAN"))
    other = lines(say("The train to the mountains leaves at noon", "MAN"))
    assert by_store.similarity(one, same) > by_store.similarity(one, other) + 0.2
