"""Excluded and forgotten posts."""

from __future__ import annotations

import pytest

from tests.exchange.exported import N1, NAMED, ONE, SILENT, TWO, make_study
from valex_local.errors import InputError
from valex_local.study.left_out import describe, exclude, include, is_forgotten


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def test_excluded_posts_stay_but_are_not_among_the_posts(study):
    everything = study.post_ids()
    exclude(study, [ONE, TWO], "not in English", "anna")
    assert study.post_ids() == sorted([SILENT, NAMED])
    assert study.post_ids(excluded=True) == everything
    assert study.post(ONE).id == ONE
    assert describe(study.left_out()) == ["2 posts excluded: not in English (2)"]
    assert ONE in include(study, ONE[:6])
    assert study.post_ids() == sorted([ONE, SILENT, NAMED])


def test_a_reason_is_needed(study):
    with pytest.raises(InputError):
        exclude(study, [ONE], " ", "anna")
    assert not (study.root / "left-out.json").exists()


def test_a_forgotten_post_is_known_by_a_hash_alone(study):
    exclude(study, [ONE], "asked for by ann", "anna")
    study.forget(ONE)
    left = study.left_out()
    assert not left.excluded
    assert is_forgotten(left, ONE)
    assert is_forgotten(left, f"another.name_{N1}"), "users change their names"
    assert not is_forgotten(left, TWO)
    files = [path for path in study.root.rglob("*") if path.is_file()]
    assert not [path for path in files if N1.encode() in path.read_bytes() or b"asked for" in path.read_bytes()]


def test_two_studies_give_a_post_different_hashes(tmp_path):
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        study = make_study(tmp_path / name)
        study.forget(ONE)
        found.append(study.left_out().forgotten)
    assert not set(found[0]) & set(found[1])


def test_a_forgotten_post_can_be_asked_back_by_its_name(study):
    study.forget(ONE)
    with pytest.raises(InputError):
        include(study, TWO)
    include(study, f"@ann_video_{N1}.mp4")
    assert not is_forgotten(study.left_out(), ONE)


def test_a_name_that_fits_several_is_refused(study):
    exclude(study, [ONE, SILENT], "a", "anna")
    with pytest.raises(InputError):
        include(study, "")
    with pytest.raises(InputError):
        include(study, "nobody")
