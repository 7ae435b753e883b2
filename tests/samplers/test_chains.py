"""Chains that go on from where they stood: the draws are those of chains that had not stopped."""

from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core.common.files import read_tensors, write_tensors
from mtbkd_core.samplers.base import Event, Step
from mtbkd_core.samplers.chains import Chains
from mtbkd_core.samplers.draws import Begun, Collector, Sample, sample
from mtbkd_core.samplers.preconditioner import Preconditioned, make_preconditioner
from tests.samplers.runner import source, within_error
from tests.samplers.scenarios import isotropic
from tests.samplers.test_loop import CHAINS, EACH, MINIBATCH, draw, posterior, settings

WITH_MINIBATCHES = [*EACH.args[1], *MINIBATCH]


def again(chains: Chains, folder: Path) -> Chains:
    """Them, written to a file and read."""
    write_tensors(folder / "chains.safetensors", chains.tensors())
    return Chains.from_tensors(read_tensors(folder / "chains.safetensors"))


def longer(target: Any, asked: Any, kept: Sample, draws: int, folder: Path, **more: Any) -> Sample:
    """Those draws and others, up to so many, by chains that were saved and a source of numbers of another seed."""
    begun = Begun(kept.positions, kept.log_joint, again(kept.chains, folder))
    (found,) = sample(target, torch.empty(CHAINS, 9).double(), asked, source(99), draws=draws, begun=begun, **more)
    return found


@pytest.mark.parametrize("asked", WITH_MINIBATCHES, ids=lambda asked: "-".join(map(str, asked.values())))
@pytest.mark.parametrize("white", [False, True])
def test_chains_that_go_on_draw_what_they_would_have_drawn(asked: dict[str, Any], white: bool, tmp_path: Path) -> None:
    target: Any = posterior()
    if white:
        target = Preconditioned(target, make_preconditioner(target, source(3).normal((CHAINS, 9)), source(4)))
    whole = settings(**{**asked, "draws": 12, "burn_in": 30})
    (expected,) = draw(target, whole)
    (kept,) = draw(target, whole, enough=lambda collector: collector.count == 5)
    assert kept.positions.shape[1] == 5
    found = longer(target, whole, kept, 12, tmp_path)
    assert torch.equal(found.positions, expected.positions)
    assert torch.equal(found.log_joint, expected.log_joint)
    assert (found.gradients, found.step_size) == (expected.gradients, expected.step_size)
    assert (found.acceptance, found.energy_variance) == (expected.acceptance, expected.energy_variance)


@EACH
def test_a_run_that_goes_on_longer_than_asked_is_one_of_more_draws(asked: dict[str, Any], tmp_path: Path) -> None:
    """Decaying steps go on decaying, and a draw stands for as much time as before."""
    target, short = posterior(), settings(**{**asked, "draws": 8, "burn_in": 30})
    (kept,) = draw(target, short)
    seen: list[Step] = []
    found = longer(target, short, kept, 16, tmp_path, watch=seen.append)
    assert torch.equal(found.positions[:, :8], kept.positions)
    assert found.positions.shape[1] == 16
    assert {step.event for step in seen} <= {Event.SAMPLING, Event.DRAW}
    if "schedule" not in asked:
        (whole,) = draw(target, short.model_copy(update={"draws": 16}))
        assert torch.equal(found.positions, whole.positions)


@EACH
def test_the_position_alone_is_enough_to_go_on_in_the_same_posterior(asked: dict[str, Any], tmp_path: Path) -> None:
    """A momentum drawn anew is exact: it does not depend on the position."""
    target, short = isotropic(), settings(**asked, draws=4)
    (kept,) = draw(target, short)
    bare = Chains({"position": kept.chains.position}, kept.chains.number, kept.step_size)
    begun = Begun(kept.positions[..., :9], kept.log_joint, again(bare, tmp_path))
    (found,) = sample(target, kept.chains.position, short, source(7), draws=304, begun=begun)
    later = found.positions[:, 54:, :3]
    within_error(later, torch.zeros(3))


def test_chains_that_leave_after_going_on_keep_the_draws_of_before(tmp_path: Path) -> None:
    target, asked = isotropic(400.0), settings(step_size=0.05, draws=10)
    (kept,) = draw(target, asked, scale=0.05)
    state = {"position": kept.chains.position}
    too_long = Chains(state, kept.chains.number, step_size=0.3, restarts=1)
    begun = Begun(kept.positions, kept.log_joint, again(too_long, tmp_path))
    (found,) = sample(target, kept.chains.position, asked, source(5), draws=60, begun=begun)
    assert torch.equal(found.positions[:, :10], kept.positions)
    assert found.restarts > 1
    assert found.positions.shape[1] == 60
    assert float(found.positions.square().mean()) == pytest.approx(1 / 400, rel=0.25)


def test_a_collector_shows_the_draws_so_far_at_every_draw() -> None:
    seen: list[tuple[int, int]] = []

    def enough(collector: Collector) -> bool:
        seen.append((collector.count, collector.positions.shape[1]))
        return collector.count == 3

    random = source()
    (kept,) = sample(isotropic(), random.normal((CHAINS, 9)), settings(draws=20), random, enough=enough)
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert kept.log_joint.shape == (CHAINS, 3)
