"""Inputs of the cases about tables and labels: two posts, made without a camera."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valex_local.posts.discover import Discovery, discover
from valex_local.records import Post
from valex_local.study import Study

USER = "oak.test"
NUMBERS = ("7311111111111111101", "7311111111111111102")
ONE, TWO = (f"{USER}_{number}" for number in NUMBERS)
ADDRESS_1, ADDRESS_2 = (f"https://www.tiktok.com/@{USER}/video/{number}" for number in NUMBERS)


def found(folder: Path, name: str, content: str | bytes) -> Discovery:
    """Return the two posts, found together with a table of post texts that has this content."""
    videos = folder / "videos"
    videos.mkdir()
    for number in NUMBERS:
        (videos / f"@{USER}_video_{number}.mp4").write_bytes(number.encode())
    table = folder / name
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    return discover([videos], meta=table)


def captions(discovery: Discovery) -> list[str | None]:
    """Return the caption of each post."""
    assert [post.id for post in discovery.posts] == [ONE, TWO]
    return [post.text.caption for post in discovery.posts]


def said(discovery: Discovery) -> str:
    """Return all notices about the table."""
    return "\n".join(notice.text for notice in discovery.notices)


def study(folder: Path) -> Study:
    """Return a study of the two posts, without records of stages."""
    made = Study(folder / "study", create=True)
    for post_id in (ONE, TWO):
        made.write(post_id, "post", Post(id=post_id))
    return made


def task(number: int, address: str, *annotations: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task as Label Studio exports it."""
    return {"id": number, "data": {"post": address}, "annotations": list(annotations), "drafts": [], "predictions": []}


def annotation(by: object, answers: Mapping[str, str], updated: str | None = None, **more: object) -> dict[str, Any]:
    """Return an annotation: an answer for each value."""
    result = [
        {"from_name": value, "to_name": "script", "type": "choices", "value": {"choices": [answer]}}
        for value, answer in answers.items()
    ]
    return {"completed_by": by, "was_cancelled": False, "result": result, "updated_at": updated, **more}


def export(folder: Path, *tasks: object) -> Path:
    """Write an export of Label Studio."""
    path = folder / "project.json"
    path.write_text(json.dumps(tasks))
    return path
