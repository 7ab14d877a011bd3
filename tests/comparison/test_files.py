"""A comparison as files: JSON, CSV, and pages in which no text of a post can do anything."""

from __future__ import annotations

import csv
import io
import stat
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from tests.comparison.made import HEARD, READ, act, add_post, labels, make_study, say, screen, script, show, transcript
from valex_local.comparison.compare import compare
from valex_local.comparison.files import check_folder, labels_csv, posts_csv, write_folder
from valex_local.comparison.pages import index_page, post_page
from valex_local.comparison.pair import VariantPair
from valex_local.comparison.results import Comparison, Measures, Shared
from valex_local.comparison.tables import TITLES
from valex_local.errors import ConfigError, StudyError
from valex_local.report.links import page_address
from valex_local.study import Study

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table></body>",
    "<!-- <del>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left\u202c and \u2066isolated",
    "&lt;b&gt; &amp; 'quotes' \"too\"",
    "javascript:alert(1)",
    "=HYPERLINK(1)",
)


class Page(HTMLParser):
    """Collects what a page is made of."""

    VOID = ("meta", "link", "br", "img", "hr", "input")

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.words, self.open, self.attributes = [], [], [], [], set()
        self.marks = {"del": [], "ins": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)
        for mark in self.marks:
            if mark in self.open and "p" not in self.open:
                self.marks[mark].append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return VariantPair(make_study(tmp_path_factory.mktemp("made") / "study"), "a", "b")


