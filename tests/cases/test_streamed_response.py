"""The chunks of a stream are one answer, and a response reads the same whatever it is wrapped in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.exchange.gemini import ResponseStatus
from valex_local.exchange.sources import ForeignScript, read_scripts

STEM = "@ann_video_7300000000000000041"
SCRIPT = 'INT. KITCHEN - DAY\n\nGIRL: "I bought a coat for eleven dollars."\n[SALE]\n'


def chunk(text: str, stop: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}}
    return {"candidates": [candidate | ({"finishReason": stop} if stop else {})], "modelVersion": "gemini-2.5-flash"}


def chunks(text: str, cuts: list[int]) -> list[dict[str, Any]]:
    bounds = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[a:b] for a, b in itertools.pairwise(bounds)]
    return [chunk(piece, "STOP" if at == len(pieces) - 1 else None) for at, piece in enumerate(pieces)]


def inlined(whole: Any, **entry: Any) -> dict[str, Any]:
    inner = {"inlinedResponses": {"inlinedResponses": [{"response": whole, "metadata": {"key": STEM}, **entry}]}}
    return {"name": "batches/1", "metadata": {"state": "BATCH_STATE_SUCCEEDED"}, "done": True, "response": inner}


SHAPES: dict[str, tuple[str, Callable[[str, list[int]], str]]] = {
    "response": (STEM + ".json", lambda t, c: json.dumps(chunk(t, "STOP"))),
    "list": (STEM + ".json", lambda t, c: json.dumps(chunks(t, c))),
    "lines": (STEM + ".jsonl", lambda t, c: "\n".join(map(json.dumps, chunks(t, c)))),
    "events": (STEM + ".txt", lambda t, c: "\r\n\r\n".join(f"data: {json.dumps(one)}" for one in chunks(t, c))),
    "string": (STEM + ".json", lambda t, c: json.dumps(json.dumps(chunk(t, "STOP")))),
    "string of chunks": (STEM + ".json", lambda t, c: json.dumps(json.dumps(chunks(t, c)))),
    "line": ("out.jsonl", lambda t, c: json.dumps({"key": STEM, "response": chunk(t, "STOP")})),
    "line with a string": ("out.jsonl", lambda t, c: json.dumps({"key": STEM, "response": json.dumps(chunk(t))})),
    "line with chunks": ("out.jsonl", lambda t, c: json.dumps({"key": STEM, "response": chunks(t, c)})),
    "inlined": ("batch.json", lambda t, c: json.dumps(inlined(chunk(t, "STOP")))),
    "destination": (
        "batch.json",
        lambda t, c: json.dumps({"dest": {"inlined_responses": [{"key": STEM, "response": chunk(t)}]}}),
    ),
    "choices": (STEM + ".json", lambda t, c: json.dumps({"choices": [{"message": {"content": t}}], "model": "m"})),
    "body": (
        "out.jsonl",
        lambda t, c: json.dumps(
            {"custom_id": STEM, "response": {"body": {"choices": [{"message": {"content": t}}]}}, "error": None}
        ),
    ),
}


def read(folder: Path, name: str, content: str) -> ForeignScript:
    path = folder / name
    path.write_text(content, "utf-8", newline="")
    (script,) = read_scripts(path).scripts
    path.unlink()
    return script


@pytest.mark.parametrize("shape", SHAPES)
@given(cuts=st.lists(st.integers(1, len(SCRIPT) - 1), max_size=5), words=st.text(st.characters(codec="utf-8")))
def test_every_shape_reads_the_same(shape, tmp_path_factory, cuts, words):
    name, make = SHAPES[shape]
    text = SCRIPT + words
    script = read(tmp_path_factory.mktemp("s"), name, make(text, cuts))
    assert (script.answer.text, script.answer.status, script.names[0]) == (text, ResponseStatus.WHOLE, STEM)


def test_answers_that_are_each_finished_are_not_joined(tmp_path):
    (tmp_path / f"{STEM}.json").write_text(json.dumps([chunk("A", "STOP"), chunk("B", "STOP")]))
    assert [script.answer.text for script in read_scripts(tmp_path).scripts] == ["A", "B"]


@pytest.mark.parametrize(("stop", "status"), [("MAX_TOKENS", "cut"), ("SAFETY", "refused"), (None, "cut")])
def test_a_stream_that_does_not_end_well_is_not_whole(tmp_path, stop, status):
    script = read(tmp_path, f"{STEM}.json", json.dumps([chunk("GIRL: hi"), chunk(" there", stop)]))
    assert script.answer.status == status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "response",
                    "candidates",
                    "choices",
                    "inlinedResponses",
                    "dest",
                    "error",
                    "key",
                    "name",
                    "done",
                    "parts",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_rubbish_is_listed_or_refused(tmp_path_factory, item):
    path = tmp_path_factory.mktemp("s") / "a.json"
    path.write_text(json.dumps(item))
    try:
        found = read_scripts(path)
    except InputError:
        return
    assert found.scripts or found.unreadable


@pytest.mark.parametrize("content", ["[" * 100_000, '"' + "[" * 1000, 'data: {"candidates": [', '{"response": "{"}'])
def test_deep_and_truncated_json_is_refused(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match="JSON"):
        read_scripts(path)
