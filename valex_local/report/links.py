"""Addresses of pages and files, relative to a page, so that a study can be moved as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

POSTS = "posts"
"""The folder of a report that holds a page per post."""


def page_name(post_id: str) -> str:
    """Return the file name of a post's page."""
    return f"{post_id}.html"


def page_address(post_id: str) -> str:
    """Return the address of a post's page as the other pages of posts link to it."""
    return address(page_name(post_id))


def address(path: str) -> str:
    """Return a relative path as an address; bytes that are no UTF-8 are kept."""
    return quote(os.fsencode(path), safe="/")


def from_page(folder: Path, target: Path) -> str:
    """Return the address of a file as a page in `folder` links to it.

    Parameters
    ----------
    folder : Path
        Where the page lies, without symbolic links: browsers take ``..`` by its letters.
    target : Path
        The file.
    """
    # A link that is the file itself stays one; folders are brought to the same footing as the page's.
    return address(os.path.relpath(target.parent.resolve() / target.name, folder))
