"""All examples or a minibatch: what follows from what was measured, and that what is measured is the run's gradient."""

from collections.abc import Iterator

import pytest

from mtbkd_core import Task, build_config
from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.studies.batching import choose_batch_size, minibatch_sizes, suggest_batch_size
from tests.conftest import without_some_labels


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({64: 0.005, 200: 0.015}, None),  # all examples are quick
        ({64: 0.005, 128: 0.012, 512: 0.019, 1024: 0.03, 5000: 0.1}, 512),  # the largest that is quick
        ({64: 0.1, 128: 0.08, 5000: 1.0}, 128),  # none is quick, but both are far quicker than all
        ({64: 0.018, 128: 0.02, 200: 0.025}, None),  # a minibatch gains too little
        ({100: 0.5}, None),
    ],
)
def test_the_choice_follows_from_the_cost_of_a_gradient(seconds: dict[int, float], chosen: int | None) -> None:
    assert choose_batch_size(seconds) == chosen


def test_minibatches_are_at_most_half_the_examples() -> None:
    assert minibatch_sizes(100) == []
    assert minibatch_sizes(300) == [64, 128]
    assert minibatch_sizes(100_000) == [64, 128, 256, 512, 1024]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many examples each gradient was of; 100 of them are as good as a tick of the clock that `clock` gives."""
    seen: list[int] = []
    real = LogPosterior.__call__

    def noted(self: LogPosterior, position: object, batch: object = None) -> Density:
        seen.append(len(self.labels) if batch is None else len(batch))  # type: ignore[arg-type]
        return real(self, position, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(LogPosterior, "__call__", noted)
    return seen


def clock(asked: list[int], second_per_example: float) -> Iterator[float]:
    while True:
        yield second_per_example * sum(asked)


def test_each_size_is_measured_on_the_runs_own_gradient(digits: Task, asked: list[int]) -> None:
    ticks = clock(asked, 1e-3)
    found = suggest_batch_size(
        build_config([("device", "cpu"), ("sampler.algorithm", "baoab")]), digits, clock=lambda: next(ticks)
    )
    assert set(asked) == {64, 200}
    assert found.seconds == pytest.approx({64: 0.064, 200: 0.2})
    assert found.batch_size == 64
    assert found.reason == (
        "One gradient of all 200 examples takes 200 ms for 16 chains, more than 20 ms; of 64 it takes 64 ms, though "
        "not within 20 ms. Minibatches are quicker, and their noise makes the posterior too wide: a shorter step size "
        "lessens it."
    )


def test_a_quick_gradient_is_of_all_examples_whatever_the_batch_size_was(digits: Task, asked: list[int]) -> None:
    ticks = clock(asked, 1e-6)
    config = build_config([("device", "cpu"), ("sampler.batch_size", "32")])
    found = suggest_batch_size(config, digits, clock=lambda: next(ticks))
    assert found.batch_size is None
    assert found.reason.endswith("not more than 20 ms: all examples at every step.")


@pytest.mark.parametrize(("unlabelled", "sizes"), [(0, {120}), (50, {64, 170}), (80, {64, 200})])
def test_examples_without_labels_that_are_shown_are_part_of_the_gradient(
    unlabelled: int, sizes: set[int], digits: Task, asked: list[int]
) -> None:
    ticks = clock(asked, 1e-3)
    config = build_config([("device", "cpu"), ("sampler.algorithm", "baoab"), ("n_unlabelled", unlabelled)])
    found = suggest_batch_size(config, without_some_labels(digits, 80), clock=lambda: next(ticks))
    assert set(asked) == set(found.seconds) == sizes
    assert found.batch_size == (64 if unlabelled else None)
    assert f"all {max(sizes)} examples" in found.reason


def test_a_sampler_that_needs_all_examples_is_offered_no_minibatch(digits: Task, asked: list[int]) -> None:
    ticks = clock(asked, 1.0)
    config = build_config([("device", "cpu"), ("sampler.algorithm", "hmc")])
    found = suggest_batch_size(config, digits, clock=lambda: next(ticks))
    assert (found.batch_size, set(asked)) == (None, {200})
    assert "no minibatch is quicker" in found.reason
