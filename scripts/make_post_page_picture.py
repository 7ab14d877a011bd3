"""Make docs/post-page.png, the picture of a report's post page in the README.

    python scripts/make_post_page_picture.py
    python scripts/make_post_page_picture.py --study demo-study

Analyses the demo clips in a temporary study (or takes the given one, of the same clips), writes its report, and takes a
screenshot of the page of one post in headless Chromium. The picture shows the head of the page, the video, the
timeline, the first scene and the values. Requires playwright (extra dev) and the system's Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from valex_local import Study, run
from valex_local.report import write_report

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "post-page.png"
CLIPS = ROOT / "models" / "demo" / "clips"
POST = "noah.kicks_7300000000000000002"
TIME = 5.3
"""Position of the video, in seconds."""

LEFT_OUT = ".scene:nth-of-type(n+2), .script .facts, section:has(> #stills-head), section:has(#values-head) ~ *, footer"
"""Selector of the elements that are removed from the page."""

WIDTH = 1080
MARGIN = 24
COLOURS = 96
MAX_BYTES = 150_000

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def screenshot(page: Path) -> bytes:
    """Return a screenshot of a page of a report, PNG."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        sys.exit("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path)
        view = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        view.goto(page.as_uri())
        view.evaluate(f"document.querySelectorAll({LEFT_OUT!r}).forEach(element => element.remove())")
        view.evaluate(
            """time => new Promise(done => {
                const video = document.querySelector("video");
                video.preload = "auto";  // else its controls show a loading sign
                video.addEventListener("seeked", () => setTimeout(done, 1500), {once: true});
                video.currentTime = time;
            })""",
            TIME,
        )
        view.evaluate(f"document.body.style.paddingBottom = '{MARGIN}px'")
        taken = view.screenshot(full_page=True)
        browser.close()
    return taken


def compressed(png: bytes) -> bytes:
    """Return a PNG with a palette of `COLOURS` colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, help="a study of the demo clips; a temporary one when left out")
    parser.add_argument("--out", type=Path, default=PICTURE)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        study = given.study or Path(folder) / "study"
        if given.study is None:
            run([CLIPS], study, options={"profile": "demo"})
        write_report(Study(study))
        picture = compressed(screenshot(study / "report" / "posts" / f"{POST}.html"))
    if len(picture) > MAX_BYTES:
        sys.exit(f"the picture has {len(picture)} bytes, more than {MAX_BYTES}")
    given.out.write_bytes(picture)
    print(f"{given.out}: {len(picture)} bytes")


if __name__ == "__main__":
    main()
