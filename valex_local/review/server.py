"""The server of the review: it listens on this machine's loopback alone, and can reach nothing."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

from valex_local.errors import ConfigError
from valex_local.review.app import Review, make_app
from valex_local.study import Study
from valex_local.system import network_guard
from valex_local.system.network_guard import Layers

ADDRESS = "127.0.0.1"


def serve(
    study: Study,
    coder: str,
    *,
    port: int = 0,
    shows_labels: bool = False,
    adjudicates: bool = False,
    script: str | None = None,
    started: Callable[[str, Layers], None],
) -> None:
    """Serve the review until it is interrupted.

    The process listens first and seals itself then: the kernel lets it accept connections on its one socket, and
    refuses every other socket and every connect.

    Parameters
    ----------
    study : Study
        The study.
    coder : str
        Who codes.
    port : int
        The port; 0 for any that is free.
    shows_labels, adjudicates, script
        As in `Review`.
    started : callable
        Called with the address to open, and the layers of the guard that hold.

    Raises
    ------
    ConfigError
        The port is taken.
    """
    import uvicorn

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((ADDRESS, port))
        except OSError as error:
            raise ConfigError(f"port {port} cannot be used ({error.strerror})", hint="Choose another --port") from error
        listening.listen(64)
        host = f"{ADDRESS}:{listening.getsockname()[1]}"
        token = secrets.token_urlsafe(24)
        review = Review(study, coder, host, shows_labels, adjudicates, script)
        # Nothing but Python and its standard library, apart from h11: other loops open sockets of their own.
        config = uvicorn.Config(
            make_app(review, token),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
        )
        server = uvicorn.Server(config)
        layers = network_guard.enter_listening()
        with suppress(KeyboardInterrupt):  # the way in which a review ends
            started(f"http://{host}/?token={token}", layers)
            server.run(sockets=[listening])
