"""The network guard, which enforces that no byte leaves the machine.

Three layers, each for what gets past the one before.

1. *Environment*: variables that the libraries read when they are first imported, and no proxies, since a proxy on
   loopback would be a way out.
2. *Hook*: a Python audit hook that refuses every connection and lookup outside loopback and names the caller.
3. *Kernel* (sandbox.py): no interface but loopback, or no sockets at all, for C libraries and child processes too.

The command line calls `enter` before anything else. In a library, `guarded` activates the first two layers inside a
``with`` block. An audit hook cannot be removed, so it does nothing while no guard is active. A guard is active for the
whole process, with all its threads.

Child processes inherit the kernel layer. If `enter` could not activate it, programs other than a short list of local
tools are refused. The Python interpreter itself is allowed: it inherits the variables but not the hook.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from valex_local.errors import OfflineError
from valex_local.system import sandbox

SWITCHES = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_XET": "1",  # A downloader in Rust, which no Python hook sees.
    "ORT_DISABLE_TELEMETRY": "1",  # The wheels for Linux queue usage events for upload from import on.
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # Experiment trackers that transformers reports to automatically if they are installed.
    "WANDB_MODE": "disabled",
    "COMET_MODE": "disabled",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "TRACKIO_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "socks_proxy", "ws_proxy", "wss_proxy")

# These read the variables once, at import.
READ_AT_IMPORT = ("huggingface_hub", "onnxruntime")

# Programs that libraries start to inspect the machine or to compile, and that open no connection.
LOCAL_PROGRAMS = frozenset(
    {"ar", "as", "c++", "cc", "clang", "file", "g++", "gcc", "getconf", "ld", "ldconfig", "lscpu", "nm", "nvcc"}
    | {"nvidia-modprobe", "nvidia-smi", "objdump", "ptxas", "sw_vers", "sysctl", "uname"}
)

_RESOLVER_PORTS = frozenset({53, 853})
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})
_HINT = "Nothing may leave this machine: provide what is missing as a local file (`valex models add`)"
_PROGRAM_HINT = "The kernel layer is not active here, so only programs that use no network may be started"


class ProgramRefused(OfflineError, PermissionError):
    """A program was not started. Also an OSError, so that libraries that can do without the program continue."""


@dataclass(frozen=True)
class Layers:
    """Which layers are active.

    Attributes
    ----------
    environment, hook, kernel : bool
        Whether the layer is active.
    means : str or None
        How the kernel layer is implemented.
    why_not : str or None
        Why a layer that was asked for is not active.
    """

    environment: bool = False
    hook: bool = False
    kernel: bool = False
    means: str | None = None
    why_not: str | None = None

    @property
    def hides_loopback(self) -> bool:
        """Whether the process cannot reach servers on the machine's own loopback either."""
        return self.kernel and self.means != sandbox.NO_NETWORK

    def describe(self) -> str:
        """Return the active and inactive layers in one line of text."""
        names = {
            "environment switches": self.environment,
            "audit hook": self.hook,
            self.means or "kernel": self.kernel,
        }
        active = ", ".join(name for name, holds in names.items() if holds) or "none"
        missing = ", ".join(name for name, holds in names.items() if not holds)
        why = f" ({self.why_not})" if self.why_not else ""
        return f"{active}; not active: {missing}{why}" if missing else active


