"""ELAN files, read by pympi."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pympi
import pytest
from hypothesis import given, settings

from tests.exchange.exported import (
    HOSTILE,
    NAMED,
    ONE,
    TWO,
    action,
    any_lines,
    dialogue,
    export,
    make_study,
    on_screen,
    one_post,
    script,
)
from valex_local.exchange.export.elan import document, xml_text
from valex_local.records import Media, Post, Shot, SourceFile
from valex_local.rendering.timing import timed_lines


@pytest.fixture(scope="module")
def eaf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elan")
    _, files = export(make_study(folder), "eaf")
    return folder, files


def test_tiers_hold_what_was_found(eaf):
    read = pympi.Eaf(eaf[1] / f"{ONE}.eaf")
    assert list(read.get_tier_names()) == ["shots", "speech", "speakers", "screen text", "actions"]
    assert read.get_annotation_data_for_tier("shots")[1] == (5000, 10_000, "shot 2")
    assert read.get_annotation_data_for_tier("speech")[0] == (500, 4500, "This week I bought nothing new at all.")
    assert [a[2] for a in read.get_annotation_data_for_tier("screen text")] == [
        "THRIFT CHALLENGE",
        "my budget was thirty euros",
        "30 € only",
    ]
    assert (10_000, 20_000, "A young woman holds up a red jacket.") in [
        (start, 20_000, text) for start, _, text in read.get_annotation_data_for_tier("actions")
    ]
    assert read.get_parameters_for_tier("speakers")["PARENT_REF"] == "speech"
    speakers = read.get_ref_annotation_data_for_tier("speakers")
    assert speakers[0][:3] == (500, 4500, "SPEAKER")
    assert len(speakers) == len(read.get_annotation_data_for_tier("speech")) == 4


def test_the_video_is_found_from_the_file(eaf):
    folder, files = eaf
    (media,) = pympi.Eaf(files / f"{ONE}.eaf").get_linked_files()
    assert (files / media["RELATIVE_MEDIA_URL"]).resolve() == (folder / "videos" / "clip 0.mp4").resolve()
    assert media["MEDIA_URL"] == media["RELATIVE_MEDIA_URL"] == "../../../videos/clip 0.mp4"
    assert media["MIME_TYPE"] == "video/mp4"


def test_a_video_beside_the_file(tmp_path):
    video = SourceFile(path=str(tmp_path / "a <b> & \udcff.mp4"), sha256="0" * 64, size=1)
    timed, _ = timed_lines(Post(id="p", video=video), script(dialogue("a", 0, 1)))
    root = ElementTree.fromstring(ElementTree.tostring(document(timed, None, tmp_path), encoding="utf-8"))
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None
    assert media.attrib["RELATIVE_MEDIA_URL"].startswith("./a <b> & \ufffd")


def test_a_post_without_a_video_and_shots(tmp_path):
    timed, _ = timed_lines(Post(id=TWO), script(action("waves", 1, 2)))
    root = document(timed, None, tmp_path)
    assert root.find("HEADER/MEDIA_DESCRIPTOR") is None
    assert [tier.attrib["TIER_ID"] for tier in root.iter("TIER")] == [
        "shots", "speech", "speakers", "screen text", "actions",
    ]  # fmt: skip


def test_what_overlaps_stands_in_tiers_of_its_own(tmp_path):
    lines = (
        on_screen("a", 0, 5),
        on_screen("b", 1, 2),
        on_screen("c", 5, 6),
        dialogue("x", 0, 2, "ANN"),
        dialogue("y", 1, 3, "BO"),
    )
    _, folder = export(one_post(tmp_path, *lines), "eaf")
    read = pympi.Eaf(folder / f"{ONE}.eaf")
    assert [a[2] for a in read.get_annotation_data_for_tier("screen text")] == ["a", "c"]
    assert [a[2] for a in read.get_annotation_data_for_tier("screen text 2")] == ["b"]
    assert read.get_ref_annotation_data_for_tier("speakers 2")[0][2] == "BO"
    assert read.get_parameters_for_tier("speakers 2")["PARENT_REF"] == "speech 2"


def parsed(root: ElementTree.Element, folder: Path) -> pympi.Eaf:
    file = folder / "x.eaf"
    ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    return pympi.Eaf(file)


@given(any_lines)
@settings(max_examples=50, deadline=None)
def test_any_script_is_read_as_it_was(tmp_path_factory, lines):
    timed, _ = timed_lines(Post(id="p"), script(*lines))
    media = Media(shots=(Shot(start=0, end=2), Shot(start=2, end=2)))
    folder = tmp_path_factory.mktemp("any")
    root = document(timed, media, folder)
    read = parsed(root, folder)
    for name, spans in (("speech", timed.speech), ("screen text", timed.screen_text), ("actions", timed.actions)):
        tiers = [tier for tier in read.get_tier_names() if tier.rstrip("0123456789 ") == name]
        found = [sorted(read.get_annotation_data_for_tier(tier)) for tier in tiers]
        assert sorted(a for tier in found for a in tier) == sorted((s.start, s.end, xml_text(s.text)) for s in spans)
        assert all(one[1] <= other[0] for tier in found for one, other in pairwise(tier)), "ELAN allows no overlaps"
    times = [int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")]
    assert times == sorted(times)
    ids = [e.attrib["ANNOTATION_ID"] for e in root.iter() if "ANNOTATION_ID" in e.attrib]
    assert len(ids) == len(set(ids))
    assert dict(read.get_properties())["lastUsedAnnotationId"] == str(len(ids))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_xml(text):
    element = ElementTree.Element("a", {"b": xml_text(text)})
    element.text = xml_text(text)
    assert ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")).text == (xml_text(text) or None)


def test_a_file_for_each_post_with_a_script(eaf):
    assert sorted(path.name for path in eaf[1].iterdir()) == [f"{ONE}.eaf", f"{NAMED}.eaf"]
