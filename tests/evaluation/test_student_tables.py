import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd_core.evaluation import student_tables as tables
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.sets import Sets, SetScores
from mtbkd_core.evaluation.shift import Separation, separation

CLASSES = ["0", "1", "2"]


@pytest.fixture
def examples() -> pd.DataFrame:
    mean = np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])
    deviance, total = np.array([2.0, 0.5, 0.1]), np.array([0.6, 0.8, 0.9])
    aleatoric, epistemic = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.3])
    return tables.example_table(np.array([0, 1, 1]), mean, deviance, total, aleatoric, epistemic, CLASSES)


def test_a_prediction_is_right_where_the_posterior_mean_names_the_class(examples: pd.DataFrame) -> None:
    assert examples["predicted"].tolist() == ["0", "2", "1"]
    assert examples["right"].tolist() == [True, False, True]


def test_entropy_by_class_begins_with_the_chosen_example(examples: pd.DataFrame) -> None:
    split = tables.entropy_by_class(examples, chosen=0)
    assert split["name"].tolist() == ["chosen", "0", "1"]
    assert split["aleatoric"].tolist() == pytest.approx([0.4, 0.4, 0.55])
    assert split["epistemic"].tolist() == pytest.approx([0.2, 0.2, 0.3])


def test_sets_are_counted_by_size_and_by_whether_they_hold_the_truth() -> None:
    sets = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=np.uint8)
    assert tables.set_table(sets, np.array([0, 1, 2])).values.tolist() == [[1, 2, 1], [2, 0, 0], [3, 1, 1]]


def test_every_kind_of_set_has_its_coverage_its_error_and_what_it_promises() -> None:
    each = SetScores(level=0.95, coverage=0.96, coverage_error=0.012, size=1.25, size_error=0.03, count=200)
    table = tables.set_scores_table(Sets(credible=each, conformal_by_class=each.updated(always=(2,))), CLASSES)
    assert table["kind"].tolist() == ["Credible", "Conformal, by class"]
    assert table["coverage"].tolist() == ["96.0% ± 1.2%"] * 2
    assert table["size"].tolist() == ["1.2500 ± 0.0300"] * 2
    assert table["promise"][1].endswith("in every set: 2.")


def test_reliability_leaves_out_empty_bins() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    curve = reliability(probabilities, torch.tensor([0, 1, 1]), bins=10)
    table = tables.reliability_table({"student": curve}, {"student": "Student"})
    assert table["count"].tolist() == [1, 2]
    assert table["from"].tolist() == pytest.approx([0.7, 0.8])
    assert table["confidence"].tolist() == pytest.approx([0.8, 0.9])
    assert table["accuracy"].tolist() == [1.0, 0.5]


def test_separation_has_each_shift_and_score_in_the_order_asked_for() -> None:
    rest = {"auroc_low": 0.1, "auroc_high": 0.9, "aupr": 0.4, "fpr95": 0.3}
    aurocs = {"far": {"doubt": 0.6, "deviance": 0.7}, "near": {"doubt": 0.55, "deviance": 0.5}}
    measured = {
        shift: {score: Separation(auroc=value, **rest) for score, value in each.items()}
        for shift, each in aurocs.items()
    }
    titles = {"near": "Near ones", "far": "Far ones"}
    table = tables.separation_table(measured, titles)
    assert table[["shift", "score", "auroc", "aupr", "fpr95"]].values.tolist() == [
        ["Near ones", "Deviance", 0.5, 0.4, 0.3],
        ["Near ones", "1 - maximum probability", 0.55, 0.4, 0.3],
        ["Far ones", "Deviance", 0.7, 0.4, 0.3],
        ["Far ones", "1 - maximum probability", 0.6, 0.4, 0.3],
    ]


def test_separations_are_shown_with_both_errors() -> None:
    found = separation(
        torch.rand(50), 0.5 + torch.rand(40), [(torch.rand(50), 0.5 + torch.rand(40)) for _ in range(3)], 3
    )
    shown = tables.separations_shown({"far": {"deviance": found}}, {"far": "Far ones"})
    error = found.errors["fpr95"]
    assert shown["FPR at 95 %"].tolist() == [f"{found.fpr95:.1%} ± {error.test_set:.1%} (sampler {error.sampler:.1%})"]
    table = tables.separation_table({"far": {"deviance": found}}, {"far": "Far ones"})
    assert table["fpr95_sampler"].tolist() == [error.sampler]


def test_a_density_has_area_1_and_ten_times_the_score_lies_1_to_the_right() -> None:
    bell = 10 ** np.random.default_rng(0).normal(-1, 0.3, 500)
    means = {}
    for name, part in tables.score_density({"test": bell, "others": 10 * bell}).groupby("group"):
        step = np.diff(part["log_score"])[0]
        assert part["density"].sum() * step == pytest.approx(1, abs=0.02)
        means[name] = (part["density"] * part["log_score"]).sum() / part["density"].sum()
    assert means["others"] - means["test"] == pytest.approx(1, abs=0.02)


def test_a_score_of_zero_has_a_density() -> None:
    assert np.isfinite(tables.score_density({"sure": np.array([0.0, 0.0, 1e-3])})["density"]).all()
