"""Reweighted draws say what a new posterior with another base weight would."""

import pytest
import torch

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.errors import resampled_scores, resamples
from mtbkd_core.evaluation.reweighting import Change
from mtbkd_core.evaluation.sensitivity import FACTORS, log_importance, sensitivity
from mtbkd_core.prior import MixturePrior, entropy_weights

K, N, C, D = 3, 7, 4, 40


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def teachers() -> torch.Tensor:
    return 2 * torch.randn(K, N, C, generator=generator(1), dtype=torch.float64)


def mixture(base: list[float], rule: str, strength: float = 0.7) -> MixturePrior:
    weights = entropy_weights(teachers(), rule=rule, base=base)
    return MixturePrior.build(teachers(), weights, concentration=6.0, temperature=1.5, strength=strength)


@pytest.mark.parametrize("rule", ["inverse_entropy", "softmin", "fixed"])
def test_the_weights_are_the_ratio_of_the_two_priors(rule: str) -> None:
    base = [0.5, 0.3, 0.2]
    logits = torch.randn(D, N, C, generator=generator(2), dtype=torch.float64)

    def log_prior(weights: list[float]) -> torch.Tensor:
        prior = mixture(weights, rule)
        terms, _ = prior.terms(logits)
        return prior.strength * terms.logsumexp(-2).sum(-1)

    found = log_importance(mixture(base, rule), logits)
    for place, factor in enumerate(FACTORS):
        for teacher in range(K):
            changed = [weight * (factor if k == teacher else 1) for k, weight in enumerate(base)]
            ratio = log_prior(changed) - log_prior(base)
            difference = found[place, teacher] - ratio
            torch.testing.assert_close(difference, difference[0].expand(D))


def test_a_teacher_that_never_explains_the_student_moves_nothing() -> None:
    found = log_importance(mixture([0.5, 0.5, 0.0], "fixed"), torch.randn(D, N, C, generator=generator(3)).double())
    assert (found[:, 2] == 0).all()
    p = torch.rand(4, D // 4, 5, C, generator=generator(4)).softmax(-1)
    quiet = sensitivity(found, p)[2]
    assert quiet.pareto_k == (0.0, 0.0)
    torch.testing.assert_close(quiet.means, p.mean((0, 1)).expand(2, -1, -1).double())
    assert [change.value for change in quiet.changes(lambda mean: float(mean[0, 0]))] == pytest.approx([0, 0])


def test_the_error_of_a_change_is_its_spread_over_new_chains() -> None:
    """Chains of one normal draw of a shift each: the change of a reweighted mean, again and again."""
    changes, errors = [], []
    for seed in range(200):
        noise = torch.randn(8, 50, generator=generator(seed), dtype=torch.float64)
        value = (0.5 + 0.05 * noise + 0.03 * noise[:, :1])[..., None, None]
        (found,) = sensitivity((0.2 * noise).flatten().expand(2, 1, -1), torch.cat([value, 1 - value], -1))
        change = found.changes(lambda mean: float(mean[0, 0]))[0]
        assert change.value is not None
        assert change.sampler is not None
        changes.append(change.value)
        errors.append(change.sampler)
    spread = float(torch.tensor(changes).std())
    assert float(torch.tensor(errors).mean()) == pytest.approx(spread, rel=0.2)


def test_a_change_of_a_score_has_the_paired_error_of_the_test_set() -> None:
    p = torch.rand(4, 10, 50, C, generator=generator(7)).softmax(-1)
    (found,) = sensitivity(0.3 * torch.randn(2, 1, 40, generator=generator(8), dtype=torch.float64), p)
    labels, weights = torch.randint(C, (50,), generator=generator(9)), resamples(50)

    def of(mean: torch.Tensor) -> Array:
        return resampled_scores(mean, labels, weights, "nll")["nll"]

    before = of(found.sums.sum(1)[0])
    for change, mean in zip(found.changes(lambda mean: 0.0, of), found.means, strict=True):
        assert change.test_set == pytest.approx(float((of(mean) - before).std(ddof=1)))


def test_a_change_within_the_error_of_a_test_set_is_not_clear() -> None:
    assert Change(0.01, 0.001, chains=8).clear
    assert not Change(0.01, 0.001, 0.006, chains=8).clear
    assert Change(0.01, 0.001, 0.006, chains=8).clear_here
    assert not Change(0.01, None, 0.001).clear
