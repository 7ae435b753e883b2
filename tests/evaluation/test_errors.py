"""The stated errors of scores are the spread that repeated samplers and repeated test sets have."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.metrics import roc_auc_score

from mtbkd_core.evaluation.errors import (
    Reading,
    bootstrap,
    exact_calibration,
    interval,
    jackknife,
    kept_chains,
    read_difference,
    resampled_scores,
    resamples,
)
from mtbkd_core.evaluation.scores import OF_ALL, scores


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def predictions(count: int, seed: int = 0, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions [count, classes] and labels that are drawn from them."""
    p = (1.5 * torch.randn(count, classes, generator=generator(seed), dtype=torch.float64)).softmax(1)
    return p, torch.multinomial(p, 1, generator=generator(seed + 1))[:, 0]


def test_a_sample_that_holds_every_example_once_gives_the_scores_themselves() -> None:
    p, y = predictions(300)
    found, expected = resampled_scores(p, y, np.ones((1, 300))), scores(p, y)
    assert set(found) == set(OF_ALL)
    for name, values in found.items():
        assert values[0] == pytest.approx(expected[name], abs=1e-6), name  # type: ignore[literal-required]


def test_a_resample_gives_the_scores_of_the_repeated_examples() -> None:
    p, y = predictions(120)
    weights = resamples(120, seed=3, number=2)
    index = torch.from_numpy(np.repeat(np.arange(120), weights[1].astype(int)))
    expected = scores(p[index], y[index])
    exact = {"accuracy", "nll", "brier", "ece", "ece_classwise", "auroc_misclassification"}
    for name, values in resampled_scores(p, y, weights).items():
        if name not in exact:
            continue
        assert values[1] == pytest.approx(expected[name], abs=1e-6), name  # type: ignore[literal-required]


def test_ties_count_half_in_the_auroc() -> None:
    p = torch.tensor([[0.6, 0.4]] * 6 + [[0.9, 0.1]] * 2, dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 1, 0, 1, 0, 0])
    expected = roc_auc_score(y != 0, 1 - p[:, 0])
    assert resampled_scores(p, y, np.ones((1, 8)))["auroc_misclassification"][0] == pytest.approx(expected)


def test_the_test_sets_error_is_the_spread_over_test_sets() -> None:
    each = [scores(*predictions(400, seed)) for seed in range(0, 240, 2)]
    stated = [bootstrap(*predictions(400, seed), seed=seed) for seed in range(0, 40, 2)]
    for name in ("accuracy", "nll", "brier", "auroc_misclassification"):
        spread = np.std([row[name] for row in each], ddof=1)  # type: ignore[literal-required]
        assert np.mean([row[name] for row in stated]) == pytest.approx(spread, rel=0.2), name


