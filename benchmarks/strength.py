"""Automatic strength on data that the program does not know: are intervals honest, and do bad teachers do no harm?

usage: python -m benchmarks.strength [--replications 100] [--points 150]

Three inputs, four classes and a linear truth, drawn anew in every replication from the weights' own prior; a linear
student, and one teacher: one near the truth; one that is exactly calibrated but blind to an input; one that is biased.
For each, the strength is chosen from the replication's data (`mtbkd_core.strength`), and the posterior is sampled.
NLL is that of the posterior mean under the true probabilities at 300 points; coverage and width are of 95 % intervals
of the true probabilities there. `blind, fixed` has a fixed strength of 1 label in place of the chosen one.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

import numpy as np
import scipy
import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import PriorConfig, SamplerConfig, StudentConfig, strength_of_labels
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.draws import sample
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.strength import Plan, choose_strength
from mtbkd_core.students.registry import build_student
from mtbkd_core.studies.coverage import interval
from mtbkd_core.tasks.base import TrainingSet

INPUTS, CLASSES, TESTS = 3, 4, 300
PRIOR = PriorConfig(concentration=6.0, temperature=1.0)
SAMPLER = SamplerConfig(chains=8, draws=60, thinning=8, warm_start_steps=100, burn_in=150, friction=1.0)
STUDENT = build_student(StudentConfig(kind=StudentKind.LINEAR, weight_scale=1.0), INPUTS, CLASSES)
#: As a task of this size has it, but for the concentrations and steps, which cost three times and twice as much.
PLAN = Plan(folds=10, scored=10, multiples=1, steps=100)
NEAR, BIASED = 0.1, 0.6

#: [N, 3] inputs -> [N, 4] logits.
Logits = Callable[[Tensor], Tensor]


def linear(weight: Tensor) -> Logits:
    """Logits of weights [4, 4], the last row being the biases."""
    return lambda x: x @ weight[:INPUTS] + weight[INPUTS]


def blind(truth: Logits) -> Logits:
    """Exactly calibrated without the last input: the mean of the true probabilities over it, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    share = torch.from_numpy(weights / weights.sum()).float()

    def logits(x: Tensor) -> Tensor:
        every = x[:, None].repeat(1, len(nodes), 1)
        every[..., -1] = torch.from_numpy(nodes).float()
        return (truth(every).softmax(-1) * share[:, None]).sum(1).log()

    return logits


class Data:
    """A replication: its truth, its teachers, labelled points and test points."""

    def __init__(self, seed: int, points: int) -> None:
        random = torch.Generator().manual_seed(1000 + seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=random)

        weight = normal(INPUTS + 1, CLASSES)
        near, biased = (weight + scale * normal(INPUTS + 1, CLASSES) for scale in (NEAR, BIASED))
        truth = linear(weight)
        self.teachers = {"near": linear(near), "blind": blind(truth), "biased": linear(biased)}
        self.x_test = normal(TESTS, INPUTS)
        self.truth = truth(self.x_test).softmax(-1)
        self.x = normal(points, INPUTS)
        self.labels = torch.multinomial(truth(self.x).softmax(-1), 1, generator=random)[:, 0]


def measure(data: list[Data], logits: list[Tensor] | None, priors: list[PriorConfig]) -> dict[str, np.ndarray]:
    """NLL, coverage and width of each replication, sampled together along the chain axis."""
    x, labels = (
        torch.stack([getattr(each, name) for each in data]).repeat_interleave(SAMPLER.chains, 0)
        for name in ("x", "labels")
    )
    mixture = None
    if logits is not None:
        each = [stack_priors(own, [prior]) for own, prior in zip(logits, priors, strict=True)]
        mixture = MixturePrior.stack(each, SAMPLER.chains)
    target = LogPosterior(STUDENT, x, labels, mixture)
    random = Randomness.seeded(0)
    start = random.normal((len(x), STUDENT.n_parameters))
    position = watched(warm_start(target, start, SAMPLER, random), lambda step: None)
    samples = sample(target, position, SAMPLER, random, lambda step: None, groups=len(data))
    rows = []
    for own, kept in zip(data, samples, strict=True):
        p = STUDENT.probabilities(STUDENT.weight_scale * kept.positions.flatten(0, 1), own.x_test)
        low, high = interval(p)
        inside = (low <= own.truth) & (own.truth <= high)
        nll = -(own.truth * p.mean(0).log()).sum(-1).mean()
        rows.append([float(value) for value in (nll, inside.float().mean(), (high - low).mean())])
    return dict(zip(("nll", "coverage", "width"), np.array(rows).T, strict=True))


def add(record: Record, points: int, name: str, labels: list[float], found: dict[str, np.ndarray], alone) -> None:
    """A row, with paired 95 % intervals."""
    gap = found["nll"] - alone["nll"]
    half = 1.96 * gap.std(ddof=1) / len(gap) ** 0.5
    error = 1.96 * found["coverage"].std(ddof=1) / len(gap) ** 0.5
    record.row(
        teacher=name,
        points=points,
        labels=float(np.median(labels)),
        most=max(labels),
        none=float(np.mean([value == 0 for value in labels])),
        nll=float(found["nll"].mean()),
        minus_none=float(gap.mean()),
        low=float(gap.mean() - half),
        high=float(gap.mean() + half),
        coverage=float(found["coverage"].mean()),
        error=float(error),
        width=float(found["width"].mean() / alone["width"].mean()),
        replications=len(gap),
    )


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--steps", type=int, default=PLAN.steps)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    points, plan = chosen.points, dataclasses.replace(PLAN, steps=chosen.steps)
    record = Record(f"strength-{points}", write=chosen.write)
    data = [Data(seed, points) for seed in range(chosen.replications)]
    alone = measure(data, None, [])
    add(record, points, "none", [0.0] * len(data), alone, alone)
    fixed = PRIOR.model_copy(update={"strength": strength_of_labels(1.0, PRIOR.concentration, PRIOR.temperature)})
    for name in ("near", "blind", "biased"):
        logits = [each.teachers[name](each.x)[None] for each in data]
        choices = []
        for number, (own, given) in enumerate(zip(data, logits, strict=True)):
            choices.append(choose_strength(PRIOR, STUDENT, TrainingSet(own.x, own.labels, given), plan=plan))
            print(f"\r{name} {number + 1} of {len(data)} ", end="", file=sys.stderr, flush=True)
        priors = [
            PRIOR.model_copy(update={"strength": each.strength, "concentration": each.concentration})
            for each in choices
        ]
        found = measure(data, logits, priors)
        add(record, points, name, [each.labels for each in choices], found, alone)
        if name == "blind":
            add(record, points, "blind, fixed", [1.0] * len(data), measure(data, logits, [fixed] * len(data)), alone)
        high = record.content["rows"][-2 if name == "blind" else -1]["high"]
        what = f"automatic strength, {points} points, teacher: {name}: "
        if name == "near":
            record.claim(what + "coverage of 95 % intervals", float(found["coverage"].mean()), at_least=0.9)
            width = float(found["width"].mean() / alone["width"].mean())
            record.claim(what + "width over that without a teacher", width, at_most=0.6)
        else:
            gap = found["nll"] - alone["nll"]
            low = float(scipy.stats.ttest_1samp(gap, 0.0).confidence_interval(0.95).low)
            record.claim(
                what + f"lower end of the 95 % interval of NLL minus no teacher's (upper {high:.4f})", low, at_most=0.0
            )
    record.close()


if __name__ == "__main__":
    main()
