"""Every figure of small runs: `FIGURES` maps a name to a call that draws it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation import student_tables, teacher_tables
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.prior_density import rescaled, simplex_density, two_class_density
from mtbkd_core.evaluation.scores import COMPARED
from mtbkd_core.evaluation.shares import class_scores
from mtbkd_core.evaluation.strength_path import StrengthChoice, compared, smallest_good
from mtbkd_core.figures import decision_map, influence, simplex, teachers, theme, uncertainty, weights
from mtbkd_core.figures.change import draw_changes, draw_moved, draw_two_answers
from mtbkd_core.figures.comparison import draw_forest, draw_verdicts
from mtbkd_core.figures.coverage import draw_coverage
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.figures.out_of_distribution import draw_score_density
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.review import draw_answering
from mtbkd_core.figures.sensitivity import draw_sensitivity
from mtbkd_core.figures.shapley import draw_influence, draw_shapley
from mtbkd_core.figures.shifts import draw_severity, draw_severity_change
from mtbkd_core.figures.strength import draw_strength_path, strength_table
from mtbkd_core.figures.sweep import draw_sweep
from mtbkd_core.figures.two_classes import draw_two_classes
from mtbkd_core.figures.watch import draw_answers, draw_batches, draw_evidence
from mtbkd_core.review.answering import Answering
from mtbkd_core.review.watch import Batch, Share, WatchReport
from mtbkd_core.studies import tables
from mtbkd_core.studies.comparison import Comparison, tabulate
from mtbkd_core.studies.coverage import SETTINGS, Coverage
from mtbkd_core.studies.shapley import contributions

Run = SimpleNamespace
AXIS = np.linspace(-1, 1, 9)
RULES = {"inverse_entropy": "Inverse entropy", "softmin": "Softmin", "fixed": "Fixed"}


def run(k: int, c: int) -> Run:
    """Random numbers of a run of `k` teachers, at most two, on `c` classes with six examples."""
    random = np.random.default_rng(0)
    titles = {name: f"Teacher {name.upper()}" for name in "ab"[:k]}
    return Run(
        titles=titles,
        # hues that stand for nothing else
        colours=dict(zip(titles, (theme.PALETTE[4], theme.PALETTE[6]), strict=False)),
        classes=[f"class {number}" for number in range(c)],
        labels=np.arange(6) % c,
        teachers=random.dirichlet(np.ones(c), (k, 6)),
        mean=random.dirichlet(np.ones(c), 6),
        shares=random.dirichlet(np.ones(k), 6).T,
        pulls=random.normal(size=(k, 6, c)),
        label_pull=random.normal(size=(6, c)),
        positive=random.uniform(0.1, 1, (4, 6)),
        map=random.dirichlet(np.ones(c), (9, 9)),
    )


def comparison(r: Run) -> Comparison:
    """Two seeds: one baseline is better, one worse, one neither, and one score is never defined."""
    nll = {"mt_bkd": (0.2, 0.3), "no_teacher": (0.5, 0.602), "ebkd": (0.1, 0.199)}
    nll |= {f"teacher:{name}": (0.1, 0.41) for name in r.titles}
    rest = {"accuracy": 0.9, "auroc_misclassification": None, "r_hat": 1.1}
    return tabulate(
        "digits", {seed: {name: rest | {"nll": values[seed]} for name, values in nll.items()} for seed in (0, 1)}
    )


def coverage() -> pd.DataFrame:
    """A study in which each setting covers a little less than the one before."""
    r_hat, effective, ones = torch.tensor([1.01, 1.2]), torch.tensor([200.0, 240.0]), torch.ones(2)
    covered = {name: torch.tensor([0.9, 0.94]) - 0.01 * place for place, name in enumerate(SETTINGS)}
    return tables.coverage_table(
        [Coverage(name, share, 0.1 * ones, 0 * ones, r_hat, effective, ones, ones) for name, share in covered.items()]
    )


def choice() -> StrengthChoice:
    """A path of no teacher and two numbers of labels at two concentrations."""
    settings = [PriorConfig(strength=0.0, concentration=4.0, temperature=1.0)]
    settings += [PriorConfig(strength=s / c, concentration=c, temperature=1.0) for s in (1.0, 8.0) for c in (4.0, 12.0)]
    noise = torch.randn(5, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points = compared(settings, torch.tensor([-0.5, -0.4, -0.45, -0.42, -0.6])[:, None] + 0.1 * noise)
    best = smallest_good(points).model_dump(include={"labels", "strength", "concentration"})
    return StrengthChoice(points=points, temperature=1.0, examples=50, folds=5, scored=5, chains=4, steps=60, **best)


def sensitivity(r: Run) -> pd.DataFrame:
    """A clear change of one teacher, and one of another that is not to be relied on."""
    rows = [("a", 0.9, -0.01, 0.002, 0.1, True), ("b", 0.9, 0.02, 0.003, 0.9, True)]
    columns = ["teacher", "factor", "change", "half_width", "pareto_k", "clear"]
    return pd.DataFrame([row for row in rows if row[0] in r.titles], columns=columns)


def shapley(r: Run) -> pd.DataFrame:
    """Values of two seeds beside the cheap measures."""
    subsets = {frozenset[str](): 1.0, frozenset("a"): 0.7, frozenset("b"): 0.9, frozenset("ab"): 0.5}
    found = {subset: value for subset, value in subsets.items() if subset <= set(r.titles)}
    influence = teacher_tables.influence_table(r.shares, r.pulls, r.labels, r.titles)
    return tables.shapley_table(
        [contributions(found), contributions({subset: 1.01 * value for subset, value in found.items()})], influence
    )


def examples(r: Run) -> pd.DataFrame:
    return student_tables.example_table(r.labels, r.mean, *r.positive, r.classes)


def _reliability(r: Run) -> go.Figure:
    probabilities = {"student": r.mean, "teachers_mean": r.teachers.mean(0)}
    probabilities |= {f"teacher:{name}": row for name, row in zip(r.titles, r.teachers, strict=True)}
    labels = torch.from_numpy(r.labels)
    curves = {series: reliability(torch.from_numpy(rows), labels) for series, rows in probabilities.items()}
    titles = {series: r.titles.get(series.removeprefix("teacher:"), series) for series in curves}
    return draw_reliability(student_tables.reliability_table(curves, titles), r.colours)


def _intervals(r: Run) -> go.Figure:
    mean = r.mean[0]
    table = student_tables.interval_table(mean, mean, mean / 2, (1 + mean) / 2, mean > 0.1, r.classes)
    return uncertainty.draw_intervals(table, labels=r.classes[:1], kind="equal-tailed", truth=mean)


def _map(r: Run) -> dict[str, object]:
    points = decision_map.point_table(np.array([[0.1, 0.2]]), np.array([1]), r.classes)
    return {"points": points, "chosen": np.zeros(2)}


def _leading(r: Run) -> go.Figure:
    who = np.arange(81).reshape(9, 9) % len(r.titles)
    return decision_map.draw_leading_teacher(
        AXIS, who, r.map[..., 0], r.titles, r.colours, "weight", probabilities=r.map, chosen=np.zeros(2)
    )


def _three(r: Run) -> np.ndarray:
    """[K, 3], the teachers' shares of three classes; a task of two has a third that is never named."""
    return rescaled(np.pad(r.teachers[:, 0], ((0, 0), (0, 1)))[:, :3])


