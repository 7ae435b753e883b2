"""Run this on the engine: the playground's setting as an ordinary run, with the same posterior."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd_core import RunConfig, build_config, default_config, load_task
from mtbkd_core.browser.plane import start
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior.from_config import stack_priors
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks.plane_changes import parse
from mtbkd_core.tasks.synthetic import CURVED, teacher_logits
from tests.playground.reference import node


def _with_teachers(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The start's teachers, with changes by name; "_" stands for "-"."""
    return [{**teacher, **changes.get(teacher["name"].replace("-", "_"), {})} for teacher in start()["teachers"]]


#: What a visitor can change beyond the sliders of the prior.
BY_HAND: dict[str, dict[str, Any]] = {
    "points": {"count": 30, "added": [[-2.6, 2.6, 0], [0.01, -0.37, 2]], "edits": {3: [0.5, -1.25, 2], 17: None}},
    "fewer points than the engine draws": {"count": 2, "added": [[1, 1, 0], [-1, 0.5, 1]], "edits": {9: [0, 0, 1]}},
    "the ends of the plane": {"added": [[2.6, -2.6, 1], [2.6, 2.6, 1]]},
    "a region": {"count": 40, "teachers": _with_teachers(north={"angle": 45, "reach": -0.35})},
    "noise and a liar": {
        "count": 25,
        "seed": 3,
        "teachers": _with_teachers(
            noisy={"on": True, "amount": 2.15}, confidently_wrong={"on": True, "sharpness": 3.3}
        ),
    },
    "the ends of what can be dragged": {
        "teachers": _with_teachers(
            north={"angle": 360, "reach": 3},
            south_west={"angle": 0, "reach": -1},
            noisy={"on": True, "amount": 0},
            confidently_wrong={"on": True, "sharpness": 5},
        ),
    },
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Of each change by hand: the playground's log joint at one position, and that of the run that it links to."""
    position = np.random.default_rng(4).standard_normal(195)
    given = {"start": start(), "changes": list(BY_HAND.values()), "position": position.tolist()}
    answers = node("engine_link.mjs", given, tmp_path_factory.mktemp("engine"))
    found = {}
    for name, answer in zip(BY_HAND, answers, strict=True):
        config = _config(answer["parameters"])
        task = load_task(config)
        shapes = parse(config.data.changes).shapes
        x = task.x_train.double()
        logits = teacher_logits(config.data.teachers, x, swirl=CURVED.swirl, seed=config.data.split_seed, shapes=shapes)
        torch.testing.assert_close(task.teacher_logits(config.data.teachers).double(), logits, rtol=1e-4, atol=1e-4)
        student = DenseStudent((2, *config.student.hidden, 3), config.student.weight_scale)
        target = LogPosterior(student, x, task.y_train, stack_priors(logits, [config.prior]))
        found[name] = (answer["joint"], float(target(torch.from_numpy(position)[None]).log_joint))
    return found


@pytest.mark.parametrize("name", BY_HAND)
def test_what_was_changed_by_hand_goes_along(both: dict[str, tuple[float, float]], name: str) -> None:
    browser, engine = both[name]
    assert engine == pytest.approx(browser, rel=1e-6)


def _configs(changes: list[dict[str, Any]], folder: Path) -> list[RunConfig]:
    """What the engine's page makes of the links for some changes of the start."""
    found = node("engine_link.mjs", {"start": start(), "changes": changes}, folder)
    return [_config(one["parameters"]) for one in found]


def _config(parameters: dict[str, Any]) -> RunConfig:
    return build_config([(name, str(value)) for name, value in parameters.items()])


def test_the_start_is_the_plane_tasks_default(tmp_path: Path) -> None:
    (config,) = _configs([{}], tmp_path)
    default = default_config("synthetic")
    assert (config.prior.strength, config.prior.concentration) == (
        default.prior.strength,
        default.prior.concentration,
    )
    assert config.student == default.student
    assert config.data.teachers == default.data.teachers


def test_strength_in_labels_is_the_engines(tmp_path: Path) -> None:
    (config,) = _configs([{"labels": 12, "concentration": 4, "temperature": 2}], tmp_path)
    assert config.prior.strength * config.prior.concentration / config.prior.temperature**2 == pytest.approx(12)


def test_no_teacher_is_strength_0(tmp_path: Path) -> None:
    teachers = [{**teacher, "on": False} for teacher in start()["teachers"]]
    (config,) = _configs([{"teachers": teachers}], tmp_path)
    assert config.prior.strength == 0
