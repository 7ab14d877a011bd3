"""Engines compute with the threads they are given, and those that wait sleep."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from valex_local.system.network_guard import SWITCHES

PREPARE = """
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, range(os.cpu_count()))  # MKL starts no more threads than the process may use cores
from valex_local.system.devices import Device, set_threads
COUNT = int(sys.argv[1])
set_threads(COUNT)
import numpy as np
from valex_local.store import Store
store, device = Store(), Device("cpu", COUNT)
"""
WORK = {
    "whisper-base-ct2": """
from valex_local.stages.speech.engine import load_engine
engine = load_engine(store.find("whisper-base-ct2"), device)
work = lambda: engine.detect(np.zeros(16000, np.float32))
""",
    "minilm-arguments": """
from valex_local.stages.labels.model import LabelModel
stored = store.find("minilm-arguments")
engine = LabelModel(stored.folder, requires=stored.requires, device=device)
work = lambda: engine.scores(["a word " * 100])
""",
    "ppocrv6": """
from valex_local.settings import OcrSettings
from valex_local.stages.ocr.engines import load_engine
engine = load_engine(store.find("ppocrv6"), OcrSettings(), device)
work = lambda: engine.read(np.zeros((320, 320, 3), np.uint8))
""",
    "smollm2-135m-instruct": """
from valex_local.llm import Message, load_language_model
engine = load_language_model(store.find("smollm2-135m-instruct"), device, context=512)
work = lambda: engine.chat([Message("user", "a word " * 50)], max_tokens=2)
""",
}
COUNTED = """
work()
begin = time.process_time()
time.sleep(0.5)
print(len(os.listdir("/proc/self/task")), time.process_time() - begin)
"""
SLACK = 2
"""Threads that only hand work over: the worker of CTranslate2, the logger of a library."""


def threads_and_idle_seconds(model: str, count: int) -> tuple[int, float]:
    done = subprocess.run(
        [sys.executable, "-c", PREPARE + WORK[model] + COUNTED, str(count)],
        env={**os.environ, **SWITCHES},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    threads, idle = done.stdout.split()
    return int(threads), float(idle)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted as Linux shows them")
@pytest.mark.parametrize("model", WORK)
def test_an_engine_has_its_threads_and_those_that_wait_sleep(stored_model, model):
    stored_model(model)
    if model.startswith("smollm2"):
        pytest.importorskip("llama_cpp")
    alone, _ = threads_and_idle_seconds(model, 1)
    several, idle = threads_and_idle_seconds(model, 3)
    assert alone <= 1 + SLACK
    assert several >= alone + 2
    assert idle < 0.1
