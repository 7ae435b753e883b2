"""Rows of scores with errors, and differences of rows: paired over examples and over chains."""

import pytest
import torch

from mtbkd_core.evaluation.errors import Reading, bootstrap, jackknife
from mtbkd_core.evaluation.predictive import ByChain, summarise
from mtbkd_core.evaluation.score_rows import differences, differences_of_runs, score_posterior, score_row, score_teacher
from mtbkd_core.evaluation.scores import OF_ALL, SCORES, posterior_scores, scores

CLASSES, COUNT = 4, 300


@pytest.fixture
def labels(generator: torch.Generator) -> torch.Tensor:
    return torch.randint(CLASSES, (COUNT,), generator=generator)


def draws(labels: torch.Tensor, generator: torch.Generator, sharpness: float = 2.0, chains: int = 6) -> torch.Tensor:
    """[S, 5, M, C] probabilities that lean to the truth; chains differ a little."""
    truth = sharpness * torch.nn.functional.one_hot(labels, CLASSES)
    common = torch.randn(COUNT, CLASSES, generator=generator)
    each = 0.3 * torch.randn(chains, 5, COUNT, CLASSES, generator=generator)
    return (truth + common + each).softmax(-1)


def test_a_posterior_has_both_errors_of_every_score(labels: torch.Tensor, generator: torch.Generator) -> None:
    p, rows = draws(labels, generator), torch.arange(0, COUNT, 2)
    found = score_posterior(summarise(p), labels, ByChain.of(p), rows).scores
    assert found.row == posterior_scores(summarise(p), labels, rows).row
    assert set(found.errors) == set(SCORES)
    assert all(error.test_set > 0 and error.sampler is not None for error in found.errors.values())
    assert found.calibrated_ece is not None
    assert 0 < found.calibrated_ece.mean < found.calibrated_ece.high


def test_the_errors_are_those_of_the_jackknife_and_the_bootstrap(
    labels: torch.Tensor, generator: torch.Generator
) -> None:
    chains = draws(labels, generator).mean(1)
    row = score_row(chains.mean(0), labels, chains)
    sampler = jackknife(chains, lambda mean: scores(mean, labels).row)
    test_set = bootstrap(chains.mean(0), labels)
    for name in OF_ALL:
        assert row.scores.errors[name].sampler == pytest.approx(sampler[name], rel=1e-3, abs=1e-9)
        assert row.scores.errors[name].test_set == pytest.approx(test_set[name])


def test_predictions_without_chains_have_no_error_of_a_sampler(
    labels: torch.Tensor, generator: torch.Generator
) -> None:
    p = draws(labels, generator)
    for row in (
        score_row(p[0, 0], labels),
        score_posterior(summarise(p[:1]), labels, ByChain.of(p[:1]), torch.arange(COUNT)),
    ):
        assert all(error.sampler is None for error in row.scores.errors.values())
        assert all(error.test_set is not None for error in row.scores.errors.values())


def test_a_row_does_not_differ_from_itself(labels: torch.Tensor, generator: torch.Generator) -> None:
    chains = draws(labels, generator).mean(1)
    row = score_row(chains.mean(0), labels, chains)
    for found in differences(row, row).values():
        assert (found.difference, found.sampler, found.test_set) == (0, 0, 0)
        assert found.verdict is Reading.UNCLEAR


def test_a_far_better_row_is_better_in_every_direction(labels: torch.Tensor, generator: torch.Generator) -> None:
    p = draws(labels, generator, sharpness=4)
    good = score_posterior(summarise(p), labels, ByChain.of(p), torch.arange(COUNT))
    bad = score_row(torch.full((COUNT, CLASSES), 1 / CLASSES), labels)
    found = differences(good, bad)
    assert [found[name].verdict for name in ("accuracy", "nll", "brier")] == [Reading.BETTER] * 3
    assert found["nll"].sampler == good.scores.errors["nll"].sampler


def test_of_a_single_chain_a_difference_says_nothing(labels: torch.Tensor, generator: torch.Generator) -> None:
    p = draws(labels, generator, chains=1)
    row = score_posterior(summarise(p), labels, ByChain.of(p), torch.arange(COUNT))
    assert {each.verdict for each in differences(row, score_row(p[0, 0], labels)).values()} == {Reading.UNKNOWN}


def test_two_runs_are_compared_with_both_samplers_errors(labels: torch.Tensor, generator: torch.Generator) -> None:
    first, second = (draws(labels, generator, sharpness).mean(1) for sharpness in (4, 1))
    one, other = (score_row(each.mean(0), labels, each).scores for each in (first, second))
    found = differences_of_runs(one, other, (first.mean(0), second.mean(0)), labels, 6)["nll"]
    assert found.difference == pytest.approx(one.nll - other.nll)
    assert found.sampler == pytest.approx((one.errors["nll"].sampler ** 2 + other.errors["nll"].sampler ** 2) ** 0.5)
    assert found.verdict is Reading.BETTER
    without = differences_of_runs(one, scores(second.mean(0), labels), (first.mean(0), second.mean(0)), labels, 6)
    assert without["nll"].verdict is Reading.UNKNOWN


def test_a_teacher_is_measured_on_the_examples_whose_label_it_knows(
    labels: torch.Tensor, generator: torch.Generator
) -> None:
    said = torch.randn(COUNT, CLASSES, generator=generator).softmax(-1)
    assert score_teacher(said, labels).scores == score_row(said, labels).scores
    said[:, 0] = torch.nan
    said[:30] = torch.nan
    said = said / said.nansum(-1, keepdim=True)
    rows = (labels > 0) & (torch.arange(COUNT) >= 30)
    found = score_teacher(said, labels)
    expected = score_row(said[rows].nan_to_num(0.0), labels[rows])
    assert found.scores.row == expected.scores.row
    assert (found.scores.examples, expected.scores.examples) == (int(rows.sum()), None)
    none = score_teacher(torch.full_like(said, torch.nan), labels)
    assert (none.scores.examples, none.scores.row) == (0, {})
