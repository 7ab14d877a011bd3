"""Every reader of files is fed documents that are deep, huge, cut off or of the wrong kind: each is one clear error.

`READERS` has a row for every module that opens or parses a file; the test fails if one is missing.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.test_doors import calls, modules
from valex_local.corpus.sheets import read_sheet
from valex_local.corpus.texts import read_texts
from valex_local.errors import ValexError
from valex_local.evaluation import routes
from valex_local.exchange.annotations import read_annotations
from valex_local.exchange.corrections import _read
from valex_local.exchange.sources import read_scripts
from valex_local.files.checksums import Checksums
from valex_local.files.tables import read_table
from valex_local.files.text import load_json, read_text
from valex_local.files.toml import read_toml
from valex_local.inference.samples import read_sample
from valex_local.posts.meta import read_meta
from valex_local.posts.sidecars import read_sidecars
from valex_local.privacy.learnt import read_learnt
from valex_local.privacy.pseudonyms import read_key
from valex_local.records import Media, Post, Record
from valex_local.report.dossier import describe_processing
from valex_local.review.plan import read_plan
from valex_local.stages.grounding.reference_lines import read_reference_lines
from valex_local.stages.grounding.things import _read as _read_words
from valex_local.stages.labels.card import read_card
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.vision.detection import read_classes
from valex_local.stages.vision.vocabulary import read_vocabulary
from valex_local.store import Store
from valex_local.store.archive import unpack
from valex_local.store.manifests import read_manifest, read_profile
from valex_local.store.whole import check_whole
from valex_local.study import LabelKey, Study
from valex_local.study.codings import codings
from valex_local.study.custody import entries
from valex_local.study.settings import given_settings
from valex_local.training.auxiliary import _read as _read_auxiliary

READING = {
    "open_regular", "read_raw", "read_text", "read_toml", "parse_toml", "load_json", "from_json", "read_bytes",
    "model_validate_json", "loads", "read_table", "table_of",
}  # fmt: skip
"""Functions that read or parse; a module that calls one is a reader."""

Reader = Callable[[Path], object]


def _kinds(kind: type[Record]) -> list[type[Record]]:
    """Return all kinds of record, those that share a base among them."""
    found = [below for one in kind.__subclasses__() for below in (one, *_kinds(one))]
    return [one for one in found if not one.__name__.startswith("_")]


RECORDS = tuple(_kinds(Record))


def _record(kind: Any) -> Reader:
    return lambda path: kind.parse(path.read_bytes(), path=path)


def _in_study(place: str, read: Callable[[Study], object]) -> Reader:
    def reader(path: Path) -> object:
        study = Study(path.parent / "study", create=True)
        study.write("a", "post", Post(id="a"))
        target = study.root / place
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_bytes(path.read_bytes())
        try:
            return read(study)
        finally:
            target.unlink(missing_ok=True)
            if place == "study.toml":
                target.write_text("")

    return reader


def _renamed(name: str, read: Reader) -> Reader:
    """Return a reader of a file that must have a certain name."""

    def reader(path: Path) -> object:
        target = path.parent / "named" / name
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_bytes(path.read_bytes())
        return read(target)

    return reader


def _owned(read: Reader) -> Reader:
    """Return a reader of a file that only its owner may read."""

    def reader(path: Path) -> object:
        path.chmod(0o600)
        return read(path)

    return reader


READERS: dict[str, list[Reader]] = {
    "corpus/sheets.py": [_renamed(f"a.{end}", read_sheet) for end in ("csv", "tsv", "xlsx")],
    "corpus/texts.py": [read_texts, _renamed("a.csv", read_texts), _renamed("a.txt", lambda p: read_texts(p.parent))],
    "evaluation/routes.py": [_renamed(routes.RECIPE, lambda path: routes._grouping(path.parent.parent))],
    "exchange/annotations.py": [_renamed("a.json", read_annotations)],
    "exchange/corrections.py": [_renamed("a.srt", _read), _renamed("a.eaf", _read)],
    "exchange/sources.py": [_renamed(f"a.{end}", read_scripts) for end in ("json", "jsonl", "txt", "csv")],
    "files/checksums.py": [lambda path: Checksums(path)(path)],
    "files/tables.py": [_renamed(f"a.{end}", read_table) for end in ("csv", "tsv", "xlsx")],
    "files/text.py": [read_text],
    "files/toml.py": [read_toml],
    "inference/samples.py": [_in_study("samples/x.csv", lambda study: read_sample(study, "x"))],
    "posts/meta.py": [_renamed(f"a.{end}", read_meta) for end in ("json", "ndjson", "csv", "xlsx")],
    "posts/sidecars.py": [
        _renamed(name, lambda path: read_sidecars([path])) for name in ("a.info.json", "a.json", "a.description")
    ],
    "privacy/learnt.py": [read_learnt],
    "privacy/pseudonyms.py": [_owned(read_key)],
    "records/base.py": [_record(kind) for kind in RECORDS],
    "stages/grounding/reference_lines.py": [read_reference_lines],
    "stages/grounding/things.py": [_read_words],
    "stages/labels/card.py": [_renamed("model.json", lambda path: read_card(path.parent))],
    "stages/labels/definitions.py": [read_definitions],
    "stages/vision/detection.py": [read_classes],
    "stages/vision/vocabulary.py": [read_vocabulary],
    "store/archive.py": [lambda path: unpack(Store(path.parent / "store"), path, say=lambda _: None)],
    "store/manifests.py": [read_manifest, _renamed("a.toml", lambda path: read_profile(str(path)))],
    "store/whole.py": [_renamed(name, check_whole) for name in ("a.gguf", "a.safetensors", "model.bin", "a.onnx")],
    "study/disk.py": [_in_study("failures/a.media.json", Study.failures)],
    "study/forget.py": [
        _in_study(name, lambda study: study.forget("a"))
        for name in ("logs/1.jsonl", "gold/x.csv", "report", "calibration.x.encoder.json")
    ],
    "report/dossier.py": [
        _in_study("logs/1.jsonl", lambda study: describe_processing(study, Store(study.root / "no")))
    ],
    "study/custody.py": [_in_study("custody.jsonl", entries)],
    "study/left_out.py": [_in_study("left-out.json", Study.left_out)],
    "review/plan.py": [_in_study("review-plan.json", read_plan)],
    "study/settings.py": [lambda path: given_settings(config=path)],
    "study/study.py": [
        _in_study("study.toml", Study.options),
        _in_study("intake.json", Study.intake),
        _in_study("posts/a/edits.json", lambda study: study.edits("a")),
        _in_study("posts/a/coding.anna.json", lambda study: list(codings(study, "anna"))),
        _in_study("calibration.x.encoder.json", lambda study: study.calibration(LabelKey("x", "encoder"))),
        _in_study("posts/a/media.json", lambda study: study.read_raw("a", "media", Media)),
        _in_study("posts/a/script.x.json", lambda study: study.script("a")),
    ],
    "training/auxiliary.py": [_renamed("a.csv", _read_auxiliary)],
}
"""What each module reads; every reader returns something or raises `ValexError`."""

ELSEWHERE = {
    "privacy/copies.py": "records, with records.py, and tables, with files/tables.py",
    "cli/_settings.py": "a word of the command line; tests/cli/test_settings.py",
    "cli/_study.py": "a list of posts, with files/text.py; tests/study/test_custody.py",
    "doctor.py": "a file of the system",
    "evaluation/visual_check.py": "records, with study/study.py",
    "exchange/gemini.py": "what exchange/sources.py has read",
    "exchange/responses.py": "what exchange/sources.py has read",
    "exchange/script_json.py": "what exchange/sources.py has read",
    "exchange/scripts.py": "records, with study/study.py",
    "files/workbooks.py": "what its own child process prints",
    "llm/http_client.py": "the answer of a server; tests/llm",
    "llm/llama_sampling.py": "a grammar that this program makes",
    "llm/prompt_template.py": "no data: a template, checked before; tests/llm",
    "llm/server.py": "the answer of a server; tests/llm",
    "llm/transformers_sampling.py": "the tokenizer of a checked model",
    "pipeline/beside.py": "records, with study/study.py",
    "pipeline/status.py": "records, with study/study.py",
    "posts/json_items.py": "what posts/meta.py has read",
    "posts/text.py": "a cell of what posts/meta.py has read",
    "report/methods.py": "a file of this package",
    "report/pages.py": "files of this package",
    "review/app.py": "what a browser sends; tests/review",
    "stages/labels/answers.py": "the answer of a language model; its own tests",
    "stages/labels/checkpoint.py": "its own lines; what is wrong is labelled again",
    "stages/labels/int8.py": "a file that this program has just written",
    "stages/media/decode.py": "videos; tests/broken_videos.py",
    "stages/media/pictures.py": "pictures; tests/stages/media",
    "stages/media/worker.py": "what its own child process prints",
    "stages/script/checks.py": "the answer of a language model; its own tests",
    "stages/vision/llm_captions.py": "the answer of a language model; its own tests",
    "stages/vision/openclip.py": "the configuration of a checked model",
    "store/downloads.py": "what its own child process prints",
    "store/hub.py": "what its parent process asks for, and bytes for their checksums",
    "store/intake.py": "copies, and reads nothing",
    "store/wheels.py": "the metadata of an installed package",
    "study/layers.py": "records that study/study.py has read",
    "system/devices.py": "files of the system",
    "system/gpu.py": "files of the system and of libraries",
    "system/sandbox.py": "files of the system",
    "training/train.py": "its own recipe; tests/training",
    "training/trainer.py": "its own state; tests/training",
}
"""Modules that call such a function too, and what covers them."""


def readers() -> set[str]:
    """Return the modules that read or parse."""
    return {
        name for name, tree in modules().items() if any(called in READING for _, called, _ in calls(tree))
    }  # fmt: skip


def test_no_reader_is_missing() -> None:
    assert not readers() - READERS.keys() - ELSEWHERE.keys()
    assert not (READERS.keys() | ELSEWHERE.keys()) - readers(), "these read nothing any more"


DEEP = 20_000
DOCUMENTS = {
    "empty": b"",
    "nothing but zeros": bytes(1000),
    "deep list": b"[" * DEEP,
    "deep list, closed": b"[" * DEEP + b"]" * DEEP,
    "deep object": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep TOML": b"a = " + b"[" * DEEP + b"]" * DEEP,
    "deep table": b"[" + b"a." * DEEP + b"a]\n",
    "huge number": b"9" * 10_000,
    "huge number in TOML": b"a = " + b"9" * 10_000,
    "huge number in an object": b'{"post": ' + b"9" * 10_000 + b"}",
    "one long line": b"a" * 1_000_000,
    "many cells": b"," * 100_000,
    "many lines": b"\n" * 100_000,
    "many quotes": b'"' * 100_001,
    "not UTF-8": b"\xff\xfe\xfd\x80" * 100,
    "UTF-16": "id,text\na,b\n".encode("utf-16"),
    "a surrogate": b'{"post": "\\ud800", "stage": "\\udc80", "what": "\\ud800"}',
    "a zip archive": b"PK\x03\x04" + bytes(100),
    "a tar archive": b"models.json" + bytes(89) + b"0000644\0" * 3 + b"77777777777\0" * 2 + bytes(1000),
    "infinity": b'{"a": Infinity, "b": NaN, "c": 1e999}',
    "a list": b"[1, null, {}]",
    "a word": b'"word"',
    "wrong types": b'{"id": [], "post": {}, "stage": 1, "what": null, "schema_version": "x", "scenes": {}}',
    "versions": b'{"schema_version": 1e300}',
    "script of wrong types": b'{"candidates": [{"content": {"parts": {"text": 1}}}], "data": {"videos": 3}}',
    "a sample": b"post_id,inclusion_probability,stratum,design,seed\na,nan,,random,z\na,2,,x,\n",
    "a sheet": b"post,value,state,annotator\na,Face,maybe,x\n,,,\na,,present,../x\n",
    "a wide sheet": b"post,Face,coded\na,7,x\na,present,x\n",
    "a log": b'{"number": "1", "at": 1, "by": [], "event": null, "details": [], "seal": 1}\n[]\n',
    "wrong TOML": b'models = 3\nprofile = []\nrole = {}\nid = 1\nlines = {"a" = 1}\n[options]\n',
}

FIXED = [(module, number) for module, found in READERS.items() for number in range(len(found))]


def feed(reader: Reader, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        reader(path)
    except ValexError as error:
        assert len(str(error)) < 2000, "one clear line"


@pytest.mark.parametrize(("module", "number"), FIXED)
def test_no_document_is_a_bug(tmp_path, module, number):
    for name, content in DOCUMENTS.items():
        try:
            feed(READERS[module][number], tmp_path / "file", content)
        except Exception as error:
            error.add_note(f"{module}, reader {number}: {name}")
            raise


KEYS = """id post text data annotations result candidates content parts videos itemList scenes values url
schema_version"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS.split()) | st.text(), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(("module", "number"), FIXED)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON, cut=st.integers(0, 40))
@example(data={"post": "../x", "stage": "..", "what": "w"}, cut=0)
def test_no_generated_document_is_a_bug(tmp_path, module, number, data, cut):
    raw = json.dumps(data).encode()
    feed(READERS[module][number], tmp_path / "file", raw[: max(len(raw) - cut, 0)])


def test_json_is_read_as_the_standard_library_reads_it():
    assert load_json('{"a": "\\udc80"}') == {"a": "\udc80"}
    with pytest.raises(ValueError, match="nested too deeply"):
        load_json("[" * DEEP)


def test_a_reader_is_found():
    assert [called for _, called, _ in calls(ast.parse("tomllib.loads(x)"))] == ["loads"]
