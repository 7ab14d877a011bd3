"""CPU, CUDA, threads, memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Device:
    """Where to compute.

    Attributes
    ----------
    kind : {"cpu", "cuda"}
        The device of the models.
    threads : int
        Threads a CPU engine may use.
    memory : int
        Bytes of memory of the device: the card's, or the machine's.
    """

    kind: Literal["cpu", "cuda"]
    threads: int
    memory: int = 0
