"""Numbers of the core, in float64, for random settings of the playground, and the way to hand them to node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, load_task
from mtbkd_core.browser.plane import constants
from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import DataConfig, PriorConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior.from_config import prior_logits, stack_priors, weights_under
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks.synthetic import CURVED, teacher_logits, truth_logits

HERE = Path(__file__).parent
RULES = [rule.value for rule in WeightRule]
#: name in the core -> the playground's teacher
TEACHERS: dict[str, dict[str, Any]] = {
    "north": {"kind": "expert", "angle": 90, "reach": 0.3, "lean": 0},
    "south-west": {"kind": "expert", "angle": 210, "reach": 0.3, "lean": 1},
    "south-east": {"kind": "expert", "angle": 330, "reach": 0.3, "lean": 2},
    "noisy": {"kind": "noisy", "amount": 1},
    "confidently-wrong": {"kind": "wrong", "sharpness": 2},
}


def plane_task(names: list[str], seed: int, labelled: int) -> Task:
    """The plane with some teachers, as the engine loads it."""
    data = DataConfig(task=CURVED.INFO.name, teachers=tuple(names), split_seed=seed, n_labelled=labelled)
    return load_task(data)


def random_case(number: int) -> dict[str, Any]:
    """A setting, the core's data for it, and the core's answers at three random positions."""
    random = np.random.default_rng([20, number])
    count = 1 + number % 4
    names = [str(name) for name in random.permutation(list(TEACHERS))[:count]]
    if number % 3 == 0 and "confidently-wrong" not in names:
        names[-1] = "confidently-wrong"
    prior = PriorConfig(
        rule=WeightRule(RULES[number % len(RULES)]),
        base_weights=tuple(random.uniform(0.2, 2.0, count).round(2).tolist()),
        entropy_temperatures=tuple(random.uniform(0.4, 3.0, count).round(2).tolist()),
        softmin_temperature=float(random.uniform(0.05, 2.0)),
        calibrated_teachers=bool(number % 2),
        concentration=30.0 if number % 5 == 0 else float(random.uniform(0.5, 20.0)),
        temperature=float(random.uniform(0.6, 4.0)),
        strength=0.0 if number % 7 == 0 else float(random.uniform(0.02, 3.0)),
    )
    seed, labelled, hidden, scale = int(random.integers(100)), int(random.choice([5, 40, 150])), 4 + number, 1.2
    task = plane_task(names, seed, labelled)
    x, labels = task.x_train.double(), task.y_train.clone()
    labels[-1] = -1  # one example without a label
    logits = teacher_logits(names, x, swirl=CURVED.swirl, seed=seed)
    student = DenseStudent((2, hidden, 3), scale)
    position = torch.from_numpy(random.standard_normal((3, student.n_parameters)))
    mixture = stack_priors(logits, [prior])
    found = LogPosterior(student, x, labels, mixture)(position)
    assert found.teacher_share is not None
    return {
        "setting": prior_setting(prior, count),
        "teachers": [TEACHERS[name] for name in names],
        "hidden": hidden,
        "scale": scale,
        "seed": seed,
        "labels": labels.tolist(),
        "position": _flat(position),
        "answers": {
            "x": _flat(x),
            "truth": _flat(truth_logits(x, CURVED.swirl)),
            "logits": [_flat(each) for each in logits],
            "weights": _flat(weights_under(logits, prior)),
            "targets": _flat((prior_logits(logits, prior) / prior.temperature).softmax(-1)),
            "log_joint": _flat(found.log_joint),
            "gradient": _flat(found.gradient),
            "shares": _flat(found.teacher_share),
            "responsibilities": _flat(mixture.terms(student.logits(scale * position[:1], x))[0].softmax(-2)),
        },
    }


def prior_setting(prior: PriorConfig, count: int) -> dict[str, Any]:
    """The setting as the browser's modules take it."""
    return {
        "rule": prior.rule.value,
        "base": list(prior.base_weights or [1.0] * count),
        "temperatures": list(prior.entropy_temperatures or [1.0] * count),
        "softmin": prior.softmin_temperature,
        "calibrated": prior.calibrated_teachers,
        "concentration": prior.concentration,
        "temperature": prior.temperature,
        "strength": prior.strength,
    }


def _flat(values: Tensor) -> list[float]:
    found: list[float] = values.flatten().tolist()
    return found


def node(script: str, given: Any, folder: Path) -> Any:
    """What a script of this folder prints as JSON, for what is given as JSON; skips the test where node is absent."""
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed")
    (folder / "given.json").write_text(json.dumps({"plane": constants(), **given}))
    done = subprocess.run([program, str(HERE / script), str(folder / "given.json")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
