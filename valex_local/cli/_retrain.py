"""Say which models have learnt from posts that are being erased."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.cli._output import say

if TYPE_CHECKING:
    from valex_local.study import Study


def names_of(study: Study, post_ids: Sequence[str]) -> list[tuple[str, ...]]:
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


def say_retrain(names: Sequence[tuple[str, ...]]) -> None:
    """Say which models of the store have learnt from posts with these names."""
    from valex_local.files.text import counted
    from valex_local.privacy.learnt import learnt_from
    from valex_local.store import Store

    for model_id, count in learnt_from(Store(), names):
        say(f"{model_id} has learnt from {counted(count, 'post')} of these: train it again without, or remove it")
