"""Links to pages and files, relative to a page, so that a study can be moved as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

POSTS = "posts"
"""The folder of a report with the pages of posts."""


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
