from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.stages.labels.tiny import save_model
from valex_local.errors import ConfigError
from valex_local.records import Dialogue, Labels, OnScreenText, Post, Scene, Script, Sound
from valex_local.schwartz import CIRCLE, State
from valex_local.settings import make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.labels import LabelStage
from valex_local.store import StoredModel
from valex_local.system.devices import Device

TALK = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)
MUSIC = Sound(has_sound=True, has_verbal_sound=False, has_speech=False)


def stage(model: StoredModel, variant: str = "template.encoder", **labels: object) -> LabelStage:
    settings = make_settings({"labels": labels})
    return LabelStage(Context(settings, {"labels": model}, Device("cpu", 2), variant))


def script(
    *said: str, sound: Sound | None = TALK, language: str | None = "en", skipped: str | None = None, shown: str = ""
) -> Script:
    lines = [
        Dialogue(ref=f"S{i}", speaker="SPEAKER", text=text, start=float(i), end=i + 1.0)
        for i, text in enumerate(said, 1)
    ]
    read = [OnScreenText(ref="T1", text=shown, start=0.0, end=1.0)] if shown else []
    scene = Scene(start=0.0, end=9.0, elements=(*read, *lines), written_by="template")
    return Script(name="template", language=language, sound=sound, scenes=(scene,), skipped=skipped)


def run(made: LabelStage, scripts: Sequence[Script], *, variant: str = "template") -> list[Labels]:
    items = [Item(Post(id=f"post{i}"), Path("nowhere"), {f"script.{variant}": s}) for i, s in enumerate(scripts)]
    outputs = made([made.prepare(item) for item in items])
    assert all(not output.files for output in outputs)
    return [output.record for output in outputs]


def test_a_script_gets_its_nineteen_values(tiny: StoredModel):
    made = stage(tiny)
    (labels,) = run(made, [script("the cat sat on the mat")])
    made.close()
    assert (labels.script, labels.skipped, labels.notices) == ("template", None, ())
    assert (labels.source.route, labels.source.model, labels.source.baseline) == ("encoder", "tiny-labels", None)
    assert (labels.source.domain, labels.source.languages) == ("nonsense", ("en",))
    assert tuple(label.value for label in labels.values) == CIRCLE
    assert labels.values[18].state is State.NOT_ASSESSED


def test_the_variant_names_the_script_that_is_read(tiny: StoredModel):
    (labels,) = run(
        stage(tiny, "local.encoder"), [script("help").model_copy(update={"name": "local"})], variant="local"
    )
    assert labels.script == "local"


def test_what_is_said_shown_and_in_which_order_counts(tiny: StoredModel):
    made = stage(tiny)
    scripts = [
        script("help it", "win it"),
        script("win it", "help it"),
        script("help it"),
        script("help it", shown="win"),
    ]
    probabilities = [[label.present for label in labels.values[:5]] for labels in run(made, scripts)]
    assert all(a != b for i, a in enumerate(probabilities) for b in probabilities[:i])


def test_records_do_not_depend_on_the_batch(tiny: StoredModel):
    made = stage(tiny)
    scripts = [script(*["the cat sat on the mat and then it rained ."] * n) for n in (1, 9, 3, 30)]
    scripts.insert(2, script("help", sound=MUSIC))
    alone = [run(made, [one])[0].to_json() for one in scripts]
    assert [labels.to_json() for labels in run(made, scripts)] == alone
    assert [labels.to_json() for labels in run(stage(tiny), scripts[::-1])] == alone[::-1]


def test_posts_without_verbal_sound_are_left_out_unless_kept(tiny: StoredModel):
    silent = script("", sound=MUSIC, shown="win")
    (left_out,) = run(stage(tiny), [silent])
    assert left_out.skipped is not None
    assert left_out.skipped.startswith("no verbal sound (the paper's filter)")
    assert left_out.values == ()
    (kept,) = run(stage(tiny, keep_silent=True), [silent])
    assert kept.skipped is None
    assert len(kept.values) == 19


def test_a_script_that_does_not_say_what_was_heard_is_labelled(tiny: StoredModel):
    (labels,) = run(stage(tiny), [script("help", sound=None)])
    assert labels.skipped is None


def test_nothing_to_read_is_skipped(tiny: StoredModel):
    no_script, empty = run(stage(tiny, keep_silent=True), [script(skipped="no model"), script(sound=MUSIC)])
    assert no_script.skipped == "there is no script: no model"
    assert empty.skipped is not None
    assert "is empty" in empty.skipped


def test_a_language_the_model_was_not_made_for_is_labelled_and_said(tiny: StoredModel, tmp_path: Path):
    german, unknown = run(stage(tiny), [script("help", language="de"), script("help", language=None)])
    assert [notice.code for notice in german.notices] == ["language-not-covered"]
    assert "de" in german.notices[0].text
    assert "en" in german.notices[0].text
    assert len(german.values) == 19
    assert unknown.notices == ()
    any_language = save_model(tmp_path / "model", languages=[])
    assert run(stage(any_language), [script("help", language="de")])[0].notices == ()


def test_an_unknown_route_is_refused(tiny: StoredModel):
    with pytest.raises(ConfigError, match="no labelling route 'oracle'"):
        stage(tiny, "template.oracle")


def test_a_script_from_elsewhere_is_labelled_under_its_name(tiny: StoredModel):
    (labels,) = run(
        stage(tiny, "gemini.encoder"),
        [script("the cat", sound=None, language="de").model_copy(update={"name": "gemini"})],
        variant="gemini",
    )
    assert (labels.script, labels.skipped, len(labels.values)) == ("gemini", None, 19)
    assert [notice.code for notice in labels.notices] == ["language-not-covered"]


def test_8_bits_are_a_setting(tiny: StoredModel):
    scripts = [script("the cat sat on the mat"), script("help it")]
    exact, small = (run(stage(tiny, int8=flag), scripts) for flag in (False, True))
    assert exact != small
    for one, other in zip(exact, small, strict=True):
        for a, b in zip(one.values[:5], other.values[:5], strict=True):
            assert a.present == pytest.approx(b.present, abs=0.1)
    with pytest.raises(ConfigError, match="8-bit labels work only on the CPU"):
        LabelStage(Context(make_settings({"labels": {"int8": True}}), {"labels": tiny}, Device("cuda", 2), "t.encoder"))
