"""What this machine has, whether it is enough for a profile, and what to do if it is not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local import __version__
from valex_local.errors import ConfigError, ModelError
from valex_local.pipeline.plan import plan
from valex_local.settings import Settings, make_settings, merge
from valex_local.store import Store
from valex_local.store.servers import ENGINE
from valex_local.system import devices, gpu, network_guard
from valex_local.system.devices import Device
from valex_local.system.network_guard import Layers

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

# Distributions to report on, and what each is for.
LIBRARIES = {
    "torch": "models",
    "torchvision": "images for models",
    "transformers": "encoders",
    "open_clip_torch": "images",
    "faster-whisper": "speech",
    "ctranslate2": "speech",
    "openai-whisper": "speech",
    "av": "video and audio",
    "scenedetect-headless": "shots",
    "opencv-python-headless": "frames",
    "rapidocr": "on-screen text",
    "onnxruntime": "on-screen text",
    "llama-cpp-python": "language model",
    "llguidance": "language model",
    "nvidia-ml-py": "GPUs",
}
# Installed only with an extra, and needed only if a run of the profile uses the engine.
EXTRAS = {"llama-cpp-python": ("llm", "llama_cpp"), "llguidance": ("llm", "transformers")}

OPENCV_BUILDS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


@dataclass(frozen=True)
class Library:
    """A library; `wanted` are the versions this program accepts, `version` is None if it is not installed."""

    name: str
    purpose: str
    version: str | None
    wanted: str
    problem: str | None


@dataclass(frozen=True)
class Model:
    """A model of the profile.

    `needed` says whether a run uses it, `verified` whether its files match their checksums; `problem` includes what to
    do. A model `on_server` has no files here to verify.
    """

    id: str
    role: str
    size: int | None
    needed: bool
    verified: bool
    on_server: bool
    problem: str | None


@dataclass(frozen=True)
class Machine:
    """The hardware. Memory is in bytes; `cores` counts the usable physical cores, `cpus` all logical ones."""

    system: str
    python: str
    cpu: str
    cores: int
    cpus: int
    cpu_quota: float | None
    memory: int
    gpus: tuple[gpu.Gpu, ...]
    ffmpeg: str | None
    llama_cuda: bool | None


@dataclass(frozen=True)
class StoreState:
    """The model store; `free` is the free space on its disk, bytes."""

    folder: str
    exists: bool
    writable: bool
    free: int
    others: tuple[str, ...]


@dataclass(frozen=True)
class DoctorReport:
    """What `valex doctor` reports.

    Attributes
    ----------
    device : Device or None
        Where a run would compute; None if the requested device is not available.
    troubles : tuple of str
        What keeps a run of the profile from working, each with what to do about it.
    notes : tuple of str
        What works less well than it could.
    """

    version: str
    profile: str
    machine: Machine
    device: Device | None
    offline: Layers
    store: StoreState
    models: tuple[Model, ...]
    libraries: tuple[Library, ...]
    troubles: tuple[str, ...]
    notes: tuple[str, ...]


def examine(
    profile: str = "cpu", options: Mapping[str, Any] | None = None, *, store: Store | None = None
) -> DoctorReport:
    """Return a report on the machine, the libraries and the models that a run needs.

    Parameters
    ----------
    profile : str
        The profile of the run.
    options : dict, optional
        Settings that override those of the profile, as nested plain data.
    store : Store, optional
        The model store.

    Returns
    -------
    DoctorReport
        What was found.

    Raises
    ------
    ConfigError
        There is no such profile, or a setting is unknown or out of range.
    """
    store = store or Store()
    settings = make_settings(merge(merge(store.profile(profile).settings, options or {}), {"profile": profile}))
    roles = _roles(settings)
    named = {str(role): name for role, name in (store.profile(profile).models | settings.models).items()}
    models = tuple(_models(store, profile, named, roles))
    libraries = tuple(_libraries({_engine(store, named[role]) for role in roles if role in named}))
    state = _store_state(store, {model.id for model in models})
    device, no_device = _device(settings)
    layers = network_guard.current()
    unnamed = (f"the profile names no model for the role {role}" for role, must in roles.items()
               if must and role not in named)  # fmt: skip
    troubles = [
        *unnamed,
        *(m.problem for m in models if m.needed and m.problem),
        *(library.problem for library in libraries if library.problem),
        *_opencv_trouble(),
        *([no_device] if no_device else []),
    ]
    notes = [
        devices.unused_gpu(device),
        None if layers.kernel else f"C libraries are not cut off from the network: {layers.why_not or 'not asked for'}",
        None if state.writable else f"models cannot be installed into {state.folder}: it is not writable",
    ]
    return DoctorReport(
        version=__version__,
        profile=profile,
        machine=_machine(),
        device=device,
        offline=layers,
        store=state,
        models=models,
        libraries=libraries,
        troubles=tuple(troubles),
        notes=tuple(note for note in notes if note),
    )


def _roles(settings: Settings) -> dict[str, bool]:
    """Return the roles that a run uses a model of, and whether it cannot do without one."""
    steps = plan(settings)
    return {role: False for step in steps for role in step.optional_roles} | {
        role: True for step in steps for role in step.roles
    }


def _device(settings: Settings) -> tuple[Device | None, str | None]:
    try:
        return devices.detect(settings.work.device), None
    except ConfigError as error:
        return None, str(error)


# --- the machine ----------------------------------------------------------------------------------------------------


def _machine() -> Machine:
    return Machine(
        system=platform.platform(terse=True),
        python=platform.python_version(),
        cpu=_cpu_name(),
        cores=devices.usable_cores(),
        cpus=os.cpu_count() or 1,
        cpu_quota=devices.cpu_quota(),
        memory=devices.machine_memory(),
        gpus=gpu.find_gpus(),
        ffmpeg=_ffmpeg(),
        llama_cuda=gpu.llama_has_cuda(),
    )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.machine()


def _ffmpeg() -> str | None:
    try:
        import av
    except ImportError:
        return None
    return str(av.ffmpeg_version_info)


# --- models ---------------------------------------------------------------------------------------------------------


def _models(store: Store, profile: str, named: Mapping[str, str], roles: Mapping[str, bool]) -> Iterator[Model]:
    for role, model_id in named.items():
        problem = None
        try:
            store.resolve(profile, named, needed=[role])
        except ModelError as error:
            problem = str(error)
        on_server = _engine(store, model_id) == ENGINE
        verified = problem is None and not on_server
        yield Model(model_id, role, _size(store, model_id), role in roles, verified, on_server, problem)


def _engine(store: Store, model_id: str) -> str | None:
    try:
        return store.manifest(model_id).engine
    except ModelError:
        return None  # unknown model: reported with the model itself


def _size(store: Store, model_id: str) -> int | None:
    return next((entry.size for entry in store.entries() if entry.manifest.id == model_id), None)


def _store_state(store: Store, used: set[str]) -> StoreState:
    there = next(folder for folder in (store.root, *store.root.parents) if folder.exists())
    return StoreState(
        folder=str(store.root),
        exists=store.root.is_dir(),
        writable=os.access(there, os.W_OK | os.X_OK),
        free=shutil.disk_usage(there).free,
        others=tuple(e.manifest.id for e in store.entries() if e.problem is None and e.manifest.id not in used),
    )


# --- libraries ------------------------------------------------------------------------------------------------------


def _libraries(engines: Collection[str | None]) -> Iterator[Library]:
    from packaging.version import Version

    wanted = _wanted()
    for name, purpose in LIBRARIES.items():
        extra, engine = EXTRAS.get(name, ("", ""))
        version = _version(name)
        bounds = wanted.get(_canonical(name))
        problem = None
        if version is None and (not extra or engine in engines):
            target = f"valex_local[{extra}]" if extra else "valex_local"
            problem = f'{name} is not installed. Install it with: pip install "{target}"'
        elif version is not None and bounds is not None and Version(version) not in bounds:
            problem = f'{name} {version} is installed, {bounds} is needed. Fix it with: pip install "{name}{bounds}"'
        yield Library(name, purpose, version, str(bounds or ""), problem)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _wanted() -> dict[str, SpecifierSet]:
    """Return the versions this program accepts, by library; empty if valex_local runs without being installed."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("valex_local") or []
    except metadata.PackageNotFoundError:
        return {}
    requirements = [Requirement(line) for line in lines]
    return {_canonical(r.name): r.specifier for r in requirements if r.specifier}


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def _opencv_trouble() -> list[str]:
    builds = [name for name in OPENCV_BUILDS if _version(name) is not None]
    if len(builds) < 2:
        return []
    others = " ".join(builds)
    return [
        f"{' and '.join(builds)} are installed over each other. Fix it with: pip uninstall -y {others} && "
        "pip install opencv-python-headless"
    ]
