"""Removing posts, for the commands that do: forget and expire."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.cli._output import say
from valex_local.files.text import counted
from valex_local.study import Study


def erase(study: Study, posts: Sequence[str], why: str) -> None:
    """Remove posts from a study, write it into the log of custody, and say what went and which models learnt from them.

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
    from valex_local.stages.labels.memory import models_that_learnt
    from valex_local.store import Store
    from valex_local.study.custody import logged, trained_models

    with study.lock(), logged(study, "erasure") as details:
        for count, name in enumerate(posts, 1):
            for trace in study.forget(name):
                say(f"removed {trace}")
            details |= {"posts": count, "why": why}
    for model, folder, count in models_that_learnt(Store(), posts, trained_models(study)):
        say(f"{model} learnt from {counted(count, 'post')} of these: train it again, or delete it ({folder})")
