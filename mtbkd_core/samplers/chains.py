"""Where chains stand, so that they go on as if they had not stopped.

All that the next step depends on is kept: the sampler's own state (the position, its momentum or direction, the target
there), the step size, the step's number and the state of the random numbers. Chains that go on from it on the same
machine draw what they would have drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from mtbkd_core.samplers.base import Mean, Step
from mtbkd_core.samplers.randomness import Randomness

T = TypeVar("T")
_STATE, _CHAINS = "state.", "chains."
_COUNTS = ("number", "gradients", "restarts")


@dataclass(frozen=True)
class Chains:
    """One group of S chains after a step of the sampling.

    Attributes:
        state: the sampler's own, in the coordinates that it runs in, by field: `position`, `density.gradient`, ...;
            the position alone begins with a new momentum, which is exact, because it is independent of the position.
        number: of the step, burn-in included.
        step_size: of the group.
        gradients, restarts: as in `Step`.
        acceptance, energy_variance: what was added up for the means of `Step`.
        generator: state of the random numbers; None: new ones.
    """

    state: Mapping[str, Tensor]
    number: int
    step_size: float
    gradients: int = 0
    restarts: int = 0
    acceptance: Mean = field(default_factory=partial(Mean, 1))
    energy_variance: Mean = field(default_factory=partial(Mean, 1))
    generator: Tensor | None = None

    @classmethod
    def of(cls, step: Step, place: int, random: Randomness) -> Self:
        """Those of the group at a place among the step's; `random` is what the next step would take numbers from."""
        count = len(step.state.position) // len(step.groups)
        own = slice(place * count, (place + 1) * count)
        state = {name: value[own].clone() if value.ndim else value for name, value in _flat(step.state).items()}
        return cls(
            state,
            step.number,
            float(step.step_sizes[place]),
            step.gradients,
            step.restarts,
            step.acceptance.of(place, own),
            step.energy_variance.of(place, own),
            random.generator.get_state(),
        )

    @property
    def position(self) -> Tensor:
        """[S, P], in the coordinates that the sampler runs in."""
        return self.state["position"]

    def placed(self, template: T) -> T:
        """The sampler's state: a new one at the same position, with the fields that are known here."""
        return _filled(template, self.state)

    def resume(self, random: Randomness) -> None:
        """Let the random numbers go on where these chains stopped; those of another kind of device stay new."""
        known = random.generator.get_state()
        if self.generator is not None and self.generator.shape == known.shape:
            random.generator.set_state(self.generator)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds, by name."""
        named = {_STATE + name: value for name, value in self.state.items()}
        named |= {name: torch.tensor(getattr(self, name)) for name in _COUNTS}
        named["step_size"] = torch.tensor(self.step_size, dtype=torch.float64)
        for name in ("acceptance", "energy_variance"):
            named |= {f"{name}.{part}": value for part, value in getattr(self, name).tensors().items()}
        return named | ({} if self.generator is None else {"generator": self.generator})

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor], device: torch.device | str = "cpu") -> Self:
        """The inverse of `tensors`, on a device.

        Raises:
            KeyError: the name of a tensor that is missing.
        """
        state = {name: value.to(device) for name, value in _part(named, _STATE).items()}
        if "position" not in state:
            raise KeyError(f"{_STATE}position")
        return cls(
            state,
            int(named["number"]),
            float(named["step_size"]),
            int(named["gradients"]),
            int(named["restarts"]),
            Mean.from_tensors(_part(named, "acceptance.")),
            Mean.from_tensors(_part(named, "energy_variance.")),
            named.get("generator"),
        )


@dataclass(frozen=True)
class Standing:
    """What a run needs to go on: its chains, and what their coordinates were made from.

    Attributes:
        chains: where they stand.
        warm_start: [S, P], whitened, where the warm start ended.
        generator: state of the random numbers there; the preconditioner is made from both, and is made again.
        seconds: of warm start and of sampling so far.
    """

    chains: Chains
    warm_start: Tensor
    generator: Tensor
    seconds: tuple[float, float]

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds, by name."""
        named = {_CHAINS + name: value for name, value in self.chains.tensors().items()}
        seconds = torch.tensor(self.seconds, dtype=torch.float64)
        return named | {"warm_start": self.warm_start, "generator": self.generator, "seconds": seconds}

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`.

        Raises:
            KeyError: the name of a tensor that is missing.
        """
        warm, sampling = named["seconds"].tolist()
        chains = Chains.from_tensors(_part(named, _CHAINS), named["warm_start"].device)
        return cls(chains, named["warm_start"], named["generator"], (warm, sampling))


def _part(named: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _flat(state: Any) -> dict[str, Tensor]:
    """The tensors and whole numbers of a sampler's state and of what it holds, by dotted names."""
    found: dict[str, Tensor] = {}
    for each in fields(state):
        value = getattr(state, each.name)
        if isinstance(value, Tensor):
            found[each.name] = value
        elif isinstance(value, int):
            found[each.name] = torch.tensor(value)
        elif is_dataclass(value):
            found |= {f"{each.name}.{name}": inner for name, inner in _flat(value).items()}
    return found


def _filled(template: T, named: Mapping[str, Tensor]) -> T:
    changes: dict[str, Any] = {}
    for each in fields(template):  # type: ignore[arg-type]
        value = getattr(template, each.name)
        if is_dataclass(value):
            changes[each.name] = _filled(value, _part(named, f"{each.name}."))
        elif each.name in named:
            found = named[each.name]
            changes[each.name] = int(found) if isinstance(value, int) else found
    return replace(template, **changes)  # type: ignore[type-var]
