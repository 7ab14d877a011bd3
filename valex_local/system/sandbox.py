"""The kernel layer of the network guard: this process and its children are cut off from the network.

C libraries open sockets directly, where no Python hook sees them. Linux offers two ways to stop this for good, for this
process and every program it starts; neither can be undone, and neither needs root.

1. A network namespace (network_namespaces(7)) that contains only its own loopback. Root enters one directly, other
   users inside a user namespace in which they keep their ids. Directories through which name service daemons answer
   (Unix sockets work across network namespaces) are hidden in a mount namespace.
2. Where namespaces are not allowed (some distributions, most containers): a system call filter (seccomp(2)) that
   refuses sockets of every family that can leave the machine. It blocks loopback too, and it cannot distinguish Unix
   sockets: where such a daemon answers, a C library could still have a name looked up, but not connect to anything.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

from valex_local.errors import OfflineError

NAMESPACE = "network namespace"
FILTER = "system call filter"
LISTENING = "system call filter that lets it answer on its one socket"
NO_NETWORK = "nothing but loopback outside either"

# Address families that cannot leave the machine. AF_ALG is the kernel's cryptography. The numbers are those of Linux.
AF_UNIX, AF_NETLINK, AF_ALG = 1, 16, 38
LOCAL_FAMILIES = frozenset({AF_UNIX, AF_NETLINK, AF_ALG})

# Through these a daemon outside the namespace would look up names: systemd-resolved, nscd, avahi.
RESOLVERS = ("/run/systemd/resolve", "/run/nscd", "/var/run/nscd", "/run/avahi-daemon")

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_SLAVE = 1, 2, 4, 8, 0x4000, 1 << 19
_CAP_SYS_ADMIN = 21
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER, _ALL_THREADS, _SPECULATION_ALLOWED = 1, 1, 4

# Machine to audit architecture and the numbers of socket(2), seccomp(2) and connect(2). io_uring_setup(2) is 425 on
# both; its rings open sockets without socket(2).
_MACHINES = {"x86_64": (0xC000003E, 41, 317, 42), "aarch64": (0xC00000B7, 198, 277, 203)}
_IO_URING_SETUP = 425
_FIRST_X32_CALL = 0x40000000


class Refused(Exception):
    """The kernel does not allow this way to cut off the network; the message is the reason."""


def seal() -> str:
    """Cut this process and its children off from the network; return how (one of the constants above).

    Raises
    ------
    Refused
        No way is allowed here; nothing has changed. The message names every reason.
    """
    if not sys.platform.startswith("linux"):
        raise Refused(f"{platform.system()} has no network namespaces")
    if only_loopback():
        return NO_NETWORK
    reasons = []
    for enter in (_seal_by_namespace, _seal_by_filter):
        try:
            return enter()
        except Refused as reason:
            reasons.append(str(reason))
    raise Refused("; ".join(reasons))


def seal_listening() -> str:
    """Cut this process off like `seal`, but leave it the sockets that it has, on which it may accept connections.

    Returns
    -------
    str
        How: always the system call filter, which refuses connect(2) too.

    Raises
    ------
    Refused
        It is not allowed here; nothing has changed.
    """
    if not sys.platform.startswith("linux"):
        raise Refused(f"{platform.system()} has no system call filter")
    _seal_by_filter(connects=False)
    return LISTENING


def only_loopback() -> bool:
    """Return whether the network namespace of this process has no interface but ``lo``."""
    try:
        lines = Path("/proc/thread-self/net/dev").read_text("ascii").splitlines()[2:]
    except OSError:
        return False
    return {line.partition(":")[0].strip() for line in lines} <= {"lo"}


def threads() -> int:
    """Return the number of threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


# --- namespaces -----------------------------------------------------------------------------------------------------


def _seal_by_namespace() -> str:
    if threads() > 1:
        raise Refused("namespaces must be entered before the first thread starts")
    privileged = _may_administer()
    if not privileged and os.geteuid() == 0:
        # A new user namespace would map root alone, and the files of all other users would be out of reach.
        raise Refused("root without CAP_SYS_ADMIN cannot enter a network namespace")
    if not privileged:
        _make_nvidia_nodes()
    _rehearse(privileged)
    try:
        _enter_namespaces(privileged)
    except OSError as error:
        raise OfflineError(
            f"entering a network namespace failed halfway ({error})", hint="Run again with VALEX_NO_NAMESPACE=1"
        ) from error
    if not only_loopback():
        raise OfflineError("the new network namespace is not empty", hint="Run again with VALEX_NO_NAMESPACE=1")
    return NAMESPACE


