"""The site of docs/ and of the docstrings builds without a warning, offline, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import valex_local

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name, reason="the extra docs is not installed")
    out = tmp_path_factory.mktemp("site")
    guarded = (
        "from valex_local.system.network_guard import guarded\n"
        "from mkdocs.__main__ import cli\n"
        "with guarded():\n"
        f"    cli(['build', '--strict', '-d', {str(out)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", guarded],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def test_every_page_of_docs_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert not {page for page in pages if not (site / page).is_file()}
    assert "<h1" in (site / "index.html").read_text("utf-8"), "the README"


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loading = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>")
    assert not {
        page.name: found for page in site.rglob("*.html") if (found := loading.findall(page.read_text("utf-8")))
    }


def test_the_interface_is_described(site: Path) -> None:
    page = (site / "api" / "index.html").read_text("utf-8")
    for name in valex_local.__all__:
        module = sys.modules[getattr(valex_local, name).__module__].__name__
        assert f'id="{module}.{name}"' in page, name
