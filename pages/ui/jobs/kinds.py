"""Kinds of work beside runs, such as comparisons: how a person speaks of each, and where it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from mtbkd_core.runs import store
from mtbkd_core.runs.kinds import comparison, shapley, sweep, training
from mtbkd_core.runs.kinds.base import A, Table, V
from mtbkd_core.runs.kinds.comparison import ComparisonView
from mtbkd_core.runs.kinds.grid import GridView
from mtbkd_core.runs.kinds.shapley import ValuationView
from mtbkd_core.runs.kinds.sweep import SweepView
from mtbkd_core.runs.kinds.training import TrainingView
from mtbkd_core.studies.methods import about
from pages.ui import run_words, setting_words, task_words


@dataclass(frozen=True)
class Desk(Generic[A, V]):
    """Where one kind of work is dealt with.

    Attributes:
        table: the kind.
        what: one of them in a line of plain text, without its state.
        how_far: what is being done, once it has told something.
        part: what a person calls a part of it.
        where: the page and the link's parameters that show it.
        parameter: of the link, which holds the chosen one; "" where the chosen run tells.
    """

    table: Table[A, V]
    what: Callable[[V], str]
    how_far: Callable[[V], str]
    part: str
    where: Callable[[V], tuple[str, dict[str, str]]]
    parameter: str = ""

    @property
    def noun(self) -> str:
        """What a person calls one."""
        return self.table.kind.noun


def pace(desk: Desk[A, V], view: V) -> str:
    """How long a part took, mean over those that are whole; nothing before the first."""
    seconds = view.rows.seconds.values()
    if not seconds:
        return ""
    mean = sum(seconds) / len(seconds)
    return f"{mean:.{0 if mean >= 10 else 1}f} s a {desk.part}"


def _seed_by_seed(view: ComparisonView) -> str:
    newest = view.progress[-1]
    method = about(newest.message, task_words.titles_by_name(view.config)).title
    took = pace(COMPARISONS, view)
    return f"Seed {newest.step} of {newest.steps}: {method}" + (f" · {took}" if took else "")


def _run_by_run(view: GridView[A]) -> str:
    newest = view.progress[-1]
    return f"{newest.step} of {newest.steps} runs done · {newest.message}"


def _teacher_by_teacher(view: TrainingView) -> str:
    newest = view.progress[-1]
    return f"{newest.step} of {newest.steps} teachers trained · {newest.message}"


def _swept(view: SweepView) -> str:
    asked = view.asked
    often = f", {asked.seeds} seeds" if asked.seeds > 1 else ""
    title = setting_words.title(asked.setting)
    return f"{title}, {len(asked.values)} values{often} · {run_words.describe(view.config)}"


def _valued(view: ValuationView) -> str:
    return f"{len(view.config.data.teachers)} teachers · {run_words.describe(view.config)}"


COMPARISONS: Desk[comparison.Asked, ComparisonView] = Desk(
    comparison.TABLE,
    what=lambda view: f"{run_words.describe(view.config)} · {len(view.seeds)} seeds",
    how_far=_seed_by_seed,
    part="seed",
    where=lambda view: ("compare", {"view": "rivals", "comparison": view.id}),
    parameter="comparison",
)
SWEEPS: Desk[sweep.Asked, SweepView] = Desk(
    sweep.TABLE,
    what=_swept,
    how_far=_run_by_run,
    part="run",
    where=lambda view: ("compare", {"view": "sweep", "sweep": view.id}),
    parameter="sweep",
)
VALUATIONS: Desk[shapley.Asked, ValuationView] = Desk(
    shapley.TABLE,
    what=_valued,
    how_far=_run_by_run,
    part="run",
    where=lambda view: (
        "influence",
        {"run": store.run_id(view.config), "replicates": str(view.asked.seeds)},
    ),
)
TRAININGS: Desk[training.Asked, TrainingView] = Desk(
    training.TABLE,
    what=lambda view: f"{len(view.config.data.teachers)} teachers · {run_words.task_title(view.config.data.task)}",
    how_far=_teacher_by_teacher,
    part="teacher",
    where=lambda view: ("teachers", {"data.task": view.config.data.task}),
)
DESKS: tuple[Desk, ...] = (COMPARISONS, SWEEPS, VALUATIONS, TRAININGS)
