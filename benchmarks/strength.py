"""Automatic strength on data that the program does not know: are intervals honest, and do bad teachers do no harm?

usage: python -m benchmarks.strength [--replications 100] [--points 150] [--minutes 60]

Three inputs, four classes and a linear truth, drawn anew in every replication from the weights' own prior; a linear
student, and one teacher: one near the truth; one that is exactly calibrated but blind to an input; one that is biased.
For each, the strength is chosen from the replication's data (`mtbkd_core.strength`), and the posterior is sampled.
NLL is that of the posterior mean under the true probabilities at 300 points; coverage and width are of 95 % intervals
of the true probabilities there. Beside the blind one stands the same at a fixed strength of 1 label.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import scipy
import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import PriorConfig, SamplerConfig, StudentConfig, strength_of_labels
from mtbkd_core.evaluation.strength_path import StrengthChoice
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
#: A task of this size has ten folds and three concentrations. With 50 steps fits are not at their ends (see the log).
PLAN = Plan(folds=5, scored=5, multiples=1, steps=100)
#: Standard deviation of the noise on the weights of a teacher near the truth, and of a biased one.
NEAR, BIASED = 0.05, 0.6
TEACHERS = ("near", "blind", "biased")

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


Found = dict[str, np.ndarray]


def add(record: Record, points: int, name: str, labels: list[float], found: Found, alone: Found) -> None:
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


def choose_all(data: list[Data], plan: Plan, minutes: float) -> dict[str, list[StrengthChoice]]:
    """What is chosen for each teacher in each replication; as many replications as the time allows."""
    found: dict[str, list[StrengthChoice]] = {name: [] for name in TEACHERS}
    began = time.monotonic()
    for number, own in enumerate(data):
        if time.monotonic() - began > 60 * minutes:
            break
        for name in TEACHERS:
            given = TrainingSet(own.x, own.labels, own.teachers[name](own.x)[None])
            found[name].append(choose_strength(PRIOR, STUDENT, given, plan=plan))
        print(f"\r{number + 1} of {len(data)} replications ", end="", file=sys.stderr, flush=True)
    return found


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--points", type=int, default=150)
    parser.add_argument("--minutes", type=float, default=60, help="choices end after so many; fewer replications then")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    points = chosen.points
    record = Record(f"strength-{points}", write=chosen.write)
    data = [Data(seed, points) for seed in range(chosen.replications)]
    choices = choose_all(data, PLAN, chosen.minutes)
    data = data[: len(choices["near"])]
    alone = measure(data, None, [])
    add(record, points, "none", [0.0] * len(data), alone, alone)
    fixed = PRIOR.model_copy(update={"strength": strength_of_labels(1.0, PRIOR.concentration, PRIOR.temperature)})
    for name in TEACHERS:
        logits = [each.teachers[name](each.x)[None] for each in data]
        settings = [{"strength": each.strength, "concentration": each.concentration} for each in choices[name]]
        found = measure(data, logits, [PRIOR.model_copy(update=each) for each in settings])
        add(record, points, name, [each.labels for each in choices[name]], found, alone)
        if name == "blind":
            fix = measure(data, logits, [fixed] * len(data))
            add(record, points, f"{name}, fixed at 1 label", [1.0] * len(data), fix, alone)
        what = f"automatic strength, {points} points, teacher {name}: "
        if name == "near":
            width = float(found["width"].mean() / alone["width"].mean())
            record.claim(what + "coverage of 95 % intervals", float(found["coverage"].mean()), at_least=0.9)
            record.claim(what + "their width over that without a teacher", width, at_most=0.6)
        else:
            interval_of = scipy.stats.ttest_1samp(found["nll"] - alone["nll"], 0.0).confidence_interval(0.95)
            low, high = float(interval_of.low), float(interval_of.high)
            what += f"lower end of the 95 % interval of NLL minus that without it (upper end {high:+.4f})"
            record.claim(what, low, at_most=0.0)
    record.close()


if __name__ == "__main__":
    main()
