"""`valex check visual`: the table over a study's records."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.stages.grounding.posts import SAID, action, media, scene, script
from valex_local.cli.check import check
from valex_local.errors import StudyError
from valex_local.evaluation.visual_check import LINE_COLUMNS, check_visual, line_rows
from valex_local.pipeline.fingerprints import fingerprint
from valex_local.records import (
    GroundedKeyframe,
    GroundedLine,
    Grounding,
    GroundingFigures,
    MadeBy,
    NamedThing,
    Notice,
    Post,
    Record,
    Script,
)
from valex_local.stages.grounding.results import figures
from valex_local.study import Study

MADE_BY = MadeBy(stage="grounding", version=1, settings={}, models={})


def line(place: int, percentile: float, *, named: bool = True) -> GroundedLine:
    return GroundedLine(
        scene=1, element=place, rests_on="named" if named else "video", keyframes=("K1",), best="K1",
        similarity=0.2, percentile=percentile, z=1.0, below_chance=percentile < 0.5,
    )  # fmt: skip


def grounding(name: str, percentiles: list[float], spoken: list[bool], *, named: bool = True) -> Grounding:
    lines = tuple(line(place, share, named=named) for place, share in enumerate(percentiles, 1))
    stills = tuple(GroundedKeyframe(keyframe=f"K{n}", lines=1, spoken_of=is_so) for n, is_so in enumerate(spoken, 1))
    return Grounding(script=name, lines=lines, keyframes=stills, figures=figures(lines, stills))


def put(study: Study, post_id: str, written: Script, found: Grounding | None) -> None:
    """Write a script, and its grounding as a run would."""
    study.write(post_id, "post", Post(id=post_id))
    study.write(post_id, "media", media(1.0, 9.0))
    study.write(post_id, f"script.{written.name}", written)
    if found is None:
        return
    kinds: dict[str, type[Record]] = {f"script.{written.name}": Script, "media": Record}
    read = {stem: study.read_raw(post_id, stem, kind) for stem, kind in kinds.items()}
    post = study.read_raw(post_id, "post", Post)
    reads = (f"script.{written.name}", "video", "media.keyframes")
    print_now = fingerprint(MADE_BY.model_dump(mode="json"), reads, post, read)
    made = {"fingerprint": print_now, "made_by": MADE_BY}
    study.write(post_id, f"grounding.{written.name}", found.model_copy(update=made))


def told(name: str, lines: int) -> Script:
    return script(scene(*(action(f"=line {n}", "K1") for n in range(1, lines + 1)), SAID), name=name)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "my study", create=True)
    put(made, "a", told("template", 3), grounding("template", [1.0, 0.9, 0.2], [True, True]))
    put(made, "b", told("template", 1), grounding("template", [0.9], [True, False]))
    put(made, "a", told("gemini", 2), grounding("gemini", [0.4, 0.6], [False, False], named=False))
    put(made, "b", told("gemini", 1), None)
    return made


def call(*words: object) -> Result:
    done = CliRunner().invoke(check, ["visual", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_figures_are_over_the_lines_and_keyframes_of_all_posts(study: Study):
    template, gemini = check_visual(study).variants
    assert (template.script, template.posts, template.lines, template.keyframes) == ("template", 2, 4, 4)
    assert template.below_chance.value == 0.25
    assert template.mean_percentile.value == 0.75
    assert template.without_keyframes.value == 0.0
    assert template.spoken_of.value == 0.75
    assert (gemini.script, gemini.posts, gemini.missing) == ("gemini", 1, 1)
    assert gemini.without_keyframes.value == 1.0


def test_intervals_are_over_posts(study: Study):
    template, gemini = check_visual(study).variants
    assert (template.below_chance.low, template.below_chance.high) == pytest.approx((0.0, 1 / 3), abs=1e-6)
    assert (template.spoken_of.low, template.spoken_of.high) == (0.5, 1.0)
    assert gemini.below_chance.low is None, "one post is not resampled"
    assert check_visual(study) == check_visual(study)


def test_resamples_without_any_line_are_left_out(tmp_path: Path):
    study = Study(tmp_path / "study", create=True)
    put(study, "a", told("template", 1), grounding("template", [0.9], [True, True]))
    put(study, "b", told("template", 0), grounding("template", [], [False, False]))
    (found,) = check_visual(study).variants
    assert (found.posts, found.lines) == (2, 1)
    assert (found.mean_percentile.low, found.mean_percentile.high) == (0.9, 0.9)
    assert (found.spoken_of.value, found.spoken_of.low, found.spoken_of.high) == (0.5, 0.0, 1.0)


def test_scripts_not_scored_are_reported_with_the_command(study: Study):
    root = str(study.root)
    assert check_visual(study).hints == (
        f"not all scripts are scored; score them with: valex run -s '{root}' --set 'labels.scripts=[\"gemini\"]'",
    )
    study.save_options({"labels": {"scripts": ["gemini"]}})
    assert check_visual(study).hints == (f"not all scripts are scored; score them with: valex run -s '{root}'",)
    put(study, "b", told("human", 1), None)
    assert '["gemini", "human"]' in check_visual(study).hints[0], "what is labelled already stays so"


@pytest.mark.parametrize("changed", ["script", "keyframes"])
def test_scores_of_another_script_or_other_pictures_do_not_count(study: Study, changed: str):
    if changed == "script":
        study.write("a", "script.template", told("template", 2))
    else:
        study.write("a", "media", media(1.0, 8.0))
    template = check_visual(study).variants[0]
    assert (template.posts, template.missing, template.lines) == (1, 1, 1)
    assert {row[0] for row in line_rows(study) if row[1] == "template"} == {"b"}


def test_how_a_script_came_about_does_not_matter(study: Study):
    again = told("template", 3).model_copy(update={"fingerprint": "other", "made_by": MADE_BY})
    study.write("a", "script.template", again)
    assert check_visual(study).variants[0].missing == 0
    study.write("a", "script.template", again.model_copy(update={"notices": (Notice(code="x", text="y"),)}))
    assert check_visual(study).variants[0].missing == 1, "as a run sees it"


def test_the_table(study: Study):
    done = call("-s", study.root)
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["gemini", "1", "2", "0.50", "0.50", "1.00", "2", "0.00"] in rows
    assert "by chance 0.50" in " ".join(done.stdout.split())
    assert "matches well; by chance 0.10" in done.stdout
    assert "missing       1  script.gemini" in done.stdout
    assert "valex run -s" in done.stdout


def test_json_holds_every_figure(study: Study):
    done = call("-s", study.root, "--json")
    data = json.loads(done.stdout)
    assert [variant["script"] for variant in data["variants"]] == ["template", "gemini"]
    assert data["variants"][0]["spoken_of"] == {"value": 0.75, "low": 0.5, "high": 1.0}
    assert data["hints"]


def test_csv_has_a_row_for_each_line(study: Study, tmp_path: Path):
    done = call("-s", study.root, "--csv", tmp_path / "lines.csv", "--json")
    assert json.loads(done.stdout)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "lines.csv").read_text())))
    assert tuple(rows[0]) == LINE_COLUMNS
    assert len(rows) == 6
    third = next(row for row in rows if row["script"] == "template" and row["percentile"] == "0.2")
    assert third == {
        "post": "a", "script": "template", "scene": "1", "element": "3", "rests_on": "named", "keyframes": "K1",
        "best": "K1", "similarity": "0.2", "z": "1.0", "percentile": "0.2", "below_chance": "1",
        "found": "", "not_found": "", "text": "'=line 3",
    }  # fmt: skip


def test_skipped_posts_are_told_with_the_reason(tmp_path: Path):
    study = Study(tmp_path / "study", create=True)
    for name in ("a", "b"):
        put(study, name, told("template", 1), Grounding(script="template", skipped="no CLIP weights in the store"))
    done = call("-s", study.root)
    assert done.exit_code == 0
    assert done.stdout == "not scored    2  script.template: no CLIP weights in the store\n"


def test_what_records_say_against_their_figures_stands_below_the_table(tmp_path: Path):
    study = Study(tmp_path / "study", create=True)
    notice = Notice(code="model-notice", text="tiny: a toy")
    for name in ("a", "b"):
        found = grounding("template", [0.9], [True]).model_copy(update={"notices": (notice,)})
        put(study, name, told("template", 1), found)
    assert "notice        2  script.template: tiny: a toy\n" in call("-s", study.root).stdout
    assert json.loads(call("-s", study.root, "--json").stdout)["variants"][0]["notices"] == {"tiny: a toy": 2}


def test_a_study_without_scripts(tmp_path: Path):
    Study(tmp_path / "study", create=True)
    done = call("-s", tmp_path / "study")
    assert (done.exit_code, done.stdout) == (
        0,
        "no post of this study has a script yet. Write them with: valex run -s STUDY\n",
    )


def test_no_study(tmp_path: Path):
    with pytest.raises(StudyError, match="no study here"):
        call("-s", tmp_path)


def test_what_detectors_compared_is_shown_without_percentiles(tmp_path: Path):
    study = Study(tmp_path / "study", create=True)
    things = (
        NamedThing(scene=1, element=1, name="dog", word="dog", keyframe="K1", score=0.9),
        NamedThing(scene=1, element=1, name="cat", word="cat"),
        NamedThing(scene=1, element=1, name="person", word="men", keyframe="K1", score=0.8, number=2, counted=3),
    )
    counts = GroundingFigures(
        lines=1, keyframes=2, spoken_of=1, things=2, things_not_found=1, numbers=3, numbers_differ=1
    )
    put(study, "a", told("template", 1), Grounding(script="template", things=things, figures=counts))
    done = call("-s", study.root, "--csv", tmp_path / "lines.csv")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["template", "1", "1", "0.00", "2", "0.50", "2", "0.50"] in rows
    assert "of which a line names one" in " ".join(done.stdout.split())
    assert "percentile:" not in done.stdout
    assert "people: numbers in 3 lines; 1 differ from the count" in done.stdout
    assert "expressions:" not in done.stdout
    (row,) = csv.DictReader(io.StringIO((tmp_path / "lines.csv").read_text()))
    assert (row["found"], row["not_found"], row["percentile"]) == ("dog, men", "cat, 2 people (3 counted)", "")
