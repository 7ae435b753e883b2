"""A result saved is a result loaded; a torn, foreign or missing file is refused; predictions of new inputs."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Result, UserError, build_config
from mtbkd_core.common.files import write_tensors
from mtbkd_core.evaluation.predictive import summarise, thin
from mtbkd_core.result import FORMAT, describe_environment

FILES = ["config.json", "environment.json", "metrics.json", "posterior.safetensors", "predictions.safetensors"]


@pytest.fixture
def result(generator: torch.Generator) -> Result:
    """A result of 3 chains of 5 draws of a linear student on 4 inputs and 3 classes; what it says is made up."""
    config = build_config([("student.kind", "linear"), ("sampler.chains", 3), ("sampler.draws", 5)])
    environment = describe_environment(torch.device("cpu")) | {
        "fingerprint": "0" * 16,
        "n_features": 4,
        "class_names": ["a", "b", "c"],
    }
    metrics = {"student": {"accuracy": 0.5}, "diagnostics": {"r_hat": None}}
    predictions = {"test.mean": torch.rand(7, 3, generator=generator), "test.labels": torch.arange(7) % 3}
    return Result(config, metrics, torch.randn(3, 5, 15, generator=generator), predictions, environment)


def test_what_is_saved_is_loaded(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "new" / "folder")
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == FILES
    back = Result.load(tmp_path / "new" / "folder")
    assert (back.config, back.metrics, back.environment) == (result.config, result.metrics, result.environment)
    assert torch.equal(back.draws, result.draws)
    assert back.predictions.keys() == result.predictions.keys()
    for name, tensor in result.predictions.items():
        assert torch.equal(back.predictions[name], tensor)
    x = torch.rand(6, 4)
    torch.testing.assert_close(back.predict(x).mean, result.predict(x).mean)


def test_metrics_are_written_last(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (written.append(Path(new).name), real(old, new))[1])
    result.save(tmp_path)
    assert sorted(written) == FILES
    assert written[-1] == "metrics.json"


@pytest.mark.parametrize("failing", FILES)
def test_a_full_disk_is_said_and_leaves_no_folder_that_looks_whole(
    failing: str, result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def full(old: Any, new: Any) -> None:
        if Path(new).name == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(old, new)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        result.save(tmp_path)
    assert "metrics.json" not in os.listdir(tmp_path)
    with pytest.raises(UserError):
        Result.load(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        result.save(tmp_path / "file" / "folder")


def test_a_number_that_is_none_is_not_written_as_one(result: Result, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(result, metrics={"student": {"nll": float("nan")}}).save(tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "torn", "empty", "noise"])
def test_a_damaged_file_is_refused_in_one_line_that_names_it(
    name: str, damage: str, result: Result, tmp_path: Path
) -> None:
    result.save(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"torn": whole[: len(whole) // 2], "empty": b"", "noise": b"\xff\xfe\x00"}[damage])
    with pytest.raises(UserError, match=name.replace(".", r"\.")) as caught:
        Result.load(tmp_path)
    assert "\n" not in str(caught.value)


def edit_environment(folder: Path, **changes: Any) -> None:
    path = folder / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: edit_environment(folder, format=FORMAT + 1), f"format {FORMAT + 1}.*reads format {FORMAT}"),
        (lambda folder: edit_environment(folder, n_features=5), "draws have shape"),
        (lambda folder: edit_environment(folder, class_names=["a"]), "draws have shape"),
        (lambda folder: edit_environment(folder, n_features="four"), "n_features"),
        (lambda folder: edit_environment(folder, class_names=3), "class_names"),
        (lambda folder: edit_config(folder, student={"kind": "mlp", "hidden": [8]}), "draws have shape"),
        (lambda folder: edit_config(folder, seed=-1), "seed"),
        (lambda folder: (folder / "metrics.json").write_text("[1]"), "metrics.json"),
        (lambda folder: write_tensors(folder / "posterior.safetensors", {"other": torch.ones(1)}), "no draws"),
        (lambda folder: write_tensors(folder / "posterior.safetensors", {"draws": torch.ones(15)}), "draws have shape"),
    ],
)
def test_a_folder_whose_files_do_not_fit_together_is_refused(
    change: Callable[[Path], Any], words: str, result: Result, tmp_path: Path
) -> None:
    result.save(tmp_path)
    change(tmp_path)
    with pytest.raises(UserError, match=words) as caught:
        Result.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_prediction_holds_no_more_than_what_it_shows(result: Result) -> None:
    found = result.predict(torch.rand(6, 4), memory=3 * 5 * 3 * 4)
    for name, value in vars(found).items():
        assert len(value) == 6
        assert value.untyped_storage().nbytes() == value.numel() * value.element_size(), name


def test_predictions_are_a_summary_of_all_students(result: Result) -> None:
    x = torch.rand(6, 4)
    probabilities = result.student.probabilities(result.draws.flatten(0, 1), x).unflatten(0, (3, 5))
    expected = vars(summarise(probabilities))
    for memory in (1, 2**26):
        for name, value in vars(result.predict(x, memory=memory)).items():
            torch.testing.assert_close(value, expected[name], msg=name)


def test_predictions_of_some_students_take_them_from_every_chain(result: Result) -> None:
    x = torch.rand(6, 4)
    some = result.predict(x, max_draws=6)
    probabilities = result.student.probabilities(thin(result.draws, 6).flatten(0, 1), x)
    torch.testing.assert_close(some.mean, probabilities.mean(0))
    assert not torch.equal(some.mean, result.predict(x).mean)


@pytest.mark.parametrize("x", [torch.zeros(4), torch.zeros(2, 5), torch.tensor([[0, 0, 0, float("nan")]])])
def test_inputs_of_another_width_or_not_finite_are_refused(x: torch.Tensor, result: Result) -> None:
    with pytest.raises(UserError, match=r"x: needs finite numbers of shape \[M, 4\]"):
        result.predict(x)


@pytest.mark.parametrize(("most", "kept"), [(1, 1), (3, 1), (8, 2), (15, 5), (1000, 5)])
def test_thinning_keeps_evenly_spread_draws_up_to_the_last(most: int, kept: int) -> None:
    draws = torch.arange(15).view(3, 5, 1)
    thinned = thin(draws, most)
    assert thinned.shape == (3, kept, 1)
    assert torch.equal(thinned[:, -1], draws[:, -1])
    gaps = thinned[0, :, 0].diff()
    assert (gaps > 0).all()
    assert kept < 3 or gaps.max() - gaps.min() <= 1


def test_the_environment_says_what_computed_it() -> None:
    environment = describe_environment(torch.device("cpu"))
    assert environment["device"] == "CPU"
    assert environment["torch"] == torch.__version__
    json.dumps(environment)
