"""Cores, memory and threads of this machine; limits of made cgroups; the choice of a device."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import ConfigError
from valex_local.system import devices, gpu

needs_no_gpu = pytest.mark.skipif(bool(gpu.find_gpus()), reason="this machine has a GPU")
needs_gpu = pytest.mark.skipif(not gpu.find_gpus(), reason="this machine has no NVIDIA GPU")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is read is Linux's")


def python(code, *, prefix=()):
    return subprocess.run(
        [*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


# --- the choice -----------------------------------------------------------------------------------------------------


@needs_no_gpu
def test_without_a_card_the_cpu_is_taken():
    device = devices.detect()
    assert device == devices.detect("cpu")
    assert device.kind == "cpu"
    assert 1 <= device.threads <= os.cpu_count()
    assert device.memory <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert devices.unused_gpu(device) is None


@needs_no_gpu
def test_a_card_that_is_not_there_cannot_be_forced():
    with pytest.raises(ConfigError, match="--device cuda is not available: no NVIDIA GPU"):
        devices.detect("cuda")


@needs_gpu
def test_with_a_card_it_is_taken_or_the_reason_is_said():
    device = devices.detect()
    if device.kind == "cuda":
        import torch

        assert torch.cuda.is_available()
        assert device.memory == torch.cuda.get_device_properties(0).total_memory
        assert devices.detect("cpu").kind == "cpu"
    else:
        assert gpu.find_gpus()[0].name in devices.unused_gpu(device)
        with pytest.raises(ConfigError):
            devices.detect("cuda")


def test_torch_is_not_imported_to_choose():
    code = (
        "import sys; from valex_local.system import devices as d; d.detect(); d.unused_gpu();"
        "print('torch' in sys.modules)"
    )
    assert python(code) == "False"


# --- limits ---------------------------------------------------------------------------------------------------------


@linux
def test_affinity_counts():
    one = str(min(os.sched_getaffinity(0)))
    code = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); from valex_local.system import devices;"
        "print(devices.usable_cores())"
    )
    assert python(code) == "1"


def cgroup_tree(tmp_path, lines, files):
    own = tmp_path / "cgroup"
    own.write_text("".join(f"{line}\n" for line in lines))
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return tmp_path / "fs", own


GIB = 1 << 30

TREES = {
    "version 2": (
        ["0::/lab/job"],
        {"lab/job/cpu.max": "150000 100000", "lab/job/memory.max": str(GIB), "cgroup.procs": ""},
        1.5,
        GIB,
    ),
    "version 2, the limit is the parent's": (
        ["0::/lab/job"],
        {"lab/job/cpu.max": "max 100000", "lab/cpu.max": "200000 100000", "lab/memory.max": str(GIB)},
        2.0,
        GIB,
    ),
    "version 2, in a namespace": (["0::/"], {"cpu.max": "50000 100000", "memory.max": str(GIB)}, 0.5, GIB),
    "version 1": (
        ["4:memory:/docker/x", "3:cpu,cpuacct:/docker/x", "1:name=systemd:/", "0::/"],
        {
            "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "300000",
            "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
            "memory/docker/x/memory.limit_in_bytes": str(GIB),
        },
        3.0,
        GIB,
    ),
    "both at once": (
        ["1:cpu:/", "0::/x"],
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000", "unified/x/memory.max": str(GIB)},
        None,
        GIB,
    ),
    "none": (["0::/"], {"cpu.max": "max 100000", "memory.max": "max"}, None, None),
    "no cgroups": ([], {}, None, None),
}


@pytest.mark.parametrize("tree", TREES)
def test_cgroup_limits(tmp_path, tree):
    lines, files, quota, memory = TREES[tree]
    root, own = cgroup_tree(tmp_path, lines, files)
    assert devices.cpu_quota(root, own) == quota
    assert devices.machine_memory(root, own) == (memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


# --- threads --------------------------------------------------------------------------------------------------------


def test_set_threads_reaches_libraries_loaded_later():
    pytest.importorskip("torch")
    pytest.importorskip("cv2")
    code = (
        "from valex_local.system import devices; devices.set_threads(1); import torch, cv2, os; "
        "print(torch.get_num_threads(), cv2.getNumThreads(), os.environ['OMP_WAIT_POLICY'])"
    )
    assert python(code) == "1 1 PASSIVE"


def test_set_threads_reaches_libraries_loaded_before():
    pytest.importorskip("torch")
    pytest.importorskip("cv2")
    code = (
        "import torch, cv2; from valex_local.system import devices; devices.set_threads(3); "
        "print(torch.get_num_threads(), cv2.getNumThreads())"
    )
    assert python(code) == "3 3"


# --- memory used ----------------------------------------------------------------------------------------------------

SIZE = 150_000_000


@linux
def test_peak_memory_is_that_of_the_block():
    code = f"""
