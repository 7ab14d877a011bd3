"""The pages as files: complete, linked, harmless with any content, replaced by the next report."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.report.made import HOSTILE, ODD_ID, add, hostile_post, labels, make_study, overview_of, post, records
from tests.report.pages import Page, broken_links, parse
from valex_local.errors import StudyError
from valex_local.files.text import one_line
from valex_local.records import Calibration, Failure, LabelSource, MadeBy, Notice, Post, PostText
from valex_local.report.gather import Gathered, Order, Problem
from valex_local.report.pages import _render, _shown, write_report
from valex_local.report.summary import study_view
from valex_local.report.views import post_view
from valex_local.states import Banner, StateSummary
from valex_local.study import Study

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Write the report of ten posts, one of them hostile, one bare, one with pictures."""
    root = tmp_path_factory.mktemp("pages")
    video = root / "videos" / "a'b #1?.mp4"
    video.parent.mkdir()
    video.write_bytes(b"film")
    study = make_study(root / "study", 8, video=video)
    hostile_post(study, video)
    add(study, Post(id="bare-00000000"), {})
    folder = study.folder(study.post_ids()[0]) / "keyframes"
    folder.mkdir()
    for n in (1, 2):
        Image.new("RGB", (9, 16)).save(folder / f"K{n}.jpg")
    write_report(study)
    return study


def pages(study: Study) -> list[Path]:
    return sorted((study.root / "report").rglob("*.html"))


@pytest.fixture
def copied(written: Study, tmp_path: Path) -> Study:
    return Study(shutil.copytree(written.root, tmp_path / "study"))


def test_there_is_a_page_for_the_study_and_one_for_each_post(written: Study) -> None:
    names = {path.relative_to(written.root / "report").as_posix() for path in pages(written)}
    assert names == {"index.html", *(f"posts/{post_id}.html" for post_id in written.post_ids())}


def test_every_link_leads_to_a_file_or_a_place_on_the_page(written: Study) -> None:
    for path in pages(written):
        assert broken_links(path) == [], path.name
    assert len(parse(pages(written)[1].read_text("utf-8")).links()) > 10


def test_names_of_elements_are_unique(written: Study) -> None:
    for path in pages(written):
        ids = parse(path.read_text("utf-8")).ids
        assert len(ids) == len(set(ids)), path.name


def test_every_page_forbids_all_that_is_not_its_own(written: Study) -> None:
    for path in pages(written):
        html = path.read_text("utf-8")
        policies = [t for t in parse(html).tags if t.attributes.get("http-equiv") == "Content-Security-Policy"]
        assert [tag.attributes["content"] for tag in policies] == [CSP]
        assert html.index("Content-Security-Policy") < html.index("<script")


def test_nothing_in_a_page_needs_what_the_policy_forbids(written: Study) -> None:
    for path in pages(written):
        for tag in parse(path.read_text("utf-8")).tags:
            assert "style" not in tag.attributes and tag.name not in ("style", "iframe", "object", "base", "embed")
            assert not [name for name in tag.attributes if name.startswith("on")]
            if tag.name == "script":
                assert tag.attributes.get("src", "").rpartition("/")[2] in ("report.js", "save.js", "posts.js")


def test_no_file_of_a_report_names_another_machine(written: Study) -> None:
    for name in ("style.css", "report.js", "save.js", "index.html"):
        text = (written.root / "report" / name).read_text("utf-8")
        assert not re.search(r"https?://|//cdn|@import|url\((?!#)", text), name


def test_hostile_texts_are_texts(written: Study) -> None:
    html = (written.root / "report" / "posts" / f"{ODD_ID}.html").read_text("utf-8")
    page = parse(html)
    text = "".join(page.text)
    for attack in HOSTILE[:5]:
        assert attack in text
    assert "owned" not in page.ids
    assert [tag for tag in page.tags if tag.name == "img"] == []
    assert not [c for c in html if ord(c) < 32 and c not in "\n\t"]
    assert "javascript:" not in "".join(link for _, link in page.links())


