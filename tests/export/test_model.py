"""The ONNX file says what `Result.predict` says, for every student, from raw inputs, for any number of them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Result, Task, load_task
from mtbkd_core.catalog.settings import default_config
from mtbkd_core.evaluation.predictive import predict
from mtbkd_core.export.model import build_model
from mtbkd_core.proteins.descriptors import describe
from mtbkd_core.result import build_student
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks.inputs import Standardisation
from tests.export.answers import answers, assert_same
from tests.export.conftest import KINDS

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
names = [output.name for output in session.get_outputs()]
numpy.savez(sys.argv[3], **dict(zip(names, session.run(None, {"x": numpy.load(sys.argv[2])}))))
"""


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_says_what_the_run_says(runs: dict[str, Result], few_digits: Task, kind: str) -> None:
    result = runs[kind]
    content = build_model(result.student, result.draws, few_digits.standardisation, result.features)
    assert_same(answers(content, few_digits.x_test), result.predict(few_digits.x_test))


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_any_number_of_inputs_can_be_given(runs: dict[str, Result], few_digits: Task, kind: str, count: int) -> None:
    result = runs[kind]
    found = answers(build_model(result.student, result.draws, None, result.features), few_digits.x_test[:count])
    sizes = {name: value.shape for name, value in found.items()}
    numbers = dict.fromkeys(("mean", "low", "high", "set"), (count, 10))
    assert sizes == numbers | dict.fromkeys(("deviance", "epistemic"), (count,))


@pytest.mark.parametrize(("chains", "draws"), [(1, 1), (1, 2), (3, 1), (2, 41)])
def test_intervals_are_right_for_any_number_of_draws(chains: int, draws: int) -> None:
    student, x = DenseStudent((4, 6, 3), 1.0), random(50, 4)
    theta = random(chains, draws, student.n_parameters)
    assert_same(answers(build_model(student, theta), x), predict(student, theta, x))


def test_raw_inputs_are_standardised_in_the_file() -> None:
    student, raw = DenseStudent((4, 3), 1.0), 100 + 5 * random(80, 4)
    raw[:, 2] = 7  # the same in every example
    standardisation = Standardisation.of(raw[:40], torch.tensor([1.0, 0.5, 1.0, 2.0]))
    raw[79] = 1e6  # further away than any that was seen
    theta = random(2, 5, student.n_parameters)
    found = answers(build_model(student, theta, standardisation), raw)
    assert_same(found, predict(student, theta, standardisation.apply(raw)))


def test_it_runs_where_there_is_no_torch(runs: dict[str, Result], few_digits: Task, tmp_path: Path) -> None:
    result = runs["mlp"]
    (tmp_path / "student.onnx").write_bytes(build_model(result.student, result.draws))
    np.save(tmp_path / "x.npy", few_digits.x_test.numpy())
    paths = [str(tmp_path / name) for name in ("student.onnx", "x.npy", "found.npz")]
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *paths], check=True, cwd=tmp_path)
    assert_same(dict(np.load(tmp_path / "found.npz")), result.predict(few_digits.x_test))


@pytest.mark.slow
def test_proteins_are_described_standardised_and_answered_alike(
    session_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_HOME", str(session_home))
    config = default_config("proteins")
    task = load_task(config)
    assert task.proteins is not None
    raw, x = describe(task.proteins.sequences["test"][:60]), task.x_test[:60]
    student = build_student(config.student, x.shape[1], task.n_classes)
    theta = config.student.weight_scale * random(2, 20, student.n_parameters)
    assert_same(answers(build_model(student, theta, task.standardisation), raw), predict(student, theta, x))
