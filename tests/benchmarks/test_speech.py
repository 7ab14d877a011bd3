"""Speech against openai-whisper: the same words, and other words are noticed."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import speech as bench
from benchmarks.environment import Environment
from benchmarks.measure import Cost, Measurement
from valex_local.errors import InputError, ModelError
from valex_local.settings import SpeechSettings
from valex_local.system.devices import Device

SAID = "My sister painted two old bikes this morning, and nobody said a word about it."
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="there is no flite to speak with")


def test_only_words_count():
    assert bench.normal("Two bikes!") == bench.normal("2 bikes") == ["2", "bikes"]
    sounds = [bench.SpeechSample(np.zeros(1), SAID), bench.SpeechSample(np.zeros(1), "Well done")]
    assert bench.word_errors(sounds, [SAID.lower().replace("two", "2"), "well, done."]) == 0
    assert bench.word_errors(sounds, [SAID, "well"]) == pytest.approx(1 / 17)


def test_ours_is_held_against_the_cheaper_of_the_others(tmp_path):
    env = Environment(None, Device("cpu", 1), tmp_path)
    costs = {bench.OURS: Cost(2.0, 1.0), bench.SAME: Cost(9.0, 8.0), bench.WHOLE: Cost(8.0, 9.0)}
    found = {way: Measurement(cost, [SAID]) for way, cost in costs.items()}
    assert [check.value for check in bench._ratios(found, env, 1.8)] == [4.0, 8.0]
    quick = bench._ratios(found, replace(env, quick=True), 1.8)
    assert [check.what.split(",")[0] for check in quick] == ["CPU time"]
    card = bench._ratios(found, replace(env, device=Device("cuda", 1)), 1.8)
    assert [check.what.split(",")[0] for check in card] == ["wall time"]
    found[bench.SAME] = Measurement(costs[bench.SAME], [SAID.replace("bikes", "bike")])
    assert bench._difference(found, bench.SAME) == pytest.approx(1 / 15)
    assert bench._difference(found, bench.WHOLE) == 0


def test_silence_is_no_measurement(tmp_path):
    with pytest.raises(InputError, match="no words"):
        bench._measured({bench.OURS: lambda: ["", " "]}, Environment(None, Device("cpu", 1), tmp_path, quick=True))


def test_a_model_of_another_engine_is_refused(stored_model, tmp_path):
    whisper = stored_model("whisper-base-ct2")

    class Other:
        def resolve(self, *_, **__):
            return {"asr": replace(whisper, engine="openai-whisper")}

    with pytest.raises(ModelError, match="nothing to compare"):
        bench.fp32(Environment(Other(), Device("cpu", 1), tmp_path, quick=True))


@pytest.fixture
def env(store, stored_model, tmp_path, monkeypatch):
    stored_model("whisper-base-ct2")
    monkeypatch.setattr(bench, "QUICK_SECONDS", 5.0)
    monkeypatch.setattr(bench, "_beginnings", lambda sounds: [])
    monkeypatch.setattr(bench, "_settings", lambda sounds: SpeechSettings(language="en", beam_size=1))
    return Environment(store, Device("cpu", 2), tmp_path, quick=True)


@pytest.mark.slow
@needs_flite
def test_float32_says_the_same(env):
    result = bench.fp32(env)
    _, same = result.checks
    assert next(iter(result.costs)) == bench.OURS
    assert same.held, same
    assert all(rate < 0.1 for rate in result.facts["word_error_rate"].values())


@pytest.mark.slow
@needs_flite
def test_8_bit_batches_err_no_more(env):
    result = bench.int8(env)
    _, worse = result.checks
    assert next(iter(result.costs)) == bench.OURS
    assert worse.held, worse
