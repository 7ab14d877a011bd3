"""Where benchmarks run: the store, the device, a scratch folder, and the videos they take."""

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
    """What a benchmark is given.

    Attributes
    ----------
    store : Store
        Where models are found.
    device : Device
        Where to compute, and with how many threads; the thread switches are set already.
    scratch : Path
        An empty folder of the benchmark's own; it is removed afterwards.
    videos : tuple of Path
        Videos given by the user, none where clips are to be made.
    profile : str
        The profile whose models are measured.
    quick : bool
        Smaller inputs and one round: what continuous integration can bear.
    """

    store: Store
    device: Device
    scratch: Path
    videos: tuple[Path, ...] = ()
    profile: str = "demo"
    quick: bool = False

    @property
    def rounds(self) -> int:
        """How often each way has its turn."""
        return 1 if self.quick else ROUNDS


Benchmark = Callable[[Environment], Result]
"""Measures one thing. Raises ValexError where it cannot be measured here; the message says what is missing."""