def _may_administer() -> bool:
    status = Path("/proc/self/status").read_text("ascii", "replace")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


def _rehearse(privileged: bool) -> None:
    """Try it in a forked child: some systems let a process enter and then leave it there without any rights."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        reason = b"the kernel refused it"
        try:
            _enter_namespaces(privileged)
            reason = b"" if only_loopback() else b"the new namespace is not empty"
        except OSError as error:
            reason = str(error).encode()
        finally:
            os.write(writer, reason)
            os._exit(1 if reason else 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        reason = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise Refused(f"no namespace allowed ({reason.decode('utf-8', 'replace') or 'the trial was killed'})")


def _enter_namespaces(privileged: bool) -> None:
    hidden = sorted({os.path.realpath(path) for path in RESOLVERS if Path(path).is_dir()})
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNET | (0 if privileged else _CLONE_NEWUSER) | (_CLONE_NEWNS if hidden else 0)
    _checked(_libc().unshare(flags), "unshare")
    if not privileged:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", "ascii")
    if hidden:
        _hide(hidden)
    _bring_up_loopback()
    if not privileged:
        _drop_capabilities()


def _hide(folders: list[str]) -> None:
    """Mount an empty file system over folders, for this process alone."""
    libc = _libc()
    # This must come first: without it the mounts below would appear in the rest of the system.
    _checked(libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None), "mount")
    flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    for folder in folders:
        _checked(libc.mount(b"none", os.fsencode(folder), b"tmpfs", flags, b"size=4k"), f"mount on {folder}")


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def _drop_capabilities() -> None:
    """Drop the capabilities that a new user namespace grants; they would open the user's own unreadable files."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc().capset(header, struct.pack("6I", *[0] * 6)), "capset")


def _make_nvidia_nodes() -> None:
    """Create the device files now with the driver's helper: it needs root, which does not work inside the namespace."""
    helper = shutil.which("nvidia-modprobe")
    if helper and Path("/proc/driver/nvidia").exists() and not Path("/dev/nvidia-uvm").exists():
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # devices.py reports what is still missing.
            subprocess.run([helper, "-c", "0", "-u"], check=False, capture_output=True, timeout=30)


# --- the system call filter -----------------------------------------------------------------------------------------


def _seal_by_filter(*, connects: bool = True) -> str:
    if platform.machine() not in _MACHINES or sys.maxsize < 2**32:
        raise Refused(f"no system call filter for {platform.machine()}")
    program = _filter_program(platform.machine(), connects=connects)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = _libc()
    try:
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
        flags = _ALL_THREADS | _SPECULATION_ALLOWED
        number = ctypes.c_long(_MACHINES[platform.machine()][2])
        answer = libc.syscall(number, ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER), ctypes.c_ulong(flags), described)
        _checked(answer, "seccomp")
    except OSError as error:
        raise Refused(f"no system call filter allowed ({error})") from error
    if answer or not _sockets_refused():
        raise Refused("the system call filter does not reach every thread")
    return FILTER


def _sockets_refused() -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family).close()
        except OSError as error:
            if error.errno != errno.EACCES:
                return False
        else:
            return False
    return True


def _filter_program(machine: str, *, connects: bool = True) -> bytes:
    """Return the filter (classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16).

    `connects` is whether sockets of the families that stay may be connected.
    """
    architecture, socket_call, _, connect_call = _MACHINES[machine]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    allow, deny = 0x7FFF0000, 0x00050000
    families = sorted(LOCAL_FAMILIES)
    to_allow = len(families) + 1  # Instructions from the first family test to `allow`, which follows the refusal.
    steps = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, deny | errno.ENOSYS),  # Calls of another word size have other numbers.
        (load, 0, 0, 0),
        (at_least, 0, 1, _FIRST_X32_CALL),
        (give, 0, 0, deny | errno.ENOSYS),
        (equal, 0, 1, _IO_URING_SETUP),
        (give, 0, 0, deny | errno.EPERM),
        *([] if connects else [(equal, 0, 1, connect_call), (give, 0, 0, deny | errno.EACCES)]),
        (equal, 0, to_allow + 1, socket_call),
        (load, 0, 0, 16),
        *((equal, to_allow - 1 - at, 0, family) for at, family in enumerate(families)),
        (give, 0, 0, deny | errno.EACCES),
        (give, 0, 0, allow),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


# --- libc -----------------------------------------------------------------------------------------------------------


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int, call: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
