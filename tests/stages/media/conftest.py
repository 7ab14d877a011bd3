"""What the tests of media share."""

from pathlib import Path

import pytest

from valex_local.posts.discover import file_sha256
from valex_local.records import Post, SourceFile
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.media import MediaStage
from valex_local.system.devices import Device


@pytest.fixture
def run(tmp_path):
    """Run the stage on a file: run(path, max_keyframes=3, ...) -> Output."""

    def run_one(path: Path, **settings) -> Output:
        stage = MediaStage(Context(Settings(media=settings), {}, Device("cpu", 2)))
        video = SourceFile(path=str(path), sha256=file_sha256(path), size=path.stat().st_size)
        prepared = stage.prepare(Item(Post(id="a", video=video), tmp_path))
        (output,) = stage([prepared])
        stage.close()
        return output

    return run_one
