"""The comparison: scores of MT-BKD and every baseline over seeds, and the differences, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy

from mtbkd_core.catalog.registry import load_task, task_info
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.means import Mean, means_of, without_errors
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES, Row
from mtbkd_core.studies.method_words import MT_BKD, WARM_START
from mtbkd_core.studies.methods import method_costs, methods
from mtbkd_core.studies.tuning import Tuned, is_tuned, split_row

#: The scores that methods are compared by, and whether a higher one is better.
HIGHER_IS_BETTER = {score: bool(SCORES[score].higher_is_better) for score in COMPARED}
#: How often a verdict may be wrong somewhere where there is no difference, within a score.
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """MT-BKD minus a baseline, over paired seeds.

    There is no difference where no seed gives both a score, and with one seed neither interval nor p-value.

    Attributes:
        low, high: its 95 % interval by Student's t, not adjusted for the number of baselines.
        p_value: of no difference, two-sided, by Student's t.
        p_adjusted: by Holm's method over the baselines within a score.
        verdict: MT-BKD is better or worse where `p_adjusted` is at most 0.05.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None = None
    p_adjusted: float | None = None
    verdict: Reading = Reading.UNKNOWN


def paired_difference(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Difference:
    """The mean of ours minus theirs, its interval and p-value, over the seeds that both have a score for."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    if not pairs:
        return Difference(None, None, None)
    gap = np.array([a - b for a, b in pairs])
    if len(gap) < 2:
        return Difference(float(gap.mean()), None, None)
    if np.allclose(gap, gap[0], rtol=1e-9, atol=0):  # equal but for rounding, where scipy warns
        return Difference(float(gap[0]), float(gap[0]), float(gap[0]), float(gap[0] == 0))
    test = scipy.stats.ttest_1samp(gap, 0.0)
    interval = test.confidence_interval(0.95)
    return Difference(float(gap.mean()), float(interval.low), float(interval.high), float(test.pvalue))


def judged(score: str, gaps: Mapping[str, Difference]) -> dict[str, Difference]:
    """The differences of MT-BKD from every baseline by one score, each with its adjusted p-value and verdict.

    With no true difference at all, a verdict other than "no clear difference" comes up for some baseline in at most
    5 % of comparisons. Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.

    Args:
        score: its name; of a score that neither way of is better, the verdicts stay unknown.
        gaps: baseline -> difference, as `paired_difference` gives it.
    """
    higher_is_better = SCORES[score].higher_is_better if score in SCORES else None
    if higher_is_better is None:
        return dict(gaps)
    known = {name: gap.p_value for name, gap in gaps.items() if gap.p_value is not None}
    found, largest = dict(gaps), 0.0
    for place, (name, p_value) in enumerate(sorted(known.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p_value * (len(known) - place)))
        higher = (gaps[name].difference or 0.0) > 0
        better = Reading.BETTER if higher is higher_is_better else Reading.WORSE
        found[name] = replace(gaps[name], p_adjusted=largest, verdict=better if largest <= LEVEL else Reading.UNCLEAR)
    return found


@dataclass(frozen=True)
class Comparison:
    """Scores of every method, one a seed, and the difference of MT-BKD from each.

    Attributes:
        methods: method -> score -> one number a seed; None where the score is not defined, as
            auroc_misclassification is for a method without an error.
        paired: baseline -> score -> MT-BKD minus the baseline.
        tuned: method -> what was chosen for it on validation rows, one a seed; only of methods that are tuned.
        means: method -> score -> its mean over the seeds with the error of that, of each of `COMPARED`.
    """

    task: str
    seeds: tuple[int, ...]
    methods: dict[str, dict[str, list[float | None]]]
    paired: dict[str, dict[str, Difference]]
    tuned: dict[str, list[Tuned | None]]
    means: dict[str, dict[str, Mean]] = field(default_factory=dict)


def tabulate(task: str, rows: Mapping[int, Mapping[str, Row]]) -> Comparison:
    """The comparison of seed -> method -> scores; None stands where a seed lacks a method.

    What earlier versions called a deep ensemble, in seeds that were not tuned, is MT-BKD's warm start.
    """
    former = {"deep_ensemble": WARM_START}
    rows = {
        seed: found if is_tuned(found) else {former.get(name, name): row for name, row in found.items()}
        for seed, found in rows.items()
    }
    names: dict[str, dict[str, None]] = {}
    divided = {seed: {name: split_row(row) for name, row in found.items()} for seed, found in rows.items()}
    whole = {seed: {name: row for name, (row, _) in found.items()} for seed, found in divided.items()}
    rows = {seed: {name: without_errors(row) for name, row in found.items()} for seed, found in whole.items()}
    for found in rows.values():
        for name, row in found.items():
            names.setdefault(name, {}).update(dict.fromkeys(row))
    table = {
        name: {score: [found.get(name, {}).get(score) for found in rows.values()] for score in columns}
        for name, columns in names.items()
    }
    ours = table.get(MT_BKD, {})
    others = [name for name in table if name != MT_BKD]
    paired: dict[str, dict[str, Difference]] = {name: {} for name in others}
    for score in ours:
        if score == R_HAT:  # agreement of chains is a condition for trust, not a merit
            continue
        gaps = {name: paired_difference(ours[score], table[name][score]) for name in others if score in table[name]}
        for name, gap in judged(score, gaps).items():
            paired[name][score] = gap
    chosen = {name: [found[name][1] if name in found else None for found in divided.values()] for name in names}
    tuned = {name: each for name, each in chosen.items() if any(each)}
    means = {name: means_of([found[name] for found in whole.values() if name in found]) for name in names}
    return Comparison(task, tuple(rows), table, paired, tuned, means)


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
    """Run MT-BKD and every baseline with each seed.

    A seed is a whole replication: it draws the split, trains the teachers and starts the chains anew.

    Args:
        config: MT-BKD's settings; its own seeds are replaced.
        seeds: at least one, each once.
        known: seed -> method -> scores of seeds that are whole already; they are not computed again.
        on_step: called with each seed, method and its scores as they come.
        on_seed: called with each seed once it is whole.
        on_progress: called with how far the comparison is: step and steps count seeds, the message names the method.
        should_stop: asked at every step of every method.
    Raises:
        UserError: no seed, or one twice; otherwise as `distill`.
        Cancelled: `should_stop` was true.
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
        for name, row in _replicate(config, seed, report):
            fresh[name] = row
            if on_step is not None:
                on_step(seed, name, row)
        rows[seed] = fresh
        if on_seed is not None:
            on_seed(seed)
    return tabulate(config.data.task, rows)


def _replicate(config: RunConfig, seed: int, report: _Report) -> Iterator[tuple[str, Row]]:
    replicate = config.model_copy(update={"seed": seed}).with_data(split_seed=seed)
    report.begin("getting the teachers ready")
    task = load_task(config.data, split_seed=seed, on_progress=report.forward, should_stop=report.should_stop)
    offered = methods(replicate, task, on_progress=report.forward, should_stop=report.should_stop)
    for name, method in offered.items():
        report.begin(name)
        yield from method().items()


class _Report:
    """Reports how far a comparison is: the seeds before, and of this one the methods, each by its cost."""

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
        labelled = task_info(config.data.task).check_labelled(config.data.n_labelled)
        self._costs = method_costs(config, labelled=labelled, unlabelled=config.data.n_unlabelled)
        self._teachers = self._costs["mean_kd"]  # training them is reckoned as one fit
        self._name, self._before, self._cost = "", 0.0, 0.0

    def begin(self, name: str) -> None:
        """A method begins, or the teachers' training."""
        stop_if(self.should_stop)
        self._before += self._cost
        self._name, self._cost = name, self._costs.get(name, self._teachers)
        self._tell(0.0)

    def forward(self, progress: Progress) -> None:
        """Pass on how far a run within the comparison is."""
        self._tell(progress.fraction)

    def _tell(self, done: float) -> None:
        if self._on_progress is not None:
            whole = sum(self._costs.values()) + self._teachers
            fraction = (self._place + min(1.0, (self._before + done * self._cost) / whole)) / self._seeds
            self._on_progress(Progress(Phase.STUDY, self._place + 1, self._seeds, fraction, self._name))
