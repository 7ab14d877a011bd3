"""The labels in a study: gold labels by people, and labels by models."""

from __future__ import annotations

from pathlib import Path

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.study import LabelKey, Study


def gold_files(study: Study) -> list[Path]:
    """Return the label sheets with gold labels of a study, one for each annotator."""
    return sorted((study.root / "gold").glob("*.csv"))


def labels_by_model(study: Study, key: LabelKey) -> LabelMatrix:
    """Return a set of labels, for the posts that have it.

    Raises
    ------
    InputError
        No post has such labels.
    """
    posts = [post for post in study.post_ids() if key in study.label_keys(post)]
    records = {post: values for post in posts if (values := study.labels_of(post, key).values)}
    if not records:
        raise InputError(f"no post has labels {key}", path=study.root, hint="List them with: valex status --posts")
    return LabelMatrix.from_labels(records)
