"""One setting over several values, and every subset of the teachers: many runs in one call, and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mtbkd_core.config import RunConfig, build_config
from mtbkd_core.evaluation.shapley import Subset, shapley_values
from mtbkd_core.grid import each_result
from mtbkd_core.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.tasks.base import Task

#: Beyond this many teachers, all subsets are more than a thousand runs.
MOST_TEACHERS = 10


@dataclass(frozen=True)
class Row:
    """A configuration and what it scored; its draws are let go.

    Attributes:
        label: the value that was set, or the teachers that were heard.
        metrics: as `Result.metrics`.
    """

    label: str
    config: RunConfig
    metrics: Mapping[str, Any]


def sweep(
    config: RunConfig,
    name: str,
    values: Iterable[Any],
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    threads: int | None = None,
) -> list[Row]:
    """The scores of a configuration with one setting varied.

    Args:
        name: dotted, as in `config.field_names`, such as "prior.strength".
        values: one run each, in this order.
        task, on_progress, should_stop, threads: as `distill_grid`.
    Raises:
        ConfigError: a setting or value that there is not.
        UserError, Cancelled: as `distill_grid`.
    """
    chosen = list(values)
    configs = [build_config([(name, value)], base=config) for value in chosen]
    return _rows([str(value) for value in chosen], configs, task, on_progress, should_stop, threads)


def leave_one_out(
    config: RunConfig,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    threads: int | None = None,
) -> dict[str, Row]:
    """The scores without each of the teachers in turn, by its name; all heard is under "". Arguments as `sweep`.

    Raises:
        UserError: a single teacher, who cannot be left out; else as `distill_grid`.
    """
    if len(config.teachers) < 2:
        raise UserError("teachers: got 1, leaving one out needs at least 2")
    kept = [config.teachers, *(tuple(t for t in config.teachers if t != name) for name in config.teachers)]
    rows = _of_subsets(config, kept, task, on_progress, should_stop, threads)
    return dict(zip(["", *config.teachers], rows, strict=True))


def teacher_subsets(
    config: RunConfig,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    threads: int | None = None,
) -> dict[Subset, Row]:
    """The scores of every subset of the teachers; the empty one is the run without distillation (strength 0).

    Arguments as `sweep`.

    Raises:
        UserError: more teachers than `MOST_TEACHERS`; else as `distill_grid`.
    """
    names = config.teachers
    if len(names) > MOST_TEACHERS:
        raise UserError(f"teachers: got {len(names)}, at most {MOST_TEACHERS} are allowed for all their subsets")
    subsets = [subset for size in range(len(names) + 1) for subset in combinations(names, size)]
    rows = _of_subsets(config, subsets, task, on_progress, should_stop, threads)
    return {frozenset(subset): row for subset, row in zip(subsets, rows, strict=True)}


def teacher_values(rows: Mapping[Subset, Row], score: str = "nll") -> dict[str, float]:
    """Each teacher's Shapley value for one of the student's scores, from what `teacher_subsets` gave.

    In the score's own unit and direction: a negative value of the NLL is a teacher that helps.
    """
    return shapley_values({subset: row.metrics["student"][score] for subset, row in rows.items()})


def hearing(config: RunConfig, teachers: Sequence[str]) -> RunConfig:
    """The configuration with some of its teachers; none: strength 0.

    A teacher keeps its base weight and entropy temperature. Where all that are left have base weight 0, they count the
    same.
    """
    prior = config.prior
    if not teachers:
        return config.model_copy(update={"prior": prior.model_copy(update={"strength": 0.0})})
    places = [config.teachers.index(name) for name in teachers]
    base, entropy = prior.base_weights, prior.entropy_temperatures
    if base is not None:
        base = tuple(base[place] for place in places)
        base = base if sum(base) >= 1e-6 else None
    if entropy is not None:
        entropy = tuple(entropy[place] for place in places)
    changed = prior.model_copy(update={"base_weights": base, "entropy_temperatures": entropy})
    return config.model_copy(update={"teachers": tuple(teachers), "prior": changed})


def _of_subsets(config: RunConfig, subsets: Sequence[Sequence[str]], *rest: Any) -> list[Row]:
    labels = [", ".join(subset) or "no teacher" for subset in subsets]
    return _rows(labels, [hearing(config, subset) for subset in subsets], *rest)


def _rows(
    labels: Sequence[str],
    configs: Sequence[RunConfig],
    task: Task | None,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    threads: int | None,
) -> list[Row]:
    found: dict[int, Row] = {}
    for place, result in each_result(
        configs, task=task, on_progress=on_progress, should_stop=should_stop, threads=threads
    ):
        found[place] = Row(labels[place], result.config, result.metrics)
    return [found[place] for place in range(len(configs))]
