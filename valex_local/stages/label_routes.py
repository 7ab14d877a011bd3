"""The table of labelling routes; `labels/routes.py` defines their interface."""

from __future__ import annotations

from dataclasses import dataclass

from valex_local.errors import ConfigError


@dataclass(frozen=True)
class RouteSpec:
    """What planning needs to know about a labelling route without importing it.

    Attributes
    ----------
    factory : str
        Its class, as ``module:name``.
    role : str
        Role of the model it uses.
    reads : tuple of str
        For a route that labels the video itself: what its fingerprint covers, as in `StageSpec`. Empty for a route that
        labels scripts.
    side_files : tuple of str
        The side files of media it opens.
    """

    factory: str
    role: str
    reads: tuple[str, ...] = ()
    side_files: tuple[str, ...] = ()


ROUTES: dict[str, RouteSpec] = {
    "encoder": RouteSpec("valex_local.stages.labels.encoder:EncoderRoute", "labels"),
    "fewshot": RouteSpec("valex_local.stages.labels.fewshot:FewshotRoute", "llm"),
    "direct": RouteSpec(
        "valex_local.stages.labels.direct:DirectRoute", "llm",
        reads=("post.text", "media.keyframes", "transcript", "speakers.several?"), side_files=("keyframes",),
    ),
}  # fmt: skip
"""Every labelling route by name."""


def route_spec(name: str) -> RouteSpec:
    """Return the `RouteSpec` of a route.

    Raises
    ------
    ConfigError
        There is no route of that name.
    """
    if name not in ROUTES:
        raise ConfigError(f"there is no labelling route {name!r}", hint=f"The routes are: {', '.join(ROUTES)}")
    return ROUTES[name]
