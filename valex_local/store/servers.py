"""Models that a server on this machine holds: no files here, only an address.

The address is loopback and written as such. No name is looked up: what a name means is decided elsewhere, and tomorrow
it may mean another machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from valex_local.errors import ModelError
from valex_local.files.validation import explain

if TYPE_CHECKING:
    pass

ENGINE = "server"
"""The engine of such models."""

_LOCALHOST = "localhost"
_EXAMPLE = "Give it as http://127.0.0.1:8080"


def _loopback(url: str) -> str:
    """Return the address of a server in the one form that is kept: ``http://HOST:PORT``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _is_loopback(host):
        raise ValueError(f"{host or url!r} is not this machine, and no byte may leave it")
    if parts.scheme != "http":
        raise ValueError(f"{parts.scheme}://{host} is not plain http, as servers on this machine speak it")
    if parts.port is None:
        raise ValueError(f"{url} names no port")
    if parts.username is not None or parts.path.rstrip("/") not in ("", "/v1") or parts.query or parts.fragment:
        raise ValueError(f"{url} holds more than host, port and /v1")
    return f"http://{f'[{host}]' if ':' in host else host}:{parts.port}"


def _is_loopback(host: str) -> bool:
    try:
        return host == _LOCALHOST or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ServerOptions(BaseModel):
    """What the manifest of such a model says.

    Attributes
    ----------
    url : str
        Where the server listens: ``http://127.0.0.1:8080``, also ``localhost`` and ``[::1]``; ``/v1`` may follow.
    model : str or None
        What the server calls the model; may be left out where it has one only.
    sees : bool
        Whether the model takes pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_loopback)]
    model: str | None = Field(default=None, min_length=1)
    sees: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to; nothing in it needs to be looked up."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        return "127.0.0.1" if host == _LOCALHOST else host, parts.port or 0


def server_options(options: Mapping[str, Any], path: Path | str | None = None) -> ServerOptions:
    """Read the options of a model's manifest.

    Raises
    ------
    ModelError
        The address is none on this machine, or an option is unknown.
    """
    try:
        return ServerOptions.model_validate(dict(options))
    except ValidationError as error:
        what = explain(ServerOptions, error, noun="option")
        raise ModelError(f"a server cannot be used so: {what}", path=path, hint=_EXAMPLE) from error
