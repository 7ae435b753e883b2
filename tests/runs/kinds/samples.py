"""A small job of each kind, and a computation in the place of the real one that takes no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mtbkd_core import default_config, distillation
from mtbkd_core.common.progress import Phase, Progress, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.strength_path import Point, StrengthChoice
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.job import JobKind, JobSpec
from mtbkd_core.runs.kinds import comparison, coverage, grid, run, sampler_benchmark, shapley, strength, sweep, training
from mtbkd_core.studies import comparison as comparison_study
from mtbkd_core.studies.coverage import Coverage
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score
from mtbkd_core.studies.timed_sampler import TracePoint
from tests.runs.support import FakeResult, config, report

OUTCOME = SamplerTraces(
    [("baoab", TracePoint(0.5, 10, -3.0, None)), ("baoab", TracePoint(1.0, 20, -2.5, 0.1))],
    Reference(10.0, 0.01, -2.0),
    {"baoab": Score(0.1, 20.0, 10.0, -2.5, 0.05), "sgld": Score(problem="it left")},
)


@dataclass
class Steps:
    """What a computation has done, and what is to happen at its steps.

    Attributes:
        done: what was computed, in order.
        at: step -> what happens there, before it is done.
    """

    done: list[Any] = field(default_factory=list)
    at: dict[int, Callable[[], object]] = field(default_factory=dict)

    def take(self, what: Any) -> None:
        self.at.get(len(self.done), lambda: None)()
        self.done.append(what)


def score(config: RunConfig) -> float:
    """An NLL that distinguishes every configuration of these tests; teachers do not count at strength 0."""
    gain = {"digits-0-4": -0.2, "digits-5-9": -0.1, "even-digits": 0.05}
    teachers = config.data.teachers if config.prior.strength else ()
    return 1.0 + config.prior.strength * sum(gain[name] for name in teachers) + config.seed / 100


def metrics_of(config: RunConfig) -> Metrics:
    seconds = {"seconds_warm_start": 1.0, "seconds_sampling": 2.0, "seconds_evaluation": 0.5}
    return Metrics.model_validate(
        {
            "student": {"nll": score(config), "auroc_misclassification": float("nan")},
            "diagnostics": {"r_hat": 1.01 + config.seed / 10, **seconds},
        }
    )


def fake_run(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def distill(going: Any, config: RunConfig, *, on_progress: Any, should_stop: Any, **kept: Any) -> FakeResult:
        for step in (1, 50, 100):
            on_progress(report(step))
            stop_if(should_stop)
            steps.take(step)
        return FakeResult()

    patch.setattr(distillation, "distill_from", distill)


def fake_comparison(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def methods(config: RunConfig, task: object, **named: Any) -> Any:
        def method(name: str, nll: float) -> Any:
            stop_if(named["should_stop"])
            steps.take((config.seed, name))
            return {name: {"nll": config.seed + nll, "accuracy": 0.9, "auroc_misclassification": None} | TUNED}

        return {name: lambda name=name, nll=nll: method(name, nll) for name, nll in METHODS.items()}

    patch.setattr(comparison_study, "load_task", lambda *given, **named: None)
    patch.setattr(comparison_study, "methods", methods)


#: What was chosen for a method, as rows hold it.
TUNED = {"tuned.weight_scale": 0.6, "tuned.validation_nll": 0.3, "tuned.tried": 16.0}
METHODS = {"mt_bkd": 0.0, "no_teacher": 0.1, "mean_kd": 0.2}


def fake_grid(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def each_result(configs: Any, *, on_progress: Any, should_stop: Any, on_problem: Any) -> Any:
        for place, each in enumerate(configs):
            stop_if(should_stop)
            message = f"Settings {place + 1} of 9: Sampling students"
            on_progress(Progress(Phase.SAMPLING, 1, 9, place / len(configs), message))
            steps.take(each)
            yield place, SimpleNamespace(metrics=metrics_of(each))

    patch.setattr(grid, "each_result", each_result)


def fake_training(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def load_task(data: Any, *, on_progress: Any, should_stop: Any) -> Any:
        on_progress(Progress(Phase.TEACHERS, 0, 1, 0.5, "Training: epoch 1 of 2"))
        stop_if(should_stop)
        steps.take(data.teachers)
        logits = SimpleNamespace(logits_test=torch.eye(10))
        return SimpleNamespace(teachers=dict.fromkeys(data.teachers, logits), y_test=torch.arange(10))

    patch.setattr(training, "load_task", load_task)
    patch.setattr(training, "untrained", lambda name: ())


def fake_benchmark(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def run_benchmark(
        config: Any, task: Any, seconds: float, *, on_progress: Any, on_traces: Any, should_stop: Any
    ) -> Any:
        for step in range(3):
            on_progress(Progress(Phase.STUDY, step, 3, step / 3, "baoab"))
            on_traces(SamplerTraces(OUTCOME.points[:1], OUTCOME.reference))
            stop_if(should_stop)
            steps.take((config, seconds))
        return OUTCOME

    patch.setattr(sampler_benchmark, "load_task", lambda *given, **named: None)
    patch.setattr(sampler_benchmark.study, "run_benchmark", run_benchmark)


def fake_coverage(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def coverage_study(replications: int, points: int, *, settings: Any, watch: Any, **named: Any) -> Any:
        (setting,) = settings
        watch(0.5, setting)
        steps.take(setting)
        rows = torch.full((replications,), 0.9)
        return [Coverage(setting, rows, rows / 3, rows / 30, rows + float("inf"), 100 * rows, rows, rows)]

    patch.setattr(coverage.study, "coverage_study", coverage_study)


def fake_choice(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    def choose(prior: Any, student: Any, data: Any, *, seed: int, plan: Any, watch: Any) -> StrengthChoice:
        for step in range(3):
            watch(step, 3)
            steps.take(step)
        how = {"examples": 200, "folds": 10, "scored": 10, "chains": 4, "steps": 100}
        chosen = POINT.model_dump(include={"labels", "strength", "concentration"})
        return StrengthChoice(points=(POINT,), temperature=2.0, **chosen, **how)

    patch.setattr("mtbkd_core.strength.choose_strength", choose)


POINT = Point(labels=2.0, concentration=6.0, strength=1.0, score=-0.2, gap=0.0, error=0.0)


@dataclass(frozen=True)
class Sample:
    """A job of a kind.

    Attributes:
        spec, other: of two jobs; made anew at each call, for they need a home folder.
        fake: puts a computation of at least three steps into the real one's place.
    """

    kind: JobKind[Any, Any]
    spec: Callable[[], Any]
    other: Callable[[], Any]
    fake: Callable[[pytest.MonkeyPatch, Steps], None]


STRENGTHS = ("0.0", "0.5", "1.0")
SAMPLES = {
    sample.kind.noun: sample
    for sample in (
        Sample(run.KIND, config, lambda: config(seed=1), fake_run),
        Sample(
            comparison.KIND,
            lambda: comparison.comparison_spec(config(), (0, 1, 2)),
            lambda: comparison.comparison_spec(config(seed=3, prior__strength=0.5), (0,)),
            fake_comparison,
        ),
        Sample(
            sweep.KIND,
            lambda: sweep.sweep_spec(config(), "prior.strength", STRENGTHS),
            lambda: sweep.sweep_spec(config(), "prior.concentration", ("5.0",)),
            fake_grid,
        ),
        Sample(
            shapley.KIND,
            lambda: shapley.shapley_spec(config(teachers="digits-0-4,even-digits")),
            lambda: shapley.shapley_spec(config()),
            fake_grid,
        ),
        Sample(
            training.KIND,
            lambda: training.training_spec("digits"),
            lambda: training.training_spec("synthetic"),
            fake_training,
        ),
        Sample(
            sampler_benchmark.KIND,
            lambda: sampler_benchmark.sampler_benchmark_spec(default_config("synthetic"), 2.0),
            lambda: sampler_benchmark.sampler_benchmark_spec(default_config("synthetic"), 3.0),
            fake_benchmark,
        ),
        Sample(
            coverage.KIND,
            lambda: coverage.CoverageSpec(points=20, replications=3),
            lambda: coverage.CoverageSpec(points=30, replications=3),
            fake_coverage,
        ),
        Sample(
            strength.KIND,
            lambda: strength.strength_spec(default_config("synthetic")),
            lambda: strength.strength_spec(default_config("synthetic-linear")),
            fake_choice,
        ),
    )
}


def submit(sample: Sample, engine: str = "alive") -> Any:
    view, submission = store.enqueue(sample.kind, sample.spec(), engine=engine)
    assert submission is not None
    return view


def computed(sample: Sample) -> Any:
    """A job after a worker has executed it."""
    view = submit(sample)
    execute(str(view.folder))
    return store.read(sample.kind, view.id)


def former_names(spec: Any) -> dict[str, Any]:
    """config.json of a spec as it was before data settings were one object."""
    content: dict[str, Any] = spec.model_dump(mode="json")
    settings = content["config"] if isinstance(spec, JobSpec) else content
    data = settings.pop("data")
    data["n_train"] = data.pop("n_labelled")
    settings.update(data)
    settings["prior"]["sharpness"] = settings["prior"].pop("softmin_temperature")
    return content