from valex_local.system.devices import PeakMemory
with PeakMemory() as much:
    held = b"1" * {SIZE}
    del held
with PeakMemory() as little:
    pass
print(much.rss, little.rss)
"""
    much, little = map(int, python(code).split())
    assert SIZE < much < SIZE + 100_000_000
    assert little < 100_000_000


@linux
def test_peak_memory_counts_children():
    code = f"""
import subprocess, sys
from valex_local.system.devices import PeakMemory
with PeakMemory() as peak:
    subprocess.run([sys.executable, "-c", "held = b'1' * {SIZE}"], check=True)
print(peak.rss)
"""
    assert int(python(code)) > SIZE


@linux
def test_a_large_parent_does_not_count():
    held = bytearray(b"1") * 2 * SIZE
    assert int(python("from valex_local.system import devices; print(devices.peak_rss())")) < SIZE
    del held


def test_peak_memory_leaves_no_thread():
    before = threading.active_count()
    with devices.PeakMemory() as peak:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert (peak.vram is None) == (not gpu.find_gpus())


# --- GPUs -----------------------------------------------------------------------------------------------------------

CARD = gpu.Gpu("NVIDIA H200", "580.65.06", (13, 0), (9, 0), 150_000_000_000)


@pytest.mark.parametrize(
    ("card", "build", "said"),
    [
        (CARD, "13.2", None),  # Drivers of one generation run all its minor versions.
        (CARD, "12.6", None),
        (CARD, None, "CPU build"),
        (gpu.Gpu("NVIDIA TITAN V", "550.1", (12, 4), (7, 0), 1), "13.2", "update the driver"),
        (
            gpu.Gpu("NVIDIA TITAN V", "580.1", (13, 0), (7, 0), 1),
            "13.2",
            "no code for GPUs of compute capability 7.0",
        ),
    ],
)
def test_why_torch_cannot_use_a_card(card, build, said):
    fault = gpu.torch_fault(card, build)
    assert fault is None if said is None else said in fault


@given(st.tuples(st.integers(11, 14), st.integers(0, 9)), st.integers(11, 14), st.integers(0, 9))
def test_a_driver_serves_exactly_its_generation_and_older(cuda, major, minor):
    card = gpu.Gpu("x", "1", cuda, (9, 0), 1)
    assert (gpu.torch_fault(card, f"{major}.{minor}") is None) == (cuda[0] >= major)


def test_the_build_of_torch_is_what_torch_says():
    torch = pytest.importorskip("torch")
    assert gpu.torch_build() == torch.version.cuda


def test_whether_llama_has_cuda_is_what_it_says():
    llama_cpp = pytest.importorskip("llama_cpp")
    assert gpu.llama_has_cuda() == llama_cpp.llama_supports_gpu_offload()
    assert (gpu.llama_fault() is None) == gpu.llama_has_cuda()


def test_llama_with_cuda_is_seen(tmp_path):
    (tmp_path / "lib").mkdir()
    assert not gpu.llama_has_cuda(tmp_path)
    (tmp_path / "lib" / "libggml-cuda.so").touch()
    assert gpu.llama_has_cuda(tmp_path)


def test_the_cublas_ctranslate2_needs_is_the_one_it_names():
    ctranslate2 = pytest.importorskip("ctranslate2")
    from pathlib import Path

    libraries = list(Path(ctranslate2.__file__).parents[1].glob("ctranslate2.libs/libctranslate2*"))
    if not libraries:
        pytest.skip("a ctranslate2 of another origin")
    if b"libcublas" not in libraries[0].read_bytes():
        assert "CPU build" in gpu.ctranslate2_fault()
    else:
        assert gpu.CUBLAS.encode() in libraries[0].read_bytes()


FREED = """
import torch
from valex_local.system.devices import return_memory

def resident():
    status = open("/proc/self/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024

kept = []
blocks = []
for _ in range(2000):  # below what glibc gives a mapping of its own
    blocks.append(torch.ones(16 * 1024))
    kept.append(torch.ones(8))
held = resident()
blocks.clear()
freed = resident()
return_memory()
print(held, freed, resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc keeps memory so")
def test_freed_memory_goes_back_to_the_system():
    held, freed, returned = map(int, python(FREED).split())
    size = 2000 * 16 * 1024 * 4
    assert held - freed < size / 4, "else there is nothing to show here"
    assert held - returned > size * 3 / 4
