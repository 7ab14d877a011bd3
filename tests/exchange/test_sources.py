"""Reading files of scripts in all formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.exchange.gemini import ResponseStatus, read_batch_line, read_response, read_studio_save
from valex_local.exchange.sources import LONGEST, Sources, read_scripts

SCRIPT = 'GIRL: "Hi"\n[SALE]\n\nGenre: comedy\nSound: yes\n'
STEM = "@ann_b_video_7300000000000000001"


def response(text: str | None = SCRIPT, stop: Any = "STOP", **more: Any) -> dict[str, Any]:
    parts = [] if text is None else [{"text": text}]
    return {"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": stop}], **more}


def batch(uri: str, answer: Any, **more: Any) -> dict[str, Any]:
    parts = [
        {"text": "Write a script.", "fileData": None, "file_data": None},
        {"text": None, "fileData": None, "file_data": {"file_uri": uri, "mime_type": "video/mp4"}},
    ]
    return {"status": "", "request": {"contents": [{"role": "user", "parts": parts}]}, "response": answer, **more}


def studio(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"runSettings": {"model": "models/gemini-1.5-pro"}, "chunkedPrompt": {"chunks": list(turns)}}


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def short(sources: Sources) -> list[tuple[str, str, tuple[str, ...], str]]:
    return [(s.where, s.shape, s.names, s.answer.text) for s in sources.scripts]


# --- what Gemini answered -------------------------------------------------------------------------------------------


def test_parts_are_joined_and_thoughts_are_not():
    parts = [{"text": "Thinking", "thought": True}, {"text": "A"}, {"functionCall": {}}, {"text": None}, {"text": "B"}]
    answer = read_response({"candidates": [{"content": {"parts": parts}}], "modelVersion": "gemini-1.5-pro-002"})
    assert (answer.text, answer.status, answer.model) == ("AB", ResponseStatus.WHOLE, "gemini-1.5-pro-002")


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        ("STOP", ResponseStatus.WHOLE, ""),
        (None, ResponseStatus.WHOLE, ""),
        (1, ResponseStatus.WHOLE, ""),
        ("FINISH_REASON_UNSPECIFIED", ResponseStatus.WHOLE, ""),
        ("FinishReason.STOP", ResponseStatus.WHOLE, ""),
        ("MAX_TOKENS", ResponseStatus.CUT, "cut by the limit of length (MAX_TOKENS)"),
        (2, ResponseStatus.CUT, "cut by the limit of length (MAX_TOKENS)"),
        ("SAFETY", ResponseStatus.REFUSED, "the answer was stopped: SAFETY"),
        ("PROHIBITED_CONTENT", ResponseStatus.REFUSED, "the answer was stopped: PROHIBITED_CONTENT"),
        ("RECITATION", ResponseStatus.REFUSED, "the answer was stopped: RECITATION"),
        (4, ResponseStatus.REFUSED, "the answer was stopped: RECITATION"),
        ("SOMETHING_NEW", ResponseStatus.REFUSED, "the answer was stopped: SOMETHING_NEW"),
    ],
)
@pytest.mark.parametrize("text", [SCRIPT, None])
def test_why_an_answer_ended(stop, status, reason, text):
    answer = read_response(response(text, stop))
    if text is None and status is not ResponseStatus.REFUSED:
        assert answer.status is ResponseStatus.EMPTY
    else:
        assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize("key", [("promptFeedback", "blockReason"), ("prompt_feedback", "block_reason")])
def test_a_blocked_request(key):
    answer = read_response({key[0]: {key[1]: "SAFETY"}})
    assert (answer.status, answer.reason) == (ResponseStatus.REFUSED, "the request was blocked: SAFETY")


def test_names_of_fields_in_the_style_of_python():
    content = {"parts": [{"text": "A"}]}
    answer = read_response({"candidates": [{"content": content, "finish_reason": "SAFETY"}], "model_version": "m"})
    assert (answer.status, answer.model) == (ResponseStatus.REFUSED, "m")


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (
            {"status": "Error: 429 quota", "response": {}},
            ResponseStatus.REFUSED,
            "the service reported an error: Error: 429",
        ),
        ({"status": "bad", "response": None}, ResponseStatus.REFUSED, "the service reported an error: bad"),
        (
            {"error": {"code": 3, "message": "no video"}},
            ResponseStatus.REFUSED,
            "the service reported an error: no video",
        ),
        ({"status": ""}, ResponseStatus.EMPTY, "the request has no response"),
    ],
)
def test_lines_of_a_batch_without_a_response(line, status, reason):
    answer = read_batch_line({"request": {}, **line})
    assert answer.status is status
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ([("gs://b/a.mp4", "video/mp4")], ("gs://b/a.mp4",)),
        ([("gs://b/a.mp4", ""), ("gs://b/a.jpg", "image/jpeg")], ("gs://b/a.mp4",)),
        ([("https://host/a?alt=media", "video/webm"), ("gs://b/b", "image/png")], ("https://host/a",)),
        ([("gs://b/a.jpg", "")], ("gs://b/a.jpg",)),
        ([("gs://b/a.mp4", ""), ("gs://b/a.mp4", "")], ("gs://b/a.mp4",)),
        ([("gs://b/a.mp4", ""), ("gs://b/b.mp4", "")], ()),
        ([], ()),
    ],
)
def test_the_one_video_of_a_request_names_its_post(files, names):
    parts = [{"fileData": {"fileUri": uri, "mimeType": kind}} for uri, kind in files]
    line = {"request": {"contents": [{"parts": [part]} for part in parts]}, "response": response()}
    assert read_batch_line(line).names == names
    assert read_batch_line({**line, "key": "k"}).names == (*names, "k")


def test_an_upload_names_nothing_and_the_key_does():
    upload = "https://generativelanguage.googleapis.com/v1beta/files/abc123"
    line = batch(upload, response())
    assert read_batch_line({**line, "key": "clip"}).names == ("clip", upload)
    assert read_batch_line(line).names == (upload,)
    named = f"gs://b/files/{STEM}"
    assert read_batch_line(batch(named, response(), key="clip")).names == (named, "clip")


def test_the_last_turn_that_is_no_thought():
    answer = read_studio_save(
        studio(
            {"role": "user", "text": "Write."},
            {"role": "model", "text": "First"},
            {"role": "user", "text": "Again."},
            {"role": "model", "text": "Hm", "isThought": True},
            {"role": "model", "text": "Second", "finishReason": "MAX_TOKENS"},
            {"role": "model", "text": "Hm", "isThought": True},
            {"role": "user", "text": "Thanks."},
        )
    )
    assert (answer.text, answer.status, answer.model) == ("Second", ResponseStatus.CUT, "models/gemini-1.5-pro")
    assert read_studio_save(studio({"role": "user", "text": "x"})).status is ResponseStatus.EMPTY
    cut = {"role": "model", "text": "one", "finishReason": "MAX_TOKENS"}
    answer = read_studio_save(studio(cut, {"role": "user", "text": "continue"}, {"role": "model", "text": "two"}))
    assert (answer.text, answer.status) == ("two", ResponseStatus.CUT)
    assert answer.reason == "an earlier turn was cut; only the last was read"
    assert read_studio_save(studio({**cut, "isThought": True}, {"role": "model", "text": "x"})).reason == ""
    assert read_studio_save({"chunkedPrompt": None}).status is ResponseStatus.EMPTY


NAMES = [
    "candidates", "content", "parts", "text", "finishReason", "promptFeedback", "blockReason", "modelVersion",
    "request", "contents", "fileData", "fileUri", "mimeType", "response", "status", "error", "message", "chunkedPrompt",
    "chunks", "role", "isThought", "key",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.sampled_from(["", "x", "model", "SAFETY", "MAX_TOKENS", "a.mp4"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["request", "response", "chunkedPrompt", "candidates", "status", "x"]), JSON))
def test_any_json_is_an_answer_or_none(item):
    for read in (read_response, read_batch_line, read_studio_save):
        answer = read(item)
        assert bool(answer.text.strip()) or answer.status is not ResponseStatus.WHOLE
        assert (answer.status is ResponseStatus.WHOLE) == (not answer.reason)


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_folder_may_mix_all_shapes(tmp_path):
    put(tmp_path / f"{STEM}.txt", SCRIPT)
    put(tmp_path / "more" / f"{STEM}2.json", response("from json", modelVersion="m"))
    lines = [batch("gs://b/one.mp4", response("from a line")), batch("gs://b/two.mp4", response("from another"))]
    put(tmp_path / "more" / "predictions.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    put(tmp_path / "saves" / "My v1.2 clip", studio({"role": "model", "text": "from a save"}))
    put(
        tmp_path / "table.csv",
        'url,script,n\nhttps://www.tiktok.com/@ann/video/7300000000000000009 ,"a, b",1\n,,2\n,,\n',
    )
    put(tmp_path / "README.md", "# About")
    put(tmp_path / ".hidden.txt", "x")
    put(tmp_path / ".git" / "x.txt", "x")
    put(tmp_path / "video.mp4", b"\0\0\0 ftypisom")
    put(tmp_path / "other.json", {"id": 1, "title": "x"})
    put(tmp_path / "latin.txt", "caf\xe9".encode("latin-1"))
    put(tmp_path / "broken.json", '{"candidates": [')
    put(tmp_path / "labels.csv", "url,a\n1,2\n")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    found = read_scripts(tmp_path)
    assert short(found) == [
        (f"{STEM}.txt", "text", (STEM,), SCRIPT),
        ("table.csv, row 2", "table", ("ann_7300000000000000009",), "a, b"),
        ("table.csv, row 3", "table", (), ""),
        (f"more/{STEM}2.json", "response", (f"{STEM}2",), "from json"),
        ("more/predictions.jsonl, line 1", "batch", ("gs://b/one.mp4",), "from a line"),
        ("more/predictions.jsonl, line 2", "batch", ("gs://b/two.mp4",), "from another"),
        ("saves/My v1.2 clip", "ai-studio", ("My v1.2 clip",), "from a save"),
    ]
    assert found.passed_over == ("README.md",)
    reasons = {bad.where: bad.reason for bad in found.unreadable}
    assert sorted(reasons) == ["broken.json", "gone.txt", "labels.csv", "latin.txt", "other.json", "video.mp4"]
    assert reasons["video.mp4"] == "this is not text"
    assert "JSON in an unknown format (it starts with id, title)" in reasons["other.json"]
    assert "utf-8" in reasons["latin.txt"]
    assert "not valid JSON" in reasons["broken.json"]
    assert "no column of texts was recognised" in reasons["labels.csv"]


@pytest.mark.parametrize("ending", ["", ".txt", ".json", ".mp4", ".script"])
@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (SCRIPT, "text"),
        ("[SALE]\nA girl.", "text"),
        ("[{brackets}]\nA girl.", "text"),
        ("{A girl}", "text"),
        (response(), "response"),
        (json.dumps(response(), indent=2), "response"),
        (batch("gs://b/x.mp4", response()), "batch"),
        ([batch("gs://b/x.mp4", response())], "batch"),
        (studio({"role": "model", "text": "x"}), "ai-studio"),
    ],
)
def test_the_content_decides_the_format(tmp_path, ending, content, shape):
    path = put(tmp_path / f"clip{ending}", content)
    if shape == "text" and ending == ".json":
        with pytest.raises(InputError, match="not valid JSON"):
            read_scripts(path)
    else:
        assert [script.shape for script in read_scripts(path).scripts] == [shape]


CUT_OFF = json.dumps([response(stop="SAFETY"), response()])[:-40]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", CUT_OFF, "not valid JSON"),
        ("a.txt", CUT_OFF, "not valid JSON"),
        ("a", ' {"candidates": [', "not valid JSON"),
        ("a.json", "null", "not an object"),
        ("a.json", '"GIRL: hi"', "not an object"),
        ("a.json", '["GIRL: hi"]', "not an object"),
        ("a.json", 'GIRL: "Hi"', "not valid JSON"),
        ("a.JSON", "", "not valid JSON"),
        ("a.json", "[]", "without content"),
        ("a.jsonl", "\n", "without content"),
    ],
)
def test_broken_json_is_no_script(tmp_path, name, content, reason):
    put(tmp_path / name, content)
    put(tmp_path / "z.txt", SCRIPT)
    found = read_scripts(tmp_path)
    assert [script.where for script in found.scripts] == ["z.txt"]
    assert [reason in bad.reason for bad in found.unreadable] == [True]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
@pytest.mark.parametrize("first", ["# made today", "GIRL", '{"request": {', '{"half', "null"])
def test_a_bad_first_line_costs_no_other(tmp_path, name, first):
    lines = [first, *(json.dumps(batch(f"gs://b/{n}.mp4", response(str(n)))) for n in range(2))]
    found = read_scripts(put(tmp_path / name, "\n".join(lines)))
    assert [(s.where, s.answer.text) for s in found.scripts] == [(f"{name}, line 2", "0"), (f"{name}, line 3", "1")]
    assert [bad.where for bad in found.unreadable] == [f"{name}, line 1"]


def test_bad_lines_of_a_batch_are_left_out_by_number(tmp_path):
    lines = [json.dumps(batch("gs://b/a.mp4", response())), '{"half', "[1]", json.dumps({"x": 1})]
    found = read_scripts(put(tmp_path / "out.jsonl", "\n".join(lines)))
    assert [s.where for s in found.scripts] == ["out.jsonl, line 1"]
    assert [bad.where for bad in found.unreadable] == [f"out.jsonl, line {n}" for n in (2, 3, 4)]
    assert "not an object" in found.unreadable[1].reason


def test_a_whole_batch_line_in_a_file_of_its_own_may_go_by_its_name(tmp_path):
    line = batch("gs://b/x.mp4", response())
    assert read_scripts(put(tmp_path / f"{STEM}.json", line)).scripts[0].names == ("gs://b/x.mp4", STEM)


@pytest.mark.parametrize(
    ("head", "options"), [("clip;was", {"id_column": "clip", "text_column": "was"}), ("id;text", {})]
)
def test_columns_are_known_or_named(tmp_path, head, options):
    path = put(tmp_path / "t.csv", f'{head}\nan id;"two\nlines"\n7.3E+18;x\nb;\n')
    found = read_scripts(path, **options)
    assert [(s.names, s.answer.text, s.answer.status) for s in found.scripts] == [
        (("an id",), "two\nlines", ResponseStatus.WHOLE),
        (("b",), "", ResponseStatus.EMPTY),
    ]
    assert [(bad.where, "rounded" in bad.reason) for bad in found.unreadable] == [("t.csv, row 3", True)]


def test_other_encodings_and_marks(tmp_path):
    put(tmp_path / "a.txt", SCRIPT.encode("utf-16"))
    put(tmp_path / "b.txt", b"\xef\xbb\xbf" + SCRIPT.encode())
    assert {s.answer.text for s in read_scripts(tmp_path).scripts} == {SCRIPT}


def test_what_is_too_long_is_no_script(tmp_path):
    put(tmp_path / "a.txt", "x" * (LONGEST + 1))
    put(tmp_path / "b.txt", "x" * LONGEST)
    found = read_scripts(tmp_path)
    assert [s.where for s in found.scripts] == ["b.txt"]
    assert found.unreadable[0].reason.startswith("200,001 characters are too many")


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_scripts(tmp_path / "none")
    with pytest.raises(InputError, match="no script could be read"):
        read_scripts(tmp_path)
    put(tmp_path / "a.json", "{}")
    with pytest.raises(InputError, match=r"a.json: this is JSON in an unknown format \(it starts with nothing\)"):
        read_scripts(tmp_path)
    put(tmp_path / "study.toml", "")
    with pytest.raises(InputError, match="this is a study"):
        read_scripts(tmp_path)


# A line as Vertex writes it, field for field; its texts are ours.
VERTEX = (
    '{"status":"","processed_time":"2024-11-05T15:48:23.545+00:00","request":{"contents":[{"parts":[{"fileData":null,'
    '"file_data":null,"text":"Write a script."},{"fileData":{"fileUri":"gs://videos/clips/%s.mp4","mimeType":'
    '"video/mp4"},"file_data":null,"text":null},{"fileData":{"fileUri":"gs://videos/x.jpeg","mimeType":"image/jpeg"},'
    '"file_data":null,"text":null}],"role":"user"}]},"response":{"candidates":[{"avgLogprobs":-0.2,"content":{"parts":'
    '[{"text":"GIRL: \\"Hi\\"\\n"}],"role":"model"},"finishReason":"STOP"}],"modelVersion":'
    '"gemini-1.5-flash-002@default","usageMetadata":{"candidatesTokenCount":58,"promptTokenCount":29180,"totalTokenCount":29238}}}'
)


def test_a_line_as_vertex_writes_it(tmp_path):
    (script,) = read_scripts(put(tmp_path / "out.jsonl", VERTEX % STEM)).scripts
    assert script.names == (f"gs://videos/clips/{STEM}.mp4", "out")
    answer = script.answer
    assert (answer.text, answer.status, answer.model) == (
        'GIRL: "Hi"\n', ResponseStatus.WHOLE, "gemini-1.5-flash-002@default",
    )  # fmt: skip
    request = json.dumps({"request": json.loads(VERTEX % STEM)["request"]})
    (asked,) = read_scripts(put(tmp_path / "in.jsonl", request)).scripts
    assert (asked.names, asked.answer.status) == ((script.names[0], "in"), ResponseStatus.EMPTY)
