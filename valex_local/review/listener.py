"""The one socket of the page, made before the network guard closes the network."""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Callable

from valex_local.errors import ConfigError

HOST = "127.0.0.1"


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback; with port 0 on one that is free.

    Raises
    ------
    ConfigError
        The port is taken, or not allowed.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen()
    except OSError as error:
        made.close()
        raise ConfigError(
            f"port {port} cannot be used ({error.strerror})", hint="Choose another with --port"
        ) from error
    return made


def host_of(listener: socket.socket) -> str:
    """Return the address of a listening socket with its port, as in the header Host."""
    return f"{HOST}:{listener.getsockname()[1]}"


def prepare_browser(listener: socket.socket) -> Callable[[str], None]:
    """Return a function that opens an address in the browser of this machine, also after the network is closed.

    A browser that the closed process starts could not reach the page. So a child process is made now, which waits for
    the address and does nothing else; it ends with this process. Without a display nothing is opened.

    Parameters
    ----------
    listener : socket
        The socket of the page, which the child must not keep.

    Returns
    -------
    callable
        Takes the address; it can be called once.
    """
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        return lambda address: None
    reads, writes = os.pipe()
    if os.fork() == 0:
        try:
            os.close(writes)
            listener.close()
            with os.fdopen(reads) as pipe:
                address = pipe.read()
            if address:
                webbrowser.open(address)
        finally:
            os._exit(0)
    os.close(reads)

    def open_browser(address: str) -> None:
        with os.fdopen(writes, "w") as pipe:
            pipe.write(address)

    return open_browser