def _simplex(r: Run) -> go.Figure:
    grid = simplex_density(_three(r), r.shares[:, 0], 6.0, points=11)
    return simplex.draw_simplex(
        grid, "ABC", r.titles, r.colours, r.shares[:, 0], draws=np.eye(3), truth=np.array([0.0, 0, 1])
    )


def _effect(r: Run) -> go.Figure:
    table = pd.DataFrame({"value": [1.0, 100.0], **dict.fromkeys(r.titles, 0.5), "label": 0.9})
    return weights.draw_effect(table, r.titles, r.colours, now=10.0, x="Concentration", logarithmic=True)


def _both_shares(r: Run) -> go.Figure:
    table = teacher_tables.weights_and_responsibilities(r.shares, r.shares[::-1], r.labels, r.classes, r.titles)
    return influence.draw_weights_and_responsibilities(table, r.colours)


def _shares_by_class(r: Run) -> go.Figure:
    table = teacher_tables.shares_by_class(r.shares, r.labels, r.classes, r.titles)
    return weights.draw_shares_by_class(table, r.colours, y="Mean weight")


def _pulls(r: Run) -> go.Figure:
    table = teacher_tables.pulls_of(r.pulls, r.label_pull, r.classes, r.titles)
    return influence.draw_pulls(table, r.colours, x="Class")


def _two_classes(r: Run) -> go.Figure:
    table = two_class_density(r.teachers[:, 0, 0], r.shares[:, 0], concentration=10, strength=1, seen=(3, 1))
    return draw_two_classes(table, [*r.titles.values()], [*r.colours.values()])


def _expertise(r: Run) -> go.Figure:
    each = {
        title: class_scores(found.argmax(-1), r.labels)
        for title, found in zip(r.titles.values(), r.teachers, strict=True)
    }
    table = teacher_tables.expertise(each, r.classes)
    return teachers.draw_table(table, x="Class", hover="%{z:.1%}")


def _sweep(r: Run) -> go.Figure:
    row = dict.fromkeys(COMPARED, 0.3)
    scores = {str(value): [row | {"r_hat": 1.0 + value}, row | {"r_hat": None}] for value in (0.01, 0.1, 1.0)}
    return draw_sweep(scores, "nll", "0.1", x="Strength")


def _watch(r: Run) -> WatchReport:
    """A watch of two batches, the second without labels, with an alarm after its third input."""
    share = Share(0.8, 0.5, 0.9)

    def batch(name: str, known: Share | None) -> Batch:
        means = {"deviance": 0.4, "epistemic": 0.1, "set_size": 1.5}
        return Batch(name, 2, means, dict.fromkeys(means, 0.02), tuple(r.mean[0]), 2, known, known)

    batches = (batch("2", share), batch("4", None))
    evidence = (0.25, 2.0, 30.0, 40.0)
    return WatchReport(4, 3, "why", batch("test set", share), batches, batch("new", share), evidence, (), None, None)


