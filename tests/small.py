"""A small run, which takes a fraction of a second, and an enum with one kind more."""

from typing import Any

from mtbkd_core import RunConfig, build_config
from mtbkd_core.config.choices import Choice

SMALL = {
    # named, so that a task's defaults may change
    "prior.strength": 1.0,
    "prior.concentration": 18.0,
    "sampler.algorithm": "baoab",
    "sampler.preconditioner": "none",
    "sampler.friction": 0.2,
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 20,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 60,
    "sampler.burn_in": 20,
    "device": "cpu",
}


def small(**changes: Any) -> RunConfig:
    """Its configuration, and changes such as `sampler__draws=4`."""
    return build_config({**SMALL, **{name.replace("__", "."): value for name, value in changes.items()}}.items())


def one_more(kinds: type[Choice]) -> type[Choice]:
    """The kinds to choose among, and a new one at the end."""
    members = [(kind.name, (kind.value, kind.title, kind.help, tuple(kind.uses))) for kind in kinds]
    return Choice(kinds.__name__, [*members, ("NEW", ("new", "New", "A kind that was added."))])  # type: ignore[return-value]
