import pytest
import torch

from mtbkd_core.evaluation.predictive import summarise
from mtbkd_core.evaluation.shift import SHIFT_SCORES, separation, shift_scores


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
