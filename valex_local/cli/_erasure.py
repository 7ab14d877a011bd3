"""Removing posts, for the commands that do: forget and expire."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.cli._output import say
from valex_local.study import Study


def erase(study: Study, posts: Sequence[str], why: str) -> None:
    """Remove posts from a study, say what went, and write it into the log of custody.

    Parameters
    ----------
    study : Study
        The study.
    posts : sequence of str
        The posts.
    why : str
        Why, for the log.

    Raises
    ------
    StudyError
        Something cannot be removed, or another run has locked the study.
    """
    from valex_local.study.custody import logged

    with study.lock(), logged(study, "erasure") as details:
        for count, name in enumerate(posts, 1):
            for trace in study.forget(name):
                say(f"removed {trace}")
            details |= {"posts": count, "why": why}