def changed(r: Run) -> pd.DataFrame:
    """Shares of teachers that change clearly."""
    rows = [(name, title, 0.2, 0.4, 0.2, 0.1, 0.3) for name, title in r.titles.items()]
    return pd.DataFrame(rows, columns=["name", "title", "before", "after", "change", "low", "high"])


FIGURES: dict[str, Callable[[Run], go.Figure]] = {
    "draw_answers": lambda r: draw_answers(_watch(r), r.classes),
    "draw_batches": lambda r: draw_batches(_watch(r), "accuracy"),
    "draw_two_answers": lambda r: draw_two_answers(r.mean[0], r.mean[1], r.classes, label=r.classes[0]),
    "draw_changes": lambda r: draw_changes(
        changed(r), title="Share", left="less", right="more", shaded="", colours=r.colours
    ),
    "draw_moved": lambda r: draw_moved(
        AXIS, r.map[..., 0] - 0.5, "Change (nats)", before=r.map, after=r.map[::-1], signed=True, chosen=np.zeros(2)
    ),
    "draw_coverage": lambda r: draw_coverage(coverage(), RULES),
    "draw_decisions": lambda r: decision_map.draw_decisions(AXIS, r.map, r.classes, **_map(r)),
    "draw_deviance": lambda r: uncertainty.draw_deviance(examples(r), chosen=1),
    "draw_score_density": lambda r: draw_score_density({"Test": r.positive[0], "Others": 10 * r.positive[1]}, "Score"),
    "draw_draws": lambda r: simplex.draw_draws(np.eye(3), _three(r), "ABC", r.titles, r.colours),
    "draw_effect": _effect,
    "draw_evidence": lambda r: draw_evidence(_watch(r)),
    "draw_entropy_by_class": lambda r: uncertainty.draw_entropy_by_class(
        student_tables.entropy_by_class(examples(r), chosen=0)
    ),
    "draw_entropy_split": lambda r: uncertainty.draw_entropy_split(examples(r), chosen=1),
    "draw_forest": lambda r: draw_forest(tables.gap_table(comparison(r), r.titles), "nll"),
    "draw_influence": lambda r: draw_influence(shapley(r), r.colours),
    "draw_intervals": _intervals,
    "draw_leading_teacher": _leading,
    "draw_probabilities": lambda r: teachers.draw_probabilities(r.teachers[:, 0], r.classes, r.titles, r.colours),
    "draw_pulls": _pulls,
    "draw_quantity": lambda r: decision_map.draw_quantity(
        AXIS, r.map[..., 0], "Epistemic (nats)", probabilities=r.map, **_map(r)
    ),
    "draw_reliability": _reliability,
    "draw_strength_path": lambda r: draw_strength_path(strength_table(choice())),
    "draw_sets": lambda r: uncertainty.draw_sets(student_tables.set_table(r.mean > 0.2, r.labels)),
    "draw_severity": lambda r: draw_severity(
        pd.DataFrame(
            {
                "severity": [0.0, 1.0],
                "accuracy": [0.9, 0.2],
                "accuracy_error": [0.02, 0.03],
                "deviance": [0.5, 3.0],
                "deviance_error": [0.1, 0.2],
            }
        ),
        severity=0.4,
        unit="°",
    ),
    "draw_severity_change": lambda r: draw_severity_change(
        pd.DataFrame(
            {
                "severity": [0.0, 1.0],
                "accuracy_before": [0.9, 0.2],
                "accuracy_after": [0.9, 0.4],
                "accuracy_change": [0.0, 0.2],
                "accuracy_low": [-0.1, 0.1],
                "accuracy_high": [0.1, 0.3],
            }
        ),
        "accuracy",
        "Accuracy",
        severity=0.4,
        unit="°",
    ),
    "draw_sensitivity": lambda r: draw_sensitivity(
        sensitivity(r), r.titles, r.colours, left="better", right="worse", shaded="left", title="NLL"
    ),
    "draw_answering": lambda r: draw_answering(
        Answering(0.5, 3, 1, 6, ((0.5, 0.0), (1.0, 0.2))), share=0.6, max_risk=0.1
    ),
    "draw_shapley": lambda r: draw_shapley(shapley(r), "nll", r.colours),
    "draw_shares_by_class": _shares_by_class,
    "draw_shares_of_one": lambda r: weights.draw_shares_of_one(r.shares[:, 0], r.shares[:, 1], r.titles, r.colours),
    "draw_simplex": _simplex,
    "draw_sweep": _sweep,
    "draw_table": _expertise,
    "draw_traces": lambda r: draw_traces(r.positive),
    "draw_two_classes": _two_classes,
    "draw_verdicts": lambda r: draw_verdicts(tables.gap_table(comparison(r), r.titles)),
    "draw_weights_and_responsibilities": _both_shares,
}
