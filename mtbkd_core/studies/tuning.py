"""Choosing each method's settings on validation rows: one budget for all, MT-BKD included, and never a test example.

The labelled examples are divided into quarters by the split seed. A quarter is held out at a time, until about
`ROWS` labels have been: `folds`. A fold is a task of its own, with the held-out rows in the place of the test set. A
method is fitted once a fold for every setting of its grid, side by side on the chain axis and from the same starts, so
that settings differ by themselves and not by luck; the setting of the least NLL over all held-out rows is chosen, and
the method is then worked out on all labelled examples.

A posterior is scored by a few anchored fits, which are its own warm start, because sampling it for every setting would
take as long as the comparison itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from mtbkd_core.baselines.base import MANY_SCALES, SETTINGS, TRIALS, Baseline, Problem, combinations, scales
from mtbkd_core.baselines.fitting import FIT_STEPS, Fit, Networks, Pull, Settings, label_pull
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import ShouldStop, UserError
from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.evaluate import weighted_teachers
from mtbkd_core.evaluation.scores import Row
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.tasks.base import Task

#: Parts that the labelled examples are divided into, and validation rows that are enough.
QUARTERS, ROWS = 4, 500
#: Adam steps of a fit on a fold, and examples of its gradients at most.
STEPS, BATCH = FIT_STEPS // 2, 512
#: Anchored fits that score one setting of a posterior.
MEMBERS = 4
#: Strengths that are tried, as multiples of the configured one.
STRENGTHS = (0.1, 0.3, 1.0, 3.0)
#: A gradient of a fit over one of a run, which has the mixture and a sampler around it: about this was measured.
FIT_COST = 0.5
#: Softmin temperatures that are tried, in nats, beside the configured weights.
SOFTMIN_TEMPERATURES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 4.0, 10.0)
_PREFIX = "tuned."
_NLL, _TRIED = "validation_nll", "tried"


@dataclass(frozen=True)
class Tuned:
    """What was chosen for a method.

    Attributes:
        settings: by name, as in `baselines.base.SETTINGS`.
        validation_nll: theirs on the held-out rows, in nats.
        tried: how many settings were.
    """

    settings: Mapping[str, float]
    validation_nll: float
    tried: int

    @property
    def text(self) -> str:
        """The settings for people."""
        if not self.settings:
            return "as configured"
        return ", ".join(f"{SETTINGS.get(name, name)} {value:.3g}" for name, value in self.settings.items())

    @property
    def row(self) -> Row:
        """The same as entries of a row of a table; see `split_row`."""
        numbers = {**self.settings, _NLL: self.validation_nll, _TRIED: float(self.tried)}
        return {_PREFIX + name: value for name, value in numbers.items()}


def split_row(row: Row) -> tuple[Row, Tuned | None]:
    """A row's scores, and what was tuned; None where nothing was."""
    own = {name.removeprefix(_PREFIX): value for name, value in row.items() if name.startswith(_PREFIX)}
    scores = {name: value for name, value in row.items() if not name.startswith(_PREFIX)}
    nll, tried = own.pop(_NLL, None), own.pop(_TRIED, None)
    if nll is None or tried is None:
        return scores, None
    return scores, Tuned({name: value for name, value in own.items() if value is not None}, nll, int(tried))


def is_tuned(found: Mapping[str, Row]) -> bool:
    """Whether the methods of a seed were tuned; those of earlier versions were not."""
    return any(split_row(row)[1] is not None for row in found.values())


