"""Links to pages and files, relative to a page, so that a study can be moved as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

REPORT = "report"
"""The folder of the report in a study, unless another one is given."""

POSTS = "posts"
"""The folder of a report with the pages of posts."""

COMPARISONS = "comparisons"
"""The folder of a report with the comparisons of two scripts each."""

INDEX = "index.html"
"""The first page of a report, and of a comparison."""


@dataclass(frozen=True)
class ComparisonLink:
    """A comparison in a report: its title, its address, and its pages of posts by file name; seen from the report."""

    title: str
    address: str
    pages: Mapping[str, str]


def comparison_name(first: str, second: str) -> str:
    """Return the name of the folder of a comparison."""
    return f"{first}..{second}"


def comparison_links(report: Path) -> tuple[ComparisonLink, ...]:
    """Return the comparisons that lie in a report, by name."""
    indices = sorted((report / COMPARISONS).glob(f"*/{INDEX}"))
    return tuple(_comparison_link(index.parent) for index in indices)


def _comparison_link(folder: Path) -> ComparisonLink:
    place = f"{COMPARISONS}/{folder.name}"
    pages = {page.name: address(f"{place}/{POSTS}/{page.name}") for page in (folder / POSTS).glob("*.html")}
    return ComparisonLink(" and ".join(folder.name.split("..", 1)), address(f"{place}/{INDEX}"), pages)


def page_name(post_id: str) -> str:
    """Return the file name of a post's page."""
    return f"{post_id}.html"


def page_address(post_id: str) -> str:
    """Return the link from one post's page to another."""
    return address(page_name(post_id))


def address(path: str) -> str:
    """Return a relative path as a URL; bytes that are not UTF-8 are kept."""
    return quote(os.fsencode(path), safe="/")


def from_page(folder: Path, target: Path) -> str:
    """Return the link to a file from a page in `folder`.

    Parameters
    ----------
    folder : Path
        The folder of the page, without symbolic links: browsers resolve ``..`` textually.
    target : Path
        The file.
    """
    # Symbolic links are resolved in the folder, as in that of the page, but not for the file itself.
    return address(os.path.relpath(target.parent.resolve() / target.name, folder))
