"""A small run, which takes a fraction of a second."""

from typing import Any

from mtbkd_core import RunConfig, build_config

SMALL = {
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