def n_folds(labelled: int) -> int:
    """How many quarters of the labelled examples are held out in turn."""
    return min(QUARTERS, math.ceil(ROWS / max(1, labelled // QUARTERS)))


def folds(task: Task, seed: int) -> list[Task]:
    """Tasks on which a quarter of the labelled examples stands in the place of the test set, by a seed.

    Each has the other quarters as its labelled examples, and all unlabelled ones.
    """
    order = np.random.default_rng(seed).permutation(len(task.y_train))
    return [_held_out(task, torch.from_numpy(np.sort(order[place::QUARTERS]))) for place in range(n_folds(len(order)))]


def _held_out(task: Task, rows: Tensor) -> Task:
    keep = torch.ones(len(task.y_train), dtype=torch.bool)
    keep[rows] = False
    parts = {"train": keep, "test": rows}
    teachers = {
        name: replace(
            each,
            logits_train=each.logits_train[keep],
            logits_test=each.logits_train[rows],
            together=each.together | {part: each.together["train"][at] for part, at in parts.items() if each.together},
        )
        for name, each in task.teachers.items()
    }
    return replace(
        task,
        x_train=task.x_train[keep],
        y_train=task.y_train[keep],
        x_test=task.x_train[rows],
        y_test=task.y_train[rows],
        teachers=teachers,
        shifts={},
    )


@dataclass(frozen=True)
class Tuning:
    """The validation rows of a task, and what was chosen on them.

    Attributes:
        config, task: as of a run.
        should_stop: asked at every step.
    """

    config: RunConfig
    task: Task
    should_stop: ShouldStop | None = None
    _problems: list[Problem] = field(init=False, repr=False)
    _chosen: dict[str, tuple[Tuned, Tensor]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        """Divide the labelled examples."""
        parts = folds(self.task, self.config.data.split_seed)
        size = Problem(self.config, self.task).gradient_size
        problems = [Problem(self.config, each, STEPS, min(BATCH, size or BATCH), 1, self.should_stop) for each in parts]
        object.__setattr__(self, "_problems", problems)

    def of_baseline(self, baseline: Baseline, start: Settings | None = None) -> Tuned:
        """What is best for a baseline; `start`: the chosen settings of the one that it starts from."""
        if baseline.name not in self._chosen:
            grid = [{**(start or {}), **each} for each in baseline.grid(self.config)]
            repeated = [each for each in grid for _ in range(baseline.members)]
            problems = self._problems
            if baseline.members > 1:
                problems = [replace(problem, starts=baseline.members) for problem in problems]
            found = [
                torch.stack([each.mean(0) for each in baseline.run(problem, repeated).split(baseline.members)])
                for problem in problems
            ]
            self._chosen[baseline.name] = self._best(baseline.name, grid, found)
        return self._chosen[baseline.name][0]

    def of_posterior(self, name: str, config: RunConfig) -> Tuned:
        """What is best for a posterior with these teachers and strength: weight scale, and strength if it has one."""
        if name not in self._chosen:
            if config.prior.strength:
                strengths = [round(min(100.0, factor * config.prior.strength), 6) for factor in STRENGTHS]
                grid = combinations(weight_scale=scales(config), strength=strengths)
            else:
                grid = combinations(weight_scale=scales(config, MANY_SCALES))
            self._chosen[name] = self._best(
                name, grid, [anchored_means(problem, config, grid) for problem in self._problems]
            )
        return self._chosen[name][0]

    def of_teachers(self, name: str) -> Tuned:
        """The weights with which the teachers' own mean is best: the configured ones, or softmin ones."""
        if name not in self._chosen:
            grid: list[Settings] = [{}, *combinations(softmin_temperature=SOFTMIN_TEMPERATURES)]
            tasks = [problem.task for problem in self._problems]
            # an example whose label no teacher knows counts alike for all settings
            even = 1 / tasks[0].n_classes
            found = [torch.stack([mean_with(self.config, s, task) for s in grid]).nan_to_num(even) for task in tasks]
            self._chosen[name] = self._best(name, grid, found)
        return self._chosen[name][0]

    def of_scaled(self, name: str) -> Tuned:
        """A tuned baseline's temperature: the logits of its held-out predictions over it have the least NLL.

        Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
        """
        tuned, probabilities = self._chosen[name]
        logits = probabilities.double().clamp_min(torch.finfo(torch.float64).eps).log()
        found = minimize_scalar(
            lambda log_t: float(_nll((logits / math.exp(log_t)).softmax(-1), self._labels)),
            bounds=(math.log(0.05), math.log(20.0)),
            method="bounded",
        )
        temperature = math.exp(float(found.x))
        return Tuned({**tuned.settings, "temperature": temperature}, float(found.fun), tuned.tried)

    @property
    def _labels(self) -> Tensor:
        return torch.cat([problem.task.y_test for problem in self._problems])

    def _best(self, name: str, grid: Sequence[Settings], found: Sequence[Tensor]) -> tuple[Tuned, Tensor]:
        """The setting of the least NLL, and its predictions [V, C] on all held-out rows.

        Args:
            found: of each fold, [G, V', C].
        """
        probabilities = torch.cat(list(found), 1)
        nll = _nll(probabilities, self._labels).nan_to_num(nan=math.inf)
        best = int(nll.argmin())
        if not math.isfinite(nll[best]):
            raise UserError(f"{name}: none of the {len(grid)} settings tried gives finite validation predictions")
        return Tuned(grid[best], float(nll[best]), TRIALS), probabilities[best]


def mean_with(config: RunConfig, settings: Settings, task: Task) -> Tensor:
    """[M, C], the mean of a task's teachers on its test examples, by softmin weights where the settings have them."""
    of, prior, softmin = config.data.teachers, config.prior, "softmin_temperature"
    if softmin in settings:
        prior = prior.model_copy(update={"rule": WeightRule.SOFTMIN, softmin: settings[softmin]})
    return weighted_teachers(task.teacher_logits(of, "test"), prior, task.together(of, "test"))


def tuned_config(config: RunConfig, tuned: Tuned) -> RunConfig:
    """The configuration of a posterior with what was chosen for it."""
    names = {"weight_scale": "student.weight_scale", "strength": "prior.strength"}
    return build_config([(names[name], value) for name, value in tuned.settings.items()], base=config)


@torch.no_grad()
def anchored_means(problem: Problem, config: RunConfig, grid: Sequence[Settings]) -> Tensor:
    """The means of `MEMBERS` anchored fits with each of G settings, on the problem's test examples: [G, M, C].

    Args:
        problem: of a fold.
        config: of the posterior; a setting without a strength has none.
    """
    device = problem.device
    data = problem.task.training_set(config.data.teachers, config.n_unlabelled_used).to(device)
    labels, pull = label_pull(data.labels, problem.task.n_classes), None
    if config.prior.strength:
        priors = [
            stack_priors(data.teacher_logits, [own], together=data.together)
            for own in (config.prior.model_copy(update={"strength": each["strength"]}) for each in grid)
        ]
        pull = _with_teachers(labels, MixturePrior.stack(priors, MEMBERS))
    scale = torch.tensor([each["weight_scale"] for each in grid], device=device).repeat_interleave(MEMBERS)[:, None]
    random = Randomness.seeded(config.seed, device)
    start = random.normal((MEMBERS, problem.student.n_parameters)).repeat(len(grid), 1)
    fit = Fit(problem.student, data.x, pull or labels, scale, anchor=start)
    steps = config.sampler.warm_start_steps
    end = fit.climb(start, steps, problem.gradient_size, random, problem.should_stop)
    found = Networks(problem.student, scale * end).probabilities(problem.task.x_test)
    return torch.stack([each.mean(0) for each in found.split(MEMBERS)])


def _with_teachers(labels: Pull, mixture: MixturePrior) -> Pull:
    def pull(logits: Tensor, rows: Tensor | slice) -> Tensor:
        own = mixture.select(rows)
        shifted = logits - logits.amax(-1, keepdim=True)
        return labels(logits, rows) + own.gradient(*own.terms_of_shifted(shifted))[2]

    return pull


def _nll(probabilities: Tensor, labels: Tensor) -> Tensor:
    """[...], of probabilities [..., V, C] against labels [V]."""
    index = labels.expand(probabilities.shape[:-1])[..., None]
    own = probabilities.double().gather(-1, index)[..., 0]
    return -own.clamp_min(torch.finfo(torch.float64).eps).log().mean(-1)


def tuning_work(config: RunConfig, baseline: Baseline | None, labelled: int, unlabelled: int) -> float:
    """What tuning costs, in gradients of one example by one network.

    Args:
        baseline: None: a posterior.
        labelled, unlabelled: examples of a run.
    """
    rows = labelled - labelled // QUARTERS + unlabelled
    if baseline is None:
        networks, steps = TRIALS * MEMBERS, float(config.sampler.warm_start_steps)
    else:
        networks, steps = TRIALS * baseline.members, FIT_COST * STEPS * baseline.fits
    return n_folds(labelled) * networks * steps * min(BATCH, rows)
