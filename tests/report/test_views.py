"""The content of a post's page: what is shown, what is missing, and links."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.report.made import add, labels, make_study, post, records, sentence
from valex_local.records import (
    Box,
    Captions,
    Detection,
    Face,
    Grounding,
    Keyframe,
    KeyframeCaption,
    Labels,
    NamedThing,
    Notice,
    Post,
    Record,
    Script,
    ValueLabel,
)
from valex_local.rendering.detections import LookedFor
from valex_local.rendering.lines import script_lines
from valex_local.report import write_report
from valex_local.report.gather import Reader
from valex_local.report.links import from_page, page_address
from valex_local.report.views import PostView, post_view
from valex_local.schwartz import State, Value
from valex_local.study import LabelKey, Study


def a_view(study: Study, pages: Path | None = None) -> PostView:
    (post_id,) = study.post_ids()
    return post_view(Reader(study)(post_id), study.folder(post_id), pages or study.root.resolve() / "report" / "posts")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "videos #1").mkdir()
    (tmp_path / "videos #1" / "ä?.mp4").write_bytes(b"film")
    return make_study(tmp_path / "study", 1, video=tmp_path / "videos #1" / "ä?.mp4")


def test_a_video_is_linked_by_a_relative_address(study: Study) -> None:
    found = a_view(study).film
    assert (
        found.address == "../../../videos%20%231/a%CC%88%3F.mp4"
        or found.address == "../../../videos%20%231/%C3%A4%3F.mp4"
    )
    assert found.why_not is None


def test_a_video_that_is_gone_is_named(study: Study, tmp_path: Path) -> None:
    (tmp_path / "videos #1" / "ä?.mp4").unlink()
    found = a_view(study).film
    assert found.address is None and "ä?.mp4" in (found.why_not or "")


def test_a_post_without_a_video_says_so(tmp_path: Path) -> None:
    found = a_view(make_study(tmp_path / "study", 1))
    assert found.film.address is None and "no video" in (found.film.why_not or "")
    assert found.lanes and found.scripts and found.labels


def test_a_post_with_nothing_but_its_name_has_a_view(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    add(study, Post(id="bare-00000000"), {})
    found = a_view(study)
    assert (found.lanes, found.axis, found.scripts, found.labels, found.stills) == ((), None, (), (), ())


def test_keyframes_are_linked_where_they_are_kept(study: Study, tmp_path: Path) -> None:
    folder = study.folder(study.post_ids()[0])
    (folder / "keyframes").mkdir()
    (folder / "keyframes" / "K2.jpg").write_bytes(b"picture")
    pages = tmp_path / "elsewhere" / "posts"
    stills = a_view(study, pages).stills
    assert [still.address is not None for still in stills] == [False, True, False, False]
    assert stills[1].address is not None
    assert (pages / unquote(stills[1].address)).resolve() == (folder / "keyframes" / "K2.jpg").resolve()
    assert stills[0].shows and stills[0].tags == (("kitchen", 0.8),)


def test_what_was_detected_is_drawn_over_its_keyframe_and_escaped(study: Study) -> None:
    (post_id,) = study.post_ids()
    box = Box(left=0.25, top=0.5, width=0.5, height=0.25)
    media = Reader(study)(post_id).media
    assert media is not None
    first = media.keyframes[0]
    seen = KeyframeCaption(
        keyframe=first.id,
        objects=(Detection(name="<i>cat", score=0.9, box=box),),
        faces=(Face(score=0.8, box=box), Face(score=0.8, box=box, expression="sad")),
        people=2,
    )
    study.write(post_id, "captions", Captions(keyframes=(seen,)))
    boxes = a_view(study).stills[0].boxes
    assert [(one.name, one.is_face) for one in boxes] == [
        ("<i>cat 0.90", False),
        ("a face 0.80", True),
        ("sad 0.80", True),
    ]
    assert (boxes[0].left, boxes[0].height) == (0.25 * first.width, 0.25 * first.height)
    (study.folder(post_id) / first.file).parent.mkdir(exist_ok=True)
    (study.folder(post_id) / first.file).write_bytes(b"picture")
    write_report(study)
    (page,) = (study.root / "report" / "posts").glob("*.html")
    html = page.read_text("utf-8")
    assert "&lt;i&gt;cat 0.90" in html and "<i>cat" not in html


def test_a_keyframe_outside_the_post_is_not_shown(study: Study, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"picture")
    (post_id,) = study.post_ids()
    media = Reader(study)(post_id).media
    assert media is not None
    away = Keyframe(id="K1", time=1, shot=0, file="../../../secret.jpg", width=1, height=1)
    study.write(post_id, "media", media.model_copy(update={"keyframes": (away,)}))
    assert (study.folder(post_id) / away.file).is_file()
    assert a_view(study).stills[0].address is None


def test_evidence_leads_to_the_line_of_its_own_script(study: Study) -> None:
    found = {str(view.key): view for view in a_view(study).labels}
    held = [row for row in found["template.fewshot"].rows if row.evidence]
    assert held
    assert held[0].evidence == (("S1", "s2-S1"), ("T2", "s2-T2"), ("K1", "K1"))
    direct = [row for row in found["video.direct"].rows if row.evidence]
    assert direct[0].evidence[0] == ("S1", "s1-S1"), "of the video itself: the script shown first"
    anchors = {f"{s.anchor}-{line.id}" for s in a_view(study).scripts for scene in s.scenes for line in scene.lines}
    assert {"s1-S1", "s2-S1", "s2-T2"} <= anchors
    assert not found["template.encoder"].about_evidence


def test_evidence_of_a_view_leads_to_the_lines_of_its_script(study: Study) -> None:
    (post_id,) = study.post_ids()
    made = study.require(post_id, "labels.template.fewshot", Labels)
    study.write(post_id, "labels.template~action.fewshot", made.model_copy(update={"script": "template~action"}))
    names = [str(view.key) for view in a_view(study).labels]
    whole, view = (at for at, name in enumerate(names) if name in ("template.fewshot", "template~action.fewshot"))
    assert names.index("video.direct") > view > whole
    rows, other_rows = a_view(study).labels[whole].rows, a_view(study).labels[view].rows
    assert [row.evidence for row in rows] == [row.evidence for row in other_rows]


def test_what_detectors_did_not_find_is_marked_at_its_line(study: Study) -> None:
    (post_id,) = study.post_ids()
    script = study.require(post_id, "script.template", Script)
    (line,) = (line for line in script_lines(script) if line.kind == "action")
    word, other = line.text.split()[:2]
    found = NamedThing(scene=line.scene, element=line.element, name="a", word=word, keyframe="K1", score=0.9)
    lacking = NamedThing(scene=line.scene, element=line.element, name="b", word=other)
    study.write(post_id, "grounding.template", Grounding(script="template", things=(found, lacking)))
    shown = {view.name: view.looked_for for view in a_view(study).scripts}
    assert shown.pop("template") == {line.id: LookedFor((word,), (other,))}
    assert not any(shown.values())
    write_report(study)
    (page,) = (study.root / "report" / "posts").glob("*.html")
    text = page.read_text("utf-8")
    assert f"Detectors found: <bdi>{word}</bdi>." in text
    assert f"<b>Not found</b> in the keyframes: <bdi>{other}</bdi>." in text


def test_evidence_that_is_not_on_the_page_has_no_link(study: Study) -> None:
    (post_id,) = study.post_ids()
    made = labels(random.Random(1), "gone", "fewshot", conflicted=True)
    study.write(post_id, "labels.gone.fewshot", made)
    found = next(view for view in a_view(study).labels if view.key == LabelKey("gone", "fewshot"))
    row = next(row for row in found.rows if row.evidence)
    assert row.evidence == (("S1", None), ("T2", None), ("K1", "K1"))


def test_states_in_words(study: Study) -> None:
    (post_id,) = study.post_ids()
    made = labels(random.Random(1), "template", "encoder", conflicted=False)
    values = list(made.values)
    values[0] = ValueLabel(value=Value.SELF_DIRECTION_THOUGHT, present=0.9, state=State.PRESENT, dominant=True)
    values[1] = ValueLabel(value=Value.SELF_DIRECTION_ACTION)
    study.write(post_id, "labels.template.encoder", made.model_copy(update={"values": tuple(values)}))
    found = next(view for view in a_view(study).labels if view.key == LabelKey("template", "encoder"))
    assert [row.state for row in found.rows[:2]] == ["present, dominant", "not assessed"]
    assert found.circle is not None and "not assessed" in found.circle


def test_what_is_skipped_doubtful_or_dropped_is_reported(study: Study) -> None:
    (post_id,) = study.post_ids()
    study.write(post_id, "captions", Captions(skipped="no weights"))
    found = Reader(study)(post_id).screen_text
    assert found is not None
    study.write(post_id, "text", found.model_copy(update={"notices": (Notice(code="dark", text="too dark"),)}))
    seen = a_view(study)
    assert seen.remarks == (("ocr", "too dark"), ("vision", "skipped: no weights"))
    assert [segment.reason for segment in seen.dropped] == ["no voice was heard"]


def test_origins_hold_models_settings_and_sums(study: Study) -> None:
    origins = {origin.stem: origin for origin in a_view(study).origins}
    assert origins["transcript"].models == (("asr", "whisper-base-ct2", "f" * 64),)
    assert '"threshold": 0.5' in origins["transcript"].settings
    assert len(origins) == 11


def test_duration_without_media_is_that_of_what_is_heard_and_read(tmp_path: Path) -> None:
    study, chance = Study(tmp_path / "study", create=True), random.Random(1)
    of = post(1, chance)
    found: dict[str, Record] = records(chance, of, [sentence(chance, 4) for _ in range(3)], rich=False)
    del found["media"]
    add(study, of, found)
    seen = a_view(study)
    assert seen.duration == pytest.approx(14)
    assert [lane.kind for lane in seen.lanes] == ["speech", "text"]


@pytest.mark.parametrize("name", ["it's_a_100%_#1?&=ümlaut", "a b:c", "日本語", "..x", "javascript:alert(1)"])
def test_addresses_lead_back_to_their_files(tmp_path: Path, name: str) -> None:
    address = page_address(name)
    assert unquote(address) == f"{name}.html"
    assert not set(address) & set(" #?\"'<>&:")
    (tmp_path / name).mkdir()
    assert (tmp_path / unquote(from_page(tmp_path, tmp_path / name))).is_dir()


def test_bytes_that_are_no_text_can_be_linked(tmp_path: Path) -> None:
    assert from_page(tmp_path.resolve(), tmp_path / "a\udcffb.mp4") == "a%FFb.mp4"
