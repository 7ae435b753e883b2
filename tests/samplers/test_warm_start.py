"""The anchored warm start: Adam's steps, each chain's own optimum, and the spread that they have."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.samplers import warm_start
from mtbkd_core.samplers.base import Event, Step, watched
from mtbkd_core.students.mlp import DenseStudent
from tests.samplers.runner import normal, run, source
from tests.samplers.scenarios import flat


def linear_target(*, teachers: bool = True) -> LogPosterior:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (20,), generator=generator)
    logits = torch.randn(2, 20, 3, generator=generator, dtype=torch.float64)
    mixture = stack_priors(logits, [PriorConfig()]) if teachers else None
    return LogPosterior(DenseStudent((4, 3), weight_scale=1.0), x, labels, mixture)


@pytest.mark.parametrize("teachers", [True, False])
def test_it_climbs_to_the_optimum_of_each_chains_anchored_target(teachers: bool) -> None:
    """A linear student's target is concave: the gradient vanishes there, in a different place for every anchor."""
    target, start = linear_target(teachers=teachers), 2 * normal(6, 15)
    anchored = target.anchored(start)
    end = run(warm_start.build(anchored, steps=600), start, steps=600)[:, -1]
    slope = anchored(end).gradient.norm(dim=-1)
    assert (slope < 1e-2).all()
    assert (slope < 1e-3 * anchored(start).gradient.norm(dim=-1)).all()
    assert torch.pdist(end).min() > 0.5


def test_the_first_steps_are_adams() -> None:
    """Against torch's own Adam with the same settings and the same linear decay."""
    target, start = linear_target(), normal(3, 15)
    parameter = torch.nn.Parameter(start.clone())
    adam = torch.optim.Adam([parameter], lr=0.2, betas=(0.9, 0.99), eps=1e-8, maximize=True)
    decay = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / 10)
    for _ in range(10):
        parameter.grad = target(parameter.detach()).gradient
        adam.step()
        decay.step()
    ours = run(warm_start.build(target, step_size=0.2, steps=10), start, steps=10)[:, -1]
    torch.testing.assert_close(ours, parameter.detach(), rtol=0, atol=1e-8)


def test_nothing_moves_where_there_is_no_slope() -> None:
    start = normal(3, 5)
    assert torch.equal(run(warm_start.build(flat, steps=10), start, steps=10)[:, -1], start)


def test_on_a_gaussian_posterior_it_has_the_posteriors_mean_and_no_more_than_its_spread() -> None:
    """With likelihood precision L and prior N(0, 1), the anchored optimum of u_0 is (L + 1)^-1 (L m + u_0): its mean is
    the posterior's, its spread (L + 1)^-1 in standard deviation, never more than the posterior's (L + 1)^-1/2.
    """
    precision, centre, start = 3.0, 1.5, normal(4000, 2)

    def anchored(position: Tensor, batch: Tensor | None = None) -> Density:
        gradient = -precision * (position - centre) - (position - start)
        return Density(position.new_zeros(len(position)), gradient)

    end = run(warm_start.build(anchored, steps=300), start, steps=300)[:, -1]
    torch.testing.assert_close(end, (precision * centre + start) / (precision + 1), rtol=0, atol=1e-3)


def fitted(target: LogPosterior, start: Tensor, seen: list[Step], **settings: int | None) -> Tensor:
    steps = warm_start.warm_start(target, start, SamplerConfig(**settings), source())  # type: ignore[arg-type]
    return watched(steps, seen.append)


def test_it_shows_the_log_joint_that_is_sampled_next() -> None:
    target, start, seen = linear_target(), normal(3, 15), list[Step]()
    fitted(target, start, seen, warm_start_steps=5)
    assert [(step.event, step.number, step.of) for step in seen] == [(Event.WARM_START, n, 5) for n in range(1, 6)]
    before = [start, *(step.state.position for step in seen)]  # a step shows the place that it starts from
    for step, position in zip(seen, before, strict=False):
        torch.testing.assert_close(step.info.log_joint, target(position).log_joint)


def test_no_steps_leave_the_chains_where_they_are() -> None:
    start = normal(3, 15)
    assert torch.equal(fitted(linear_target(), start, [], warm_start_steps=0), start)


@pytest.mark.parametrize(
    ("sizes", "taken"), [((None, None), {20}), ((4, None), {4}), ((4, 6), {6}), ((None, 6), {6}), ((None, 99), {20})]
)
def test_its_minibatches_are_its_own_or_else_those_of_the_sampling(
    sizes: tuple[int | None, int | None], taken: set[int]
) -> None:
    seen: set[int] = set()

    class Noting(LogPosterior):
        def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
            seen.add(len(self.labels) if batch is None else len(batch))
            return super().__call__(position, batch)

    target = Noting(**vars(linear_target()))
    fitted(target, normal(3, 15), [], warm_start_steps=3, batch_size=sizes[0], warm_start_batch_size=sizes[1])
    assert seen == taken
