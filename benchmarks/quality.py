"""What each sampler has found after how many seconds: error of the predictive mean, and effective draws, on digits.

usage: python benchmarks/quality.py [--seeds 3] [--seconds 1 2 3 5] [--only MCLMC SGLD ...] [--quick] [--no-nuts]

The posterior is that of the default configuration. A clock counts a sampler's own work: warm start, choice of the step
size, sampling; measuring is not counted. The error is the mean total variation distance, over the test images, of the
predictive mean to that of a long HMC run, which blackjax's NUTS on an independently written log joint confirms. SGLD's
step is chosen on that reference itself, in its favour, and its search is not counted. Effective draws (arviz-stats) are
those of each test image's log probability, over all seconds, and stand beside the log joint: a biased step moves fast.
The reference takes minutes once; it is kept under MTBKD_HOME. NUTS needs requirements-bench.txt.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.reference import hmc_reference, nuts_reference
from benchmarks.shared.scene import digits_target, machine, warm_start
from mtbkd_core import Task, build_config
from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import convergence, monte_carlo_error, total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.chains import step_from_leapfrog
from mtbkd_core.samplers.tuning import tune_step_size
from mtbkd_core.studies.timed_sampler import Racer

DEFAULT = "BAOAB (the default)"
FRICTIONS = (0.3, 0.5, 1.0, 2.0)
#: SGLD's steps that are tried, as multiples of the one that follows from HMC's.
SGLD_STEPS = (0.5, 1.0, 2.0, 4.0, 6.0, 8.0)
#: How far, in nats, a log joint may be from the reference's to count as right when effective draws are compared.
RIGHT_LOG_JOINT = 10.0


@dataclass
class Row:
    """One sampler's measurements, a list with an entry for each seed."""

    name: str
    errors: list[list[float]] = field(default_factory=list)
    gradients: list[int] = field(default_factory=list)
    log_joint: list[float] = field(default_factory=list)
    ess_median: list[float] = field(default_factory=list)
    ess_p5: list[float] = field(default_factory=list)
    restarts: int = 0

    def line(self, reference_log_joint: float) -> str:
        """Means over the seeds; how far the log joint is from where it should be."""
        error = "".join(f"{value:9.4f}" for value in np.mean(self.errors, 0))
        ess = f"{np.mean(self.ess_median):9.1f}{np.mean(self.ess_p5):9.2f}"
        away = np.mean(self.log_joint) - reference_log_joint
        again = f"  began again {self.restarts} times" if self.restarts else ""
        return f"{self.name:28}{error}{ess}{away:+10.1f}{np.mean(self.gradients):10.0f}{again}"


def measure(
    row: Row,
    task: Task,
    target: LogPosterior,
    settings: SamplerConfig,
    seed: int,
    reference: Tensor,
    checkpoints: Sequence[float],
) -> None:
    """Run one sampler to each checkpoint and add what it has to its row."""
    position, warmed = warm_start(target, settings, seed)
    draws: list[Tensor] = []
    log_joints: list[Tensor] = []

    def keep(probabilities: Tensor, log_joint: Tensor) -> None:
        draws.append(probabilities.gather(-1, task.y_test.expand(len(log_joint), -1)[..., None])[..., 0].log())
        log_joints.append(log_joint)

    def forget() -> None:
        draws.clear()
        log_joints.clear()

    racer = Racer(
        target,
        position,
        task.x_test,
        settings,
        seed=1000 + seed,
        seconds=warmed,
        on_draw=keep,
        on_restart=forget,
    )
    errors = []
    try:
        for second in checkpoints:
            racer.advance(second - racer.seconds)
            errors.append(float("nan") if racer.mean is None else total_variation(racer.mean, reference))
    except FloatingPointError:
        errors += [float("nan")] * (len(checkpoints) - len(errors))  # a step that is too long
    row.errors.append(errors)
    row.gradients.append(racer.gradients)
    row.restarts += racer.restarts
    row.log_joint.append(float(torch.stack(log_joints).mean()) if log_joints else float("nan"))
    if len(draws) >= 4 and np.isfinite(errors[-1]):
        found = convergence(torch.stack(draws, 1), torch.stack(log_joints, 1))
        row.ess_median.append(found.ess_median / racer.seconds)
        row.ess_p5.append(found.ess_p5 / racer.seconds)
    else:
        row.ess_median.append(float("nan"))
        row.ess_p5.append(float("nan"))


