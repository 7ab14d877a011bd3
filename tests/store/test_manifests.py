from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local import llm
from valex_local.errors import ConfigError, ModelError
from valex_local.settings import make_settings
from valex_local.stages.ocr import engines
from valex_local.stages.speech import engine
from valex_local.stages.vision import clip
from valex_local.store import Store
from valex_local.store.describe import _ENGINES
from valex_local.store.manifests import (
    File,
    Manifest,
    built_in_folder,
    parse,
    profile_names,
    read_manifest,
    read_manifests,
    read_profile,
)

MANIFESTS = read_manifests(built_in_folder())
ENGINES = {"asr": engine.ENGINES, "ocr": engines.ENGINES, "clip": clip.ENGINES, "llm": llm.ENGINES}
SMALL = {
    "whisper-base-ct2",
    "ppocrv6",
    "minilm-l6",
    "mpnet-base",
    "smollm2-135m-instruct",
    "qwen2.5-coder-1.5b-instruct",
}


def test_the_weights_of_small_profiles_are_pinned_by_size_and_sum():
    for model_id in SMALL:
        manifest = MANIFESTS[model_id]
        assert manifest.packages, model_id
        assert all(file.size and file.sha256 for file in manifest.files), model_id
        assert manifest.licence
        assert manifest.comes_from


def test_mpnet_base_is_the_official_model():
    weights = next(f for f in MANIFESTS["mpnet-base"].files if f.name == "model.safetensors")
    assert weights.size == 437_971_872
    assert weights.sha256 == "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"


def test_whisper_base_is_the_official_conversion():
    weights = next(f for f in MANIFESTS["whisper-base-ct2"].files if f.name == "model.bin")
    assert weights.size == 145_217_532
    assert weights.sha256 == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_every_manifest_says_where_its_files_come_from(manifest: Manifest):
    assert manifest.licence
    assert manifest.comes_from
    assert manifest.description
    assert all(required in MANIFESTS for required in manifest.requires)
    assert manifest.packages or manifest.shipped or len(manifest.files) > 1


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_options_that_name_files_name_those_of_the_model(manifest: Manifest):
    names = {file.name for file in manifest.files}
    for key in {"file", "mmproj", "detector", "recogniser"} & manifest.options.keys():
        assert manifest.options[key] in names


def test_what_comes_with_this_program_is_what_its_manifest_pins(tmp_path: Path):
    store = Store(tmp_path)
    for manifest in MANIFESTS.values():
        if manifest.shipped:
            assert all(file.sha256 for file in manifest.files), manifest.id
            assert len(store.check(manifest, fresh=True)) == len(manifest.files)


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_every_manifest_names_an_engine_that_there_is(manifest: Manifest):
    if manifest.role in ENGINES:
        assert manifest.engine in ENGINES[manifest.role]
    if manifest.engine not in ("parakeet", "qwen3-asr"):  # known by their manifests, unlike Whisper
        assert _ENGINES[manifest.role] == manifest.engine, "what describe() would say of it"


def test_a_manifest_names_no_host():
    for path in built_in_folder().rglob("*.toml"):
        assert "://" not in path.read_text("utf-8"), path


@pytest.mark.parametrize("name", profile_names())
def test_profiles_name_known_models_of_the_right_role_and_valid_settings(name: str):
    profile = read_profile(name)
    assert profile.name == name
    assert profile.description
    for role, model_id in profile.models.items():
        assert MANIFESTS[model_id].role == role
    settings = make_settings({"profile": name} | profile.settings)
    if "local" in settings.script.variants:
        assert "llm" in profile.models


@pytest.mark.parametrize(
    ("name", "routes"),
    [(name, ("encoder",)) for name in ("cpu", "demo")]
    + [("cpu-llm", ("encoder", "fewshot"))]
    + [(name, ("fewshot", "encoder")) for name in ("workstation", "server")],
)
def test_where_the_language_model_is_able_it_labels_beside_the_encoder(name: str, routes: tuple[str, ...]):
    assert make_settings(read_profile(name).settings).labels.routes == routes


def test_the_profile_cpu_needs_no_language_model_and_no_clip():
    assert {"llm", "clip"}.isdisjoint(read_profile("cpu").models)


def test_cpu_llm_adds_a_language_model_to_cpu():
    cpu, llm = read_profile("cpu"), read_profile("cpu-llm")
    assert llm.models.items() - cpu.models.items() == {("llm", "qwen2.5-coder-1.5b-instruct")}


def test_demo_adds_to_cpu_and_has_the_smaller_label_model():
    cpu, demo = read_profile("cpu"), read_profile("demo")
    other = {("labels", "mpnet-arguments"), ("detector", "detectors")}  # the demo's clips are drawn
    assert cpu.models.items() - demo.models.items() == other
    assert demo.models["labels"] == "minilm-arguments"
    assert demo.models["llm"] == "smollm2-135m-instruct"
    assert demo.models["clip"] == "micro-clip"


def test_all_profiles_are_listed():
    assert profile_names() == ["cpu", "cpu-llm", "demo", "server", "workstation"]


