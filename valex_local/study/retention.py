"""Until when posts may be kept, by the section ``[governance]`` of study.toml."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from valex_local.files.text import counted
from valex_local.records import Post
from valex_local.settings import Governance, make_settings

if TYPE_CHECKING:
    from valex_local.study.study import Study


class Due(NamedTuple):
    """A post that may not be kept any longer, and the last day on which it might."""

    post: str
    until: date


def governance(study: Study) -> Governance:
    """Return what people stated about a study.

    Raises
    ------
    ConfigError
        A setting is unknown or out of range.
    StudyError
        The settings cannot be read.
    """
    return make_settings(study.options(), source=study.root / "study.toml").governance


def today() -> date:
    """Return the day by universal time, so that two machines agree."""
    return datetime.now(UTC).date()


def retained_until(rules: Governance, post: Post) -> date | None:
    """Return the last day on which a post may be kept, or None if none is stated.

    Parameters
    ----------
    rules : Governance
        The rules: the first whose source fits the id of the post or the path of one of its files counts, then the day
        for the whole study.
    post : Post
        The post.

    Returns
    -------
    date or None
        The day.
    """
    names = (post.id, *(file.path for file in post.files))
    for rule in rules.retention:
        if any(fnmatchcase(name, rule.source) for name in names):
            if rule.until is not None:
                return rule.until
            if rule.collected is not None and rule.days is not None:
                return rule.collected + timedelta(days=rule.days)
    return rules.retain_until


def due_posts(study: Study, day: date | None = None, rules: Governance | None = None) -> list[Due]:
    """Return the posts of a study that may not be kept any longer, excluded ones included.

    Parameters
    ----------
    study : Study
        The study.
    day : date, optional
        The day; today when left out.
    rules : Governance, optional
        The rules; those of the study when left out.

    Returns
    -------
    list of Due
        The posts whose last day is before that day.

    Raises
    ------
    ConfigError, StudyError
        The settings or a post cannot be read.
    """
    rules = governance(study) if rules is None else rules
    if rules.retain_until is None and not rules.retention:
        return []
    posts = map(study.post, study.post_ids(excluded=True))
    found = (Due(post.id, until) for post in posts if (until := retained_until(rules, post)) is not None)
    return [one for one in found if one.until < (day or today())]


def describe_due(due: Sequence[Due]) -> list[str]:
    """Return a warning if posts are due to be erased."""
    if not due:
        return []
    since = min(one.until for one in due)
    return [f"{counted(len(due), 'post')} may not be kept any longer, the first since {since}: valex expire"]
