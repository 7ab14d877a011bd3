"""`valex show` and summaries say how states were drawn, and from which probability on each value is called."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from valex_local.cli._summary import print_json, print_summary
from valex_local.pipeline.states import draw_missing
from valex_local.pipeline.summary import Summary
from valex_local.records import (
    Calibration,
    Cutoff,
    LabelFigures,
    Labels,
    LabelSource,
    Post,
    PostLine,
    Scene,
    Script,
    ValueLabel,
)
from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.states import StateSummary
from valex_local.study import LabelKey, Study, state_summaries

KEY = LabelKey("template", "encoder")
SOURCE = LabelSource(route="encoder", model="a-model", domain="English arguments")


def labels(present: float, conflicted: float | None = None, *, answer: bool = False) -> Labels:
    values = tuple(
        ValueLabel(
            value=value,
            present=present if value == CIRCLE[0] else 0.1,
            conflicted=conflicted,
            state=State.PRESENT if value == CIRCLE[0] and answer else State.ABSENT,
            evidence=("P1", "T2", "K3") if value == CIRCLE[0] else ("P1",),
        )
        for value in CIRCLE
    )
    return Labels(script="template", source=SOURCE, values=values, figures=LabelFigures() if answer else None)


def make_study(root: Path, *records: Labels) -> Study:
    study = Study(root, create=True)
    for number, record in enumerate(records):
        post = f"post{number:02}-0badc0de"
        study.write(post, "post", Post(id=post))
        scene = Scene(start=None, end=None, elements=(PostLine(text="hello"),), written_by="template")
        study.write(post, "script.template", Script(name="template", scenes=(scene,)))
        study.write(post, KEY.stem, record)
    return study


def shown(call: Call, study: Study) -> str:
    done = call("show", "post00", "-s", study.root)
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    return " ".join(done.out.split())


def test_a_small_study_shows_cautious_states_with_their_cut_off(call: Call, tmp_path: Path) -> None:
    text = shown(call, make_study(tmp_path / "study", labels(0.7), labels(0.4)))
    assert "states: cautious, from a probability of 0.6 on; not validated" in text
    assert f"{CIRCLE[0]} 0.70 ██████ from 0.60 present P1 T2 K3" in text
    assert f"{CIRCLE[1]} 0.10 █ from 0.60 absent" in text
    assert "Conflict was not assessed." in text
    assert "0.5 values called per post; by a-model, made for English arguments" in text
    assert "do not report in how many posts a value is present" in text
    assert "valex evaluate" in text and "valex calibrate" in text


def test_relative_states_name_posts_that_came_later(call: Call, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", *(labels(n / 60) for n in range(40)))
    assert len(list(draw_missing(study))) == 1
    for post in ("new-0badc0de", "newer-0badc0de"):
        study.write(post, "post", Post(id=post))
        study.write(post, KEY.stem, labels(0.9))
    text = shown(call, study)
    assert "relative, where a value stands out among 40 posts of this study; not validated" in text
    assert "2 posts added since the cut-offs were drawn (to include them: valex calibrate --relative)" in text


def test_both_polarities_and_evidence_fit_a_terminal(call: Call, tmp_path: Path) -> None:
    text = shown(call, make_study(tmp_path / "study", labels(0.7, 0.3)))
    assert "0.70 from 0.60 0.30 from 0.60 present" in text


def test_the_lines_on_which_a_called_value_rests_are_quoted(call: Call, tmp_path: Path) -> None:
    text = shown(call, make_study(tmp_path / "study", labels(0.7)))
    assert "Evidence: the lines on which the probability rests most, the strongest first. P1 hello" in text
    assert text.count("P1") == 2, "values that are not called show no evidence"
    assert "Evidence" not in shown(call, make_study(tmp_path / "another", labels(0.5)))


def test_answers_of_a_language_model_have_no_cut_off(call: Call, tmp_path: Path) -> None:
    text = shown(call, make_study(tmp_path / "study", labels(0.7, 0.3, answer=True)))
    assert "states: answer, as the language model gave it; not validated" in text
    assert "from 0." not in text


def test_validated_states_say_on_how_many_posts_and_give_no_warning(call: Call, tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", labels(0.7), labels(0.4))
    cutoff = Cutoff(value=CIRCLE[0], polarity=Polarity.PRESENT, probability=0.65, support=12)
    posts = tuple(study.post_ids())
    study.write_calibration(KEY, Calibration(model="a-model", kind="validated", posts=posts, cutoffs=(cutoff,)))
    text = shown(call, study)
    assert "states: validated on 2 posts of this study" in text
    assert "0.70 ██████ from 0.65 present" in text
    assert f"{CIRCLE[1]} 0.10 █ not assessed" in text, "it has no cut-off"
    assert "not validated" not in text and "do not report" not in text


@pytest.fixture
def states(tmp_path: Path) -> dict[LabelKey, StateSummary]:
    study = make_study(tmp_path / "study", labels(0.95), *(labels(0.2 + n / 400) for n in range(39)))
    list(draw_missing(study))
    return state_summaries(study)


def test_a_summary_has_a_line_for_each_set(
    states: dict[LabelKey, StateSummary], capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(Summary(study="study"), states)
    text = " ".join(capsys.readouterr().out.split())
    assert "states template.encoder: relative, where a value stands out among 40 posts" in text
    assert text.count("do not report in how many posts") == 1


def test_a_summary_for_programs_has_the_facts(
    states: dict[LabelKey, StateSummary], capsys: pytest.CaptureFixture[str]
) -> None:
    print_json(Summary(study="study"), states)
    found = json.loads(capsys.readouterr().out)["states"]["template.encoder"]
    assert found["kind"] == "relative" and found["validated"] is False
    assert found["drawn"] == date.today().isoformat()
    assert (found["model"], found["posts"], found["added"], found["others"]) == ("a-model", 40, 0, 0)
    assert found["called_per_post"] == round(1 / 40, 2)
