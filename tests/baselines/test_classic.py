"""Classic distillation: the teachers' weights by hand, the soft targets, and the optimum of the objective."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, pad

from mtbkd_core import RunConfig, Task, build_config
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import (
    confidence_aware_distillation,
    confidence_weights,
    entropy_weighted_distillation,
    mean_distillation,
)
from mtbkd_core.baselines.fitting import soft_targets
from mtbkd_core.prior import entropy_weights
from tests.conftest import without_some_labels

WEIGHT = 2.0
SETTINGS = [{"weight_scale": 0.6, "weight": WEIGHT}] * 3
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


def test_entropy_weighted_distillation_ignores_the_weight_settings_of_the_prior(digits: Task) -> None:
    config = build_config(QUICK.items())
    changed = build_config(
        [("prior.rule", "fixed"), ("prior.base_weights", "1,3"), ("prior.strength", 0.3)], base=config
    )
    found, other = (entropy_weighted_distillation(Problem(each, digits), SETTINGS) for each in (config, changed))
    assert torch.equal(found, other)


def test_without_a_label_teachers_have_equal_confidence_weights() -> None:
    logits = torch.tensor([[[3.0, 0.0], [3.0, 0.0]], [[0.0, 3.0], [0.0, 3.0]]])
    weights = confidence_weights(logits, torch.tensor([0, -1]))
    assert weights[0, 0] > weights[1, 0]
    assert weights[:, 1].tolist() == [0.5, 0.5]


def test_each_weighting_finds_the_optimum_of_its_objective_on_labelled_and_unlabelled_examples(digits: Task) -> None:
    """The objective of a linear network has one optimum, found here by another method."""
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
        assert (run(Problem(config, task), SETTINGS) - best).abs().max() < 1e-4


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
        total = hard + WEIGHT * gentle + layer.square().sum() / (2 * config.student.weight_scale**2)
        total.backward()
        return total

    optimiser.step(loss)
    return (inputs @ layer.detach().t()).softmax(-1)


def test_networks_fitted_on_minibatches_come_near_those_of_all_examples(digits: Task) -> None:
    """A linear student's objective has one maximum."""
    config = build_config({**QUICK, "student.kind": "linear"}.items())
    small = build_config([("sampler.warm_start_batch_size", 50)], base=config)
    whole, found = (mean_distillation(Problem(each, digits), SETTINGS) for each in (config, small))
    assert 0 < (found - whole).abs().max() < 0.1
