"""Costs of a run: bytes are those of files that are made, and the smallest that is level is the one to take away."""

import json

import pytest

from mtbkd_core import Result, Task
from mtbkd_core.export.costs import Costs, measure_costs
from mtbkd_core.export.draws import choose_draws
from mtbkd_core.export.model import build_model
from mtbkd_core.export.package import make_package


@pytest.fixture(scope="module")
def costs(runs: dict[str, Result], few_digits: Task) -> Costs:
    return measure_costs(runs["patches"], few_digits)


def test_the_exported_student_is_the_file_that_an_export_gives(
    costs: Costs, runs: dict[str, Result], few_digits: Task
) -> None:
    config = make_package(runs["patches"], task=few_digits).config
    assert costs.exported.networks == config["draws"] == costs.sizes.proposed
    assert costs.exported.bytes == pytest.approx(config["file"]["bytes"], abs=200)  # the run's name is not in it
    assert costs.exported.scores.nll == pytest.approx(config["scores"]["nll"], abs=1e-6)


def test_bytes_of_other_numbers_of_draws_are_those_of_their_files(
    costs: Costs, runs: dict[str, Result], few_digits: Task
) -> None:
    result = runs["patches"]
    for size in costs.sizes.rows:
        draws = choose_draws(result, size.draws)
        content = build_model(result.student, draws, few_digits.standardisation, result.features)
        assert costs.file_bytes(size) == pytest.approx(len(content), abs=100)


def test_every_row_has_parameters_and_times(costs: Costs, runs: dict[str, Result]) -> None:
    assert [row.title for row in costs.teachers] == ["Digits 0 to 4", "Digits 5 to 9", "Even digits"]
    for row in costs.rows:
        assert row.parameters
        assert row.one is not None
        assert row.thousand is not None
        assert 0 < row.one < row.thousand
    assert costs.posterior.parameters == 80 * (costs.student.parameters or 0)


def test_it_is_json(costs: Costs) -> None:
    found = json.loads(json.dumps(costs.dump()))
    assert found["smallest_level"] == costs.sizes.proposed
    assert [row["draws"] for row in found["sizes"]] == [row.draws for row in costs.sizes.rows]
    assert set(found["exported"]["scores"]) == {"accuracy", "nll"}


def test_size_and_time_beside_the_teachers_are_told_in_words(costs: Costs) -> None:
    assert costs.exported.bytes is not None
    assert costs.beside_teachers.startswith("The file is ")
    assert "For one input it is " in costs.beside_teachers
