"""What the tests of media share."""

from pathlib import Path

import pytest

from valex_local.settings import MediaSettings
from valex_local.stages.base import Output
from valex_local.stages.media.stage import read_media


@pytest.fixture
def run():
    """Read a file as the stage does, but in this process: run(path, max_keyframes=3, ...) -> Output."""

    def run_one(path: Path, **settings) -> Output:
        return read_media(path, MediaSettings(**settings))

    return run_one
