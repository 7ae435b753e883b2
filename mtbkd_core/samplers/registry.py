"""Samplers by name: an algorithm's file exports its `SPEC`, and bears the algorithm's name."""

from __future__ import annotations

from importlib import import_module

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.samplers.base import SamplerSpec


def sampler_spec(algorithm: Algorithm) -> SamplerSpec:
    """The algorithm's `SPEC`."""
    spec: SamplerSpec = import_module(f"mtbkd_core.samplers.{algorithm.value}").SPEC
    return spec
