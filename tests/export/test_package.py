"""What is taken away: three files that belong together, and what is refused."""

import io
import json
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Result, Task, UserError, distill
from mtbkd_core.export import extra, single
from mtbkd_core.export.package import Package, make_package
from mtbkd_core.imports.data import About, Rows, TableData
from tests.export.answers import answers, assert_same
from tests.small import small


@pytest.fixture(scope="module")
def package(runs: dict[str, Result], few_digits: Task) -> Package:
    return make_package(runs["patches"], task=few_digits)


def test_the_configuration_says_what_is_in_the_file(package: Package, runs: dict[str, Result]) -> None:
    config, content = json.loads(package.files["config.json"]), package.files["student.onnx"]
    assert config["file"]["bytes"] == len(content)
    assert config["file"]["sha256"] == sha256(content).hexdigest()
    assert config["draws"] == config["proposed_draws"]
    assert config["class_names"] == [str(digit) for digit in range(10)]
    assert config["config"] == runs["patches"].config.model_dump(mode="json")
    assert set(config["outputs"]) == {"mean", "low", "high", "deviance", "epistemic", "set"}


def test_the_file_says_what_the_run_says_with_as_many_draws(
    package: Package, runs: dict[str, Result], few_digits: Task
) -> None:
    found = answers(package.files["student.onnx"], few_digits.x_test)
    assert_same(found, runs["patches"].predict(few_digits.x_test, max_draws=package.config["draws"]))


def test_conformal_thresholds_are_for_the_files_own_answers(package: Package, few_digits: Task) -> None:
    own = package.config["sets"]["conformal"]
    mean = answers(package.files["student.onnx"], few_digits.x_test)["mean"]
    labels = few_digits.y_test.numpy()
    held = mean[np.arange(len(labels)), labels] >= own["thresholds"][0] - 1e-5
    assert held.mean() >= own["level"] - 0.1


def test_a_zip_file_holds_the_same_files(package: Package) -> None:
    with zipfile.ZipFile(io.BytesIO(package.zipped())) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == package.files


def test_a_result_writes_the_folder(runs: dict[str, Result], few_digits: Task, tmp_path: Path) -> None:
    config = runs["cnn"].export(tmp_path / "out", task=few_digits, draws=8)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"student.onnx", "README.md", "config.json"}
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == config
    assert config["draws"] == 8


def test_one_network_is_near_the_posterior_and_claims_no_intervals(
    runs: dict[str, Result], few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "STEPS", 300)
    monkeypatch.setattr(single, "ROWS", 800)
    result = runs["mlp"]
    package = make_package(result, task=few_digits, single=True)
    found = answers(package.files["student.onnx"], few_digits.x_test)
    assert set(found) == set(package.config["outputs"]) == {"mean", "deviance", "set"}
    one_draw = result.student.probabilities(result.draws[0, -1:], few_digits.x_test)[0]
    posterior = result.predict(few_digits.x_test).mean
    apart = [float((each - posterior).abs().mean()) for each in (torch.from_numpy(found["mean"]), one_draw)]
    assert apart[0] < apart[1]
    lost = package.config["posterior_minus_single"]["nll"]
    whole = result.metrics.student.nll
    assert whole is not None
    assert whole - package.config["scores"]["nll"] == pytest.approx(lost["difference"], abs=1e-5)


def test_other_data_are_refused(runs: dict[str, Result], few_digits: Task) -> None:
    other = replace(few_digits, x_test=few_digits.x_test.flip(1))
    with pytest.raises(UserError, match="not those that the run was made with"):
        make_package(runs["linear"], task=other)


def test_a_missing_library_is_one_line(
    runs: dict[str, Result], few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "onnxruntime" else True)
    with pytest.raises(UserError, match=r"^export: needs onnxruntime; install with: pip install \.\[export\]$"):
        make_package(runs["linear"], task=few_digits)


def test_an_imported_tables_own_columns_are_the_input() -> None:
    x = 50 + 20 * torch.randn(90, 5, generator=torch.Generator().manual_seed(0))
    labels, logits = torch.arange(90) % 3, {"one": 2 * torch.eye(3)[torch.arange(90) % 3]}
    about = About(
        name="own",
        title="Own",
        description="",
        item="row",
        class_names=("a", "b", "c"),
        teachers={"one": ""},
        fingerprint="0" * 16,
    )
    parts = [Rows(x[part], labels[part], {"one": logits["one"][part]}) for part in (slice(60), slice(60, 90))]
    task = TableData(about, parts[0], parts[1], torch.linspace(0.5, 1.5, 5)).split(["one"], 0, "test", 60)
    result = distill(small(data__teachers="one"), task=task)
    package = make_package(result, task=task)
    found = answers(package.files["student.onnx"], x[60:])
    assert_same(found, result.predict(task.x_test, max_draws=package.config["draws"]))
    assert "licence of the data: not stated" in package.files["README.md"].decode().lower()