def contenders(settings: SamplerConfig, sgld_step: float) -> dict[str, SamplerConfig]:
    """Every sampler's settings; SGLD's with each step that is tried."""

    def having(**changes: object) -> SamplerConfig:
        return SamplerConfig.model_validate(settings.model_dump() | changes)

    rows = {
        DEFAULT: settings,
        "MCLMC": having(algorithm=Algorithm.MCLMC),
        "HMC": having(algorithm=Algorithm.HMC, burn_in=settings.burn_in // settings.leapfrog_steps),
        "SGHMC, batch 64": having(batch_size=64),
        "SGLD, decaying": having(algorithm=Algorithm.SGLD, schedule=Schedule.DECAYING, step_size=2 * sgld_step),
    }
    rows |= {f"BAOAB, friction {friction:g}": having(friction=friction) for friction in FRICTIONS}
    for factor in SGLD_STEPS:
        rows[f"SGLD, step x {factor}"] = having(algorithm=Algorithm.SGLD, step_size=factor * sgld_step)
    for factor in SGLD_STEPS:
        one = having(algorithm=Algorithm.SGLD, step_size=factor * sgld_step, chains=1)
        rows[f"SGLD, 1 chain, step x {factor}"] = one
    return rows


def told(what: str, value: float, target: float, *, least: bool) -> None:
    holds = value >= target if least else value <= target
    print(f"{what:74}{value:9.4g}{target:9.4g}  {'holds' if holds else 'MISSED'}")


def verdicts(rows: dict[str, Row], checkpoints: list[float], right: float) -> None:
    """The targets: error of the default at 2 and 5 seconds, and its ratios to SGLD at its best."""
    mine = rows[DEFAULT]
    ours = np.mean(mine.errors, 0)
    many = [row for name, row in rows.items() if name.startswith("SGLD, step")]
    alone = [row for name, row in rows.items() if name.startswith("SGLD, 1 chain")]
    print(f"\n{'':74}{'':>9}{'target':>9}")
    for second, wanted in ((2, 0.010), (5, 0.007)):
        if second in checkpoints:
            at = checkpoints.index(second)
            told(f"the default's error after {second} s", ours[at], wanted, least=False)
            if many and alone:
                best, one = (np.nanmin([np.mean(row.errors, 0)[at] for row in some]) for some in (many, alone))
                usual = np.mean(rows["SGLD, 1 chain, step x 1.0"].errors, 0)[at]
                told("  over the best-tuned SGLD's with as many chains", ours[at] / best, 1 / 2, least=False)
                told("  over one chain's of SGLD, the step from HMC's", ours[at] / usual, 1 / 7, least=False)
                told("  over one chain's of SGLD, the best step", ours[at] / one, 1 / 7, least=False)
    if not many:
        return
    fair = [row for row in many if abs(np.mean(row.log_joint) - right) <= RIGHT_LOG_JOINT]
    if not fair:
        fair = [min(many, key=lambda row: np.nan_to_num(np.mean(row.errors, 0)[-1], nan=np.inf))]
        print(
            f"No SGLD is within {RIGHT_LOG_JOINT:.0f} nats of the right log joint; the one of least error is compared."
        )
    fast = max(fair, key=lambda row: float(np.mean(row.ess_median)))
    for what, own, theirs, wanted in (
        (f"the default's effective draws a second over those of {fast.name}: median", "ess_median", "ess_median", 9),
        ("  5th percentile", "ess_p5", "ess_p5", 20),
    ):
        told(what, float(np.mean(getattr(mine, own)) / np.mean(getattr(fast, theirs))), wanted, least=True)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1, 2, 3, 5], help="when to look")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="rows whose name begins so; the default is always there"
    )
    parser.add_argument("--quick", action="store_true", help="a short reference and one seed: does it run?")
    parser.add_argument("--no-nuts", action="store_true", help="without the outside confirmation of the reference")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(), flush=True)
    config = build_config()
    task, target = digits_target(config)
    settings = config.sampler
    started = time.perf_counter()
    chain_means, right = hmc_reference(config, task, target, gradients=600 if chosen.quick else 24_000)
    reference, error = chain_means.mean(0), monte_carlo_error(chain_means)
    took = time.perf_counter() - started
    print(f"HMC reference: Monte Carlo error {error:.4f}, log joint {right:.1f} ({took:.0f} s)", flush=True)
    position, _ = warm_start(target, settings, 99)
    leapfrog = tune_step_size(target, position, torch.Generator().manual_seed(99)).step_size
    if not chosen.no_nuts:
        started, draws = time.perf_counter(), 10 if chosen.quick else 400
        found, theirs = nuts_reference(config, task, target, draws=draws, step_size=leapfrog)
        print(
            f"blackjax NUTS: Monte Carlo error {monte_carlo_error(found):.4f}, log joint {theirs:.1f} "
            f"({time.perf_counter() - started:.0f} s); total variation distance of the two "
            f"{total_variation(found.mean(0), reference):.4f}",
            flush=True,
        )
    checkpoints = list(chosen.seconds)
    print(f"\n{'':28}{'error (total variation) after':^{9 * len(checkpoints)}}", end="")
    print(f"{'ESS / s':>9}{'5th':>9}{'log joint':>10}")
    times = "".join(f"{second:7g} s" for second in checkpoints)
    print(f"{'':28}{times}{'median':>9}{'pctile':>9}{'- right':>10}{'gradients':>10}", flush=True)
    rows: dict[str, Row] = {}
    for name, mine in contenders(settings, step_from_leapfrog(Algorithm.SGLD, leapfrog)).items():
        if name != DEFAULT and not any(name.startswith(start) for start in chosen.only):
            continue
        rows[name] = Row(name)
        for seed in range(1 if chosen.quick else chosen.seeds):
            measure(rows[name], task, target, mine, seed, reference, checkpoints)
        print(rows[name].line(right), flush=True)
    verdicts(rows, checkpoints, right)


if __name__ == "__main__":
    main()
