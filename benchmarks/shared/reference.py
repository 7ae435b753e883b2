"""The predictive mean's reference: a long HMC run, and blackjax's NUTS as an independent check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.shared.scene import warm_start
from mtbkd_core import RunConfig, Task
from mtbkd_core.common.files import content_hash, home, read_tensors, write_tensors
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.studies.timed_sampler import TimedSampler

CHAINS, LEAPFROG_STEPS = 64, 24
#: Trees of at most 2^6 gradients: at this step as long as the posterior is wide.
NUTS_CHAINS, NUTS_BURN_IN, NUTS_DOUBLINGS = 8, 50, 6


def hmc_reference(config: RunConfig, task: Task, target: LogPosterior, *, gradients: int) -> tuple[Tensor, float]:
    """Each HMC chain's predictive mean [S, M, C], and the log joint's mean; kept under the home folder."""
    settings = SamplerConfig(
        algorithm=Algorithm.HMC, chains=CHAINS, leapfrog_steps=LEAPFROG_STEPS, burn_in=max(2, gradients // 240)
    )
    path = _path("hmc", config, task, settings.model_dump_json(), str(gradients))
    if not path.exists():
        position, _ = warm_start(target, settings, 77)
        log_joints: list[Tensor] = []
        sampler = TimedSampler(
            target,
            position,
            task.x_test,
            settings,
            seed=77,
            on_draw=lambda _, joint: log_joints.append(joint),
            on_restart=log_joints.clear,
        )
        while sampler.gradients < gradients:
            sampler.advance(1.0)
        assert sampler.chain_means is not None
        write_tensors(path, {"means": sampler.chain_means, "log_joint": torch.stack(log_joints).mean()})
    kept = read_tensors(path)
    return kept["means"], float(kept["log_joint"])


def nuts_reference(
    config: RunConfig, task: Task, target: LogPosterior, *, draws: int, step_size: float
) -> tuple[Tensor, float]:
    """The same by blackjax's NUTS, on an independent log joint in JAX; kept under the home folder."""
    path = _path("nuts", config, task, str((NUTS_CHAINS, NUTS_BURN_IN, NUTS_DOUBLINGS, draws, step_size)))
    if not path.exists():
        position, _ = warm_start(target, SamplerConfig(chains=NUTS_CHAINS), 78)
        means, log_joint = _run_nuts(config, task, position, draws, step_size)
        write_tensors(path, {"means": means, "log_joint": torch.tensor(log_joint)})
    kept = read_tensors(path)
    return kept["means"], float(kept["log_joint"])


def _path(name: str, config: RunConfig, task: Task, *settings: str) -> Path:
    parts = (config.model_dump_json(), task.fingerprint_of(config.data.teachers), *settings)
    folder = home() / "benchmarks"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}-{content_hash(*parts)}.safetensors"


def _run_nuts(config: RunConfig, task: Task, position: Tensor, draws: int, step_size: float) -> tuple[Tensor, float]:
    import blackjax
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln, logsumexp, xlogy

    prior, sigma, (width,) = config.prior, config.student.weight_scale, config.student.hidden
    x, y, x_test = (jnp.asarray(part.numpy()) for part in (task.x_train, task.y_train, task.x_test))
    teachers = jnp.asarray(task.teacher_logits(config.data.teachers).numpy())
    count, features, classes = len(teachers), x.shape[1], teachers.shape[-1]
    p = jax.nn.softmax(teachers, -1)
    entropy = -xlogy(p, p).sum(-1)
    weights = 1 - entropy / entropy.sum(0)
    weights = weights / weights.sum(0) if count > 1 else jnp.ones_like(weights)
    alpha = 1 + prior.concentration * jax.nn.softmax(teachers / prior.temperature, -1)
    normaliser = gammaln(alpha.sum(-1)) - gammaln(alpha).sum(-1)

    def logits(u: Any, inputs: Any) -> Any:
        theta = sigma * u
        ends = [width * features, width * features + width, width * (features + 1) + classes * width]
        hidden = jax.nn.silu(inputs @ theta[: ends[0]].reshape(width, features).T + theta[ends[0] : ends[1]])
        return hidden @ theta[ends[1] : ends[2]].reshape(classes, width).T + theta[ends[2] :]

    def log_joint(u: Any) -> Any:
        f = logits(u, x)
        log_q = jax.nn.log_softmax(f / prior.temperature, -1)
        dirichlet = normaliser + ((alpha - 1) * log_q).sum(-1)
        log_m = logsumexp(jnp.log(weights) + dirichlet, axis=0)
        log_p = jax.nn.log_softmax(f, -1)[jnp.arange(len(y)), y]
        return (log_p + prior.strength * log_m).sum() - 0.5 * (u**2).sum()

    start = jnp.asarray(position.numpy())
    keys = jax.random.split(jax.random.key(5), NUTS_CHAINS)

    # whitened coordinates: the unit mass fits
    kernel = blackjax.nuts(log_joint, step_size, jnp.ones(start.shape[1]), max_num_doublings=NUTS_DOUBLINGS)

    def chain(key: Any, place: Any) -> Any:
        def step(carry: Any, key_and_count: Any) -> Any:
            state, total, joint = carry
            key, kept = key_and_count
            state, _ = kernel.step(key, state)
            total = total + kept * jax.nn.softmax(logits(state.position, x_test), -1)
            return (state, total, joint + kept * state.logdensity), None

        zero = (kernel.init(place), jnp.zeros((len(x_test), classes)), 0.0)
        kept = (jnp.arange(NUTS_BURN_IN + draws) >= NUTS_BURN_IN).astype(jnp.float32)
        (_, total, joint), _ = jax.lax.scan(step, zero, (jax.random.split(key, len(kept)), kept))
        return total / draws, joint / draws

    means, joints = jax.jit(jax.vmap(chain))(keys, start)
    return torch.from_numpy(jax.device_get(means).copy()), float(joints.mean())