def test_the_error_of_a_calibration_error_is_its_spread_where_there_is_one() -> None:
    """Predictions that claim too much; at exact calibration a calibration error has no standard error to speak of."""

    def loud(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        p, y = predictions(400, seed)
        return (3 * p.log()).softmax(1), y

    each = [scores(*loud(seed)) for seed in range(0, 240, 2)]
    stated = [bootstrap(*loud(seed), seed=seed) for seed in range(0, 40, 2)]
    for name in ("ece", "ece_adaptive", "smooth_ece"):
        spread = np.std([row[name] for row in each], ddof=1)  # type: ignore[literal-required]
        assert np.mean([row[name] for row in stated]) == pytest.approx(spread, rel=0.2), name


def test_the_samplers_interval_holds_the_long_run_value_as_often_as_it_says() -> None:
    """Chains' means scatter about a known mean; the interval of a smooth score holds its value in 93 to 97 %."""
    p, y = predictions(60)

    def nll(mean: torch.Tensor) -> dict[str, float | None]:
        return {"nll": float(-mean.gather(1, y[:, None]).log().mean())}

    truth = scores(p, y)["nll"]
    chains, held = 8, 0
    for seed in range(1000):
        noise = 0.05 * torch.randn(chains, 60, 4, generator=generator(seed), dtype=torch.float64)
        means = (p.log() + noise).softmax(-1)
        error = jackknife(means, nll)["nll"]
        assert error is not None
        low, high = interval(nll(means.mean(0))["nll"], error, chains - 1)
        held += low <= truth <= high
    assert 0.93 <= held / 1000 <= 0.97


@pytest.mark.parametrize(("chains", "exact"), [(2, True), (5, True), (8, True), (16, False)])
def test_the_jackknife_of_a_mean_is_its_standard_error(chains: int, exact: bool) -> None:
    """Exactly so where every subset of chains is left out; else on average."""
    ratios = []
    for seed in range(1 if exact else 200):
        means = torch.randn(chains, 1, 1, generator=generator(seed), dtype=torch.float64)
        error = jackknife(means, lambda mean: {"value": float(mean)})["value"]
        ratios.append(error**2 / (float(means.var()) / chains))
    assert np.mean(ratios) == pytest.approx(1, rel=1e-9 if exact else 0.05)


@pytest.mark.parametrize("chains", [2, 3, 8, 9, 16, 33])
def test_every_chain_is_left_out_as_often_as_any_other(chains: int) -> None:
    kept = kept_chains(chains)
    assert (kept.sum(1) == kept[0].sum()).all()
    assert len(kept) <= max(32, chains)
    if chains % int((1 - kept[0]).sum()) == 0:
        assert len(set((len(kept) - kept.sum(0)).tolist())) == 1


def test_the_stated_error_of_an_accuracy_is_neither_nothing_nor_too_large() -> None:
    """An accuracy jumps where an example changes its class: without one chain alone it often does not move at all."""
    base = 0.3 * torch.randn(60, generator=generator(1), dtype=torch.float64)
    values, stated = [], []
    for seed in range(300):
        means = base + 0.05 * torch.randn(8, 60, generator=generator(seed), dtype=torch.float64)
        values.append(float((means.mean(0) > 0).double().mean()))
        stated.append(jackknife(means, lambda mean: {"share": float((mean > 0).double().mean())})["share"])
    assert np.mean(stated) == pytest.approx(np.std(values), rel=0.25)
    assert np.mean(np.array(stated) == 0) < 0.1


def test_one_chain_has_no_error_of_the_sampler() -> None:
    p, y = predictions(20)
    assert jackknife(p[None], lambda mean: {"nll": scores(mean, y)["nll"]}) == {"nll": None}


def test_a_score_that_is_not_defined_has_no_error() -> None:
    p = torch.tensor([[0.9, 0.1]] * 30)
    assert bootstrap(p, torch.zeros(30, dtype=torch.long))["auroc_misclassification"] is None


def test_exactly_calibrated_labels_have_uniform_p_values() -> None:
    values = []
    for seed in range(0, 240, 2):
        p, y = predictions(250, seed)
        values.append(exact_calibration(p, scores(p, y)["ece"], seed).p_value)
    assert kstest(values, "uniform").pvalue > 0.01


def test_predictions_that_claim_too_much_stand_above_exact_calibration() -> None:
    p, y = predictions(600)
    loud = (3 * p.log()).softmax(1)
    found = exact_calibration(loud, scores(loud, y)["ece"])
    assert scores(loud, y)["ece"] > found.high > found.mean
    assert found.p_value < 0.01


def test_the_interval_widens_with_fewer_chains() -> None:
    many, few = interval(0, 1), interval(0, 1, 3)
    assert many == pytest.approx((-1.95996, 1.95996), abs=1e-4)
    assert few[1] == pytest.approx(3.18245, abs=1e-4)
    assert math.isclose(few[0], -few[1])


def test_a_difference_is_read_with_both_errors() -> None:
    def read(test_set: float, sampler: float | None, higher_is_better: bool = False) -> Reading:
        return read_difference(-0.03, test_set, sampler, chains=8, higher_is_better=higher_is_better).verdict

    assert read(0.01, 0.001) is Reading.BETTER
    assert read(0.01, 0.001, higher_is_better=True) is Reading.WORSE
    assert read(0.02, 0.001) is Reading.UNCLEAR
    assert read(0.001, 0.02) is Reading.UNCLEAR
    assert read(0.01, None) is Reading.UNKNOWN
    assert read_difference(None, None, None, chains=8, higher_is_better=True).verdict is Reading.UNKNOWN


def test_two_errors_widen_an_interval_as_squares() -> None:
    found = read_difference(1.0, 0.3, 0.1, chains=4, higher_is_better=True)
    half = math.hypot(1.95996 * 0.3, 3.18245 * 0.1)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half), abs=1e-4)
