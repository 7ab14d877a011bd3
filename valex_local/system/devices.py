"""CPU, CUDA, threads and memory: what is available, and how much of it was used."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from valex_local.errors import ConfigError
from valex_local.system import gpu

# Every library that computes on the CPU starts its own threads; idle ones must sleep, or they take the cores from busy
# ones.
THREAD_SWITCHES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
WAITING_SWITCHES = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
    "TOKENIZERS_PARALLELISM": "false",
}

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_CPUS = Path("/sys/devices/system/cpu")
_VRAM_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Device:
    """Where to compute.

    Attributes
    ----------
    kind : {"cpu", "cuda"}
        The device of the models.
    threads : int
        Threads a CPU engine may use.
    memory : int
        Memory of the device (the GPU, or the machine), bytes.
    """

    kind: Literal["cpu", "cuda"]
    threads: int
    memory: int = 0


def detect(prefer: Literal["auto", "cpu", "cuda"] = "auto") -> Device:
    """Return the device to compute on.

    Parameters
    ----------
    prefer : {"auto", "cpu", "cuda"}
        ``auto`` takes a GPU if torch can use one.

    Raises
    ------
    ConfigError
        ``cuda`` was asked for and is not available; the message says why.
    """
    threads = usable_cores()
    if prefer != "cpu":
        found = gpu.find_gpus()
        fault = _cuda_fault(found)
        if fault is None:
            return Device("cuda", threads, gpu.driver_memory())
        if prefer == "cuda":
            raise ConfigError(f"--device cuda is not available: {fault}", hint="See: valex doctor")
    return Device("cpu", threads, machine_memory())


def unused_gpu(device: Device | None = None) -> str | None:
    """Return why a GPU of this machine is not used, or not by every library; None if there is nothing to report.

    Parameters
    ----------
    device : Device, optional
        Where the run computes. A GPU that is unused only because of ``--device cpu`` is not reported.
    """
    found = gpu.find_gpus()
    if not found:
        return gpu.driver_fault()
    fault = _cuda_fault(found)
    if fault is not None:
        return f"{found[0].name} is not used: {fault}"
    if device is not None and device.kind == "cpu":
        return None
    partly = [reason for reason in (gpu.ctranslate2_fault(), gpu.llama_fault()) if reason]
    return f"{found[0].name} is only partly used: {'; '.join(partly)}" if partly else None


def _cuda_fault(found: tuple[gpu.Gpu, ...]) -> str | None:
    if not found:
        return gpu.driver_fault() or "no NVIDIA GPU was found"
    try:
        fault = gpu.torch_fault(found[0], gpu.torch_build())
        if fault is None:
            gpu.driver_memory()
    except ModuleNotFoundError:
        return "torch is not installed"
    except RuntimeError as error:
        return str(error)
    return fault


# --- cores and memory -----------------------------------------------------------------------------------------------


def usable_cores() -> int:
    """Return the number of physical cores this process may use, at least 1, given its affinity and cgroup quota."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_core_of(cpu) for cpu in allowed}
    quota = cpu_quota()
    return max(1, len(cores) if quota is None else min(len(cores), int(quota)))


def _core_of(cpu: int) -> str:
    """Return the physical core of a logical CPU, named by its list of siblings."""
    try:
        return (_CPUS / f"cpu{cpu}/topology/thread_siblings_list").read_text("ascii").strip()
    except OSError:
        return str(cpu)


def cpu_quota(root: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> float | None:
    """Return the number of CPUs the cgroups of this process grant; None if they set no limit.

    Source: cgroup-v2.rst (``cpu.max``) and sched-bwc.rst (version 1) of the Linux kernel.
    """
    grants = []
    for folder in _cgroup_folders("cpu", root, own):
        unified, quota, period = (_words(folder / f"cpu.{n}") for n in ("max", "cfs_quota_us", "cfs_period_us"))
        words = unified or [*quota, *period]
        if len(words) == 2 and words[0] not in ("max", "-1"):
            grants.append(int(words[0]) / int(words[1]))
    return min(grants, default=None)


def machine_memory(root: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """Return the memory this process may use, bytes: the machine's, or less if its cgroups limit it."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for folder in _cgroup_folders("memory", root, own):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        limits += [int(word) for word in words if word != "max"]
    return min(limits)


def _cgroup_folders(controller: str, root: Path, own: Path) -> list[Path]:
    """Return the cgroup folders that can limit a controller for this process, from its own group up to the root."""
    folders = []
    for line in _lines(own):
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 1 mounts a tree per set of controllers; version 2 one for all, alone or as "unified" alongside those.
        for tree in (root / controllers, root / controller) if controllers else (root, root / "unified"):
            inside = tree / group.lstrip("/")
            folders += [inside, *(parent for parent in inside.parents if parent.is_relative_to(tree))]
    return list(dict.fromkeys(folders))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def set_threads(count: int) -> None:
    """Set the number of threads of every library that computes on the CPU. Call it before the heavy imports.

    The libraries read these variables when they are loaded. Of those already loaded, torch and OpenCV are set directly;
    the others keep their setting.
    """
    os.environ.update(dict.fromkeys(THREAD_SWITCHES, str(count)) | WAITING_SWITCHES)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(count)


# --- memory used ----------------------------------------------------------------------------------------------------


def peak_rss() -> int:
    """Return the peak resident memory of this process plus that of its largest finished child, bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    for line in _lines(Path("/proc/self/status")):
        # Preferred over getrusage, whose figure starts at the peak of the parent process.
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 + children
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + children


def return_memory() -> None:
    """Return freed memory to the system; glibc keeps free memory that lies between blocks in use.

    After a CLIP model that can be gigabytes, which the next model needs.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
    if trim is not None:
        trim(0)


class PeakMemory:
    """Measure the peak memory inside a ``with`` block. Do not nest: Linux keeps one peak per process.

    Attributes
    ----------
    rss : int
        Peak resident memory, bytes, including the largest finished child. On systems other than Linux the peak cannot
        be reset, so it is the peak since the process began.
    vram : int or None
        Peak GPU memory, bytes, sampled ten times a second; None without a GPU.
    """

    def __init__(self) -> None:
        self.rss = 0
        self.vram: int | None = None
        self._done = threading.Event()
        self._sampler: threading.Thread | None = None

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):  # see the docstring for what is measured then
            Path("/proc/self/clear_refs").write_text("5", "ascii")
        self.vram = gpu.memory_used()
        if self.vram is not None:
            self._sampler = threading.Thread(target=self._sample, name="vram", daemon=True)
            self._sampler.start()
        return self

    def _sample(self) -> None:
        while not self._done.wait(_VRAM_SAMPLE_SECONDS):
            self.vram = max(self.vram or 0, gpu.memory_used() or 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._sampler is not None:
            self._sampler.join()
        self.rss = peak_rss()
