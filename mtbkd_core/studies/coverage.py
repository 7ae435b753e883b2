"""Coverage of credible intervals: many data sets are drawn from a known truth, each with a posterior of its own.

A replication draws labelled points anew and samples a linear student's posterior. All replications are one batched
computation along the chain axis: chains 0 to S - 1 have the first data set, and so on.

The intervals are the app's own (`evaluation.predictive.equal_tailed`), which few draws do not narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.catalog.settings import default_config
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import StudentKind, WeightRule
from mtbkd_core.config.models import PriorConfig, SamplerConfig, StudentConfig
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, agreement
from mtbkd_core.evaluation.predictive import equal_tailed
from mtbkd_core.evaluation.sets import LEVEL, ascending
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.samplers.base import Event, Step, watched
from mtbkd_core.samplers.draws import sample
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.strength import Plan, choose_strength
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks import synthetic
from mtbkd_core.tasks.base import TrainingSet

TASK = synthetic.LINEAR
WRONG = "confidently-wrong"
NO_TEACHER, WRONG_ALONE = "no teacher", "the wrong one alone"
#: A teacher that is exactly calibrated, but does not see one of the inputs; with the task's strength, and with one that
#: is chosen from each data set.
BLIND, BLIND_AUTOMATIC = "a calibrated one that is blind to an input", "the blind one with automatic strength"
_BLIND = "blind"
TEACHERS = {"experts": synthetic.EXPERTS, "experts and wrong": (*synthetic.EXPERTS, WRONG)}
#: Settings of the study by name: the teachers, and the weight rule; no teacher, no distillation.
SETTINGS: dict[str, tuple[tuple[str, ...], WeightRule]] = {
    NO_TEACHER: ((), WeightRule.FIXED),
    **{f"{who}, {rule}": (names, rule) for who, names in TEACHERS.items() for rule in WeightRule},
    WRONG_ALONE: ((WRONG,), WeightRule.FIXED),
    BLIND: ((_BLIND,), WeightRule.FIXED),
    BLIND_AUTOMATIC: ((_BLIND,), WeightRule.FIXED),
}
#: Those whose strength is chosen from each data set, and how.
AUTOMATIC = frozenset({BLIND_AUTOMATIC})
PLAN = Plan(folds=5, scored=5, multiples=1, steps=100)
#: These short chains cost about half a point of coverage at most, in comparison with twice the draws and with HMC.
SAMPLER = SamplerConfig(chains=8, draws=100, thinning=10, warm_start_steps=100, burn_in=200, friction=1.0)

#: Called with how far the study is, from 0 to 1, and the name of the setting; it may raise to stop.
Watch = Callable[[float, str], None]
#: Where teachers abstain, [K, n]: by names of K teachers and points [n, 2].
Silent = Callable[[Sequence[str], Tensor], Tensor]


@dataclass(frozen=True)
class Coverage:
    """Coverage and width of 95 % equal-tailed credible intervals of the class probabilities.

    Attributes:
        setting: one of `SETTINGS`.
        coverage: [R], share of test points and classes with the truth in the interval, one a replication.
        width: [R], the intervals' mean width.
        bias: [R], mean absolute distance of the posterior mean from the truth.
        r_hat, effective: [R], R-hat of the mean log probability that the truth expects, and its effective draws at the
            intervals' ends.
        nll: [R], of the posterior mean, as the truth expects it; NaN in studies of before it was measured.
        labels: [R], what each teacher's statement is worth; NaN likewise.
    """

    setting: str
    coverage: Tensor
    width: Tensor
    bias: Tensor
    r_hat: Tensor
    effective: Tensor
    nll: Tensor
    labels: Tensor

    @property
    def mean(self) -> float:
        """Coverage over all replications."""
        return float(self.coverage.mean())

    @property
    def error(self) -> float:
        """Standard error of `mean` over replications; NaN for a single one."""
        return float(self.coverage.std()) / math.sqrt(len(self.coverage))

    @property
    def apart(self) -> int:
        """Number of replications in which the chains disagree; an R-hat that is not finite, or lost, is one of them."""
        return int((~(self.r_hat <= R_HAT_LIMIT)).sum())


@dataclass(frozen=True)
class Replications:
    """Data sets of a known truth.

    Attributes:
        x, labels: [R, N, 2] and [R, N].
        x_test: [M, 2], the same for all.
        truth: [M, C], the true probabilities there.
        wrong_factor: by what the confidently wrong teacher multiplies its logits.
        silent: where teachers abstain; None: nowhere.
    """

    x: Tensor
    labels: Tensor
    x_test: Tensor
    truth: Tensor
    wrong_factor: float
    silent: Silent | None = None

    @classmethod
    def draw(
        cls,
        replications: int,
        points: int,
        *,
        tests: int,
        seed: int,
        wrong_factor: float,
        silent: Silent | None = None,
    ) -> Replications:
        """Draw `replications` data sets of `points` labelled points, and `tests` points to look at."""
        sets = [synthetic.draw(points, TASK.swirl, [seed, 5, number]) for number in range(replications)]
        x_test, _ = synthetic.draw(tests, TASK.swirl, [seed, 6])
        truth = synthetic.truth_logits(x_test, TASK.swirl).softmax(-1)
        x, labels = (torch.stack(part) for part in zip(*sets, strict=True))
        return cls(x, labels, x_test, truth, wrong_factor, silent)

    def teacher_logits(self, teachers: Sequence[str]) -> Tensor:
        """[K, R, N, 3], on the labelled points."""
        x = self.x.flatten(0, 1)
        if tuple(teachers) == (_BLIND,):
            logits = synthetic.blind_logits(x, TASK.swirl)[None]
        else:
            shapes = {synthetic.WRONG: (self.wrong_factor,)}
            logits = synthetic.teacher_logits(teachers, x, swirl=TASK.swirl, seed=0, shapes=shapes)
        if self.silent is not None:
            logits = logits.masked_fill(self.silent(teachers, x)[..., None], -torch.inf)
        count, points = self.x.shape[:2]
        return logits.view(len(logits), count, points, -1)

    def target(
        self, student: Student, priors: Sequence[PriorConfig], teachers: Sequence[str], chains: int
    ) -> LogPosterior:
        """The log joint of R x S chains, each on its own replication's data and prior; no teacher: no distillation."""
        x, labels = (part.repeat_interleave(chains, 0) for part in (self.x, self.labels))
        if not teachers:
            return LogPosterior(student, x, labels, None)
        logits = self.teacher_logits(teachers)
        each = [stack_priors(logits[:, number], [prior]) for number, prior in enumerate(priors)]
        return LogPosterior(student, x, labels, MixturePrior.stack(each, chains))

    def priors(
        self, name: str, student: Student, prior: PriorConfig, watch: Callable[[float], None]
    ) -> list[PriorConfig]:
        """The prior of each replication in a setting: with the strength that is chosen from its data, or the same.

        `watch` is called with how far the choices are.
        """
        teachers, rule = SETTINGS[name]
        prior = prior.model_copy(update={"rule": rule})
        if name not in AUTOMATIC:
            return [prior] * len(self.x)
        logits, found = self.teacher_logits(teachers), []
        for number in range(len(self.x)):
            data = TrainingSet(self.x[number], self.labels[number], logits[:, number])
            choice = choose_strength(prior, student, data, seed=number, plan=PLAN)
            chosen = {"strength": choice.strength, "concentration": choice.concentration}
            found.append(prior.model_copy(update=chosen))
            watch((number + 1) / len(self.x))
        return found


