"""The log joint: its value term by term, its gradient against autograd, classic distillation, chains and examples."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import cross_entropy

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.prior import (
    MixturePrior,
    entropy_weights,
    label_pull,
    log_mixture_prior,
    pulls,
    stack_priors,
)
from mtbkd_core.students.base import Pullback
from mtbkd_core.students.mlp import DenseStudent

SIZES = {"linear": (5, 4), "one hidden layer": (5, 3, 4), "two hidden layers": (5, 3, 6, 4)}
SETTINGS = PriorConfig(concentration=9.0, temperature=1.5, strength=0.7)


def scene(
    sizes: tuple[int, ...], generator: torch.Generator, priors: list[PriorConfig] | None = None, teachers: int = 3
) -> tuple[LogPosterior, Tensor, Tensor]:
    """A target with 8 examples in float64, whitened positions of 2 chains, and the teachers' logits [K, N, C]."""
    student = DenseStudent(sizes, weight_scale=0.6)
    x = torch.randn(8, sizes[0], generator=generator, dtype=torch.float64)
    labels = torch.randint(sizes[-1], (8,), generator=generator)
    logits = 2 * torch.randn(teachers, 8, sizes[-1], generator=generator, dtype=torch.float64)
    mixture = stack_priors(logits, priors or [SETTINGS])
    position = torch.randn(2, student.n_parameters, generator=generator, dtype=torch.float64)
    return LogPosterior(student, x, labels, mixture), position, logits


@pytest.fixture(params=SIZES)
def sizes(request: pytest.FixtureRequest) -> tuple[int, ...]:
    return SIZES[request.param]


def written_out(target: LogPosterior, position: Tensor, logits: Tensor, prior: PriorConfig, rows: Tensor) -> Tensor:
    """[S], the log joint term by term, with library functions, of a part of the examples rescaled by N / B."""
    theta = target.student.weight_scale * position
    f = target.student.logits(theta, target.x[rows])
    log_p = -cross_entropy(f.flatten(0, 1), target.labels[rows].repeat(len(f)), reduction="none").view(len(f), -1)
    weights = entropy_weights(logits, rule=prior.rule, base=prior.base_weights)[:, rows]
    log_m = log_mixture_prior(
        f, logits[:, rows], weights, concentration=prior.concentration, temperature=prior.temperature
    )
    scale = len(target.labels) / len(rows)
    gauss = -theta.square().sum(-1) / (2 * target.student.weight_scale**2)
    return scale * (log_p + prior.strength * log_m).sum(-1) + gauss


ALL = torch.arange(8)


def test_the_gaussian_term_is_the_priors_log_density_up_to_a_constant(generator: torch.Generator) -> None:
    target, position, _ = scene((5, 4), generator)
    quiet = replace(target, mixture=None, x=0 * target.x)  # the logits are the biases alone
    moved = position.clone()
    moved[:, 0] += 1.3  # a weight on an input that is zero
    theta, other = 0.6 * position, 0.6 * moved
    gauss = Normal(0, 0.6)
    expected = (gauss.log_prob(other) - gauss.log_prob(theta)).sum(-1)
    torch.testing.assert_close(quiet(moved).log_joint - quiet(position).log_joint, expected)


