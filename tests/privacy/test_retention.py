"""Until when posts may be kept, what happens then, and which models have learnt from them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.exported import N1, NAMED, ONE, TWO, make_study
from valex_local.cli.expire import expire
from valex_local.cli.export import export
from valex_local.cli.forget import forget
from valex_local.cli.report import report
from valex_local.cli.status import status
from valex_local.errors import ConfigError
from valex_local.privacy.learnt import FILE, write_learnt
from valex_local.records import Post, SourceFile
from valex_local.settings import make_settings
from valex_local.store import Store
from valex_local.study import Study
from valex_local.study.custody import FILE as CUSTODY
from valex_local.study.custody import entries
from valex_local.study.retention import due_posts, governance, retained_until

LONG_AGO, FAR = date(2020, 1, 1), date(2999, 1, 1)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "models"))
    for name in ("home", "tmp", "models"):
        (tmp_path / name).mkdir()
    return make_study(tmp_path)


def state(study: Study, **rules: object) -> None:
    study.save_options({**study.options(), "governance": rules})


def call(command, *words):
    return CliRunner().invoke(command, list(map(str, words)), catch_exceptions=False)


def test_nothing_is_due_where_nothing_is_stated(study):
    assert due_posts(study, FAR) == []
    assert call(expire, "-s", study.root).output == "no post is due\n"


def test_the_first_rule_that_fits_counts_then_the_study(study):
    rules = [
        {"source": "ann_*", "until": date(2028, 6, 30)},
        {"source": "*/videos/*", "collected": date(2026, 3, 1), "days": 30},
    ]
    state(study, retain_until=FAR, retention=rules)
    found = {post: retained_until(governance(study), study.post(post)) for post in study.post_ids()}
    assert found[ONE] == date(2028, 6, 30)
    assert found[NAMED] == date(2026, 3, 31)
    assert found[TWO] == FAR, "it has no file"
    assert {one.post for one in due_posts(study, date(2026, 3, 31))} == set(), "the last day is still allowed"
    assert NAMED in {one.post for one in due_posts(study, date(2026, 4, 1))}


@given(st.dates(), st.integers(0, 5000), st.dates())
def test_days_are_counted_from_the_collection(collected, days, day):
    rule = {"source": "*", "collected": collected, "days": days}
    post = Post(id="a", video=SourceFile(path="/x/a.mp4", sha256="0" * 64, size=1))
    try:
        until = retained_until(make_settings({"governance": {"retention": [rule]}}).governance, post)
    except OverflowError:
        assert collected.year > 9980
        return
    assert until is not None
    assert (until - collected).days == days


@pytest.mark.parametrize("rule", [{}, {"until": FAR, "collected": FAR, "days": 1}, {"collected": FAR}, {"days": 3}])
def test_a_rule_that_says_too_little_or_too_much_is_refused(study, rule):
    state(study, retention=[{"source": "*", **rule}])
    with pytest.raises(ConfigError):
        governance(study)


def test_status_and_report_warn(study):
    state(study, retention=[{"source": "ann_*", "until": LONG_AGO}])
    warning = f"1 post may not be kept any longer, the first since {LONG_AGO}: valex expire"
    assert warning in call(status, "-s", study.root).output
    assert call(report, "-s", study.root).exit_code == 0
    assert warning in (study.root / "report" / "index.html").read_text("utf-8")


def places_with(word: str, *folders: Path) -> list[Path]:
    """Return the files whose name or content holds a word."""
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name != CUSTODY and (word in str(path) or word.encode() in path.read_bytes())
    ]


@pytest.mark.parametrize("command", ["expire", "forget"])
def test_nothing_is_left(study, tmp_path, command):
    state(study, retention=[{"source": "ann_*", "until": LONG_AGO}])
    key = tmp_path / "key"
    key.write_text("0" * 64)
    key.chmod(0o600)
    for words in ((export, "long"), (export, "posts", "--pseudonyms", key), (report,)):
        assert call(*words, "-s", study.root).exit_code == 0
    interrupted = study.root / ".pseudonyms.host.1.part" / "study"
    interrupted.mkdir(parents=True)
    (interrupted / "x.json").write_text(f"about {N1}")
    where = (study.root, tmp_path / "home", tmp_path / "tmp", Path(os.environ["TMPDIR"]), Store().root)
    listed = call(expire, "-s", study.root)
    assert f"{ONE}  until {LONG_AGO}" in listed.output and "nothing was removed" in listed.output
    assert places_with(N1, study.root), "a dry run removes nothing"
    words = (expire, "--yes") if command == "expire" else (forget, ONE, "--yes")
    done = call(*words, "-s", study.root)
    assert done.exit_code == 0, done.output
    assert not places_with(N1, *where)
    why = "retention" if command == "expire" else "asked for"
    assert entries(study)[-1].details == {"posts": 1, "why": why}
    assert due_posts(study) == []


def test_a_day_to_come_is_looked_at_only(study):
    state(study, retain_until=date(2998, 1, 1))
    assert "nothing was removed" in call(expire, "-s", study.root, "--on", FAR).output
    with pytest.raises(ConfigError, match="to come"):
        call(expire, "-s", study.root, "--on", FAR, "--yes")


def test_models_that_learnt_from_a_forgotten_post_are_named(study, tmp_path, monkeypatch):
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "store"))
    for name, names in (("mine", [f"ann_{N1}", "other"]), ("other", ["other"])):
        folder = tmp_path / "store" / name
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(
            f'id = "{name}"\nrole = "labels"\nengine = "encoder"\n[[files]]\nname = "labels.json"\n'
        )
        write_learnt(folder, "key", names)
        assert N1 not in (folder / FILE).read_text()
    done = call(forget, ONE, "-s", study.root, "--yes")
    assert done.output.splitlines()[-1] == "mine has learnt from 1 post of these: train it again without, or remove it"
    assert "learnt" not in call(forget, TWO, "-s", study.root, "--yes").output
