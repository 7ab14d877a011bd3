"""Names of sets of labels."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from valex_local.files.folders import is_plain_name
from valex_local.settings import LabelSettings
from valex_local.study import LabelKey
from valex_local.study.variants import model_name

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
ROUTES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)


@given(NAMES, ROUTES, st.just("") | NAMES)
def test_a_key_survives_the_name_of_its_file(script: str, route: str, name: str) -> None:
    key = LabelKey(script, route, name)
    assert LabelKey.of(str(key)) == LabelKey.of(key.stem) == key
    assert is_plain_name(f"{key.stem}.json")


def test_keys_are_written_and_shown() -> None:
    plain, beside = LabelKey("template", "encoder"), LabelKey("template", "encoder", "mpnet-arguments")
    assert (str(plain), str(beside)) == ("template.encoder", "template.encoder@mpnet-arguments")
    assert (plain.title, beside.title) == ("template · encoder", "template · encoder · mpnet-arguments")
    assert sorted([beside, plain]) == [plain, beside]
    assert (plain.by, beside.by) == ("encoder", "encoder@mpnet-arguments")


@given(st.text(max_size=120))
def test_any_model_has_a_name_that_a_file_can_have(model: str) -> None:
    name = model_name(model)
    assert name == "" or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
    if name:
        assert LabelSettings(beside={f"encoder@{name}": model}).beside == {f"encoder@{name}": model}


def test_names_of_models() -> None:
    assert model_name("mpnet-arguments") == "mpnet-arguments"
    assert model_name("local-dir:/data/my labels v1.5/") == "my-labels-v1-5"
    assert model_name("local-dir:/data/../..") == ""
