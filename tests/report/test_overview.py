"""The summary of all posts for the study page."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from tests.report.made import make_study, overview_of, post, records, sentence
from valex_local.records import Failure, Labels, LabelSource, MadeBy, Notice, Record, Transcript
from valex_local.report.gather import Gathered, Order, Problem, Reader
from valex_local.report.overview import Overview, Trouble
from valex_local.report.summary import StudyView, posts_script, study_view, words_script
from valex_local.study import LabelKey, Study, state_summaries

ENCODER = LabelKey("template", "encoder")


def gathered(number: int, *, rich: bool = False, **changes: Record) -> Gathered:
    chance = random.Random(number)
    of = post(number, chance)
    found = records(chance, of, [sentence(chance, 8) for _ in range(4)], rich=rich)
    return Gathered(of.id, of, {**found, **{stem.replace("__", "."): record for stem, record in changes.items()}})


def view(*posts: Gathered) -> StudyView:
    return study_view(overview_of(*posts), Order(), "study")


def test_a_study_in_figures(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", 10)
    reader, overview = Reader(study), Overview(states=state_summaries(study))
    for post_id in study.post_ids():
        overview.add(reader(post_id), has_video=post_id.startswith("author.1"))
    found = study_view(overview, reader.order, "study")
    assert (found.posts, found.failed, found.labelled, found.authors) == (10, 1, 8, 10)
    assert found.videos == 1
    assert found.seconds == pytest.approx(10 * 18)
    assert [str(panel.key) for panel in found.panels][:2] == ["local.encoder", "local.fewshot"]
    (trouble,) = found.troubles
    assert (trouble.step, trouble.text, trouble.hint, len(trouble.posts)) == (
        "speech", "the sound cannot be read", "Look at it", 1,
    )  # fmt: skip
    assert {(reason.step, len(reason.posts)) for reason in found.skipped} == {
        (f"labels.{panel.key}", 1) for panel in found.panels
    }
    assert all("paper's filter" in reason.text for reason in found.skipped)


def test_charts_count_each_labelling_on_its_own() -> None:
    one, two = gathered(1, rich=True), gathered(2, rich=True)
    found = view(one, two)
    panels = {panel.key: panel for panel in found.panels}
    for key, panel in panels.items():
        states = [label.state.value for g in (one, two) for label in g.labels[key].values]
        assert sum(count.present for count in panel.counts) == states.count("present")
        assert sum(count.conflicted for count in panel.counts) == states.count("conflicted")
    assert not panels[ENCODER].conflicted and panels[LabelKey("video", "direct")].conflicted
    assert panels[LabelKey("video", "direct")].sources[0].source.baseline == "definitions beside sentences"


def test_steps_name_what_made_their_records_most_frequent_first() -> None:
    other = MadeBy(stage="speech", version=2, models={"asr": "whisper-large-v3@" + "1" * 64})
    changed = Transcript(made_by=other, sound=gathered(3).transcript.sound)  # type: ignore[union-attr]
    steps = {step.name: step for step in view(gathered(1), gathered(2), gathered(3, transcript=changed)).steps}
    assert list(steps) == ["media", "speech", "ocr", "vision", "script.template", "labels.template.encoder"]
    assert steps["speech"].makers == (
        (2, 1, (("asr", "whisper-base-ct2", "f" * 64),)),
        (1, 2, (("asr", "whisper-large-v3", "1" * 64),)),
    )
    assert (steps["vision"].records, steps["vision"].skipped) == (0, 3)


def test_failures_are_counted_at_their_step_and_those_of_no_post_too() -> None:
    overview = Overview()
    one = gathered(1)
    failed = Failure(post=one.id, stage="speech", what="no sound")
    overview.add(Gathered(one.id, one.post, {}, (failed,), (Problem("text", "broken", "Delete it"),)), has_video=False)
    overview.add_failure(Failure(post="junk-00000000", stage="intake", what="no video"))
    found = study_view(overview, Order(), "study")
    assert {step.name: step.failed for step in found.steps} == {"speech": 1, "text.json": 1, "intake": 1}
    assert [(r.step, r.text, r.posts) for r in found.troubles] == [
        ("intake", "no video", ("junk-00000000",)),
        ("speech", "no sound", (one.id,)),
        ("text.json", "broken", (one.id,)),
    ]
    assert found.failed == 2
    assert overview.rows[0].failed
    assert Trouble("text.json", "broken", "Delete it") in overview.troubles


def test_notices_of_one_kind_stand_once_with_their_most_frequent_wording() -> None:
    def noticed(number: int, text: str) -> Gathered:
        labels = gathered(number).labels[ENCODER]
        notices = (Notice(code="long", text=text), Notice(code="long", text="again"))
        return gathered(number, labels__template__encoder=labels.model_copy(update={"notices": notices}))

    found = view(noticed(1, "cut into 2 windows"), noticed(2, "cut into 3 windows"), noticed(3, "cut into 3 windows"))
    (reason,) = [r for r in found.notices if r.step == "labels.template.encoder"]
    assert (reason.text, reason.wordings, len(reason.posts)) == ("again", 3, 3)


def test_quality_figures() -> None:
    one = gathered(1)
    found = view(one)
    assert one.transcript is not None and one.screen_text is not None
    sure = sorted(math.exp(s.avg_logprob) for s in one.transcript.segments)
    assert found.speech is not None and found.screen_text is not None
    assert found.speech.count == 4
    assert found.speech.median == pytest.approx(sure[1], abs=0.006)
    assert found.speech.below == sum(s < 0.495 for s in sure) / 4
    assert found.dropped == (("no voice was heard", 1),)
    assert found.sounds == (("speech", 1),) and found.languages == (("en", 1),)
    ((name, writer),) = found.writers
    mumbled = sum(s.avg_logprob < -0.7 for s in one.transcript.segments)
    assert (name, writer.scripts, writer.scenes, writer.lines, writer.mumbled) == ("template", 1, 2, 4, mumbled)


def test_figures_of_scripts_by_language_models() -> None:
    writers = dict(view(gathered(1, rich=True), gathered(2, rich=True)).writers)
    assert writers["local"].figures["references_refused"] == 2
    assert writers["local"].figures["references_restored"] == 4
    assert writers["local"].figures["scenes_fallen_back"] == 2
    assert writers["template"].figures["references_refused"] == 0


def test_labels_of_two_models_are_told_apart() -> None:
    other = LabelSource(route="encoder", model="another", domain="chat", languages=("de",))
    labels = gathered(2).labels[ENCODER]
    changed = gathered(2, labels__template__encoder=labels.model_copy(update={"source": other}))
    (panel,) = view(gathered(1), changed, gathered(3)).panels
    assert [(s.source.model, s.posts) for s in panel.sources] == [("minilm-arguments", 2), ("another", 1)]


def test_a_study_of_skipped_labels_has_no_chart() -> None:
    source = LabelSource(route="encoder", model="m", domain="d")
    found = view(gathered(1, labels__template__encoder=Labels(script="template", source=source, skipped="silent")))
    assert found.panels == () and found.labelled == 0
    assert [(r.step, r.text) for r in found.skipped if r.step.startswith("labels")] == [
        ("labels.template.encoder", "silent")
    ]


def test_a_study_without_posts(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    found = study_view(Overview(), Reader(study).order, "study")
    assert (found.posts, found.panels, found.speech, found.failed) == (0, (), None, 0)


def test_the_list_of_posts_reads_as_json() -> None:
    overview = overview_of(gathered(1, rich=True), has_video=True)
    overview.add(gathered(2, rich=True), has_video=False)
    found = study_view(overview, Order(), "study")
    name, _, text = posts_script(overview.rows, found.panels).partition(" = ")
    data = json.loads(text.rstrip(";\n"))
    assert name == "globalThis.valexPosts"
    assert len(data["values"]) == 19 and len(data["labels"]) == 5
    (_, _, _, flags, states), (_, _, _, no_video, _) = data["posts"]
    assert (flags, no_video) == (0, 2)
    assert all(len(letters) == 19 and set(letters) <= set("pdcan") for letters in states)
    assert len(json.loads(words_script(overview.rows).partition(" = ")[2].rstrip(";\n"))) == 2


def test_a_thousand_posts_make_a_page_of_bounded_size() -> None:
    """Texts are on the pages of posts; of a thousand posts the study page, list and words stay small."""
    from valex_local.report.pages import _render

    overview = overview_of(*map(gathered, range(1000)), has_video=True)
    found = study_view(overview, Order(), "study")
    page = _render("study.jinja", study=found, rows=overview.rows, root="", banner=None, comparisons=())
    assert len(page.encode()) < 500_000
    assert len(posts_script(overview.rows, found.panels).encode()) < 250_000
    assert len(words_script(overview.rows).encode()) < 500_000
    assert overview.rows[500].caption not in page
    assert page.count("<tr>") < 300