@torch.no_grad()
def coverage_study(
    replications: int = 200,
    points: int = 150,
    *,
    tests: int = 100,
    seed: int = 0,
    wrong_factor: float = synthetic.SHAPES[synthetic.WRONG][0],
    settings: Sequence[str] = tuple(SETTINGS),
    sampler: SamplerConfig = SAMPLER,
    silent: Silent | None = None,
    watch: Watch = lambda fraction, what: None,
) -> list[Coverage]:
    """Measure coverage and width of the intervals, setting by setting, on the same data sets.

    Chains that are too short make coverage too low, and few draws make intervals too wide: with 6 x 40 draws, every
    eighth step, coverage was 0 to 0.9 points under that of 8 x 200, and widths were 1.4 % above (100 data sets).

    Args:
        replications: R, at least 1.
        points: N, labelled points of each data set, at least 4.
        tests: M, points at which the intervals are compared with the truth.
        seed: of the data sets and of the chains.
        wrong_factor: by what the confidently wrong teacher multiplies its logits.
        settings: names out of `SETTINGS`.
        sampler: chains are those of one replication.
        silent: where teachers abstain; None: nowhere.
        watch: see `Watch`.
    Raises:
        UserError: a number that is too small, or an unknown setting.
    """
    if replications < 1 or points < 4 or tests < 1:
        raise UserError(f"coverage: got {replications} replications of {points} points, {tests} tests; too few")
    unknown = [name for name in settings if name not in SETTINGS]
    if unknown:
        raise UserError(f"settings: got {unknown[0]!r}, allowed: {', '.join(SETTINGS)}")
    data = Replications.draw(replications, points, tests=tests, seed=seed, wrong_factor=wrong_factor, silent=silent)
    config = default_config(TASK.INFO.name)
    linear = StudentConfig(kind=StudentKind.LINEAR, weight_scale=config.student.weight_scale)
    student = build_student(linear, 2, len(synthetic.CLASSES))
    found = []
    for place, name in enumerate(settings):
        report = _Progress(watch, place, len(settings), name, sampler, chosen=name in AUTOMATIC)
        priors = data.priors(name, student, config.prior, report.choosing)
        target = data.target(student, priors, SETTINGS[name][0], sampler.chains)
        random = Randomness.seeded(seed)
        start = random.normal((replications * sampler.chains, student.n_parameters))
        position = watched(warm_start(target, start, sampler, random), report)
        (kept,) = sample(target, position, sampler, random, report)
        theta = student.weight_scale * kept.positions.unflatten(0, (replications, sampler.chains))
        labels = [prior.labels if SETTINGS[name][0] else 0.0 for prior in priors]
        found.append(_measure(name, student, theta, data, labels))
    watch(1.0, "Done")
    return found


