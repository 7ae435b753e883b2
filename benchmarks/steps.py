"""How few steps a default run on digits needs: R-hat, effective draws and error by the number of gradients.

usage: python -m benchmarks.steps [--seeds 4] [--splits 1] [--only "BAOAB, friction 1" ...]

Every setting samples 16 chains by the app's own code, keeps a draw every ten gradients, and is then evaluated as if it
had ended sooner: after a burn-in and so many gradients more. No result depends on the clock. Error is the total
variation distance of the predictive mean to the long HMC run of `quality.py`, on the first split alone. Other splits
have other teachers and show whether chains agree there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from benchmarks.shared.reference import hmc_reference
from benchmarks.shared.scene import digits_target
from mtbkd_core import Task, build_config
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import convergence, total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.draws import sample
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec
from mtbkd_core.samplers.warm_start import warm_start

DEFAULT = "BAOAB (the default)"
BURN_IN, EVERY, GRADIENTS = 100, 10, 2700
#: (steps of burn-in, gradients after them); the default run has the third.
LENGTHS = ((100, 1000), (100, 1500), (100, 2000), (200, 2500))


@dataclass(frozen=True)
class Setting:
    """Settings of the sampler, and the factor on its tuned step."""

    settings: SamplerConfig
    step_factor: float = 1.0


def candidates() -> dict[str, Setting]:
    """Name -> setting."""

    def having(step_factor: float = 1.0, **changes: object) -> Setting:
        plain = SamplerConfig(burn_in=BURN_IN, thinning=EVERY, draws=(GRADIENTS - BURN_IN) // EVERY)
        return Setting(SamplerConfig.model_validate(plain.model_dump() | changes), step_factor)

    def hmc(leapfrog_steps: int) -> Setting:
        draws = (GRADIENTS - BURN_IN) // leapfrog_steps
        return having(
            algorithm=Algorithm.HMC,
            leapfrog_steps=leapfrog_steps,
            burn_in=BURN_IN // leapfrog_steps,
            thinning=1,
            draws=draws,
        )

    return {
        DEFAULT: having(),
        **{f"BAOAB, friction {friction:g}": having(friction=friction) for friction in (0.1, 0.3, 0.4, 0.7, 1.0, 2.0)},
        **{f"BAOAB, friction 0.2, step x {factor:g}": having(factor, friction=0.2) for factor in (1.15, 1.3)},
        **{
            f"BAOAB, friction 0.2, warm start {steps}": having(warm_start_steps=steps, friction=0.2)
            for steps in (25, 50, 100)
        },
        "BAOAB, friction 0.2, warm start 50, step x 0.75": having(0.75, warm_start_steps=50, friction=0.2),
        "MCLMC": having(algorithm=Algorithm.MCLMC),
        "MCLMC, friction 0.2": having(algorithm=Algorithm.MCLMC, friction=0.2),
        "HMC, 8 leapfrog steps": hmc(8),
        "HMC, 24 leapfrog steps": hmc(24),
    }


def look(task: Task, target: LogPosterior, setting: Setting, seed: int, reference: Tensor | None) -> list[list[float]]:
    """For each of the lengths: R-hat, its 95th percentile over images, effective draws (median, 5th percentile), error.

    The last number counts restarts of all chains.
    """
    settings, student = setting.settings, target.student
    random, spec = Randomness.seeded(seed), sampler_spec(settings.algorithm)
    start = random.normal((settings.chains, student.n_parameters))
    position = watched(warm_start(target, start, settings, random), lambda step: None)
    if setting.step_factor != 1.0:
        tuned = watched(spec.tune(target, position, settings, random, 1), lambda step: None)
        position = tuned.position
        settings = settings.model_copy(update={"step_size": setting.step_factor * float(tuned.step_sizes)})
    (kept,) = sample(target, position, settings, random)
    each = settings.thinning * spec.gradients_per_step(settings)
    draws = kept.positions.unbind(1)
    p = torch.stack([student.probabilities(student.weight_scale * draw, task.x_test) for draw in draws], 1)
    log_p = p.gather(-1, task.y_test.expand(*p.shape[:2], -1)[..., None])[..., 0].log()
    rows = []
    for burn_in, length in LENGTHS:
        part = slice((burn_in - BURN_IN) // each, (burn_in - BURN_IN + length) // each)
        found = convergence(log_p[:, part], kept.log_joint[:, part])
        error = float("nan") if reference is None else total_variation(p[:, part].mean((0, 1)), reference)
        rows.append([found.r_hat, found.r_hat_p95, found.ess_median, found.ess_p5, error, float(kept.restarts)])
    return rows


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=list(candidates()), help="settings, by their whole names")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(write=chosen.write)
    config = build_config()
    first = digits_target(config)
    reference = hmc_reference(config, *first, gradients=24_000)[0].mean(0)
    scenes = [first] + [digits_target(config.with_data(split_seed=n)) for n in range(1, chosen.splits)]
    for name, setting in candidates().items():
        if name not in chosen.only:
            continue
        found = [
            look(*scene, setting, seed, reference if scene is first else None)
            for scene in scenes
            for seed in range(chosen.seeds)
        ]
        for place, (burn_in, length) in enumerate(LENGTHS):
            table = np.array([rows[place] for rows in found])
            r_hat, p95, ess, low, error, _ = np.nanmean(table, 0)
            record.row(
                setting=name, steps=f"{burn_in} + {length}", r_hat=r_hat, worst_r_hat=table[:, 0].max(), r_hat_p95=p95,
                ess=ess, ess_p5=low, error=error, restarts=table[:, 5].sum(),
            )  # fmt: skip
    record.close()


if __name__ == "__main__":
    main()
