"""Models on a server of this machine, which have an address instead of files.

The address must be a loopback address. No name is looked up: what a name means is decided elsewhere, and tomorrow it
may mean another machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ModelError
from valex_local.files.validation import explain

ENGINE = "server"
"""The engine of such models."""

_LOCALHOST = "localhost"
_EXAMPLE = "Give it as http://127.0.0.1:8080"


def _loopback(url: str) -> str:
    """Return the address of a server in canonical form: ``http://HOST:PORT``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _is_loopback(host):
        raise ValueError(f"{host or url!r} is not this machine, and no byte may leave it")
    if parts.scheme != "http":
        raise ValueError(f"{parts.scheme}://{host} is not plain http, which servers on this machine use")
    if parts.port is None:
        raise ValueError(f"{url} names no port")
    if parts.username is not None or parts.path.rstrip("/") not in ("", "/v1") or parts.query or parts.fragment:
        raise ValueError(f"{url} contains more than host, port and /v1")
    return f"http://{f'[{host}]' if ':' in host else host}:{parts.port}"


def _is_loopback(host: str) -> bool:
    try:
        return host == _LOCALHOST or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ServerOptions(BaseModel):
    """The options in the manifest of such a model.

    Attributes
    ----------
    url : str
        Where the server listens: ``http://127.0.0.1:8080``, also ``localhost`` and ``[::1]``; ``/v1`` may follow.
    model : str or None
        The server's name for the model; may be left out if it has only one.
    sees : bool
        Whether the model takes images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_loopback)]
    model: str | None = Field(default=None, min_length=1)
    sees: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to; neither needs to be looked up."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return "127.0.0.1" if host == _LOCALHOST else host, parts.port or 0


def server_options(options: Mapping[str, Any], path: Path | str | None = None) -> ServerOptions:
    """Return the options of a model's manifest, validated.

    Raises
    ------
    ModelError
        The address is not on this machine, or an option is unknown.
    """
    try:
        return ServerOptions.model_validate(dict(options))
    except ValidationError as error:
        what = explain(ServerOptions, error, noun="option")
        raise ModelError(f"this server cannot be used: {what}", path=path, hint=_EXAMPLE) from error