@pytest.mark.parametrize("rows", [ALL, torch.tensor([6, 1, 4])], ids=["all", "minibatch"])
def test_value_and_gradient_are_those_of_the_formula(
    rows: Tensor, sizes: tuple[int, ...], generator: torch.Generator
) -> None:
    target, position, logits = scene(sizes, generator)
    batch = None if rows is ALL else rows
    position.requires_grad_()
    (expected,) = torch.autograd.grad(written_out(target, position, logits, SETTINGS, rows).sum(), position)
    density = target(position.detach(), batch)
    torch.testing.assert_close(density.gradient, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(density.log_joint, written_out(target, position.detach(), logits, SETTINGS, rows))


def test_the_log_joint_passes_gradcheck_with_its_own_gradient(
    sizes: tuple[int, ...], generator: torch.Generator
) -> None:
    target, position, _ = scene(sizes, generator)

    class Joint(torch.autograd.Function):
        @staticmethod
        def forward(ctx, at: Tensor) -> Tensor:
            density = target(at)
            ctx.save_for_backward(density.gradient)
            return density.log_joint

        @staticmethod
        def backward(ctx, cotangent: Tensor) -> Tensor:
            return cotangent[:, None] * ctx.saved_tensors[0]

    assert torch.autograd.gradcheck(Joint.apply, position.requires_grad_())


def test_pulls_and_the_labels_arrow_add_up_to_the_gradient(sizes: tuple[int, ...], generator: torch.Generator) -> None:
    target, position, logits = scene(sizes, generator)
    f, pullback = target.student.vjp(0.6 * position, target.x)
    arrows = pulls(f, logits, entropy_weights(logits), concentration=9.0, temperature=1.5, strength=0.7)
    on_theta = pullback(label_pull(f, target.labels) + arrows.sum(-3))
    torch.testing.assert_close(target(position).gradient, 0.6 * on_theta - position, rtol=0, atol=1e-10)


def test_one_teacher_is_classic_distillation_of_weight_alpha_lambda(
    sizes: tuple[int, ...], generator: torch.Generator
) -> None:
    """K = 1: minus the gradient of cross-entropy + alpha lambda soft cross-entropy + ||theta||^2 / (2 sigma^2)."""
    target, position, logits = scene(sizes, generator, teachers=1)
    position.requires_grad_()
    f = target.student.logits(0.6 * position, target.x).flatten(0, 1)
    soft = (logits[0] / 1.5).softmax(-1).repeat(2, 1)
    loss = cross_entropy(f, target.labels.repeat(2), reduction="sum")
    loss = loss + 0.7 * 9.0 * cross_entropy(f / 1.5, soft, reduction="sum") + position.square().sum() / 2
    (expected,) = torch.autograd.grad(-loss, position)
    torch.testing.assert_close(target(position.detach()).gradient, expected, rtol=0, atol=1e-6)


def test_strength_zero_is_no_distillation(generator: torch.Generator) -> None:
    target, position, logits = scene((5, 3, 4), generator)
    silent = replace(target, mixture=stack_priors(logits, [PriorConfig(strength=0.0)]))(position)
    alone = replace(target, mixture=None)(position)
    torch.testing.assert_close(silent.log_joint, alone.log_joint)
    torch.testing.assert_close(silent.gradient, alone.gradient)
    assert alone.teacher_share is None


def test_the_anchored_target_is_pulled_to_its_anchor(generator: torch.Generator) -> None:
    target, position, _ = scene((5, 3, 4), generator)
    anchor = torch.randn(position.shape, generator=generator, dtype=torch.float64)
    free, held = target(position), target.anchored(anchor)(position)
    gap = (position.square() - (position - anchor).square()).sum(-1) / 2
    torch.testing.assert_close(held.log_joint, free.log_joint + gap)
    torch.testing.assert_close(held.gradient, free.gradient + anchor)


def test_teacher_shares_are_mean_responsibilities(generator: torch.Generator) -> None:
    target, position, _ = scene((5, 4), generator)
    density = target(position)
    assert density.teacher_share is not None
    assert density.teacher_share.shape == (2, 3)
    torch.testing.assert_close(density.teacher_share.sum(-1), torch.ones(2, dtype=torch.float64))
    assert target.mixture is not None
    terms, _ = target.mixture.terms(target.student.logits(0.6 * position, target.x))
    torch.testing.assert_close(density.teacher_share, terms.softmax(-2).mean(-1))


def test_the_log_likelihood_of_a_label_that_the_student_excludes_keeps_its_value() -> None:
    """Logits of +80 and -80: log p is -160, far below the smallest float32."""
    student = DenseStudent((1, 2), weight_scale=1.0)
    target = LogPosterior(student, torch.zeros(1, 1), torch.tensor([1]), None)
    position = torch.tensor([[0.0, 0.0, 80.0, -80.0]])
    density = target(position)
    assert float(density.log_joint) == pytest.approx(-160 - 6400)
    assert density.gradient.tolist() == [[0.0, 0.0, -81.0, 81.0]]


def test_chains_with_data_of_their_own_equal_separate_evaluations(
    sizes: tuple[int, ...], generator: torch.Generator
) -> None:
    (first, position, _), (second, _, _) = (scene(sizes, generator) for _ in range(2))
    first, second = (replace(each, mixture=None) for each in (first, second))
    both = replace(first, x=torch.stack([first.x, second.x]), labels=torch.stack([first.labels, second.labels]))
    for chain, target in enumerate((first, second)):
        own = slice(chain, chain + 1)
        same(both.of_chains(torch.tensor([chain]))(position[own]), target(position[own]))
        same(chain_of(both(position), chain), target(position[own]))


def same(found: Density, expected: Density) -> None:
    torch.testing.assert_close(found.log_joint, expected.log_joint)
    torch.testing.assert_close(found.gradient, expected.gradient)
    torch.testing.assert_close(found.teacher_share, expected.teacher_share)


def chain_of(density: Density, chain: int) -> Density:
    share = density.teacher_share
    return Density(density.log_joint[[chain]], density.gradient[[chain]], None if share is None else share[[chain]])


BATCHES = pytest.mark.parametrize("batch", [None, torch.tensor([6, 1, 4, 0, 2])], ids=["all", "minibatch"])
PER_CHAIN = [PriorConfig(concentration=c, strength=0.1 * c) for c in (3.0, 6.0, 9.0)]


@BATCHES
@pytest.mark.parametrize("priors", [None, PER_CHAIN], ids=["one prior", "prior per chain"])
@pytest.mark.parametrize(
    ("limit", "value", "threads", "taken"),
    [
        ("_MOST_NUMBERS", 3 * 2 * 12, "1", {(3, 2), (3, 1)}),  # two examples of three chains at a time
        ("_LEAST_WORK_TO_SHARE", 1, "1", {(2, 8), (1, 8), (2, 5), (1, 5)}),  # half of the chains at a time
        ("_LEAST_WORK_TO_SHARE", 1, "2", {(2, 8), (1, 8), (2, 5), (1, 5)}),
    ],
)
def test_a_gradient_in_parts_equals_the_whole(
    limit: str,
    value: int,
    threads: str,
    taken: set[tuple[int, int]],
    batch: Tensor | None,
    priors: list[PriorConfig] | None,
    generator: torch.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, _, _ = scene((5, 3, 6, 4), generator, priors)
    position = torch.randn(3, target.student.n_parameters, generator=generator, dtype=torch.float64)
    whole, seen, vjp = target(position, batch), set[tuple[int, int]](), DenseStudent.vjp

    def noted(self: DenseStudent, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        seen.add((len(theta), len(x)))
        return vjp(self, theta, x)

    monkeypatch.setattr(DenseStudent, "vjp", noted)
    monkeypatch.setenv("MTBKD_THREADS", threads)
    monkeypatch.setattr(f"mtbkd_core.posterior.{limit}", value)
    same(target(position, batch), whole)
    assert len(seen) > (limit == "_LEAST_WORK_TO_SHARE")
    assert seen <= taken


@BATCHES
def test_chains_with_their_own_prior_equal_separate_evaluations(
    batch: Tensor | None, generator: torch.Generator
) -> None:
    target, _, logits = scene((5, 3, 4), generator, PER_CHAIN)
    position = torch.randn(3, target.student.n_parameters, generator=generator, dtype=torch.float64)
    together = target(position, batch)
    for chain, prior in enumerate(PER_CHAIN):
        alone = replace(target, mixture=stack_priors(logits, [prior]))(position[[chain]], batch)
        same(chain_of(together, chain), alone)
        same(target.of_chains(torch.tensor([chain]))(position[[chain]], batch), alone)


SILENT = ALL % 3 == 0


def written_out_without_labels(target: LogPosterior, position: Tensor, logits: Tensor, rows: Tensor) -> Tensor:
    """`written_out` under `SETTINGS`, where the examples of `SILENT` have no label."""
    f = target.student.logits(target.student.weight_scale * position, target.x[rows])
    log_m = log_mixture_prior(f, logits[:, rows], entropy_weights(logits)[:, rows], concentration=9.0, temperature=1.5)
    labelled = ~SILENT[rows]
    index = target.labels[rows][labelled].expand(len(f), -1)[..., None]
    log_p = f.log_softmax(-1)[:, labelled].gather(-1, index).sum((-2, -1))
    return 8 / len(rows) * (log_p + 0.7 * log_m.sum(-1)) - position.square().sum(-1) / 2


@pytest.mark.parametrize("rows", [ALL, torch.tensor([0, 3, 4, 7])])
def test_an_example_without_a_label_has_the_teachers_term_alone(
    rows: Tensor, sizes: tuple[int, ...], generator: torch.Generator
) -> None:
    target, position, logits = scene(sizes, generator)
    leaf = position.clone().requires_grad_()
    expected = written_out_without_labels(target, leaf, logits, rows)
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    batch = None if rows is ALL else rows
    found = replace(target, labels=torch.where(SILENT, -1, target.labels))(position, batch)
    torch.testing.assert_close(found.log_joint, expected.detach())
    torch.testing.assert_close(found.gradient, gradient)


def test_without_teachers_examples_without_labels_change_nothing(generator: torch.Generator) -> None:
    target, position, logits = scene((5, 3, 4), generator, [PriorConfig(strength=0.0)])
    silent = replace(target, labels=torch.where(ALL < 5, target.labels, -1))
    few = LogPosterior(
        target.student, target.x[:5], target.labels[:5], stack_priors(logits[:, :5], [PriorConfig(strength=0.0)])
    )
    torch.testing.assert_close(silent(position).log_joint, few(position).log_joint)
    torch.testing.assert_close(silent(position).gradient, few(position).gradient)


@BATCHES
@pytest.mark.parametrize("limit", ["_MOST_NUMBERS", "_LEAST_WORK_TO_SHARE"])
def test_a_chain_that_sees_some_examples_has_the_posterior_of_these_alone(
    limit: str, batch: Tensor | None, generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, _, _ = scene((5, 3, 4), generator, PER_CHAIN)
    position = torch.randn(3, target.student.n_parameters, generator=generator, dtype=torch.float64)
    seen = (torch.arange(3)[:, None] != ALL % 3).double()
    rows = ALL if batch is None else batch
    monkeypatch.setattr(f"mtbkd_core.posterior.{limit}", 1)
    found = replace(target, seen=seen)(position, batch)
    for chain in range(3):
        alone, own = target.of_chains(torch.tensor([chain])), rows[seen[chain, rows] == 1]
        rest = alone(position[[chain]], own)  # rescaled by 8 / len(own)
        prior = -position[[chain]].square().sum(-1) / 2
        torch.testing.assert_close(
            found.log_joint[[chain]] - prior, (rest.log_joint - prior) * len(own) / len(rows), msg="log joint"
        )
        gradient = (rest.gradient + position[[chain]]) * len(own) / len(rows) - position[[chain]]
        torch.testing.assert_close(found.gradient[[chain]], gradient)
        same(
            replace(target, seen=seen).of_chains(torch.tensor([chain]))(position[[chain]], batch),
            chain_of(found, chain),
        )


@pytest.mark.parametrize("priors", [[SETTINGS], [SETTINGS, PriorConfig(concentration=3.0, temperature=2.0)]])
def test_teachers_of_a_few_of_many_classes_count_the_same_where_only_these_are_worked_out(
    priors: list[PriorConfig], generator: torch.Generator
) -> None:
    target, position, logits = scene((5, 24), generator)
    leading = logits.topk(3, -1).indices
    some = torch.full_like(logits, -torch.inf).scatter(-1, leading, logits.gather(-1, leading))
    some[0, 3, leading[0, 3, 0]] = -torch.inf  # one of a teacher's rows with fewer classes,
    some[1, 4] = -torch.inf  # one that is empty,
    some[:, 5] = -torch.inf  # and an example at which all abstain
    mixture = stack_priors(some, priors)
    compact, f = mixture.compact(), target.student.logits(target.student.weight_scale * position, target.x)
    assert mixture.targets.shape[-1] == 24
    assert compact.targets.shape[-1] == 3
    shifted = f - f.amax(-1, keepdim=True)
    log_m, share, pull = mixture.gradient(*mixture.terms_of_shifted(shifted))
    fast = compact.gradient(*compact.terms_of_shifted(shifted))
    gradient = torch.zeros_like(f)
    compact.add_pull(gradient, fast[2])
    torch.testing.assert_close((fast[0], fast[1], gradient), (log_m, share, pull))
    whole = replace(target, mixture=mixture)(position)
    without = replace(target, mixture=None)(position)
    torch.testing.assert_close(whole.log_joint, without.log_joint + (mixture.strength[..., None] * log_m).sum(-1))


def test_a_teacher_of_a_few_classes_without_weight_has_no_effect(generator: torch.Generator) -> None:
    target, position, logits = scene((5, 24), generator, teachers=2)
    some = logits.masked_fill(torch.arange(24) >= torch.tensor([3, 5])[:, None, None], -torch.inf)
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64)[:, None].expand(2, 8)
    both = replace(target, mixture=MixturePrior.build(some, weights))(position)
    one = replace(target, mixture=MixturePrior.build(some[:1], weights[:1]))(position)
    torch.testing.assert_close((both.log_joint, both.gradient), (one.log_joint, one.gradient))
