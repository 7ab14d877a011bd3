"""The environment of benchmarks: the store, the device, a scratch folder, and the videos they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROUNDS
from benchmarks.results import Result
from valex_local.store import Store
from valex_local.system.devices import Device


@dataclass(frozen=True)
class Environment:
    """The environment that a benchmark runs in.

    Attributes
    ----------
    store : Store
        The model store.
    device : Device
        Where to compute, and with how many threads; the thread switches are already set.
    scratch : Path
        An empty folder for the benchmark; it is removed afterwards.
    videos : tuple of Path
        Videos given by the user; empty if clips are to be made.
    profile : str
        The profile whose models are measured.
    quick : bool
        Whether to use smaller inputs and one round, for continuous integration.
    """

    store: Store
    device: Device
    scratch: Path
    videos: tuple[Path, ...] = ()
    profile: str = "demo"
    quick: bool = False

    @property
    def rounds(self) -> int:
        """Number of measurements of each way."""
        return 1 if self.quick else ROUNDS


Benchmark = Callable[[Environment], Result]
"""A function that measures one thing. It raises ValexError if that is not possible here; the message says why."""