def test_an_unknown_profile_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean workstation"):
        read_profile("workstaton")


def test_a_profile_of_the_user_is_a_path(tmp_path: Path):
    path = tmp_path / "lab.toml"
    path.write_text('[models]\nasr = "whisper-large-v3-turbo"\n[settings.ocr]\nfps = 2\n', "utf-8")
    profile = read_profile(str(path))
    assert profile.name == "lab"
    assert profile.models == {"asr": "whisper-large-v3-turbo"}
    assert profile.settings == {"ocr": {"fps": 2}}


GOOD = {"id": "m", "role": "asr", "engine": "e", "files": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"licnce": "MIT"}, "unknown key licnce; did you mean licence"),
        ({"files": [{"name": "a", "sha": "x"}]}, r"unknown key files\.0\.sha; did you mean files\.0\.sha256\?"),
        ({"role": "ears"}, "role"),
        ({"id": "../m"}, "id"),
        ({"id": "Big"}, "id"),
        ({"files": [{"name": "a", "sha256": "12"}]}, "sha256"),
        ({"files": []}, "names no files"),
        ({"files": [{"name": "a"}, {"name": "a"}]}, "named twice"),
        (
            {"packages": [{"name": "p", "version": "1", "sha256": "0" * 64, "members": {"b": "x"}}]},
            "packages and files differ: a, b",
        ),
        (
            {"packages": [{"name": "p", "version": "1", "sha256": "0" * 64, "members": {"a": "x"}}]},
            "has no size or checksum",
        ),
    ],
)
def test_a_bad_manifest_is_refused_and_the_key_named(change: dict[str, object], message: str, tmp_path: Path):
    with pytest.raises(ModelError, match=message):
        parse(Manifest, GOOD | change, tmp_path / "m.toml")


SUM = "0" * 64
FILE = {"name": "a", "size": 1, "sha256": SUM}
ZIP = {"name": "z.zip", "size": 1, "sha256": SUM, "members": {"a": "x/a"}}


def packed(*members: str) -> list[dict[str, object]]:
    return [{"name": "p", "version": "1", "sha256": SUM, "members": {name: "x" for name in members}}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"archive": ZIP}, "an archive needs packages that contain it"),
        ({"archive": ZIP, "packages": packed("b.zip")}, r"packages and files differ: b\.zip, z\.zip"),
        ({"archive": ZIP, "packages": packed("z.zip", "a")}, "both in the archive and outside it"),
        ({"archive": ZIP | {"members": {"z.zip": "x"}}, "packages": packed("z.zip")}, "both in the archive"),
        ({"archive": ZIP | {"members": {"b": "x"}}, "packages": packed("z.zip")}, "packages and files differ: a, b"),
        ({"archive": ZIP | {"members": {"../a": "x"}}, "packages": packed("z.zip")}, "plain relative path"),
        ({"archive": ZIP | {"size": None}, "packages": packed("z.zip")}, "has no size or checksum"),
        ({"archive": ZIP | {"sha256": None}, "packages": packed("z.zip")}, "has no size or checksum"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(change: dict[str, object], message: str):
    with pytest.raises(ModelError, match=message):
        parse(Manifest, GOOD | {"files": [FILE]} | change, "m.toml")
    good = {"files": [FILE], "archive": ZIP, "packages": packed("z.zip")}
    assert parse(Manifest, GOOD | good, "m.toml").archive is not None


@pytest.mark.parametrize(
    "name", ["", "..", "../a", "/a", "a/../b", "a//b", "./a", "a\\b", "C:a", "model.toml", "a\0b", "a/"]
)
def test_a_file_name_stays_in_the_models_folder(name: str):
    with pytest.raises(ModelError, match="plain relative path"):
        parse(Manifest, GOOD | {"files": [{"name": name}]}, "m.toml")


@given(st.text(max_size=30))
def test_no_accepted_name_leaves_the_folder(name: str):
    try:
        file = File(name=name)
    except ValueError:
        return
    root = Path("/store/model")
    assert root in (root / file.name).parents
    assert ".." not in (root / file.name).parts


def test_a_manifest_survives_toml(tmp_path: Path):
    for manifest in MANIFESTS.values():
        path = tmp_path / f"{manifest.id}.toml"
        path.write_text(manifest.to_toml(), "utf-8")
        assert read_manifest(path) == manifest


def test_the_file_is_called_as_the_model(tmp_path: Path):
    (tmp_path / "other.toml").write_text(MANIFESTS["ppocrv6"].to_toml(), "utf-8")
    with pytest.raises(ModelError, match="not its file name"):
        read_manifests(tmp_path)


def test_broken_toml_is_said_plainly(tmp_path: Path):
    (tmp_path / "m.toml").write_text("id = ", "utf-8")
    with pytest.raises(ModelError, match="not valid TOML"):
        read_manifest(tmp_path / "m.toml")


def test_an_unknown_model_names_the_nearest(tmp_path: Path):
    with pytest.raises(ModelError, match="Did you mean whisper-base-ct2"):
        Store(tmp_path).find("whisper-base")
