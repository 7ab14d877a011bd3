"""Write a comparison as HTML: an index page, and a page for each post with the scripts side by side.

Pages are self-contained: inline styles, no JavaScript, no network. Every text is escaped and isolated in its own text
direction, so that the text of a post can neither become markup nor reverse the direction of the page around it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.comparison.evidence import read_evidence
from valex_local.comparison.lines import ComparedLine, LineKind
from valex_local.comparison.pair import VariantPair
from valex_local.comparison.results import Comparison, Measures, PostComparison, Shared
from valex_local.comparison.side_by_side import evidence_rows, side_by_side
from valex_local.comparison.tables import TITLES, blocks, digits_of, figure, notes
from valex_local.rendering.timing import clock
from valex_local.report.links import POSTS, page_address

if TYPE_CHECKING:
    from jinja2 import Environment

SHOWN = ("speech_kept", "speech_added", "text_kept", "text_added")
"""The figures of each script that the list of posts shows."""

SHOWN_SHARED = ("order", "similarity")


def index_page(comparison: Comparison, *, in_report: bool = False) -> str:
    """Return the index page, with the tables, the list of posts and the notes.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    in_report : bool
        Whether the page lies in the study's report, and links to it.

    Returns
    -------
    str
        The HTML of the page.
    """
    facts: dict[str, Any] = {
        "comparison": comparison,
        "in_report": in_report,
        "tables": [table for block in blocks(comparison) for table in block[0]],
        "notes": notes(comparison),
        "shown": SHOWN,
        "shared": SHOWN_SHARED,
    }
    return _environment().get_template("index.html.jinja").render(facts)


def post_page(comparison: Comparison, post: PostComparison, pair: VariantPair, *, in_report: bool = False) -> str:
    """Return the page of a post, whose scripts and evidence are read from the study.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    post : PostComparison
        The post, one of those in `comparison`.
    pair : VariantPair
        The scripts.
    in_report : bool
        Whether the page lies in the study's report, and links to it.

    Returns
    -------
    str
        The HTML of the page.
    """
    one, other = pair.lines(post.post)
    names = [each.post for each in comparison.posts]
    at = names.index(post.post)
    facts: dict[str, Any] = {
        "comparison": comparison,
        "in_report": in_report,
        "post": post,
        "before": names[at - 1] if at else None,
        "after": names[at + 1] if at + 1 < len(names) else None,
        "measures": tuple(Measures.model_fields),
        "shared": tuple(Shared.model_fields),
        "rows": side_by_side(one, other),
        "evidence": evidence_rows(one, other, read_evidence(pair.study, post.post)),
    }
    return _environment().get_template("post.html.jinja").render(facts)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        title=TITLES.__getitem__, number=_number, link=page_address, folder=POSTS, time=_time, speech=LineKind.SPEECH
    )
    return environment


def _number(record: Measures | Shared, name: str) -> str:
    """Return a figure of a post as text; counts are integers for a single post."""
    value = getattr(record, name)
    return str(value) if isinstance(value, int) else figure(value, digits_of(name))


def _time(line: ComparedLine) -> str:
    return "" if line.start is None else clock(line.start)
