"""Weights of the teachers by hand, what the soft targets are, and dropout's masks."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, pad

from mtbkd_core import RunConfig, Task, build_config
from mtbkd_core.baselines.dropout import dropout_mask, with_dropout
from mtbkd_core.baselines.fitting import fit_networks, soft_targets
from mtbkd_core.prior import entropy_weights
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.studies import (
    MEAN_WEIGHT,
    confidence_aware_distillation,
    confidence_weights,
    dropout_distillation,
    entropy_weighted_distillation,
    mean_distillation,
)
from tests.conftest import without_some_labels

QUICK = {"sampler.chains": 3, "student.hidden": "6", "teachers": "digits-0-4,digits-5-9"}


def logits_of(*probabilities: list[float]) -> Tensor:
    """[K, 1, C] logits of K teachers with the given probabilities at one example."""
    return torch.tensor(probabilities, dtype=torch.float64).log()[:, None]


def test_confidence_weights_by_hand() -> None:
    teachers = logits_of([0.5, 0.5], [0.8, 0.2], [0.25, 0.75])
    # exp of the cross-entropy with label 0 is 1 / probability: 2, 1.25 and 4, of 7.25 in all
    found = confidence_weights(teachers, torch.tensor([0]))
    wanted = torch.tensor([[(1 - 2 / 7.25) / 2], [(1 - 1.25 / 7.25) / 2], [(1 - 4 / 7.25) / 2]], dtype=torch.float64)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(found.sum(0), torch.ones(1, dtype=torch.float64))


def test_a_teacher_that_knows_the_label_best_has_the_greatest_confidence_weight(generator: torch.Generator) -> None:
    logits = torch.randn(4, 50, 5, generator=generator)
    labels = torch.randint(5, (50,), generator=generator)
    known = logits.softmax(-1)[:, torch.arange(50), labels]
    weights = confidence_weights(logits, labels)
    assert torch.equal(weights.argsort(0), known.argsort(0))
    torch.testing.assert_close(weights.sum(0), torch.ones(50))


def test_a_hopeless_teacher_has_no_confidence_weight_and_a_single_one_has_all() -> None:
    logits = torch.tensor([[[0.0, 2000.0]], [[0.0, 0.0]], [[0.0, 0.0]]])
    label = torch.tensor([0])
    torch.testing.assert_close(confidence_weights(logits, label), torch.tensor([[0.0], [0.5], [0.5]]))
    assert confidence_weights(logits[:1], label).tolist() == [[1.0]]


def test_the_entropy_weighted_target_by_hand() -> None:
    teachers = logits_of([0.5, 0.5], [0.9, 0.1], [1 / 3, 2 / 3])
    entropy = [math.log(2), -(0.9 * math.log(0.9) + 0.1 * math.log(0.1)), math.log(3) - 2 / 3 * math.log(2)]
    weights = [(1 - h / sum(entropy)) / 2 for h in entropy]
    torch.testing.assert_close(
        entropy_weights(teachers)[:, 0], torch.tensor(weights, dtype=torch.float64), atol=1e-12, rtol=0
    )
    # at temperature 2 a teacher's probabilities are the normalised square roots
    roots = [[1.0, 1.0], [3.0, 1.0], [1.0, math.sqrt(2)]]
    first = sum(w * a / (a + b) for w, (a, b) in zip(weights, roots, strict=True))
    found = soft_targets(teachers, 2.0, entropy_weights(teachers))
    torch.testing.assert_close(found, torch.tensor([[first, 1 - first]], dtype=torch.float64))


def test_the_weighted_mean_teaches_what_the_weighted_losses_teach(generator: torch.Generator) -> None:
    """The published objective sums the teachers' losses; its gradient is that of the weighted mean as the target."""
    teachers = torch.randn(3, 20, 4, generator=generator, dtype=torch.float64)
    student = torch.randn(20, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    weights = confidence_weights(teachers, torch.randint(4, (20,), generator=generator))
    log_q = (student / 2).log_softmax(-1)
    losses = torch.stack([kl_div(log_q, t, reduction="none").sum(-1) for t in (teachers / 2).softmax(-1)])
    (published,) = torch.autograd.grad((weights * losses).sum(), student, retain_graph=True)
    mean = soft_targets(teachers, 2.0, weights)
    (ours,) = torch.autograd.grad(cross_entropy(student / 2, mean, reduction="sum"), student)
    torch.testing.assert_close(ours, published)


def test_teachers_that_agree_make_all_weightings_one(digits: Task) -> None:
    config = build_config({**QUICK, "teachers": "digits-0-4"}.items())
    mean = mean_distillation(config, digits)
    assert torch.equal(entropy_weighted_distillation(config, digits), mean)
    assert torch.equal(confidence_aware_distillation(config, digits), mean)


def test_each_weighting_is_distilled_from_its_own_target(digits: Task) -> None:
    config = build_config(QUICK.items())
    logits = digits.teacher_logits(config.data.teachers)
    pairs = {
        entropy_weighted_distillation: entropy_weights(logits),
        confidence_aware_distillation: confidence_weights(logits, digits.y_train),
    }
    for run, weights in pairs.items():
        networks = fit_networks(config, digits, soft_targets(logits, config.prior.temperature, weights), weight=3.0)
        found = run(config, digits, weight=3.0)
        assert torch.equal(found, networks.probabilities(digits.x_test))
        assert (found - mean_distillation(config, digits, weight=3.0)).abs().max() > 1e-3


def test_entropy_weighted_distillation_does_not_hear_the_settings_of_our_own_prior(digits: Task) -> None:
    config = build_config(QUICK.items())
    changed = build_config(
        [("prior.rule", "fixed"), ("prior.base_weights", "1,3"), ("prior.strength", 0.3)], base=config
    )
    assert torch.equal(entropy_weighted_distillation(config, digits), entropy_weighted_distillation(changed, digits))


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masks_drop_at_their_rate_and_keep_the_mean(rate: float, generator: torch.Generator) -> None:
    mask = dropout_mask((4, 50, 500), rate, generator)
    count = mask.numel()
    dropped = mask == 0
    # 4.5 standard errors of a binomial proportion
    slack = 4.5 * math.sqrt(rate * (1 - rate) / count)
    assert float(dropped.double().mean()) == pytest.approx(rate, abs=slack)
    assert mask[~dropped].unique().tolist() == pytest.approx([1 / (1 - rate)])
    assert float(mask.double().mean()) == pytest.approx(1, abs=slack / (1 - rate))
    # independent between networks, units and examples: neighbours are dropped together at the squared rate
    for a, b in ((dropped[1:], dropped[:-1]), (dropped[:, 1:], dropped[:, :-1]), (dropped[..., 1:], dropped[..., :-1])):
        both = a & b
        error = math.sqrt(rate**2 * (1 - rate**2) * 3 / both.numel())
        assert float(both.double().mean()) == pytest.approx(rate**2, abs=4.5 * error)


def test_masks_are_drawn_anew_at_every_call_and_again_with_the_same_seed(generator: torch.Generator) -> None:
    theta = torch.randn(2, DenseStudent((3, 8, 4), 1.0).n_parameters, generator=generator)
    x = torch.randn(5, 3, generator=generator)
    students = [with_dropout(DenseStudent((3, 8, 4), 1.0), 0.5, torch.Generator().manual_seed(1)) for _ in range(2)]
    first, again = (student.logits(theta, x) for student in students)
    assert torch.equal(first, again)
    assert not torch.equal(first, students[0].logits(theta, x))


@pytest.mark.parametrize("sizes", [(3, 4), (3, 8, 4), (3, 8, 6, 4)])
def test_rate_0_is_the_student_itself(sizes: tuple[int, ...], generator: torch.Generator) -> None:
    plain = DenseStudent(sizes, 1.0)
    theta = torch.randn(2, plain.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    gradient = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    logits, pullback = plain.vjp(theta, x)
    found, own = with_dropout(plain, 0.0, generator).vjp(theta, x)
    torch.testing.assert_close(found, logits)
    torch.testing.assert_close(own(gradient), pullback(gradient))


def test_a_dropped_unit_is_gone_forwards_and_backwards(generator: torch.Generator) -> None:
    """One hidden unit: where it is dropped, the logits are the bias, and the example moves the bias alone."""
    student = with_dropout(DenseStudent((2, 1, 3), 1.0), 0.5, generator)
    theta = torch.randn(1, student.n_parameters, generator=generator)
    x = torch.randn(40, 2, generator=generator)
    logits, pullback = student.vjp(theta, x)
    bias = student.layers(theta)[-1][1][:, :, 0]
    dropped = (logits == bias[:, None]).all(-1)
    assert 5 < int(dropped.sum()) < 35
    moved = student.layers(pullback(dropped[..., None].float().expand_as(logits)))
    assert all(not part.any() for part in (*moved[0], moved[1][0]))
    assert torch.equal(moved[1][1].flatten(), dropped.sum().float().expand(3))
    plain = DenseStudent((2, 1, 3), 1.0).logits(theta, x)
    kept = bias[:, None] + 2 * (plain - bias[:, None])
    torch.testing.assert_close(logits[~dropped], kept[~dropped])


def test_distillation_with_rate_0_is_distillation_without_dropout(digits: Task) -> None:
    config = build_config(QUICK.items())
    found = dropout_distillation(config, digits, rate=0.0, passes=2)
    torch.testing.assert_close(found, mean_distillation(config, digits), atol=5e-3, rtol=0)


def test_dropout_does_nothing_to_a_linear_student(digits: Task) -> None:
    config = build_config({**QUICK, "student.kind": "linear"}.items())
    found = dropout_distillation(config, digits, rate=0.5, passes=2)
    torch.testing.assert_close(found, mean_distillation(config, digits), atol=5e-3, rtol=0)


def test_dropout_predictions_are_means_of_probabilities_and_repeat_with_their_seed(digits: Task) -> None:
    config = build_config(QUICK.items())
    first = dropout_distillation(config, digits, rate=0.2, passes=1)
    both = dropout_distillation(config, digits, rate=0.2, passes=2)
    assert both.shape == (3, len(digits.y_test), 10)
    # the same masks come first, so what is left of the sum is the second pass: probabilities, and others
    second = 2 * both - first
    torch.testing.assert_close(second.sum(-1), torch.ones(second.shape[:2]))
    assert second.min() > -1e-6
    assert (second - first).abs().amax((1, 2)).min() > 0.1
    assert torch.equal(both, dropout_distillation(config, digits, rate=0.2, passes=2))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_an_impossible_rate_is_refused(rate: float, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"^rate must be from 0 to under 1"):
        with_dropout(DenseStudent((2, 3), 1.0), rate, generator)


def test_where_there_is_no_label_teachers_are_trusted_alike() -> None:
    logits = torch.tensor([[[3.0, 0.0], [3.0, 0.0]], [[0.0, 3.0], [0.0, 3.0]]])
    weights = confidence_weights(logits, torch.tensor([0, -1]))
    assert weights[0, 0] > weights[1, 0]
    assert weights[:, 1].tolist() == [0.5, 0.5]


def test_rivals_are_shown_the_examples_without_labels_too(digits: Task) -> None:
    """A linear network's loss has one optimum: that of all soft targets and of the labels that there are."""
    task = without_some_labels(digits, 80)
    config = build_config({**QUICK, "student.kind": "linear", "n_unlabelled": 80}.items())
    teachers = digits.teacher_logits(config.data.teachers).double()
    known = confidence_weights(teachers[:, :120], digits.y_train[:120])
    weightings = {
        mean_distillation: torch.full_like(teachers[..., 0], 0.5),
        entropy_weighted_distillation: entropy_weights(teachers),
        confidence_aware_distillation: torch.cat([known, torch.full_like(known[:, :80], 0.5)], 1),
    }
    for run, weights in weightings.items():
        best = linear_optimum(digits, 120, soft_targets(teachers, config.prior.temperature, weights), config)
        assert (run(config, task) - best).abs().max() < 1e-4


def linear_optimum(task: Task, labelled: int, soft: Tensor, config: RunConfig) -> Tensor:
    """[M, C] on the test examples, of a linear network at the least loss, which is written out here."""
    x, inputs = (pad(part.double(), (0, 1), value=1.0) for part in (task.x_train, task.x_test))
    layer = torch.zeros(task.n_classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([layer], max_iter=500, tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = x @ layer.t()
        hard = cross_entropy(logits[:labelled], task.y_train[:labelled], reduction="sum")
        gentle = cross_entropy(logits / config.prior.temperature, soft, reduction="sum")
        total = hard + MEAN_WEIGHT * gentle + layer.square().sum() / (2 * config.student.weight_scale**2)
        total.backward()
        return total

    optimiser.step(loss)
    return (inputs @ layer.detach().t()).softmax(-1)


def test_networks_fitted_on_minibatches_come_near_those_of_all_examples(digits: Task) -> None:
    """A linear student's objective has one maximum, whatever the gradients are of."""
    config = build_config({**QUICK, "student.kind": "linear"}.items())
    small = build_config([("sampler.warm_start_batch_size", 50)], base=config)
    whole, found = mean_distillation(config, digits), mean_distillation(small, digits)
    assert 0 < (found - whole).abs().max() < 0.1
