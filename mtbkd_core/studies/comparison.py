"""The table: MT-BKD and every rival over seeds, and what MT-BKD gains, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy

from mtbkd_core.baselines.fitting import fit_steps
from mtbkd_core.catalog.registry import load_task, task_info
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES, Row, row_of
from mtbkd_core.run_progress import gradient_share, run_work
from mtbkd_core.studies.methods import methods

#: The scores that methods are held against each other by, and whether more of it is better.
HIGHER_IS_BETTER = {score: bool(SCORES[score].higher_is_better) for score in COMPARED}


@dataclass(frozen=True)
class Difference:
    """MT-BKD minus a rival, over paired seeds, with a 95 % interval (Student's t).

    There is no interval for one seed, and no difference where no seed gives both a score.
    """

    difference: float | None
    low: float | None
    high: float | None


def paired_difference(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Difference:
    """The mean of ours minus theirs and its 95 % interval, over the seeds that both have a score for."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    if not pairs:
        return Difference(None, None, None)
    gap = np.array([a - b for a, b in pairs])
    if len(gap) < 2:
        return Difference(float(gap.mean()), None, None)
    if np.allclose(gap, gap[0], rtol=1e-9, atol=0):  # equal but for rounding, where scipy warns
        return Difference(float(gap[0]), float(gap[0]), float(gap[0]))
    interval = scipy.stats.ttest_1samp(gap, 0.0).confidence_interval(0.95)
    return Difference(float(gap.mean()), float(interval.low), float(interval.high))


class Verdict(StrEnum):
    """What an interval says of MT-BKD against a rival."""

    BETTER = "MT-BKD is better"
    WORSE = "the rival is better"
    UNCLEAR = "no clear difference"
    UNKNOWN = "not known"


def verdict(score: str, gap: Difference) -> Verdict:
    """Which is better by one of `HIGHER_IS_BETTER`'s scores; an interval that holds zero says nothing either way."""
    if gap.low is None or gap.high is None:
        return Verdict.UNKNOWN
    if gap.low <= 0 <= gap.high:
        return Verdict.UNCLEAR
    return Verdict.BETTER if (gap.low > 0) is HIGHER_IS_BETTER[score] else Verdict.WORSE


@dataclass(frozen=True)
class Comparison:
    """Scores of every method, one a seed, and what MT-BKD gains over each.

    Attributes:
        methods: method -> score -> one number a seed; None where the score is not defined, as
            auroc_misclassification is for a method without an error.
        paired: rival -> score -> MT-BKD minus the rival.
    """

    task: str
    seeds: tuple[int, ...]
    methods: dict[str, dict[str, list[float | None]]]
    paired: dict[str, dict[str, Difference]]


def tabulate(task: str, rows: Mapping[int, Mapping[str, Row]]) -> Comparison:
    """The comparison that seed -> method -> scores amount to; a method that a seed has not come to has None there."""
    table: dict[str, dict[str, list[float | None]]] = {}
    for found in rows.values():
        for name, row in found.items():
            for score in row:
                table.setdefault(name, {}).setdefault(score, [])
    for name, columns in table.items():
        for score, values in columns.items():
            values += [found.get(name, {}).get(score) for found in rows.values()]
    ours = table.get("mt_bkd", {})
    paired = {
        rival: {
            score: paired_difference(ours[score], theirs[score])
            for score in theirs
            # how well chains agree is a reason for trust, not a merit to be held against another method's
            if score in ours and score != R_HAT
        }
        for rival, theirs in table.items()
        if rival != "mt_bkd"
    }
    return Comparison(task, tuple(rows), table, paired)


def compare(
    config: RunConfig,
    seeds: Sequence[int],
    *,
    known: Mapping[int, Mapping[str, Row]] | None = None,
    on_step: Callable[[int, str, Row], None] | None = None,
    on_seed: Callable[[int], None] | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Comparison:
    """Run MT-BKD and every rival with each seed.

    A seed is a whole replication: it draws the split, trains the teachers and starts the chains anew.

    Args:
        config: MT-BKD's settings; its own seeds are replaced.
        seeds: at least one, each once.
        known: seed -> method -> scores of seeds that are whole already; they are not computed again.
        on_step: told each seed, method and its scores as they come.
        on_seed: told each seed once it is whole.
        on_progress: told how far the comparison is: step and steps count seeds, the message names the method.
        should_stop: asked at every step of every method.
    Raises:
        UserError: no seed, or one twice; otherwise as `distill`.
        Cancelled: `should_stop` said so.
    """
    if not seeds:
        raise UserError("seeds: at least 1 is needed")
    if len(set(seeds)) < len(seeds):
        raise UserError("seeds: each may come once only, or it would count twice")
    config = config.unchecked  # a table holds scores alone
    rows: dict[int, Mapping[str, Row]] = {}
    for place, seed in enumerate(seeds):
        if known is not None and seed in known:
            rows[seed] = known[seed]
            continue
        report = _Report(place, len(seeds), config, on_progress, should_stop)
        fresh: dict[str, Row] = {}
        for name, found in _replicate(config, seed, report):
            fresh[name] = found
            if on_step is not None:
                on_step(seed, name, found)
        rows[seed] = fresh
        if on_seed is not None:
            on_seed(seed)
    return tabulate(config.data.task, rows)


def _replicate(config: RunConfig, seed: int, report: _Report) -> Iterator[tuple[str, Row]]:
    replicate = config.model_copy(update={"seed": seed}).with_data(split_seed=seed)
    report.begin("getting the teachers ready", report.fitted)
    task = load_task(
        config.data,
        split_seed=seed,
        on_progress=report.forward,
        should_stop=report.should_stop,
    )
    offered = methods(replicate, task, on_progress=report.forward, should_stop=report.should_stop)
    for name, method in offered.items():
        report.begin(name, report.cost(name))
        for row, found in method().items():
            yield row, row_of(found)


class _Report:
    """Tells how far a comparison is: the seeds before, and of this one the methods, each by what it costs."""

    def __init__(
        self,
        place: int,
        seeds: int,
        config: RunConfig,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.should_stop = should_stop
        self._place, self._seeds, self._on_progress = place, seeds, on_progress
        self._teachers = config.data.teachers
        sampler = config.sampler
        labelled = task_info(config.data.task).check_n_train(config.data.n_labelled)
        heard = labelled + config.data.n_unlabelled
        self._sampled, self._without = (of * sum(run_work(sampler, of).values()) for of in (heard, labelled))
        share = gradient_share(sampler.warm_start_batch_size or sampler.batch_size, heard)
        #: What fitting the networks of one method costs, in gradients of one example by all chains.
        self.fitted = heard * share * fit_steps(config)
        # the teachers, MT-BKD, no teacher, and each alone; then the networks: five fits, one with dropout's passes
        self._all = (1 + len(config.data.teachers)) * self._sampled + self._without + 7 * self.fitted
        self._name, self._before, self._cost = "", 0.0, 0.0

    def cost(self, name: str) -> float:
        """What a method is reckoned to cost, in gradients of one example."""
        if name == "no_teacher":  # it has no use for examples without a label
            return self._without
        if name == "mt_bkd":
            return self._sampled
        if name.startswith("teacher:"):  # the first call runs all of them
            return len(self._teachers) * self._sampled if name == f"teacher:{self._teachers[0]}" else 0.0
        return 0.0 if name == "laplace" else self.fitted * (2 if name == "mc_dropout" else 1)

    def begin(self, name: str, cost: float) -> None:
        """A method begins, whose name is told."""
        stop_if(self.should_stop)
        self._before += self._cost
        self._name, self._cost = name, cost
        self._tell(0.0)

    def forward(self, progress: Progress) -> None:
        """Pass on how far a run within the comparison is."""
        self._tell(progress.fraction)

    def _tell(self, done: float) -> None:
        if self._on_progress is not None:
            of_seed = min(1.0, (self._before + done * self._cost) / self._all)
            fraction = (self._place + of_seed) / self._seeds
            self._on_progress(Progress(Phase.STUDY, self._place + 1, self._seeds, fraction, self._name))
