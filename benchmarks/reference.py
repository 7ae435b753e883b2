"""Whether a sampler's posterior is that of a long exact run: predictive mean, widths of intervals, log joint.

usage: python -m benchmarks.reference [--seeds 3] [--gradients 1200] [--times 20] [--only NAME ...]

The task `proteins` at a small size: 500 labelled proteins, 16 hidden units, the prior of the task. The reference is
Hamiltonian Monte Carlo with Metropolis correction in curvature's coordinates, with 20 times the gradients, from a warm
start of its own; it is compared with itself, half of its chains with the other half, to show its own error. A side's
distance is the mean total variation of predictive means over test proteins; its width is the mean length of the 95 %
intervals of all classes' probabilities over that of the reference. Chains are pooled over seeds for `all seeds`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import warm_start
from mtbkd_core import Task, build_config, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.distillation import target_of
from mtbkd_core.evaluation.diagnostics import convergence, mean_error, total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.draws import Sample, sample
from mtbkd_core.samplers.preconditioner import in_coordinates
from mtbkd_core.samplers.randomness import Randomness

CHAINS, BURN_IN, DRAWS, LEAPFROG = 8, 200, 100, 16
#: Name -> settings of the sampler.
SIDES: dict[str, dict[str, object]] = {
    "curvature, MCLMC": {"preconditioner": "curvature", "algorithm": "mclmc", "friction": 0.1},
    "curvature, BAOAB": {"preconditioner": "curvature", "algorithm": "baoab", "friction": 0.2},
    "MCLMC": {"preconditioner": "none", "algorithm": "mclmc", "friction": 0.2},
    "BAOAB": {"preconditioner": "none", "algorithm": "baoab", "friction": 0.2},
}
#: Targets: distance at most, and width within.
DISTANCE, WIDTH = 0.01, 0.05


@dataclass(frozen=True)
class Posterior:
    """Predictions of all draws [S, D, M, C], their log joint [S, D], and how they were sampled."""

    predicted: Tensor
    log_joint: Tensor
    sampled: Sample

    @property
    def mean(self) -> Tensor:
        """[M, C]."""
        return self.predicted.mean((0, 1))

    @property
    def width(self) -> float:
        """Mean length of the 95 % intervals of the classes' probabilities."""
        ends = torch.quantile(self.predicted.flatten(0, 1), torch.tensor([0.025, 0.975]), dim=0)
        return float((ends[1] - ends[0]).mean())


def run(target: LogPosterior, task: Task, settings: SamplerConfig, seed: int) -> Posterior:
    """One side from its own warm start."""
    position, _ = warm_start(target, settings, seed)
    random = Randomness.seeded(10_000 + seed)
    (found,) = sample(in_coordinates(target, position, settings, random), position, settings, random)
    student, draws = target.student, found.positions.unbind(1)
    predicted = [student.probabilities(student.weight_scale * draw, task.x_test) for draw in draws]
    return Posterior(torch.stack(predicted, 1), found.log_joint, found)


def settings_of(gradients: int, **changes: object) -> SamplerConfig:
    """Of a run of so many gradients after the tuning."""
    steps = int(changes.get("leapfrog_steps", 1))  # type: ignore[call-overload]
    burn_in = BURN_IN // steps
    return SamplerConfig.model_validate(
        {
            "chains": CHAINS,
            "draws": DRAWS,
            "burn_in": burn_in,
            "thinning": max(1, (gradients // steps - burn_in) // DRAWS),
        }
        | changes
    )


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--gradients", type=int, default=1200)
    parser.add_argument("--times", type=int, default=20, help="the reference's gradients over a side's")
    parser.add_argument("--only", nargs="+", choices=SIDES, default=list(SIDES))
    chosen = parser.parse_args()
    limit_threads()
    record = Record(write=chosen.write)
    config = build_config([("task", "proteins"), ("n_train", "500"), ("n_unlabelled", "0"), ("student.hidden", "16")])
    task = load_task(config.data)
    long = settings_of(
        chosen.times * chosen.gradients, algorithm="hmc", preconditioner="curvature", leapfrog_steps=LEAPFROG
    )
    exact = run(target_of([config.model_copy(update={"sampler": long})], task, torch.device("cpu")), task, long, 77)
    halves = exact.predicted.chunk(2)
    own = total_variation(halves[0].mean((0, 1)), halves[1].mean((0, 1))) / 2
    _row(record, "HMC, 20 times", 77, exact, exact, task, distance=own)
    for name in chosen.only:
        settings = settings_of(chosen.gradients, **SIDES[name])
        target = target_of([config.model_copy(update={"sampler": settings})], task, torch.device("cpu"))
        found = [run(target, task, settings, seed) for seed in range(chosen.seeds)]
        distances = [_row(record, name, seed, each, exact, task) for seed, each in enumerate(found)]
        predicted, log_joint = (
            torch.cat([getattr(each, part) for each in found]) for part in ("predicted", "log_joint")
        )
        pooled = Posterior(predicted, log_joint, found[0].sampled)
        record.row(
            sampler=f"{name}, all seeds", distance=total_variation(pooled.mean, exact.mean),
            width=pooled.width / exact.width,
        )  # fmt: skip
        widths = [each.width / exact.width for each in found]
        record.claim(f"{name}: largest distance to HMC (HMC's own error {own:.4f})", max(distances), at_most=DISTANCE)
        record.claim(f"{name}: largest error of the widths", max(abs(w - 1) for w in widths), at_most=WIDTH)
    record.close()


def _row(
    record: Record, name: str, seed: int, found: Posterior, exact: Posterior, task: Task, distance: float | None = None
) -> float:
    labels = task.y_test.expand(*found.predicted.shape[:2], -1)[..., None]
    agreed = convergence(found.predicted.gather(-1, labels)[..., 0].log(), found.log_joint)
    apart = total_variation(found.mean, exact.mean) if distance is None else distance
    record.row(
        sampler=name, seed=seed, gradients=found.sampled.gradients, step=found.sampled.step_size,
        acceptance=found.sampled.acceptance, restarts=found.sampled.restarts, r_hat=agreed.r_hat,
        r_hat_p95=agreed.r_hat_p95, r_hat_log_joint=agreed.r_hat_log_joint, ess=agreed.ess_median, distance=apart,
        width=found.width / exact.width, log_joint=float(found.log_joint.mean()),
        error=math.hypot(mean_error(found.log_joint), 0.0), sd=float(found.log_joint.std()),
    )  # fmt: skip
    return apart


if __name__ == "__main__":
    main()
