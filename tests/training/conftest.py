"""What the tests of training share: a tiny encoder, and one thread."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.tiny import save_encoder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small crawl with more threads than one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_encoder(tmp_path_factory.mktemp("encoders") / "tiny")
    gc.freeze()  # what transformers imported: each training collects garbage twice
    return folder
