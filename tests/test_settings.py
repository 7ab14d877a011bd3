import pytest

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.settings import Section, Settings, build, make_settings, merge


def test_no_settings_are_the_defaults():
    assert make_settings({}) == Settings()


def test_an_unknown_key_names_the_nearest_one():
    with pytest.raises(ConfigError, match=r"unknown setting speech\.langage; did you mean speech\.language\?"):
        make_settings({"speech": {"langage": "de"}})
    with pytest.raises(ConfigError, match=r"unknown setting oct; did you mean ocr\?"):
        make_settings({"oct": {}})


def test_an_unknown_key_deep_down_is_named_in_full():
    with pytest.raises(ConfigError, match=r"script\.llm\.temprature; did you mean script\.llm\.temperature\?"):
        make_settings({"script": {"llm": {"temprature": 1}}})


def test_a_value_out_of_bounds_names_key_and_value():
    with pytest.raises(ConfigError, match=r"ocr\.fps: .*greater than 0.*got -1"):
        make_settings({"ocr": {"fps": -1}})


def test_merge_goes_table_by_table():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "e": 4}) == {"a": {"b": 9, "c": 2}, "d": 3, "e": 4}


def test_a_file_that_is_no_toml_is_named(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("a = = 1")
    with pytest.raises(ConfigError, match="not valid TOML") as caught:
        read_toml(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path / "none.toml")


def _sections(model, prefix=""):
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and hasattr(kind, "model_fields"):
            yield from _sections(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_setting_is_known_by_name():
    names = set(_sections(Settings))
    assert {"speech.language", "ocr.fps", "script.variants", "labels.keep_silent", "work.jobs"} <= names
    assert {"labels.int8", "labels.scripts"} <= names


class Inner(Section):
    rate: float = 1.0


class Own(Section):
    steps: int = 3
    inner: Inner = Inner()


def test_settings_of_any_kind_are_built_and_explained_alike():
    assert build(Own, {"inner": {"rate": 2}}) == Own(inner=Inner(rate=2.0))
    with pytest.raises(ConfigError, match=r"unknown setting step; did you mean steps\?"):
        build(Own, {"step": 1})
    with pytest.raises(ConfigError, match=r"unknown setting inner\.rte; did you mean inner\.rate\?"):
        build(Own, {"inner": {"rte": 1}})
    with pytest.raises(ConfigError, match=r"unknown setting profile; expected one of steps, inner"):
        build(Own, {"profile": "cpu"})
    with pytest.raises(ConfigError, match=r"steps: .*got 'many'.*\[my\.toml\]"):
        build(Own, {"steps": "many"}, source="my.toml")


@pytest.mark.parametrize("name", ["a.b", "../x", "", "*", "a b"])
def test_a_script_variant_is_a_plain_name(name):
    assert make_settings({"labels": {"scripts": ["gemini-2_5"]}}).labels.scripts == ("gemini-2_5",)
    with pytest.raises(ConfigError, match=r"labels\.scripts\.0: "):
        make_settings({"labels": {"scripts": [name]}})
