"""Long runs of one posterior by the core's HMC and by the browser's sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm, WeightRule
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior.from_config import stack_priors
from mtbkd_core.samplers import hmc, warm_start
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks.synthetic import CURVED, EXPERTS, teacher_logits
from tests.playground.reference import TEACHERS, node, plane_task, prior_setting

#: Where predictions are compared: inside, at a border, at the edge and beyond all labels.
POINTS = [(0.0, 0.9), (0.3, -0.2), (-1.7, 0.6), (2.4, -2.4)]
SCALE, LEAPFROG_STEPS, WARM_STEPS = 1.2, 16, 120


def case(
    *teachers: str, labels: int, hidden: int, seed: int = 0, draws: int = 400, burn_in: int = 200, **prior: Any
) -> dict[str, Any]:
    """A setting of the playground for both sides."""
    count = len(teachers)
    config = PriorConfig(**{"temperature": 1.0, "concentration": 6.0, "rule": WeightRule.INVERSE_ENTROPY, **prior})
    return {
        "names": list(teachers),
        "prior": config.model_dump(mode="json"),
        "teachers": [TEACHERS[name] for name in teachers],
        "setting": prior_setting(config, count),
        "count": labels,
        "hidden": hidden,
        "scale": SCALE,
        "seed": seed,
        "chains": 16,
        "draws": draws,
        "burnIn": burn_in,
        "points": [value for point in POINTS for value in point],
    }


#: Small, so that a test can afford them: a liar, no teacher's influence, and five labels under a sharp prior.
SMALL = {
    "a liar": case(*EXPERTS, "confidently-wrong", labels=30, hidden=4),
    "strength 0": case("north", labels=30, hidden=4, strength=0.0),
    "five labels": case(*EXPERTS, labels=5, hidden=4, concentration=30.0),
}


def by_browser(cases: list[dict[str, Any]], folder: Path) -> list[np.ndarray]:
    """Draws of each case, [S, D, M, C], by the browser's sampler in node."""
    found = node("draws.mjs", {"cases": cases}, folder)
    return [
        np.asarray(draws).reshape(one["draws"], one["chains"], len(POINTS), 3).swapaxes(0, 1)
        for one, draws in zip(cases, found, strict=True)
    ]


def by_core(one: dict[str, Any]) -> np.ndarray:
    """Draws of a case, [S, D, M, C], by the core's HMC; the step is chosen in the burn-in by acceptance."""
    task = plane_task(one["names"], one["seed"], one["count"])
    x = task.x_train.double()
    logits = teacher_logits(one["names"], x, swirl=CURVED.swirl, seed=one["seed"])
    student = DenseStudent((2, one["hidden"], 3), one["scale"])
    target = LogPosterior(student, x, task.y_train, stack_priors(logits, [PriorConfig(**one["prior"])]))
    random = Randomness.seeded(one["seed"] + 77, dtype=torch.float64)
    position = _warm_start(target, random.normal((one["chains"], student.n_parameters)), random)
    settings = SamplerConfig(algorithm=Algorithm.HMC, leapfrog_steps=LEAPFROG_STEPS)
    points = torch.tensor(one["points"], dtype=torch.float64).reshape(-1, 2)
    step, kept = 0.02, []
    for number in range(one["burnIn"] + one["draws"]):
        jitter = 0.8 + 0.4 * float(random.uniform(()))
        sampler = hmc.build(target, settings, torch.tensor(step * jitter, dtype=torch.float64))
        state, info = sampler.update(sampler.init(position, random), None, random)
        position = state.position
        if number < one["burnIn"]:
            step *= float(np.exp(0.2 * (float(info.acceptance.mean()) - 0.85)))
        else:
            kept.append(student.probabilities(student.weight_scale * position, points))
    return torch.stack(kept, 1).numpy()


def _warm_start(target: LogPosterior, position: Tensor, random: Randomness) -> Tensor:
    sampler = warm_start.build(target.anchored(position), steps=WARM_STEPS)
    state = sampler.init(position, random)
    for _ in range(WARM_STEPS):
        state, _ = sampler.update(state, None, random)
    return state.position
