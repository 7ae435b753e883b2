import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from mtbkd_core.evaluation.errors import jackknife_error
from mtbkd_core.evaluation.predictive import ByChain, summarise
from mtbkd_core.evaluation.shift import MEASURES, SHIFT_SCORES, separation, separations, shift_scores


def test_a_separation_worked_out_by_hand():
    found = separation(torch.tensor([0.1, 0.4, 0.5, 0.8]), torch.tensor([0.6, 0.9, 0.4, 0.7]))
    # for each shifted one, how many of the four own ones are below it, ties counting half
    assert found.auroc == pytest.approx((3 + 4 + 1.5 + 3) / 16)
    assert found.fpr95 == pytest.approx(3 / 4)  # all shifted ones are caught from 0.4 on, with 0.4, 0.5 and 0.8
    # precision at each shifted one, from the top: 1/1, 2/3, 3/4 and, tied with an own one, 4/7
    assert found.aupr == pytest.approx((1 + 2 / 3 + 3 / 4 + 4 / 7) / 4)


def test_a_score_that_knows_nothing_has_an_interval_around_one_half():
    generator = torch.Generator().manual_seed(0)
    found = separation(torch.rand(500, generator=generator), torch.rand(500, generator=generator))
    assert found.auroc_low < 0.5 < found.auroc_high
    # standard error of the AUROC of equal distributions: sqrt((m + n + 1) / (12 m n))
    width = 2 * 1.96 * (1001 / (12 * 500 * 500)) ** 0.5
    assert found.auroc_high - found.auroc_low == pytest.approx(width, rel=0.2)


def spread_of(name, count=60):
    """Spread over data sets of one of the measures, of two normal distributions, and what one of them states."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for _ in range(count):
        own, shifted = torch.randn(400, generator=generator), 1 + torch.randn(300, generator=generator)
        found.append(separation(own, shifted))
    values = torch.tensor([each[name] for each in found], dtype=torch.float64)
    return float(values.std()), sum(each.errors[name].test_set for each in found) / count


@pytest.mark.parametrize("name", list(MEASURES))
def test_the_stated_error_of_a_test_set_is_the_spread_over_test_sets(name):
    spread, stated = spread_of(name)
    assert stated == pytest.approx(spread, rel=0.3)  # the spread of 60 has an error of 9 %


def test_a_resample_of_every_input_once_gives_the_measures_of_scikit_learn():
    generator = torch.Generator().manual_seed(2)
    own, shifted = (torch.randint(0, 40, (n,), generator=generator).double() + move for n, move in ((90, 0), (70, 9)))
    labels, values = torch.cat([torch.zeros(90), torch.ones(70)]), torch.cat([own, shifted])
    false_positive, true_positive, _ = roc_curve(labels, values)
    found = separation(own, shifted)
    assert found.auroc == pytest.approx(roc_auc_score(labels, values))
    assert found.aupr == pytest.approx(average_precision_score(labels, values))
    assert found.fpr95 == pytest.approx(false_positive[(true_positive >= 0.95).argmax()])


def test_the_samplers_error_is_the_jackknife_over_chains_and_widens_the_interval():
    generator = torch.Generator().manual_seed(3)
    own, shifted = torch.randn(4, 80, generator=generator), 1 + torch.randn(4, 60, generator=generator)
    without = list(zip(own, shifted, strict=True))  # as if they were what the six halves of four chains say
    alone, found = (separation(own.mean(0), shifted.mean(0), each, len(each)) for each in ((), without))
    assert alone.errors["aupr"].sampler is None
    expected = jackknife_error([separation(*pair).aupr for pair in without], 4)
    assert found.errors["aupr"].sampler == pytest.approx(expected)
    assert found.auroc_low < alone.auroc_low


def test_every_uncertainty_score_of_a_posterior_has_both_errors():
    generator = torch.Generator().manual_seed(4)
    own, shifted = (torch.randn(3, 6, n, 4, generator=generator).softmax(-1) for n in (50, 40))
    found = separations(summarise(own), summarise(shifted), (ByChain.of(own), ByChain.of(shifted)))
    assert set(found) == set(SHIFT_SCORES)
    assert all(error.sampler > 0 and error.test_set > 0 for each in found.values() for error in each.errors.values())


def test_a_perfect_score_separates_all():
    found = separation(torch.zeros(5), torch.ones(7))
    assert (found.auroc, found.auroc_low, found.auroc_high, found.aupr, found.fpr95) == (1, 1, 1, 1, 0)


@pytest.mark.parametrize("own", [torch.zeros(0), torch.tensor([float("nan")])])
def test_nothing_and_no_numbers_are_refused(own):
    with pytest.raises(ValueError, match="finite"):
        separation(own, torch.ones(3))


def test_scores_are_higher_where_the_student_is_less_sure():
    sure, unsure = torch.tensor([0.98, 0.01, 0.01]), torch.tensor([0.5, 0.3, 0.2])
    draws = torch.stack([torch.stack([sure, unsure]), torch.stack([sure, unsure.roll(1)])])[None]
    found = shift_scores(summarise(draws))
    assert set(found) == set(SHIFT_SCORES)
    for name, values in found.items():
        assert values[1] > values[0], name
