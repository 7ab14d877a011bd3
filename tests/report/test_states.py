"""The report says on every page how states were drawn, until they are validated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report.made import make_study
from tests.report.pages import parse
from valex_local.pipeline.states import draw_missing
from valex_local.records import Calibration, CalibrationFigure, Cutoff
from valex_local.report.pages import write_report
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.study import LabelKey, Study

KEY = LabelKey("template", "encoder")
TITLE = "These states are not validated: nobody has checked them by hand on this study"


@pytest.fixture(scope="module")
def relative(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Write the report of a study with enough posts for relative states."""
    study = make_study(tmp_path_factory.mktemp("states") / "study", 40, rich=False, lines=1)
    assert len(list(draw_missing(study))) == 1
    write_report(study)
    return study


def texts(study: Study) -> dict[str, str]:
    """Return the text of each page."""
    pages = sorted((study.root / "report").rglob("*.html"))
    return {page.stem: " ".join("".join(parse(page.read_text("utf-8")).text).split()) for page in pages}


def test_every_page_has_one_banner(relative: Study) -> None:
    found = texts(relative)
    assert len(found) == 41
    for name, text in found.items():
        assert text.count(TITLE) == 1, name
        assert "minilm-arguments, a model made for English arguments" in text
        assert "do not report in how many posts a value is present" in text
        assert "valex evaluate" in text and "valex calibrate" in text


def test_cut_offs_stand_beside_probabilities_and_across_bars(relative: Study) -> None:
    post = next(post for post in relative.post_ids() if relative.labels_of(post, KEY).values)
    page = (relative.root / "report" / "posts" / f"{post}.html").read_text("utf-8")
    assert page.count('class="from"') == page.count('class="cutoff"') == len(CIRCLE)
    assert "The line across a bar is the cut-off" in page
    assert re.search(r"probability present 0\.\d+ \(called from 0\.\d+\)", page)
    assert "States: relative, where a value stands out among " in page


def test_the_legend_of_the_study_names_the_kind(relative: Study) -> None:
    assert "present. States are relative, where a value stands out among " in texts(relative)["index"]


def test_several_sets_have_one_banner(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 2)
    write_report(study)
    text = texts(study)["index"]
    assert text.count("not validated: nobody has checked") == 1
    for name in ("local · encoder", "local · fewshot", "video · direct"):
        assert f"{name}: " in text


def test_validated_states_have_no_banner(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 3, rich=False)
    cutoffs = tuple(Cutoff(value=value, polarity=Polarity.PRESENT, probability=0.5, support=12) for value in CIRCLE)
    figure = CalibrationFigure(
        figure="macro F1", before=0.4, before_low=0.3, before_high=0.5, after=0.6, after_low=0.5, after_high=0.7
    )
    validated = Calibration(
        model="minilm-arguments", kind="validated", posts=tuple(study.post_ids()), cutoffs=cutoffs, figures=(figure,)
    )
    study.write_calibration(KEY, validated)
    write_report(study)
    for text in texts(study).values():
        assert "not validated" not in text and "do not report" not in text
        assert "validated on 3 posts of this study" in text
        assert "not for publication" not in text.casefold()
    assert "macro F1: 0.40 (0.30 to 0.50) before, 0.60 (0.50 to 0.70) after" in texts(study)["index"]


def test_values_that_are_not_validated_are_marked_among_those_that_are(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 3, rich=False)
    cutoffs = tuple(
        Cutoff(value=value, polarity=Polarity.PRESENT, probability=0.5, support=None if value is CIRCLE[0] else 12)
        for value in CIRCLE
    )
    calibration = Calibration(
        model="minilm-arguments", kind="validated", posts=tuple(study.post_ids()), cutoffs=cutoffs
    )
    study.write_calibration(KEY, calibration)
    write_report(study)
    for name, text in texts(study).items():
        assert f"{CIRCLE[0].value}*" in text.replace(" *", "*") and f"{CIRCLE[1].value}*" not in text, name
        assert "* not validated on this study" in text


def test_counts_of_states_that_are_not_validated_are_not_for_publication(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 2)
    write_report(study)
    assert "Not for publication: these states are not validated." in texts(study)["index"]
