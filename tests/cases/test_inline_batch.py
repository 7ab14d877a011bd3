"""The responses in the state of a finished batch are scripts of the posts that their keys name."""

from __future__ import annotations

import json

import pytest

from tests.cases.test_streamed_response import chunk
from valex_local.errors import InputError
from valex_local.exchange.sources import read_scripts

KEYS = ["@ann_video_7300000000000000041", "@ann_video_7300000000000000042"]


def entries() -> list[object]:
    return [{"response": chunk(key, "STOP"), "metadata": {"key": key}} for key in KEYS]


@pytest.mark.parametrize("field", ["inlinedResponses", "inlined_responses"])
@pytest.mark.parametrize("around", ["response", "dest", "output", None])
@pytest.mark.parametrize("twice", [True, False])
def test_keys_name_the_posts(tmp_path, field, around, twice):
    inner = {field: {field: entries()} if twice else entries()}
    (tmp_path / "batch.json").write_text(json.dumps({"name": "batches/1", **({around: inner} if around else inner)}))
    scripts = read_scripts(tmp_path).scripts
    assert [(s.names, s.answer.text) for s in scripts] == [((key,), key) for key in KEYS]


def test_an_error_among_the_responses_is_refused_with_its_message(tmp_path):
    failing = {"error": {"code": 13, "message": "Internal error"}, "metadata": {"key": KEYS[0]}}
    (tmp_path / "batch.json").write_text(json.dumps({"dest": {"inlinedResponses": [failing, entries()[1]]}}))
    bad, good = read_scripts(tmp_path).scripts
    assert (bad.names, bad.answer.reason) == ((KEYS[0],), "the service reported an error: Internal error")
    assert good.answer.text == KEYS[1]


def test_a_batch_without_responses_says_its_state(tmp_path):
    path = tmp_path / "batch.json"
    path.write_text(json.dumps({"name": "batches/1", "metadata": {"state": "BATCH_STATE_RUNNING"}}))
    with pytest.raises(InputError, match="BATCH_STATE_RUNNING"):
        read_scripts(path)


def test_an_unknown_response_is_named_by_its_fields(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps({"key": KEYS[0], "response": {"colour": 1, "shape": 2}}))
    with pytest.raises(InputError, match="the fields colour, shape"):
        read_scripts(path)
