"""Erase posts, for the commands that do, and say which models have learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.cli._output import say

if TYPE_CHECKING:
    from valex_local.study import Study


def erase(study: Study, post_ids: Sequence[str], why: str) -> None:
    """Remove every trace of posts, say what went, and write it into the log of custody.

    Parameters
    ----------
    study : Study
        The study.
    post_ids : sequence of str
        The posts.
    why : str
        Why, for the log.

    Raises
    ------
    StudyError
        Something cannot be removed, or another run has locked the study.
    """
    from valex_local.study.custody import logged

    names = _names_of(study, post_ids)
    with study.lock(), logged(study, "erasure") as details:
        for count, post_id in enumerate(post_ids, 1):
            for trace in study.forget(post_id):
                say(f"removed {trace}")
            details |= {"posts": count, "why": why}
    _say_retrain(names)


def _names_of(study: Study, post_ids: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the names of posts, as long as the study has them."""
    from valex_local.errors import StudyError
    from valex_local.posts.ids import post_names

    found = []
    for post_id in post_ids:
        try:
            names = post_names(study.post(post_id))
            found.append((*names, *(Path(name).stem for name in names)))
        except StudyError:  # nothing but a failure is left, or its record cannot be read; it is erased all the same
            found.append((post_id,))
    return found


def _say_retrain(names: Sequence[tuple[str, ...]]) -> None:
    """Say which models of the store have learnt from posts with these names."""
    from valex_local.files.text import counted
    from valex_local.privacy.learnt import learnt_from
    from valex_local.store import Store

    for model_id, count in learnt_from(Store(), names):
        say(f"{model_id} has learnt from {counted(count, 'post')} of these: train it again without, or remove it")
