"""One setting over several values, and every subset of the teachers: many runs in one call, and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mtbkd_core.config import ConfigError, RunConfig, build_config, flatten
from mtbkd_core.evaluation.shapley import Subset, shapley_values
from mtbkd_core.grid import each_result
from mtbkd_core.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.tasks import leaving_room, task_info
from mtbkd_core.tasks.base import Task

#: Beyond this many teachers, all subsets are more than a thousand runs.
MOST_TEACHERS = 10
MOST_VALUES = 50
_PER_TEACHER = frozenset({"prior.base_weights", "prior.entropy_temperatures"})


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
    configs = [with_value(config, name, value) for value in chosen]
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
    subsets = all_subsets(names)
    rows = _of_subsets(config, subsets, task, on_progress, should_stop, threads)
    return {frozenset(subset): row for subset, row in zip(subsets, rows, strict=True)}


def teacher_values(rows: Mapping[Subset, Row], score: str = "nll") -> dict[str, float]:
    """Each teacher's Shapley value for one of the student's scores, from what `teacher_subsets` gave.

    In the score's own unit and direction: a negative value of the NLL is a teacher that helps.
    """
    return shapley_values({subset: row.metrics["student"][score] for subset, row in rows.items()})


def with_value(config: RunConfig, name: str, value: Any) -> RunConfig:
    """The configuration with one setting changed; of a setting with a number for each teacher, one is for all of them.

    More labelled examples leave fewer without a label: no more of these are asked for than are left.

    Raises:
        ConfigError: a setting or value that there is not.
    """
    if name in _PER_TEACHER and isinstance(value, int | float | str) and "," not in str(value):
        value = [value] * len(config.teachers)
    changed = build_config([(name, value)], base=config)
    if name == "n_train":
        with suppress(UserError):  # a task that is no more, or has not so many: said by who runs it
            changed, _ = leaving_room(changed)
    return changed


def value_text(config: RunConfig, name: str) -> str:
    """The configuration's value of a setting, as `with_value` takes it and `sweep_values` writes it."""
    text = flatten(config)[name]
    if name == "n_train" and text == "none":
        return str(task_info(config.task).n_train)
    if name in _PER_TEACHER:
        each = set(text.split(","))
        return "1.0" if text == "none" else each.pop() if len(each) == 1 else text
    return text


def sweep_values(config: RunConfig, name: str, text: str) -> tuple[str, ...]:
    """The values that a person wrote, between commas: each once and in one spelling; numbers in their order.

    Raises:
        ConfigError: the setting, or the first value, that there is not; no value; more than `MOST_VALUES`.
    """
    given = [part.strip() for part in text.split(",") if part.strip()]
    if not given:
        raise ConfigError(f"{name}: at least one value is needed")
    values = list(dict.fromkeys(value_text(with_value(config, name, value), name) for value in given))
    if len(values) > MOST_VALUES:
        raise ConfigError(f"{name}: got {len(values)} values, at most {MOST_VALUES} are allowed")
    with suppress(ValueError):  # a rule is not a number
        values.sort(key=float)
    return tuple(values)


def replicates(config: RunConfig, count: int) -> list[RunConfig]:
    """The configuration as it is, and with other splits, teachers and chains: both seeds move on by one each time."""
    return [
        build_config([("seed", config.seed + place), ("split_seed", config.split_seed + place)], base=config)
        for place in range(count)
    ]


def all_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every subset of the teachers, the empty one first and all of them last.

    Raises:
        UserError: more teachers than `MOST_TEACHERS`.
    """
    if len(names) > MOST_TEACHERS:
        raise UserError(f"teachers: got {len(names)}, at most {MOST_TEACHERS} are allowed for all their subsets")
    return [subset for size in range(len(names) + 1) for subset in combinations(names, size)]


def hearing(config: RunConfig, teachers: Sequence[str]) -> RunConfig:
    """The configuration with some of its teachers; none: strength 0.

    A teacher keeps its base weight and entropy temperature. Where all that are left have base weight 0, they count the
    same.
    """
    if not teachers:
        return build_config([("prior.strength", 0.0)], base=config)
    return build_config([("teachers", list(teachers))], base=config)


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