def test_texts_of_posts_stand_in_isolation(written: Study) -> None:
    """Characters that change the text direction have no effect outside the element that isolates them."""
    html = (written.root / "report" / "posts" / f"{ODD_ID}.html").read_text("utf-8")
    turned = [m.start() for m in re.finditer("\u202e", html)]
    assert turned
    for at in turned:
        before = html[:at]
        assert before.rfind("<bdi") > before.rfind("</bdi>"), html[at - 80 : at + 20]


def test_study_figures_are_on_the_page_as_text(written: Study) -> None:
    text = " ".join("".join(parse((written.root / "report" / "index.html").read_text("utf-8")).text).split())
    assert "10 posts by" in text and "8 of them have labels" in text
    assert "a baseline, not a trained model" in text and "domain: English arguments (en)" in text
    assert "1 post with failures" in text
    assert "whisper-base-ct2 " + "f" * 64 in text
    assert "no verbal sound (the paper's filter)" in text


def test_a_post_page_says_what_is_not_there(written: Study) -> None:
    text = "".join(parse((written.root / "report" / "posts" / "bare-00000000.html").read_text("utf-8")).text)
    assert "This post has no video in the study." in text
    assert "This post has no script." in text and "This post has no labels." in text


# --- whatever a post says, the page is made of the same elements ---------------------------------------------------

_said = st.text(min_size=1, max_size=60).filter(one_line) | st.sampled_from(HOSTILE)
_hard = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def gathered(caption: str, said: list[str], model: str) -> Gathered:
    """Return a post with these texts everywhere."""
    chance = random.Random(1)
    text = PostText(caption=caption, author=model, sound_title=caption, posted_at=caption, url=caption)
    of = post(1, chance).model_copy(update={"text": text})
    found = records(chance, of, said, rich=True)
    made = labels(chance, "template", "fewshot", conflicted=True)
    source = LabelSource(route="fewshot", model=model, domain=caption, baseline=model, languages=(caption,))
    notices = (Notice(code="a", text=caption), Notice(code="b", text=said[0]))
    origin = MadeBy(stage=caption, version=1, settings={caption: model}, models={caption: model})
    found["labels.template.fewshot"] = made.model_copy(
        update={"source": source, "notices": notices, "made_by": origin, "script": caption}
    )
    failures = (Failure.model_construct(post=of.id, stage=caption, what=said[1], hint=model, notices=()),)
    problems = (Problem(caption, said[0], model),)
    return Gathered(of.id, of, found, failures, problems)


def post_page(caption: str, said: list[str], model: str) -> Page:
    view = post_view(gathered(caption, said, model), Path("/nowhere"), Path("/nowhere"))
    return parse(
        _render(
            "post.jinja", post=view, root="../", compared=[(model, "x")], before=None, after=None, banner=_banner(model)
        )
    )


def study_page(caption: str, said: list[str], model: str) -> Page:
    overview = overview_of(gathered(caption, said, model))
    view = study_view(overview, Order(), caption)
    return parse(_render("study.jinja", study=view, rows=overview.rows, comparisons=(), root="", banner=_banner(model)))


def _banner(model: str) -> Banner | None:
    source = LabelSource(route="encoder", model=model, domain=model)
    return Banner.of({model: StateSummary(Calibration(model=model, kind="cautious"), source, 1, 1.0)})


PLAIN = ("Caption", ["One.", "Two."], "model")


@_hard
@given(_said, st.lists(_said, min_size=2, max_size=2), _said)
def test_no_text_adds_an_element_or_an_attribute_to_the_page_of_a_post(
    caption: str, said: list[str], model: str
) -> None:
    page = post_page(caption, said, model)
    assert page.shape == post_page(*PLAIN).shape
    assert one_line(said[1]) in one_line("".join(page.text))


@_hard
@given(_said, st.lists(_said, min_size=2, max_size=2), _said)
def test_no_text_adds_an_element_or_an_attribute_to_the_study_page(caption: str, said: list[str], model: str) -> None:
    page = study_page(caption, said, model)
    assert page.shape == study_page(*PLAIN).shape
    assert one_line(_shown(said[1])) in one_line("".join(page.text))