@pytest.fixture(scope="module")
def found(pair):
    return compare(pair, resamples=50)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A comparison in which every text, name and id is hostile."""
    study = Study(tmp_path_factory.mktemp("hostile") / "study", create=True)
    elements = [make(text) for text in HOSTILE for make in (say, show, act)]
    for post_id in ("<b>x&'\" #?%.html", "index", "ÜBER dem Fluß", "x" * 200):
        add_post(
            study,
            post_id,
            script("a", *elements, *(say("hi", name) for name in HOSTILE), heading=HOSTILE[0]),
            script("b", *reversed(elements), heading=HOSTILE[1]),
            heard=transcript(*HOSTILE),
            read=screen(*HOSTILE),
            author=HOSTILE[0],
            labelled=(labels("a", {}, model=HOSTILE[0]), labels("b", {}, model=HOSTILE[1])),
        )
    pair = VariantPair(study, "a", "b")
    return pair, compare(pair, resamples=20)


# --- pages ----------------------------------------------------------------------------------------------------------


def test_every_figure_has_a_name():
    assert set(TITLES) == {*Measures.model_fields, *Shared.model_fields}


def test_the_first_page_shows_the_tables_and_leads_to_every_post(found):
    page = Page(index_page(found))
    assert [link for link in page.links if "/" in link] == [f"posts/{page_address(post.post)}" for post in found.posts]
    for title in ("The scripts, 5 posts", "In common", "Agreement of scripts", "States that differ"):
        assert title in page.text
    assert "resamples of 3 authors" in page.text


def test_a_page_marks_what_only_one_script_has(found, pair):
    removed, added, dropped, *_ = (Page(post_page(found, post, pair)) for post in found.posts)
    assert removed.marks == {"del": [HEARD[1]], "ins": []}
    assert added.marks == {"del": [], "ins": ["watch this everybody"]}
    assert dropped.marks == {"del": [READ[1], READ[2]], "ins": []}
    assert "18 of 19 values have the same state in both scripts" in added.text
    assert "0 of 7 words" not in removed.text


def test_pages_lead_to_each_other(found, pair):
    middle = Page(post_page(found, found.posts[1], pair))
    assert middle.links == ["../index.html", page_address(found.posts[0].post), page_address(found.posts[2].post)]
    assert Page(post_page(found, found.posts[0], pair)).links == ["../index.html", page_address(found.posts[1].post)]


def test_hostile_texts_are_shown_as_text(hostile):
    pair, found = hostile
    for text in (index_page(found), *(post_page(found, post, pair) for post in found.posts)):
        page = Page(text)
        assert {"script", "img", "b", "iframe", "object"}.isdisjoint(page.tags)
        assert not any(name.startswith("on") for name in page.attributes)
        assert all(not link.startswith(("javascript", "http", "//", "data")) for link in page.links)
        assert "7 * 7" not in page.text or "49" not in page.text
    page = Page(post_page(found, found.posts[0], pair))
    for text in HOSTILE:
        assert " ".join(text.split()) in page.text
    assert HOSTILE[0] in "".join(page.words)


def test_pages_need_nothing_else(found, pair):
    for text in (index_page(found), post_page(found, found.posts[0], pair)):
        page = Page(text)
        assert "default-src 'none'" in text
        assert {"link", "script", "img"}.isdisjoint(page.tags)
        assert "url(" not in text
        assert "@import" not in text


# --- folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_holds_all_and_nothing_lies_outside_it(found, pair, tmp_path):
    out = tmp_path / "new" / "out"
    write_folder(found, pair, out)
    assert {path.name for path in tmp_path.iterdir()} == {"new"}
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        "comparison.json", "posts.csv", "labels.csv", "index.html", *(f"posts/{p.post}.html" for p in found.posts)
    }  # fmt: skip
    assert Comparison.model_validate_json((out / "comparison.json").read_text("utf-8")) == found
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert all(stat.S_IMODE((out / name).stat().st_mode) == 0o600 for name in files)


def test_links_lead_to_the_pages(hostile, tmp_path):
    pair, found = hostile
    write_folder(found, pair, tmp_path / "out")
    links = [link for link in Page((tmp_path / "out" / "index.html").read_text("utf-8")).links if "/" in link]
    assert len(set(links)) == 4
    for link in links:
        page = tmp_path / "out" / unquote(link)
        assert page.is_file()
        assert all((page.parent / unquote(other)).is_file() for other in Page(page.read_text("utf-8")).links)


def test_an_earlier_comparison_is_replaced_and_its_pages_go(found, pair, tmp_path):
    write_folder(found, pair, tmp_path)
    less = found.model_copy(update={"posts": found.posts[:1]})
    write_folder(less, pair, tmp_path)
    assert [path.name for path in (tmp_path / "posts").iterdir()] == [f"{found.posts[0].post}.html"]


def test_a_folder_with_something_else_is_left_alone(found, pair, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="contains no comparison"):
        write_folder(found, pair, tmp_path)
    with pytest.raises(ConfigError, match="this is a file"):
        check_folder(tmp_path / "thesis.txt")
    with pytest.raises(ConfigError, match="contains no comparison"):
        check_folder(pair.study.root)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made(found, pair, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudyError, match="cannot write"):
        write_folder(found, pair, tmp_path / "file" / "out")


# --- CSV ------------------------------------------------------------------------------------------------------------


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_posts_csv_has_a_row_for_each_post(found):
    rows = read(posts_csv(found))
    assert [row["post"] for row in rows] == [post.post for post in found.posts]
    first, second = rows[:2]
    assert (first["author"], first["a_speech_kept"], first["b_speech_added"]) == ("ann", "1.0", "0.0")
    assert float(first["b_speech_kept"]) == found.posts[0].second.speech_kept
    assert second["states_differing_encoder"] == "Hedonism: absent → present"
    assert (first["similarity"], first["states_agreeing_encoder"], first["order"]) == ("", "1.0", "1.0")


def test_labels_csv_has_a_row_for_each_value(found):
    rows = {row["value"]: row for row in read(labels_csv(found))}
    assert len(rows) == 19
    hedonism = rows["Hedonism"]
    assert (hedonism["route"], hedonism["state_posts"], hedonism["a_absent_b_present"]) == ("encoder", "5", "2")
    assert (hedonism["a_present_b_absent"], hedonism["state_kappa"]) == ("0", "0.0")
    assert rows["Stimulation"]["state_kappa"] == ""


def test_cells_are_no_formulas(tmp_path):
    study = Study(tmp_path / "study", create=True)
    add_post(study, "=1+1", script("a", say("x")), script("b", say("x")), author=" =1+1")
    (row,) = read(posts_csv(compare(VariantPair(study, "a", "b"), resamples=0)))
    assert (row["post"], row["author"]) == ("'=1+1", "' =1+1")
    assert "no record" in row["missing"]
