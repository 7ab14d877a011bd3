"""NVIDIA cards: what is there, and what keeps a library from using it. No heavy library is imported to find out."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The oldest cards that the builds of each CUDA generation have code for, by compute capability.
OLDEST_CARD = {11: (3, 7), 12: (5, 0), 13: (7, 5)}

# CTranslate2's wheels load cuBLAS of this generation when they first compute on a card.
CUBLAS = "libcublas.so.12"
CUBLAS_PACKAGE = "nvidia-cublas-cu12"

_PCI = Path("/sys/bus/pci/devices")
_CUDA_NO_DEVICE, _CUDA_UNKNOWN = 100, 999


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA card.

    Attributes
    ----------
    name, driver : str
        As the driver writes them.
    cuda : tuple of int
        Newest CUDA version that the driver runs.
    capability : tuple of int
        Compute capability.
    memory : int
        Bytes.
    """

    name: str
    driver: str
    cuda: tuple[int, int]
    capability: tuple[int, int]
    memory: int


def cards() -> tuple[Gpu, ...]:
    """List the cards that the NVIDIA driver knows; none where there is no driver."""
    with _nvml() as nvml:
        if nvml is None:
            return ()
        version = nvml.nvmlSystemGetCudaDriverVersion()
        cuda = (version // 1000, version % 1000 // 10)
        driver = str(nvml.nvmlSystemGetDriverVersion())
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(
                name=str(nvml.nvmlDeviceGetName(handle)),
                driver=driver,
                cuda=cuda,
                capability=tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle)),
                memory=int(nvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for handle in handles
        )


def driver_fault() -> str | None:
    """Say why a card in the machine is not known to its driver; None where all is well or there is no card."""
    import pynvml

    # Class 0x03: display controllers, those without an outlet too.
    cards_there = [
        device
        for device in _PCI.glob("*")
        if _read(device / "vendor") == "0x10de" and _read(device / "class").startswith("0x03")
    ]
    if not cards_there:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"an NVIDIA card is there, but its driver does not answer ({error}); install or repair the driver"
    pynvml.nvmlShutdown()
    return None


def memory_used() -> int | None:
    """Return the bytes this process holds on all cards, or all processes where the driver cannot tell; None without."""
    with _nvml() as nvml:
        if nvml is None:
            return None
        own = total = 0
        for i in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(i)
            total += int(nvml.nvmlDeviceGetMemoryInfo(handle).used)
            for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
                own += (process.usedGpuMemory or 0) if process.pid == os.getpid() else 0
        return own or total


@contextmanager
def _nvml() -> Iterator[Any]:
    """Give NVML while it is up, or None where there is no working driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


# --- what keeps a library from using a card -------------------------------------------------------------------------


def torch_build() -> str | None:
    """Return the CUDA version torch was built for, None for a CPU build; torch is not imported.

    Raises
    ------
    ModuleNotFoundError
        torch is not installed.
    """
    text = (_folder("torch") / "version.py").read_text("utf-8")
    found = re.search(r"^cuda\b[^=]*=\s*['\"]([\d.]+)['\"]", text, re.MULTILINE)
    return found.group(1) if found else None


def torch_fault(card: Gpu, build: str | None) -> str | None:
    """Say why a torch built for CUDA `build` cannot use `card`, or None."""
    if build is None:
        return "torch is a CPU build; install torch as the package registry serves it"
    generation = int(build.split(".")[0])
    if card.cuda[0] < generation:
        return (
            f"its driver {card.driver} runs CUDA {card.cuda[0]}.{card.cuda[1]} and torch needs CUDA {generation}; "
            "update the driver"
        )
    oldest = OLDEST_CARD.get(generation)
    if oldest is not None and card.capability < oldest:
        return (
            f"torch for CUDA {generation} has no code for cards of compute capability {_dotted(card.capability)} "
            f"(from {_dotted(oldest)})"
        )
    return None


def driver_memory() -> int:
    """Have the CUDA driver start and return the bytes of its first device, as every CUDA library will see it.

    Raises
    ------
    RuntimeError
        The driver does not start; the message says why.
    """
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise RuntimeError("the CUDA library of the driver (libcuda.so.1) is missing") from error
    answer = cuda.cuInit(0)
    device, size = ctypes.c_int(), ctypes.c_size_t()
    if answer == 0:
        answer = cuda.cuDeviceGet(ctypes.byref(device), 0) or cuda.cuDeviceTotalMem_v2(ctypes.byref(size), device)
    if answer == 0:
        return size.value
    if answer == _CUDA_NO_DEVICE and "CUDA_VISIBLE_DEVICES" in os.environ:
        raise RuntimeError("CUDA_VISIBLE_DEVICES hides it")
    if answer == _CUDA_UNKNOWN and not Path("/dev/nvidia-uvm").exists():
        raise RuntimeError("/dev/nvidia-uvm is missing; have root run: nvidia-modprobe -c 0 -u")
    raise RuntimeError(f"the CUDA driver does not start (error {answer})")


def ctranslate2_fault() -> str | None:
    """Say why CTranslate2 (speech) cannot use a card, or None."""
    try:
        folder = _folder("ctranslate2")
    except ModuleNotFoundError:
        return None
    libraries = list(folder.parent.glob("ctranslate2.libs/libctranslate2*"))
    if libraries and not any(CUBLAS.encode() in library.read_bytes() for library in libraries):
        return "ctranslate2 is a CPU build"
    if not load_cublas():
        return f"ctranslate2 finds no {CUBLAS}; install it with: pip install {CUBLAS_PACKAGE}"
    return None


def load_cublas() -> bool:
    """Load cuBLAS for CTranslate2, from the system or from the Python packages of NVIDIA; False where there is none.

    CTranslate2 asks the loader for it by name alone, and the loader does not look into Python packages: a library that
    is loaded already is found.
    """
    spec = importlib.util.find_spec("nvidia")
    packages = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    places = [CUBLAS, *(str(path) for folder in packages for path in sorted(folder.glob(f"*/lib/{CUBLAS}")))]
    for place in places:
        try:
            ctypes.CDLL(place, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False


def llama_fault() -> str | None:
    """Say why llama.cpp cannot use a card, or None, also where it is not installed."""
    try:
        folder = _folder("llama_cpp")
    except ModuleNotFoundError:
        return None
    if llama_has_cuda(folder):
        return None
    return (
        'llama.cpp was built without CUDA; with nvcc at hand: CMAKE_ARGS="-DGGML_CUDA=on" pip install '
        "--force-reinstall --no-binary llama-cpp-python llama-cpp-python"
    )


def llama_has_cuda(folder: Path | None = None) -> bool | None:
    """Whether llama-cpp-python was built with CUDA; None where it is not installed."""
    try:
        folder = folder or _folder("llama_cpp")
    except ModuleNotFoundError:
        return None
    return any(folder.glob("lib/*ggml-cuda*"))


def _folder(module: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(module)
    return Path(next(iter(spec.submodule_search_locations)))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
