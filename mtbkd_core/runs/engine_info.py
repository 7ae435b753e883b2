"""How an engine is, as the pages show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineInfo:
    """How the engine is.

    Attributes:
        address: of the scheduler; none while the engine starts.
        workers: how many are ready for a job; 0 while the engine starts.
        gpus: how many of the workers have a GPU.
        threads: that a job computes with on a worker of this machine; none on a cluster.
        queued, running, interrupted: jobs of every kind in this home folder, from any engine.
        starting: no worker is ready yet, and that is as it should be.
        problem: one line on what is wrong, if anything is.
    """

    address: str | None
    workers: int
    gpus: int
    threads: int | None
    queued: int
    running: int
    interrupted: int
    starting: bool
    problem: str | None

    @property
    def is_open(self) -> bool:
        """Whether the scheduler runs what anyone sends who reaches its address."""
        return self.address is not None and not self.address.startswith("tls://")
