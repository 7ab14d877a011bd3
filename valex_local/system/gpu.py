"""NVIDIA GPUs: which ones there are, and what keeps a library from using them. No heavy library is imported."""

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

# The lowest compute capability that the builds of each CUDA generation have code for.
OLDEST_CAPABILITY = {11: (3, 7), 12: (5, 0), 13: (7, 5)}

# CTranslate2's wheels load cuBLAS of this generation when they first compute on a GPU.
CUBLAS = "libcublas.so.12"
CUBLAS_PACKAGE = "nvidia-cublas-cu12"

_PCI = Path("/sys/bus/pci/devices")
_CUDA_NO_DEVICE, _CUDA_UNKNOWN = 100, 999


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU.

    Attributes
    ----------
    name, driver : str
        Name and driver version, as the driver reports them.
    cuda : tuple of int
        Newest CUDA version that the driver supports.
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


def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that the NVIDIA driver reports; none without a driver."""
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
    """Return why the driver does not report a GPU of this machine; None if it does or there is no GPU."""
    import pynvml

    # Class 0x03: display controllers, including those without a display output.
    present = [
        device
        for device in _PCI.glob("*")
        if _read(device / "vendor") == "0x10de" and _read(device / "class").startswith("0x03")
    ]
    if not present:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"there is an NVIDIA GPU, but its driver does not answer ({error}); install or repair the driver"
    pynvml.nvmlShutdown()
    return None


def memory_used() -> int | None:
    """Return the GPU memory in use, bytes over all GPUs; None without a GPU.

    The figure is this process's own, or that of all processes if the driver does not report processes.
    """
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
    """Yield an initialised NVML, or None without a working driver."""
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


# --- what keeps a library from using a GPU --------------------------------------------------------------------------


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


def torch_fault(gpu: Gpu, build: str | None) -> str | None:
    """Return why a torch built for CUDA `build` cannot use `gpu`; None if it can."""
    if build is None:
        return "torch is a CPU build; install a build with CUDA, such as the default one from PyPI"
    generation = int(build.split(".")[0])
    if gpu.cuda[0] < generation:
        return (
            f"its driver {gpu.driver} supports CUDA {gpu.cuda[0]}.{gpu.cuda[1]} and torch needs CUDA {generation}; "
            "update the driver"
        )
    oldest = OLDEST_CAPABILITY.get(generation)
    if oldest is not None and gpu.capability < oldest:
        return (
            f"torch for CUDA {generation} has no code for GPUs of compute capability {_dotted(gpu.capability)} "
            f"(it needs {_dotted(oldest)} or newer)"
        )
    return None


def driver_memory() -> int:
    """Return the memory of the first CUDA device, bytes, as every CUDA library will see it; this starts the driver.

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
    """Return why CTranslate2 (speech) cannot use a GPU; None if it can or is not installed."""
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
    """Load cuBLAS for CTranslate2, from the system or NVIDIA's Python packages; return whether it was found.

    CTranslate2 loads the library by its bare name, and the loader does not search Python packages; but it finds a
    library that is already loaded.
    """
    spec = importlib.util.find_spec("nvidia")
    packages = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    candidates = [CUBLAS, *(str(path) for folder in packages for path in sorted(folder.glob(f"*/lib/{CUBLAS}")))]
    for candidate in candidates:
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False


def llama_fault() -> str | None:
    """Return why llama.cpp cannot use a GPU; None if it can or is not installed."""
    try:
        folder = _folder("llama_cpp")
    except ModuleNotFoundError:
        return None
    if llama_has_cuda(folder):
        return None
    return (
        'llama.cpp was built without CUDA; if nvcc is installed, run: CMAKE_ARGS="-DGGML_CUDA=on" pip install '
        "--force-reinstall --no-binary llama-cpp-python llama-cpp-python"
    )


def llama_has_cuda(folder: Path | None = None) -> bool | None:
    """Return whether llama-cpp-python was built with CUDA; None if it is not installed."""
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
