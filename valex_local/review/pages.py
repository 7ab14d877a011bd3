"""The pages of a review: the list of a coder's posts, and the page on which a post is coded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from valex_local.records import Coding, Edits
from valex_local.report.gather import Reader
from valex_local.report.links import address
from valex_local.report.pages import environment
from valex_local.report.svg import pole
from valex_local.report.views import PostView, post_view, reachable
from valex_local.review.plan import Progress
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.stages.labels.definitions import Definition, bundled_definitions
from valex_local.study import Study

PACKAGE = "valex_local.review"


@dataclass(frozen=True)
class OtherDecision:
    """What another coder decided about a value, with how sure that coder is and the remark."""

    coder: str
    state: str
    remark: str


@dataclass(frozen=True)
class ValueRow:
    """A value as a coder sees it: its place in the circle, what the codebook says, and what was decided."""

    value: Value
    pole: str
    about: Definition
    others: tuple[OtherDecision, ...] = ()


@dataclass(frozen=True)
class ListedPost:
    """A post in the list: its id, its caption, and how far its coding is."""

    id: str
    caption: str
    coding: Coding
    differs: int = 0

    @property
    def address(self) -> str:
        """Return the address of its page."""
        return post_address(self.id)


def post_address(post_id: str) -> str:
    """Return the address of the page of a post."""
    return f"/posts/{quote(post_id, safe='')}"


@cache
def codebook() -> Mapping[Value, Definition]:
    """Return the definitions of the values."""
    return {definition.name: definition for definition in bundled_definitions().value}


def rows(others: Mapping[str, Coding]) -> list[ValueRow]:
    """Return the values in the order of the circle, with what other coders decided, where that is to be seen."""
    return [
        ValueRow(
            value, pole(value), codebook()[value], tuple(_decision(name, one, value) for name, one in others.items())
        )
        for value in CIRCLE
    ]


def _decision(coder: str, coding: Coding, value: Value) -> OtherDecision:
    decided = coding.values.get(value)
    sure = f"confidence {decided.confidence}" if decided and decided.confidence else ""
    remark = ": ".join(filter(None, (sure, decided.note if decided else "")))
    return OtherDecision(coder, _said(coding, value), remark)


def _said(coding: Coding, value: Value) -> str:
    decided = coding.values.get(value)
    if decided is None:
        return "open"
    return "dominant" if decided.dominant else decided.state.value


def differing(codings: Sequence[Coding]) -> int:
    """Return the number of values about which finished codings differ."""
    return sum(len({_said(one, value) for one in codings}) > 1 for value in CIRCLE)


def view(study: Study, post_id: str, script: str | None) -> PostView:
    """Return the content of a post, with the addresses of this server.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.
    script : str or None
        The script to show; the first when None.

    Returns
    -------
    PostView
        What a report shows of it, with one script.
    """
    gathered = Reader(study)(post_id)
    seen = post_view(gathered, study.folder(post_id), study.root.resolve())
    media = f"/media/{quote(post_id, safe='')}"
    stills = tuple(
        replace(still, address=f"{media}/{address(frame.file)}" if still.address else None)
        for still, frame in zip(seen.stills, gathered.media.keyframes if gathered.media else (), strict=True)
    )
    film = seen.film
    if reachable(gathered):
        film = replace(film, address=f"{media}/film", poster=stills[0].address if stills else None)
    remarks = tuple(remark for remark in seen.remarks if not remark[0].startswith("labels"))
    scripts = tuple(one for one in seen.scripts if script in (None, one.name))[:1]
    return replace(seen, film=film, stills=stills, remarks=remarks, scripts=scripts)


def render_list(*, coder: str, posts: Sequence[ListedPost], everybody: Sequence[Progress], adjudicates: bool) -> str:
    """Return the page with a coder's posts.

    Parameters
    ----------
    coder : str
        The coder.
    posts : sequence of ListedPost
        The posts, in their order.
    everybody : sequence of Progress
        How far all coders are.
    adjudicates : bool
        Whether the posts are those on which others differ.

    Returns
    -------
    str
        The page.
    """
    return _render("list.jinja", coder=coder, posts=posts, everybody=everybody, adjudicates=adjudicates)


def render_post(
    study: Study,
    post_id: str,
    coding: Coding,
    *,
    script: str | None,
    before: str | None,
    after: str | None,
    others: Mapping[str, Coding],
    shows_labels: bool,
    edits: Edits | None,
) -> str:
    """Return the page of a post.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.
    coding : Coding
        What the coder decided so far.
    script : str or None
        The script to show; the first when None.
    before, after : str or None
        The posts before and after it in the coder's list.
    others : mapping of str to Coding
        Decisions of other coders that are to be seen.
    shows_labels : bool
        Whether the labels of models are on the page.
    edits : Edits or None
        What people corrected in the post.

    Returns
    -------
    str
        The page.
    """
    return _render(
        "coding.jinja",
        post=view(study, post_id, script),
        coding=coding,
        state=Markup(coding.to_json().replace("<", "\\u003c")),
        rows=rows(others),
        before=before,
        after=after,
        shows_labels=shows_labels,
        others=others,
        edits=edits,
    )


def render_message(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _render("message.jinja", heading=title, text=text)


def _render(template: str, **values: Any) -> str:
    return environment(PACKAGE).get_template(template).render(State=State, post_address=post_address, **values)
