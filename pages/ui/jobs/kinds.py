"""The words of each kind of job: how one is described, what it is doing, and where it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from mtbkd_core.common.progress import Phase
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobView, S, V
from mtbkd_core.runs.kinds import comparison, coverage, run, sampler_benchmark, shapley, strength, sweep, training
from mtbkd_core.runs.kinds.comparison import ComparisonView
from mtbkd_core.runs.kinds.run import run_id
from mtbkd_core.runs.kinds.sampler_benchmark import SamplerBenchmarkView
from mtbkd_core.runs.kinds.shapley import ShapleyView
from mtbkd_core.runs.kinds.sweep import SweepView
from mtbkd_core.studies.method_words import about
from mtbkd_core.studies.sampler_benchmark import REFERENCE
from mtbkd_core.studies.sweep import sweep_title
from pages.ui import run_words, setting_words, task_words

PHASES = {
    Phase.TEACHERS: "Getting the teachers ready",
    Phase.STRENGTH: "Choosing the strength: scores of held-out labels",
    Phase.WARM_START: "Warm start: fitting one student for each chain",
    Phase.TUNING: "Tuning the step size",
    Phase.SAMPLING: "Sampling the posterior",
    Phase.BIAS_CHECK: "Checking for bias: gradients of exact HMC",
    Phase.EVALUATION: "Evaluating on the test set",
}


@dataclass(frozen=True, kw_only=True)
class JobWords(Generic[S, V]):
    """One kind of job on the pages.

    Attributes:
        what: a job in a line of plain text, without its state.
        doing: what is being done, once there is a report.
        part: what a person calls a part of it.
        where: the page and the link's parameters that show it.
        parameter: of the link, which holds the one that is shown; "" where something else says which one that is.
        advice: what to do after it ended early, beside starting it again.
    """

    kind: JobKind[S, V]
    what: Callable[[V], str]
    doing: Callable[[V], str]
    part: str = ""
    where: Callable[[V], tuple[str, dict[str, str]]]
    parameter: str = ""
    advice: Mapping[State, str] = field(default_factory=dict)

    @property
    def going_on(self) -> str:
        """What happens when one that ended early is launched again."""
        if self.part:
            return f"Compute the {self.part}s that are missing."
        return "Continue its chains from where they were stopped."

    @property
    def noun(self) -> str:
        """What a person calls one."""
        return self.kind.noun


def _described(view: JobView[Any]) -> str:
    return setting_words.described(view.config)


def _phase(view: JobView[Any]) -> str:
    newest = view.progress[-1]
    again = f" (attempt {view.attempt})" if view.attempt > 1 else ""
    steps = f"{newest.step} of {newest.steps}" if newest.steps > 1 else ""
    count = f": {newest.note or steps}" if newest.note or steps else ""
    return f"{PHASES[newest.phase]}{count}{again}"


def _counted(what: str) -> Callable[[JobView[Any]], str]:
    def text(view: JobView[Any]) -> str:
        newest = view.progress[-1]
        return f"{newest.step} of {newest.steps} {what} · {newest.message.replace('_', ' ')}"

    return text


def _seed_by_seed(view: ComparisonView) -> str:
    newest = view.progress[-1]
    method = about(newest.message, task_words.titles_by_name(view.config)).title
    pace = seconds_per_part(COMPARISONS, view)
    return f"Seed {newest.step} of {newest.steps}: {method}" + (f" · {pace}" if pace else "")


def _swept(view: SweepView) -> str:
    spec = view.spec
    often = f", {spec.seeds} seeds" if spec.seeds > 1 else ""
    return f"{sweep_title(spec.setting)}, {len(spec.values)} values{often} · {_described(view)}"


def _sampling(view: SamplerBenchmarkView) -> str:
    message = view.progress[-1].message
    if message in list(Algorithm):
        return "The samplers take turns"
    return "Running the reference: Hamiltonian Monte Carlo" if message == REFERENCE else message


def _teachers(view: JobView[Any]) -> str:
    return f"{len(view.config.data.teachers)} teachers"


def _studied_run(view: ShapleyView) -> tuple[str, dict[str, str]]:
    found = store.find(run.KIND, view.config)
    return "influence", {"run": found.id if found else run_id(view.config), "replicates": str(view.spec.seeds)}


def seconds_per_part(words: JobWords[S, V], view: V) -> str:
    """How long a part took, mean over those that are whole; nothing before the first."""
    mean = view.seconds_per_part
    return "" if mean is None else f"{mean:.{0 if mean >= 10 else 1}f} s per {words.part}"


RUNS = JobWords(
    kind=run.KIND,
    what=_described,
    doing=_phase,
    where=lambda view: ("distill", {}),
    advice={State.FAILED: "Change the settings.", State.CRASHED: "Try fewer chains or a smaller student."},
)
COMPARISONS = JobWords(
    kind=comparison.KIND,
    what=lambda view: f"{_described(view)} · {len(view.spec.seeds)} seeds",
    doing=_seed_by_seed,
    part="seed",
    where=lambda view: ("compare", {"view": "baselines", "comparison": view.id}),
    parameter="comparison",
)
SWEEPS = JobWords(
    kind=sweep.KIND,
    what=_swept,
    doing=_counted("runs done"),
    part="run",
    where=lambda view: ("compare", {"view": "sweep", "sweep": view.id}),
    parameter="sweep",
)
SHAPLEY_STUDIES = JobWords(
    kind=shapley.KIND,
    what=lambda view: f"{_teachers(view)} · {_described(view)}",
    doing=_counted("runs done"),
    part="run",
    where=_studied_run,
)
TRAININGS = JobWords(
    kind=training.KIND,
    what=lambda view: f"{_teachers(view)} · {run_words.task_title(view.config.data.task)}",
    doing=_counted("teachers trained"),
    part="teacher",
    where=lambda view: ("teachers", {"data.task": view.config.data.task}),
)
SAMPLER_BENCHMARKS = JobWords(
    kind=sampler_benchmark.KIND,
    what=lambda view: f"{run_words.task_title(view.config.data.task)} · {view.spec.seconds:g} s a sampler",
    doing=_sampling,
    where=lambda view: ("samplers", {"posterior": view.config.data.task, "race": view.id}),
    parameter="race",
)
COVERAGE_STUDIES = JobWords(
    kind=coverage.KIND,
    what=lambda view: f"{view.spec.points} points, the wrong teacher's logits times {view.spec.wrong_factor:g}",
    doing=_counted("settings done"),
    part="setting",
    where=lambda view: ("coverage", {"coverage": view.id}),
    parameter="coverage",
)
CHOICES = JobWords(
    kind=strength.KIND,
    what=_described,
    doing=_phase,
    where=lambda view: ("prior", {"data.task": view.config.data.task, "choice": view.id}),
    parameter="choice",
)
WORDS: tuple[JobWords[Any, Any], ...] = (
    RUNS,
    COMPARISONS,
    SWEEPS,
    SHAPLEY_STUDIES,
    TRAININGS,
    SAMPLER_BENCHMARKS,
    COVERAGE_STUDIES,
    CHOICES,
)
