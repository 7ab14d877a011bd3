"""The report in a real browser, opened from disk."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.report.made import HOSTILE, ODD_ID, add, hostile_post, make_study
from valex_local.records import Post, SourceFile
from valex_local.report import write_report
from valex_local.study import Study

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "models/demo/clips/@thrift.tilda_video_7300000000000000001.mp4"
POSTS = 60
FIRST = "author.0_7300000000000000000"
BROKEN = "broken-00000000"


@dataclass
class Seen:
    """What a page did that pages of a report must not do."""

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of sixty posts, a hostile one, a bare one and one whose video is not a video."""
    root = tmp_path_factory.mktemp("browser")
    video = root / "videos" / "a'b #1?.mp4"
    video.parent.mkdir()
    shutil.copy(CLIP, video)
    (root / "videos" / "broken.mp4").write_bytes(b"no film")
    study = make_study(root / "study", POSTS, lines=4, video=video)
    study.save_options({"script": {"variants": ["template", "local"]}})
    hostile_post(study, video)
    add(study, Post(id="bare-00000000"), {})
    broken = SourceFile(path=str(root / "videos" / "broken.mp4"), sha256="a" * 64, size=7)
    add(study, Post(id=BROKEN, video=broken), {})
    folder = Study(study.root).folder(FIRST) / "keyframes"
    folder.mkdir()
    Image.new("RGB", (90, 160), (90, 120, 200)).save(folder / "K1.jpg")
    write_report(study)
    return study.root.resolve() / "report"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: Any, seen: Seen) -> Iterator[Any]:
    """Open a page that fails its test if anything requests the network, reports an error or opens a dialog."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    seen.watch(opened)
    yield opened
    context.close()
    assert [url for url in seen.requests if not url.startswith("file:///")] == []
    assert seen.console == []
    assert seen.dialogs == []


def open_post(page: Any, site: Path, post_id: str) -> None:
    page.goto((site / "posts" / f"{post_id}.html").as_uri())


def open_study(page: Any, site: Path) -> None:
    page.goto((site / "index.html").as_uri())


def time_of(page: Any) -> float:
    return float(page.evaluate("document.getElementById('player').currentTime"))


def search(page: Any, text: str) -> None:
    """Type into the search field and wait for the search index, which the first search loads."""
    page.fill("[name=text]", text)
    found(page)


def found(page: Any) -> str:
    """Return the number of posts that the list shows after a search."""
    told = page.locator(".found", has_text=re.compile(r"^\d"))
    told.wait_for()
    return str(told.inner_text())


def listed(page: Any) -> list[str]:
    return list(page.locator("table.posts tbody th a").all_inner_texts())


# --- the player ---


def test_a_time_a_line_and_the_timeline_seek(page: Any, site: Path) -> None:
    open_post(page, site, FIRST)
    shown = "#s1 .line.dialogue >> nth=1"
    page.click(f"{shown} >> .time")
    assert time_of(page) == pytest.approx(3.4)
    page.click(f"{shown} >> .said")
    page.click("#s1 .line.dialogue >> nth=2 >> .said")
    assert time_of(page) == pytest.approx(6.4)
    page.click("svg.lane.shots .item >> nth=3")
    assert time_of(page) == pytest.approx(13.5)
    page.click(".stills .time >> nth=0")
    assert time_of(page) == pytest.approx(2.25)
    lane = page.locator("svg.lane.captions")
    lane.click(position={"x": 0.8 * lane.bounding_box()["width"], "y": 2})
    assert time_of(page) == pytest.approx(0.8 * 18, abs=0.2)


def test_the_page_follows_the_player(page: Any, site: Path) -> None:
    open_post(page, site, FIRST)
    page.click("#s1 .line.dialogue >> nth=1 >> .time")
    assert page.locator("#s1 .line.now").evaluate_all("lines => lines.map(l => l.id)") == ["s1-S2", "s1-L5"]
    share = 3.4 / 18
    drawn = page.locator("svg.lane.speech .playhead").get_attribute("x1")
    assert float(drawn.rstrip("%")) == pytest.approx(100 * share, abs=0.1)


def test_selecting_words_of_a_line_does_not_seek(page: Any, site: Path) -> None:
    open_post(page, site, FIRST)
    said = page.locator("#s1 .dialogue .said").nth(1)
    said.evaluate("said => { getSelection().selectAllChildren(said); said.click() }")
    assert time_of(page) == 0
    said.evaluate("said => { getSelection().removeAllRanges(); said.click() }")
    assert time_of(page) == pytest.approx(3.4)


def test_a_film_that_cannot_be_played_is_told(page: Any, seen: Seen, site: Path) -> None:
    open_post(page, site, BROKEN)
    page.locator("#player-fails").wait_for(state="visible")
    open_post(page, site, FIRST)
    assert page.locator("#player-fails").is_hidden()


def test_evidence_leads_into_the_panel_that_holds_it(page: Any, site: Path) -> None:
    open_post(page, site, FIRST)
    page.click("role=tab[name='local · fewshot']")
    assert page.locator("#s2").is_hidden()
    page.locator(".tab:not([hidden]) .evidence a", has_text="S1").first.click()
    page.locator("#s2-S1").wait_for(state="visible")
    assert page.locator("#s2-S1").evaluate("line => line.matches(':target')")
    assert page.locator("#s2-S1").evaluate(
        "l => { const b = l.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight }"
    )


# --- the list of posts ---


def test_the_settings_say_what_is_shown_first(page: Any, site: Path) -> None:
    open_study(page, site)
    assert page.locator("#values [role=tab][aria-selected=true]").inner_text() == "template · encoder"
    open_post(page, site, FIRST)
    assert page.locator(".script [role=tab]").all_inner_texts() == ["template", "local"]


def test_the_list_goes_page_by_page(page: Any, site: Path) -> None:
    open_study(page, site)
    assert found(page) == f"{POSTS + 3} posts"
    first = listed(page)
    assert len(first) == 25
    assert page.locator("[data-turn='-1']").is_disabled()
    page.click("[data-turn='1']")
    second = listed(page)
    page.click("[data-turn='1']")
    third = listed(page)
    assert page.locator(".pager .page").inner_text() == "Page 3 of 3"
    assert page.locator("[data-turn='1']").is_disabled()
    assert len({*first, *second, *third}) == POSTS + 3
    assert first + second + third == sorted(first + second + third)


def test_search_finds_words_of_scripts_and_says_how_many(page: Any, site: Path) -> None:
    open_study(page, site)
    assert page.evaluate("globalThis.valexWords === undefined"), "the words are read at the first search only"
    search(page, "author.7_73")
    assert set(listed(page)) == {f"author.7_{7300000000000000007 + 23 * n}" for n in range(3)}
    words = page.evaluate("globalThis.valexWords")
    wanted = next(word for word in words[0].split(" ") if word.isalpha() and word.isascii() and len(word) > 4)
    search(page, f"  {wanted.upper()}! ")
    count = sum(wanted in text for text in words)
    assert found(page) == f"{count} of {POSTS + 3} posts"
    search(page, "no such words anywhere")
    assert found(page) == f"0 of {POSTS + 3} posts"
    assert page.locator("table.posts").is_hidden()
    search(page, "")
    assert len(listed(page)) == 25


def test_search_folds_accents_as_the_words_are_folded(page: Any, site: Path) -> None:
    open_study(page, site)
    search(page, "UMLAUT-0BAD")
    assert listed(page) == [ODD_ID]
    search(page, "Ümläut-0bad")
    assert listed(page) == [ODD_ID]


def test_values_of_the_chart_and_its_table_filter_the_list(page: Any, site: Path) -> None:
    open_study(page, site)
    page.click(".tab:not([hidden]) .values-table button >> text=Achievement")
    shown = int(found(page).split()[0])
    count = page.locator(".tab:not([hidden]) .values-table tr", has_text="Achievement").locator("td").first.inner_text()
    assert shown == int(count)
    assert all("Achievement" in row for row in page.locator("table.posts tbody tr").all_inner_texts())
    page.locator(".tab:not([hidden]) .sector .bar").first.click()
    assert page.input_value("[name=value]") == "0"
    page.select_option("[name=value]", "")
    page.select_option("[name=which]", "failed")
    assert found(page).startswith(f"{POSTS // 10 + 1} of")


def test_the_labels_chosen_are_those_of_the_list(page: Any, site: Path) -> None:
    open_study(page, site)
    page.select_option("[name=state]", "conflicted")
    assert found(page).startswith("0 of")
    page.click("role=tab[name='template · fewshot']")
    assert not found(page).startswith("0 of")
    assert page.locator("table.posts .state.conflicted").first.is_visible()


def test_the_way_back_leads_to_the_same_list(page: Any, site: Path) -> None:
    open_study(page, site)
    search(page, "author.1")
    before = listed(page)
    page.locator("table.posts tbody a").first.click()
    page.locator("h1", has_text="author.1").wait_for()
    page.go_back()
    page.locator("table.posts tbody a").first.wait_for()
    assert page.input_value("[name=text]") == "author.1"
    assert listed(page) == before


# --- nothing leaves, nothing breaks, nothing is believed ---


def test_nothing_leaves_and_nothing_complains_on_any_kind_of_page(page: Any, seen: Seen, site: Path) -> None:
    open_study(page, site)
    search(page, "alert")
    for post_id in (FIRST, ODD_ID, "bare-00000000", "author.9_7300000000000000009"):
        open_post(page, site, post_id)
        for tab in page.locator("[role=tab]").all():
            tab.click()
        for summary in page.locator("summary").all():
            summary.click()
    assert len(seen.requests) > 10


def test_hostile_texts_are_texts(page: Any, site: Path) -> None:
    open_post(page, site, ODD_ID)
    assert page.title() == ODD_ID
    assert page.locator("#owned, img[src=x], [onerror], [onmouseover]").count() == 0
    assert page.locator("script").count() == 2
    caption = page.locator(".post-caption").inner_text()
    for attack in HOSTILE[:5]:
        assert attack in caption
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "long words do not widen the page"
    open_study(page, site)
    search(page, "0badc0de")
    row = page.locator("table.posts tbody tr")
    assert "<script>alert('owned')</script>" in row.inner_text()
    assert row.locator("script, img").count() == 0
    row.locator("a").click()
    assert page.locator("h1").inner_text() == ODD_ID


def test_marks_of_direction_turn_nothing_outside_their_text(page: Any, site: Path) -> None:
    open_post(page, site, ODD_ID)
    order = page.evaluate(
        """() => [...document.querySelectorAll('#s1 .line')].filter(l => l.textContent.includes('\\u202e')).map(l =>
        ['.when', '.what'].map(part => l.querySelector(part).getBoundingClientRect().left))"""
    )
    assert order and all(when < what for when, what in order)


# --- without a mouse, without JavaScript, on paper ---


def test_a_tour_by_keyboard(page: Any, site: Path) -> None:
    open_study(page, site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    kinds = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        kind, visible = page.evaluate(
            """() => { const e = document.activeElement, b = e.getBoundingClientRect();
            const shown = getComputedStyle(e).outlineStyle !== 'none' && b.width > 0 && b.height > 0;
            return [e.getAttribute('role') ?? e.localName, shown] }"""
        )
        assert visible, f"the focus on {kind} cannot be seen"
        if kind == "tab" and kind not in kinds:
            page.keyboard.press("ArrowRight")
            assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
        kinds.add(kind)
    assert {"a", "tab", "button", "input", "select"} <= kinds
    page.focus("[name=text]")
    page.keyboard.type("author.0_")
    found(page)
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("h1", has_text=FIRST).wait_for()
    page.locator("#s1 .dialogue .time").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert time_of(page) == pytest.approx(3.4)
    page.locator("svg.lane.speech .item").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert time_of(page) == pytest.approx(9.4)
    assert page.locator("svg.lane.speech .item[tabindex='0']").count() == 1


def test_without_javascript_everything_can_be_read(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_study(page, site)
    for panel in page.locator("#values .tab").all():
        assert panel.is_visible()
    assert page.locator("noscript a").count() == POSTS + 3
    open_post(page, site, FIRST)
    assert page.locator("#s1").is_visible() and page.locator("#s2").is_visible()
    context.close()


def test_paper_shows_the_page_without_its_controls(page: Any, site: Path) -> None:
    open_post(page, site, FIRST)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".tablist").first.is_hidden() and page.locator("video").is_hidden()
    assert page.locator("#s1 .tab-title").bounding_box()["height"] > 5
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_no_page_is_wider_than_its_window(page: Any, site: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("index.html", f"posts/{FIRST}.html", f"posts/{ODD_ID}.html"):
        page.goto((site / path).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_dark_is_dark(page: Any, site: Path) -> None:
    page.emulate_media(color_scheme="dark")
    open_study(page, site)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 27)"


def test_figures_and_tables_are_saved_as_files(browser, site, tmp_path):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())

    def saved(kind):
        with page.expect_download() as waiting:
            page.locator(f".saves button:text-is('{kind}'):visible").first.click()
        target = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(target)
        return target

    picture = ElementTree.parse(saved("SVG")).getroot()
    assert picture.tag.endswith("svg")
    assert [element for element in picture.iter() if element.get("style")]
    assert not [element for element in picture.iter() if element.tag.endswith("script")]
    with Image.open(saved("PNG")) as png:
        assert min(png.size) > 40
        assert len(png.convert("RGB").getcolors(1 << 24)) > 2, "something is drawn"
    rows = list(csv.reader(saved("CSV").read_text("utf-8").splitlines()))
    assert len(rows) > 2
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "@")]
    page.close()
