"""All steps for a single video, as a Python function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from valex_local.errors import InputError
from valex_local.pipeline.progress import Progress
from valex_local.pipeline.run import run
from valex_local.records import Captions, Labels, Media, Post, ScreenText, Script, Transcript
from valex_local.store import Store
from valex_local.study import Study


@dataclass(frozen=True)
class Extraction:
    """Everything found in one post."""

    post: Post
    media: Media
    transcript: Transcript
    text: ScreenText
    captions: Captions
    scripts: dict[str, Script]
    labels: dict[str, Labels]


def extract(
    video: Path | str,
    *,
    options: Mapping[str, Any] | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Extraction:
    """Run all steps for one video and keep nothing on disk.

    Parameters
    ----------
    video : Path
        The video file.
    options : mapping, optional
        Settings as nested plain data, as in study.toml.
    store : Store, optional
        The model store; the user's when left out.
    progress : Progress, optional
        Receives the progress of the run.

    Returns
    -------
    Extraction
        The post's records; scripts by variant, labels by ``<script>.<route>``.

    Raises
    ------
    InputError
        The video cannot be used.
    """
    with TemporaryDirectory(prefix="valex-") as folder:
        summary = run([video], folder, options=options, store=store, progress=progress)
        if summary.failures:
            failure = summary.failures[0]
            raise InputError(failure.what, path=video, hint=failure.hint)
        study = Study(folder)
        (post_id,) = study.post_ids()
        return _extraction(study, post_id)


def _extraction(study: Study, post_id: str) -> Extraction:
    return Extraction(
        post=study.post(post_id),
        media=study.require(post_id, "media", Media),
        transcript=study.require(post_id, "transcript", Transcript),
        text=study.require(post_id, "text", ScreenText),
        captions=study.require(post_id, "captions", Captions),
        scripts=dict(study.script(post_id, variant) for variant in study.script_variants(post_id)),
        labels={str(key): labels for key, labels in study.all_labels(post_id).items()},
    )
