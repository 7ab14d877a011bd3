import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import ValexError
from valex_local.files.checksums import content_hash
from valex_local.pipeline.fingerprints import SEVERAL, fingerprint
from valex_local.pipeline.plan import plan
from valex_local.records import Post
from valex_local.settings import Settings, make_settings
from valex_local.stages.registry import STAGES, record_type, stems_read
from valex_local.stages.setting_files import absolute_paths

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def names(settings):
    return [step.name for step in plan(settings)]


def test_the_order_of_a_run():
    assert names(Settings()) == [
        "media", "speech", "speakers", "ocr", "vision",
        "script.template", "grounding.template", "labels.template.encoder",
    ]  # fmt: skip


def test_every_step_reads_only_what_came_before():
    settings = make_settings({"script": {"variants": ["template", "local"]}})
    made = {"post"}
    for step in plan(settings):
        assert set(stems_read(step.reads)) <= made, step.name
        made.add(step.stem)


def test_variants_stand_side_by_side():
    both = make_settings({"script": {"variants": ["local", "template"]}})
    assert [s.stem for s in plan(both)][-6:] == [
        "script.local",
        "script.template",
        "grounding.local",
        "grounding.template",
        "labels.local.encoder",
        "labels.template.encoder",
    ]


def test_scripts_from_elsewhere_are_labelled_after_our_own_and_written_by_no_step():
    given = {"script": {"variants": ["local"]}, "labels": {"scripts": ["gemini", "local", "human", "gemini"]}}
    steps = {step.name: step for step in plan(make_settings(given))}
    assert [name for name in steps if name.startswith(("script", "labels"))] == [
        "script.local",
        "labels.local.encoder",
        "labels.gemini.encoder",
        "labels.human.encoder",
    ]
    gemini = steps["labels.gemini.encoder"]
    assert (gemini.stem, gemini.variant) == ("labels.gemini.encoder", "gemini.encoder")
    assert gemini.reads == ("script.gemini",)
    assert gemini.roles == ("labels",)
    assert gemini.settings == steps["labels.local.encoder"].settings, "one route, one way of labelling"


def test_only_the_local_writer_needs_a_language_model():
    both = make_settings({"script": {"variants": ["local", "template"]}})
    roles = {step.name: step.roles for step in plan(both)}
    assert roles["script.local"] == ("llm",)
    assert roles["script.template"] == ()


def test_only_captions_by_it_make_the_language_model_one_of_the_vision_step():
    def vision(**captions):
        return next(s for s in plan(make_settings({"vision": {"captions": captions}})) if s.name == "vision")

    assert (vision().roles, vision().optional_roles) == ((), ("clip", "detector"))
    written = vision(writer="llm")
    assert (written.roles, written.optional_roles) == (("llm",), ("clip", "detector"))
    assert written.side_files == ("keyframes",)
    assert len(written.settings["captions"]["llm"]["prompt"]) == 64, "the sum of our own prompt"
    assert written.settings == vision(writer="llm", sampling="top_k", seed=3).settings, "that is for CoCa"
    assert written.settings != vision(writer="llm", llm={"seed": 3}).settings


names_of_models = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
routes = st.lists(st.sampled_from(["encoder", "fewshot", "direct"]), max_size=3)
beside = st.dictionaries(st.builds("{}@{}".format, st.sampled_from(["encoder", "fewshot", "direct"]), names_of_models),
                         names_of_models, max_size=4)  # fmt: skip


@given(st.sampled_from([["template"], ["template", "local"]]), st.lists(names_of_models, max_size=2), routes, beside)
def test_steps_that_share_what_is_loaded_differ_only_in_what_they_read(written, scripts, routes, beside):
    labels = {"scripts": scripts, "routes": routes, "beside": beside}
    steps = plan(make_settings({"script": {"variants": written}, "labels": labels}))
    assert len({step.stem for step in steps}) == len({step.name for step in steps}) == len(steps)
    shared = {step.engine: step for step in steps}
    for step in steps:
        other = shared[step.engine]
        assert (step.spec, step.settings, step.roles, step.beside) == (
            other.spec, other.settings, other.roles, other.beside
        )  # fmt: skip
    of_labels = {step.engine.partition(".")[2]: step for step in steps if step.spec.name == "labels"}
    assert of_labels.keys() == {*routes, *beside}, "each route and each model is loaded once"
    assert all(set(step.beside.values()) == ({by} if "@" in by else set()) for by, step in of_labels.items())


# Changing one setting re-runs exactly the stages that read it: their own settings are all that enters a fingerprint.
READERS = [
    ({"media": {"max_keyframes": 3}}, {"media"}),
    ({"speech": {"language": "de"}}, {"speech"}),
    ({"ocr": {"fps": 1.0}}, {"ocr"}),
    ({"vision": {"min_probability": 0.9}}, {"vision"}),
    ({"script": {"include_post_text": False}}, {"script.template", "script.local"}),
    ({"script": {"llm": {"seed": 7}}}, {"script.local"}),
    ({"grounding": {"below_chance": 0.4}}, {"grounding.template", "grounding.local"}),
    ({"labels": {"keep_silent": True}}, {"labels.template.encoder", "labels.local.encoder"}),
    ({"labels": {"int8": True}}, {"labels.template.encoder", "labels.local.encoder"}),
    ({"labels": {"scripts": ["gemini"]}}, set()),
    ({"work": {"jobs": 7, "keep_keyframes": False}}, set()),
]


