"""How the states of each set of labels of a study were drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

from valex_local.errors import StudyError
from valex_local.records import Labels
from valex_local.states import StateSummary
from valex_local.study.study import Study
from valex_local.study.variants import LabelKey


def state_summaries(study: Study) -> dict[LabelKey, StateSummary]:
    """Return how states were drawn, by set of labels, sorted; without records that cannot be read."""
    posts: dict[LabelKey, list[str]] = {}
    for post_id in study.post_ids():
        for key in study.label_keys(post_id):
            posts.setdefault(key, []).append(post_id)
    found = {}
    for key in sorted(posts):
        labels = _readable(study, key, posts[key])
        if first := next(labels, None):
            found[key] = StateSummary.of(chain([first], labels))
    return found


def _readable(study: Study, key: LabelKey, posts: Sequence[str]) -> Iterator[tuple[str, Labels]]:
    """Yield each post with its labels, if it has any; commands that read the post say what cannot be read."""
    for post_id in posts:
        with suppress(StudyError):
            labels = study.labels_of(post_id, key)
            if labels.values:
                yield post_id, labels