# --- writing -------------------------------------------------------------------------------------------------------


def test_equal_studies_give_equal_reports(copied: Study) -> None:
    write_report(copied)
    before = {path: path.read_bytes() for path in (copied.root / "report").rglob("*.*")}
    write_report(copied)
    assert {path: path.read_bytes() for path in (copied.root / "report").rglob("*.*")} == before


def test_a_second_report_replaces_the_first(copied: Study) -> None:
    gone, *others = copied.post_ids()
    shutil.rmtree(copied.folder(gone))
    (copied.root / "report" / "posts" / ".half.html.part").write_text("half")
    (copied.root / "report" / ".index.html.part").write_text("half")
    written = write_report(copied)
    assert (written.posts, written.removed) == (len(others), (gone,))
    assert {path.stem for path in (copied.root / "report" / "posts").iterdir()} == set(others)
    assert not list((copied.root / "report").glob(".*"))
    for name in ("index.html", "posts.js", "words.js"):
        assert gone not in (copied.root / "report" / name).read_text("utf-8"), name


def test_forgetting_a_post_removes_the_report(copied: Study) -> None:
    assert "report/" in copied.forget(copied.post_ids()[0])
    assert not (copied.root / "report").exists()


def test_only_the_owner_may_look(copied: Study) -> None:
    shutil.rmtree(copied.root / "report")
    write_report(copied)
    for path in (copied.root / "report", *(copied.root / "report").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_report_may_lie_elsewhere(written: Study, tmp_path: Path) -> None:
    done = write_report(written, tmp_path / "deep" / "pages")
    assert done.index == tmp_path / "deep" / "pages" / "index.html"
    for path in (tmp_path / "deep").rglob("*.html"):
        assert broken_links(path) == [], path.name
    videos = [
        link
        for name, link in parse((done.index.parent / "posts" / f"{ODD_ID}.html").read_text()).links()
        if name == "video"
    ]
    assert videos


def test_links_hold_where_the_study_is_reached_by_another_way(written: Study, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(written.root.parent)
    done = write_report(Study(tmp_path / "way" / "study"), tmp_path / "pages")
    for path in done.index.parent.rglob("*.html"):
        assert broken_links(path) == [], path.name


@pytest.mark.parametrize("name", ["notes.txt", "index.html", "style.css"])
def test_a_folder_that_holds_something_else_is_left_alone(copied: Study, tmp_path: Path, name: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / name).write_text("mine")
    with pytest.raises(StudyError, match="something other than a report"):
        write_report(copied, tmp_path / "site")
    assert [path.name for path in (tmp_path / "site").iterdir()] == [name]


def test_neither_the_study_nor_a_file_is_taken_for_a_report(copied: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="something other than a report"):
        write_report(copied, copied.root)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StudyError, match="a file, not a folder"):
        write_report(copied, tmp_path / "file")


def test_an_interrupted_report_can_be_written_again(copied: Study) -> None:
    shutil.rmtree(copied.root / "report")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(copied, progress=interrupt)
    assert not (copied.root / "report" / "index.html").exists()
    assert write_report(copied).posts == 10


def test_a_broken_record_is_named_and_the_report_is_written(copied: Study) -> None:
    post_id = copied.post_ids()[1]
    (copied.folder(post_id) / "transcript.json").write_text("{")
    done = write_report(copied)
    assert len(done.unreadable) == 1 and done.unreadable[0].startswith(f"{post_id}: transcript.json: ")
    for path in (done.index, copied.root / "report" / "posts" / f"{post_id}.html"):
        assert "not a readable Transcript" in path.read_text("utf-8")


def test_an_empty_study_has_a_report(tmp_path: Path) -> None:
    done = write_report(Study(tmp_path / "study", create=True))
    assert done.posts == 0
    assert "No post has labels yet" in done.index.read_text("utf-8")
    assert broken_links(done.index) == []