@pytest.mark.parametrize(("change", "readers"), READERS)
def test_a_setting_changes_exactly_the_steps_that_read_it(change, readers):
    base = {"script": {"variants": ["template", "local"]}}
    before = {s.name: s.settings for s in plan(make_settings(base))}
    merged = {**base, **change, "script": {**base["script"], **change.get("script", {})}}
    after = {s.name: s.settings for s in plan(make_settings(merged))}
    assert {name for name in before if before[name] != after[name]} == readers


def test_records_made_before_there_were_8_bits_stay_current():
    def labels(**changes):
        return plan(make_settings({"labels": changes}))[-1].settings

    assert labels() == labels(int8=False) == {"keep_silent": False}
    assert labels(int8=True) == {"keep_silent": False, "int8": True}


def test_records_made_before_there_were_two_writers_of_captions_stay_current():
    def captions(**changes):
        steps = plan(make_settings({"vision": {"captions": changes}}))
        return next(step for step in steps if step.name == "vision").settings["captions"]

    before = {"sampling": None, "top_k": 1, "top_p": 0.1, "temperature": 1.0, "max_tokens": 30, "seed": 0}
    assert captions() == captions(writer="coca", llm={"seed": 3}) == before
    assert captions(sampling="top_p") == before | {"sampling": "top_p"}


def test_a_file_named_by_a_setting_counts_by_its_content(tmp_path):
    def vision(text):
        path = tmp_path / f"{len(text)}.toml"
        path.write_text(text)
        settings = make_settings({"vision": {"vocabulary": str(path)}})
        return next(s for s in plan(settings) if s.name == "vision").settings["vocabulary"]

    assert vision("a=1") != vision("a=12")
    (tmp_path / "copy.toml").write_text("a=1")
    copy = make_settings({"vision": {"vocabulary": str(tmp_path / "copy.toml")}})
    assert next(s for s in plan(copy) if s.name == "vision").settings["vocabulary"] == vision("a=1")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ValexError, match=r"none\.toml"):
        plan(make_settings({"vision": {"vocabulary": str(tmp_path / "none.toml")}}))


@given(json_values, json_values)
def test_content_hash_tells_contents_apart(one, other):
    assert (content_hash(one) == content_hash(other)) == (repr_json(one) == repr_json(other))


def repr_json(value):
    import json

    return json.dumps(value, sort_keys=True)


def test_a_fingerprint_ignores_how_its_inputs_came_about():
    reads = ("transcript", "media.audio", "video", "post.text")
    post = {"video": {"sha256": "0" * 64, "path": "a"}, "text": {"caption": "c"}}
    record = {"segments": [], "fingerprint": "x", "made_by": {"stage": "speech"}}
    records = {"transcript": record, "media": {"audio": None, "shots": []}}
    first = fingerprint({}, reads, post, records)
    same = {**records, "transcript": {**record, "fingerprint": "y", "made_by": None}}
    assert fingerprint({}, reads, post, same) == first
    assert fingerprint({}, reads, {**post, "video": {"sha256": "0" * 64, "path": "b"}}, records) == first
    assert fingerprint({}, reads, post, {**records, "media": {"audio": None, "shots": [1]}}) == first
    assert fingerprint({}, reads, post, {**records, "transcript": {**record, "segments": [1]}}) != first
    assert fingerprint({"version": 2}, reads, post, records) != first
    assert fingerprint({}, reads, {**post, "text": {"caption": "d"}}, records) != first


def test_stems_know_their_kind():
    for spec in STAGES:
        assert record_type(spec.stem.format(variant="x.y")) is spec.record


def test_every_field_read_is_one_of_its_record():
    for step in plan(make_settings({"script": {"variants": ["template", "local"]}})):
        for name in step.reads:
            if name == SEVERAL:
                continue  # no field: computed from the segments
            stem, dot, part = name.partition(".")
            if dot and stem != "script":
                assert part in (Post if stem == "post" else record_type(stem)).model_fields, name


def test_paths_in_settings_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {
        "vision": {"vocabulary": "v.toml"},
        "script": {"llm": {"prompt": tmp_path / "p.jinja", "seed": 3}},
        "models": {"clip": "local-dir:clip", "asr": "whisper"},
        "profile": "demo",
    }
    assert absolute_paths(given) == {
        "vision": {"vocabulary": f"{tmp_path}/v.toml"},
        "script": {"llm": {"prompt": f"{tmp_path}/p.jinja", "seed": 3}},
        "models": {"clip": f"local-dir:{tmp_path}/clip", "asr": "whisper"},
        "profile": "demo",
    }
    for odd in ({}, {"vision": 3, "models": "x"}, {"vision": {"vocabulary": 3}}):
        assert absolute_paths(odd) == odd, "what is wrong is for the settings to say"
