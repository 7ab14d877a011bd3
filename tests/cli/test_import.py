"""`valex import scripts`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.exchange.test_sources import STEM, put, response
from valex_local.cli.import_ import import_
from valex_local.errors import ConfigError, InputError
from valex_local.records import Script
from valex_local.study import Study

ANN = "ann_b_7300000000000000001"


def call(*words: object) -> Result:
    done = CliRunner().invoke(import_, ["scripts", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    put(tmp_path / "scripts" / f"{STEM}.txt", 'GIRL: "Hi"')
    return tmp_path / "scripts"


def test_all_well(texts, tmp_path):
    done = call(texts, "--name", "gemini", "-s", tmp_path / "study", "--new-posts", "--origin", "our lab")
    assert done.exit_code == 0
    assert done.stdout == f"1 × imported: {ANN}\nscript.gemini: 1 post, 1 of them new · {tmp_path / 'study'}\n"
    made_by = Study(tmp_path / "study").require(ANN, "script.gemini", Script).made_by
    assert made_by is not None
    assert made_by.settings["origin"] == "our lab"


def test_some_could_not_be_imported(texts, tmp_path):
    study = tmp_path / "study"
    call(texts, "--name", "gemini", "-s", study, "--new-posts")
    put(texts / "x\x1b.json", response(None, "SAFETY"))
    for n in range(7):
        put(texts / f"other{n}.txt", "A girl.")
    put(texts / "README.md", "about")
    done = call(texts, "--name", "gemini", "-s", study)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"1 × unchanged: {ANN}",
        "1 × passed over: README.md",
        "7 × unmatched: " + "; ".join(f"other{n} (other{n}.txt): the study has no such post" for n in range(5))
        + " and 2 more",
        r"1 × refused: x\x1b (x\x1b.json): the answer was stopped: SAFETY",
        "Add --new-posts to make a post without a video for each script of an unknown post",
        f"script.gemini: 1 post · {study}",
    ]  # fmt: skip


def test_nothing_could_be_imported(texts, tmp_path):
    Study(tmp_path / "study", create=True)
    done = call(texts, "--name", "gemini", "-s", tmp_path / "study")
    assert done.exit_code == 2
    assert "1 × unmatched" in done.stdout
    with pytest.raises(ConfigError, match="name is reserved"):
        call(texts, "--name", "local", "-s", tmp_path / "study")
    with pytest.raises(InputError, match="no such file"):
        call(tmp_path / "none", "--name", "gemini", "-s", tmp_path / "study")


def test_json_holds_all_of_it(texts, tmp_path):
    put(texts / "long.json", response("GIRL: Hi and", "MAX_TOKENS"))
    done = call(texts, "--name", "gemini", "-s", tmp_path / "study", "--new-posts", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], told["imported"]) == (1, False, [ANN])
    assert told["cut"] == [{"name": "long", "where": "long.json", "reason": "cut by the limit of length (MAX_TOKENS)"}]
    kept = call(texts, "--name", "gemini", "-s", tmp_path / "study", "--new-posts", "--json", "--keep-cut")
    assert (kept.exit_code, len(json.loads(kept.stdout)["new_posts"])) == (0, 1)


def test_columns_are_named(tmp_path):
    path = put(tmp_path / "t.csv", "clip,words,text\nMy clip,A girl.,x\n")
    with pytest.raises(InputError, match="no column of ids was recognised"):
        call(path, "--name", "gemini", "-s", tmp_path / "study", "--new-posts")
    columns = ("--id-column", "clip", "--text-column", "words")
    assert call(path, "--name", "gemini", "-s", tmp_path / "study", "--new-posts", *columns).exit_code == 0
    study = Study(tmp_path / "study")
    ((element,),) = [scene.elements for scene in study.script(*study.post_ids())[1].scenes]
    assert element.text == "A girl."
