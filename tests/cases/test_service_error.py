"""Saved errors of a service are refused with their message; printed responses are never scripts."""

from __future__ import annotations

import json

import pytest

from valex_local.errors import InputError
from valex_local.exchange.gemini import ResponseStatus
from valex_local.exchange.responses import not_a_script
from valex_local.exchange.sources import read_scripts

STEM = "@ann_video_7300000000000000041"
ERRORS = {
    "object": json.dumps({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}),
    "list": json.dumps([{"error": {"code": 503, "message": "The model is overloaded."}}]),
    "string": json.dumps({"error": "The model is overloaded."}),
    "page": "<!DOCTYPE html>\n<html><title>The model is overloaded.</title></html>",
    "exception": "google.genai.errors.ServerError: 503 UNAVAILABLE. The model is overloaded.",
    "traceback": "Traceback (most recent call last):\n  File\nServerError: The model is overloaded.",
    "status": "503 UNAVAILABLE. {'error': {'message': 'The model is overloaded.'}}",
    "name": "RESOURCE_EXHAUSTED: The model is overloaded.",
}
PRINTED = [
    'sdk_http_response=HttpResponse(headers=<dict len=11>) candidates=[Candidate(finish_reason="SAFETY")]',
    'response:\nGenerateContentResponse(\n    done=True,\n    "finish_reason": "SAFETY",\n)',
    "GenerateContentResponse(candidates=[Candidate(finish_reason=<FinishReason.SAFETY: 'SAFETY'>)])",
    'candidates {\n  content {\n    parts {\n      text: "GIRL: hi"\n    }\n  }\n  finish_reason: SAFETY\n}\n',
    "candidates=[Candidate(content=None, finish_reason=<FinishReason.SAFETY: 'SAFETY'>)]",
]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_refused_with_its_message(tmp_path, error):
    (tmp_path / f"{STEM}.{'json' if ERRORS[error][0] in '{[' else 'txt'}").write_text(ERRORS[error])
    (script,) = read_scripts(tmp_path).scripts
    assert script.answer.status is ResponseStatus.REFUSED
    assert "the service reported an error: " in script.answer.reason and "overloaded" in script.answer.reason


def test_an_error_in_a_line_names_its_post(tmp_path):
    (tmp_path / "out.jsonl").write_text(json.dumps({"key": STEM, "error": {"code": 13, "message": "Internal error"}}))
    (script,) = read_scripts(tmp_path).scripts
    assert (script.names[0], script.answer.reason) == (STEM, "the service reported an error: Internal error")


@pytest.mark.parametrize("text", PRINTED)
def test_a_printed_response_is_unreadable(tmp_path, text):
    path = tmp_path / f"{STEM}.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"printed response \(finish reason: SAFETY\)"):
        read_scripts(path)


@pytest.mark.parametrize("text", ["ERROR: hi", "404: the page is gone", "Response (to Ann): hi", "500 coats. INTERNAL"])
def test_scripts_that_look_alike_are_scripts(tmp_path, text):
    (tmp_path / f"{STEM}.txt").write_text(text)
    assert read_scripts(tmp_path).scripts[0].answer.text == text


@pytest.mark.parametrize(
    "text",
    [
        "{'candidates': [{'finishReason': 'STOP'}]}",
        "[Part(text='GIRL: \"Hi.\"')]",
        "b'GIRL: \"Hi.\"'",
        "content='GIRL' additional_kwargs={}",
        "<genai.types.GenerateContentResponse object at 0x7f00>",
        "[Script Info]\nTitle: x\n",
        "{0}{25}I bought a coat\n",
    ],
)
def test_what_is_no_script_is_not_read_as_one(text: str) -> None:
    found = not_a_script(text)
    assert found is not None and found.status is ResponseStatus.UNREADABLE


@pytest.mark.parametrize("text", ["Error: quota exceeded", "curl: (28) Operation timed out", "<p>Bad gateway</p>"])
def test_other_errors_are_refused(text: str) -> None:
    found = not_a_script(text)
    assert found is not None and found.status is ResponseStatus.REFUSED


@pytest.mark.parametrize("text", ["None", "null\n"])
def test_nothing_is_empty(text: str) -> None:
    found = not_a_script(text)
    assert found is not None and found.status is ResponseStatus.EMPTY


@pytest.mark.parametrize("text", ["[by: maple]\nGIRL: Hi", "Nonetheless, she goes.", "{SALE}", "Error: one\nGIRL: Hi"])
def test_scripts_are_scripts(text: str) -> None:
    assert not_a_script(text) is None