def _measure(name: str, student: Student, theta: Tensor, data: Replications, labels: Sequence[float]) -> Coverage:
    """Compare the intervals of draws [R, S, D, P] with the truth, a replication at a time."""
    rows, expected = [], []
    for draws in theta:
        p = student.probabilities(draws.flatten(0, 1), data.x_test)
        low, high = interval(p)
        held = (low <= data.truth) & (data.truth <= high)
        tiny, mean = torch.finfo(p.dtype).tiny, p.mean(0)
        nll = -(data.truth * mean.clamp_min(tiny).log()).sum(-1).mean()
        rows.append((held.float().mean(), (high - low).mean(), (mean - data.truth).abs().mean(), nll))
        expected.append((data.truth * p.clamp_min(tiny).log()).sum(-1).mean(-1).unflatten(0, draws.shape[:2]))
    coverage, width, bias, nll = (torch.stack(column) for column in zip(*rows, strict=True))
    r_hat, effective = agreement(torch.stack(expected, -1), (1 - LEVEL) / 2)
    return Coverage(name, coverage, width, bias, r_hat, effective, nll, torch.tensor(labels))


def interval(draws: Tensor) -> tuple[Tensor, Tensor]:
    """`equal_tailed` of draws [n, ...] in any order."""
    return equal_tailed(ascending(draws.movedim(0, -1)))


@dataclass
class _Progress:
    """Turns the sampler's reports, and those of the choices before it, into the progress of the whole study."""

    watch: Watch
    place: int
    count: int
    name: str
    sampler: SamplerConfig
    chosen: bool

    def choosing(self, done: float) -> None:
        self._report(0.5 * done)

    def __call__(self, step: Step) -> None:
        if step.number % 20 and step.number < step.of:
            return
        warm = self.sampler.warm_start_steps
        sampling = self.sampler.burn_in + self.sampler.draws * self.sampler.thinning
        done = {Event.WARM_START: step.number, Event.TUNING: warm + 100 * step.number / step.of}.get(
            step.event, warm + 100 + step.number
        )
        inside = min(1.0, done / (warm + 100 + sampling))
        self._report(0.5 + 0.5 * inside if self.chosen else inside)

    def _report(self, inside: float) -> None:
        self.watch((self.place + inside) / self.count, self.name)
