"""How many draws an export needs."""

import pytest

from mtbkd_core import Result, Task, UserError
from mtbkd_core.export.draws import Size, choose_draws, measure_sizes, proposed_draws
from mtbkd_core.export.model import build_model
from tests.export.answers import answers, assert_same


def sizes(*changes: float) -> tuple[Size, ...]:
    return tuple(Size(4 * 2**place, 0, 0.9, 0.3, change) for place, change in enumerate(changes))


@pytest.mark.parametrize(
    ("changes", "error", "wanted"),
    [
        ((0.03, 0.02, 0.001, 0.0), 0.01, 16),
        ((0.001, 0.02, 0.001, 0.0), 0.01, 16),  # the first is near by luck
        ((-0.001, 0.002, 0.001, 0.0), 0.01, 4),
        ((0.03, 0.02, 0.02, 0.0), 0.01, 32),
        ((0.001, 0.001, 0.001, 0.0), None, 32),
    ],
)
def test_the_fewest_from_which_on_all_are_level_are_proposed(
    changes: tuple[float, ...], error: float | None, wanted: int
) -> None:
    assert proposed_draws(sizes(*changes), error) == wanted


def test_the_last_size_has_the_runs_own_scores(runs: dict[str, Result], few_digits: Task) -> None:
    result = runs["patches"]
    found = measure_sizes(result, few_digits)
    assert [row.draws for row in found.rows] == [4, 8, 16, 32, 64, 80]
    assert found.rows[-1].nll == pytest.approx(result.metrics.student.nll, abs=1e-5)
    assert found.rows[-1].accuracy == result.metrics.student.accuracy
    assert found.error == pytest.approx(result.metrics.student.errors["nll"].sampler, rel=1e-3)


def test_chosen_draws_are_those_that_predict_takes(runs: dict[str, Result], few_digits: Task) -> None:
    result = runs["linear"]
    few = choose_draws(result, 12)
    assert few.shape[:2] == (4, 3)
    found = answers(build_model(result.student, few), few_digits.x_test)
    assert_same(found, result.predict(few_digits.x_test, max_draws=12))


@pytest.mark.parametrize("count", [0, 3, 81])
def test_a_number_that_cannot_be_is_refused(runs: dict[str, Result], count: int) -> None:
    with pytest.raises(UserError, match=rf"draws: got {count}, allowed: 4 .* to 80"):
        choose_draws(runs["linear"], count)
