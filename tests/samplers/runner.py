"""Drives any sampler, and compares what it drew with what is known, within Monte Carlo error."""

from typing import Any

import torch
from arviz_stats.base import array_stats
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers.base import Target, Transform
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec

#: Standard errors that an estimate may be away. With 9 estimates a test, chance passes it once in 16,000 tests.
Z_LIMIT = 4.5
#: A test that allows wide errors shows nothing: the effective draws that it has to have.
LEAST_ESS = 400
#: Step sizes on a Gaussian with standard deviations near 1, where they are not 0.3.
STEPS = {Algorithm.SGLD: 0.1, Algorithm.BAOAB: 0.5}


def source(seed: int = 0) -> Randomness:
    return Randomness.seeded(seed, dtype=torch.float64)


def normal(*shape: int, seed: int = 5) -> Tensor:
    return source(seed).normal(shape)


def built(algorithm: Algorithm, target: Target, step_size: float | Tensor | None = None, **changes: Any) -> Transform:
    """A sampler by its name alone, with settings that suit a Gaussian; changes are not validated."""
    size = STEPS.get(algorithm, 0.3) if step_size is None else step_size
    settings = SamplerConfig(algorithm=algorithm, friction=1.0, leapfrog_steps=4).model_copy(update=changes)
    return sampler_spec(algorithm).build(target, settings, torch.as_tensor(size, dtype=torch.float64).view(-1, 1))


def run(
    sampler: Transform, start: Tensor, *, steps: int, burn_in: int = 0, seed: int = 0, batch: Tensor | None = None
) -> Tensor:
    """[S, steps, P], the positions after a burn-in."""
    random = Randomness.seeded(seed, dtype=start.dtype)
    state = sampler.init(start, random)
    kept = []
    for step in range(burn_in + steps):
        state, _ = sampler.update(state, batch, random)
        if step >= burn_in:
            kept.append(state.position)
    return torch.stack(kept, 1)


def assert_moments(draws: Tensor, mean: Tensor, covariance: Tensor) -> None:
    """Means and covariances of draws [S, D, P] are the known ones, to Z_LIMIT times sd / sqrt(ESS)."""
    offset = draws - mean
    rows, columns = torch.triu_indices(len(mean), len(mean)).unbind()
    products = offset[..., rows] * offset[..., columns]
    within_error(offset, torch.zeros_like(mean))
    within_error(products, covariance[rows, columns])


def within_error(values: Tensor, expected: Tensor) -> None:
    """Each mean over draws of values [S, D, Q] is expected [Q], within Monte Carlo error."""
    for q in range(values.shape[-1]):
        trace = values[..., q].double().numpy()
        ess = float(array_stats.ess(trace, chain_axis=0, draw_axis=1, method="mean"))
        assert ess > LEAST_ESS
        error = trace.std() / ess**0.5
        assert abs(trace.mean() - float(expected[q])) < Z_LIMIT * error, f"{q}: {trace.mean()} for {float(expected[q])}"