@dataclass
class _Guard:
    """The state of the guard in this process; an audit hook needs it to be global."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    installed: bool = False
    holders: int = 0
    entered: bool = False
    kernel: str | None = None
    kernel_why_not: str | None = None
    late: tuple[str, ...] = ()
    saved: dict[str, str | None] = field(default_factory=dict)


_guard = _Guard()


def enter(*, kernel: bool = True) -> Layers:
    """Cut this process off from the network for good. Call it before anything else; calling it again is harmless.

    Parameters
    ----------
    kernel : bool
        Whether to activate the kernel layer too. It hides the machine's own loopback, so it is left out when a language
        model on a server of this machine is used. ``VALEX_NO_NAMESPACE=1`` leaves it out for debugging.

    Returns
    -------
    Layers
        The active layers. If the kernel does not allow its layer, the others are active and `why_not` is the reason.

    Raises
    ------
    OfflineError
        The kernel layer failed halfway.
    """
    with _guard.lock:
        if not _guard.entered:
            _activate_hook()
            _guard.entered = True
        if _guard.kernel is None:
            _seal(kernel)
    return current()


def enter_listening() -> Layers:
    """Cut off a process that listens on loopback already: it can accept connections there, and make none.

    A browser must reach the process, so the network namespace is left out and the system call filter does the work.

    Returns
    -------
    Layers
        The active layers. If the kernel does not allow its layer, the others are active and `why_not` is the reason.
    """
    with _guard.lock:
        if _guard.kernel is None and os.environ.get("VALEX_NO_NAMESPACE", "0") in ("", "0"):
            try:
                _guard.kernel = sandbox.seal_listening()
                _guard.kernel_why_not = None
            except sandbox.Refused as reason:
                _guard.kernel_why_not = str(reason)
    return current()


@contextmanager
def guarded() -> Iterator[Layers]:
    """Activate the first two layers inside a ``with`` block; the environment is restored afterwards."""
    with _guard.lock:
        _activate_hook()
    try:
        yield current()
    finally:
        with _guard.lock:
            _guard.holders -= 1
            if _guard.holders == 0:
                _restore_environment()


def current() -> Layers:
    """Return which layers are active now."""
    up = _guard.holders > 0
    late = f"{', '.join(_guard.late)} was imported before the guard" if _guard.late else None
    reasons = [reason for reason in (late, _guard.kernel_why_not) if reason]
    return Layers(
        environment=up and not _guard.late,
        hook=up,
        kernel=_guard.kernel is not None,
        means=_guard.kernel,
        why_not="; ".join(reasons) or None,
    )


def _seal(asked: bool) -> None:
    if os.environ.get("VALEX_NO_NAMESPACE", "0") not in ("", "0"):
        _guard.kernel_why_not = "VALEX_NO_NAMESPACE is set"
    elif not asked:
        _guard.kernel_why_not = "left out to reach a server on this machine"
    else:
        try:
            _guard.kernel = sandbox.seal()
            _guard.kernel_why_not = None
        except sandbox.Refused as reason:
            _guard.kernel_why_not = str(reason)


def _activate_hook() -> None:
    if _guard.holders == 0:
        _set_environment()
    _guard.holders += 1
    if not _guard.installed:
        _wrap_socket_methods()
        sys.addaudithook(_hook)
        _guard.installed = True


# --- the environment ------------------------------------------------------------------------------------------------


def _set_environment() -> None:
    _guard.late = tuple(
        name
        for name in READ_AT_IMPORT
        if name in sys.modules and any(os.environ.get(k) != v for k, v in SWITCHES.items())
    )
    proxies = [name for name in os.environ if name.lower() in PROXIES]
    _guard.saved = {name: os.environ.get(name) for name in (*SWITCHES, *proxies)}
    for name in proxies:
        del os.environ[name]
    os.environ.update(SWITCHES)


def _restore_environment() -> None:
    for name, value in _guard.saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _guard.saved = {}
    _guard.late = ()


# --- the hook -------------------------------------------------------------------------------------------------------


def _hook(event: str, args: tuple[Any, ...]) -> None:
    check = _CHECKS.get(event)
    if check is not None and _guard.holders > 0:
        check(*args)


def _check_family(_: object, family: int, *__: object) -> None:
    # -1: the family is taken from an existing file descriptor.
    if family not in {-1, socket.AF_INET, socket.AF_INET6, *sandbox.LOCAL_FAMILIES}:
        raise _refusal(f"open a socket of address family {family}")


def _check_address(sock: socket.socket, address: Any) -> None:
    if address is None or sock.family in sandbox.LOCAL_FAMILIES:
        return
    host, port = address[0], address[1]
    # The wildcard means this machine.
    if not (_is_loopback(host) or _text(host) in ("", "0.0.0.0", "::")) or port in _RESOLVER_PORTS:
        raise _refusal(f"reach {_text(host)} (port {port})")


def _check_bind(sock: socket.socket, address: Any) -> None:
    if sock.family not in sandbox.LOCAL_FAMILIES and not _is_loopback(address[0]):
        raise _refusal(f"listen on {_text(address[0]) or 'every interface'} (port {address[1]})")


def _check_lookup(host: Any, *_: object) -> None:
    name = host[0] if isinstance(host, tuple) else host
    if name is not None and _text(name) != "" and not _is_loopback(name):
        raise _refusal(f"look up {_text(name)}")


def _check_program(program: Any, *_: object) -> None:
    if not _guard.entered or _guard.kernel is not None:
        return
    name = os.fsdecode(program)
    own = os.path.realpath(sys.executable)
    if Path(name).name not in LOCAL_PROGRAMS and os.path.realpath(name) != own:
        raise ProgramRefused(f"{_callers()} tried to start the program {name}", hint=_PROGRAM_HINT)


def _check_popen(program: Any, args: Any, *_: object) -> None:
    first = args if isinstance(args, str | bytes | os.PathLike) else args[0]
    _check_program(program if program is not None else first)


_CHECKS: dict[str, Callable[..., None]] = {
    "socket.__new__": _check_family,
    "socket.connect": _check_address,
    "socket.sendto": _check_address,
    "socket.sendmsg": _check_address,
    "socket.bind": _check_bind,
    "socket.getaddrinfo": _check_lookup,
    "socket.gethostbyname": _check_lookup,
    "socket.gethostbyaddr": _check_lookup,
    "socket.getnameinfo": _check_lookup,
    "subprocess.Popen": _check_popen,
    "os.system": _check_program,
    "os.exec": _check_program,
    "os.posix_spawn": _check_program,
}

# Socket methods, and where the address is among their arguments.
_METHODS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "connect": lambda args: args[0],
    "connect_ex": lambda args: args[0],
    "bind": lambda args: args[0],
    "sendto": lambda args: args[-1],
    "sendmsg": lambda args: args[3] if len(args) > 3 else None,
}


def _wrap_socket_methods() -> None:
    """Check addresses before the socket module sees them: it looks up a host name first and raises its event then."""

    def wrap(name: str, address_of: Callable[[Sequence[Any]], Any]) -> None:
        inner = getattr(socket.socket, name)
        check = _check_bind if name == "bind" else _check_address

        def method(self: socket.socket, *args: Any) -> Any:
            if _guard.holders > 0 and args:
                address = address_of(args)
                if isinstance(address, tuple) and len(address) > 1:
                    check(self, address)
            return inner(self, *args)

        method.__name__, method.__qualname__, method.__doc__ = name, f"socket.{name}", inner.__doc__
        setattr(socket.socket, name, method)

    for name, address_of in _METHODS.items():
        wrap(name, address_of)


def _is_loopback(host: Any) -> bool:
    name = _text(host)
    if name.lower() in _LOOPBACK_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _text(host: Any) -> str:
    return bytes(host).decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


# --- the caller -----------------------------------------------------------------------------------------------------


def _refusal(what: str) -> OfflineError:
    return OfflineError(f"{_callers()} tried to {what}", hint=_HINT)


def _callers() -> str:
    """Return the innermost caller outside the standard library and the packages above it, each with its last line."""
    frame: FrameType | None = sys._getframe(1)
    found: list[str] = []
    packages: set[str] = set()
    while frame is not None:
        module = str(frame.f_globals.get("__name__", "?"))
        package = module.partition(".")[0]
        if module != __name__ and package not in packages and not _in_stdlib(frame.f_code.co_filename):
            packages.add(package)
            found.append(f"{module}:{frame.f_lineno}")
        frame = frame.f_back
    if not found:
        return f"the standard library (thread {threading.current_thread().name})"
    first, *above = found
    return f"{first} (called from {', '.join(above)})" if above else first


@cache
def _in_stdlib(filename: str) -> bool:
    if filename.startswith("<frozen"):
        return True
    path = os.path.realpath(filename)
    packages = {sysconfig.get_path(name) for name in ("purelib", "platlib")} | {"site-packages", "dist-packages"}
    inside = path.startswith(os.path.realpath(sysconfig.get_path("stdlib")) + os.sep)
    return inside and not any(part in path for part in packages)
