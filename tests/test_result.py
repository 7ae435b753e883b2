"""A saved result opens again, one of the former format too; damaged files are refused; new inputs are predicted."""

import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Result, UserError, build_config
from mtbkd_core.common.files import read_tensors, write_tensors
from mtbkd_core.evaluation.metrics import Diagnostics, Metrics
from mtbkd_core.evaluation.predictive import summarise, thin
from mtbkd_core.evaluation.scores import PosteriorScores, Scores, scores
from mtbkd_core.evaluation.shift import Separation
from mtbkd_core.result import FORMAT, describe_environment
from tests.made_up import made_up_predictions

FILES = ["config.json", "environment.json", "metrics.json", "posterior.safetensors", "predictions.safetensors"]


@pytest.fixture
def result(generator: torch.Generator) -> Result:
    """A result of 3 chains of 5 draws of a linear student on 4 inputs and 3 classes; its numbers are made up."""
    config = build_config([("student.kind", "linear"), ("sampler.chains", 3), ("sampler.draws", 5)])
    environment = describe_environment(torch.device("cpu")) | {
        "fingerprint": "0" * 16,
        "n_features": 4,
        "class_names": ["a", "b", "c"],
    }
    predictions = made_up_predictions(generator)
    metrics = Metrics(student=PosteriorScores(accuracy=0.5), diagnostics=Diagnostics(r_hat=None))
    return Result(config, metrics, torch.randn(3, 5, 15, generator=generator), predictions, environment)


def test_what_is_saved_is_loaded(result: Result, tmp_path: Path) -> None:
    result.save(tmp_path / "new" / "folder")
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == FILES
    back = Result.load(tmp_path / "new" / "folder")
    assert (back.config, back.metrics, back.environment) == (result.config, result.metrics, result.environment)
    assert torch.equal(back.draws, result.draws)
    saved, loaded = result.predictions.tensors(), back.predictions.tensors()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in saved.items())
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
def test_a_full_disk_is_refused_and_leaves_no_folder_that_looks_whole(
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


def test_a_folder_that_cannot_be_made_is_refused(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        result.save(tmp_path / "file" / "folder")


def test_metrics_have_the_shape_of_the_design_and_no_more_than_was_measured(result: Result) -> None:
    teacher = Scores(nll=0.25, ece=math.nan)
    shifts = {"noise": {"deviance": Separation(auroc=0.9, auroc_low=0.8, auroc_high=1.0, aupr=0.9, fpr95=0.1)}}
    metrics = Metrics(student=result.metrics.student, teachers={"one": teacher}, shifts=shifts)
    saved = metrics.dump()
    assert saved == {
        "student": {"accuracy": 0.5},
        "teacher:one": {"nll": 0.25, "ece": None},
        "shifts": {"noise": {"deviance": shifts["noise"]["deviance"].dump()}},
    }
    assert Metrics.model_validate(saved) == metrics
    assert metrics["teacher:one"]["nll"] == 0.25
    assert (metrics["student"]["nll"], metrics["warm_start"]["nll"], metrics["diagnostics"]["r_hat"]) == (None,) * 3
    assert list(metrics.rows) == ["student", "teacher:one"]
    assert metrics.row == {"accuracy": 0.5, "r_hat": None}


def test_a_run_of_the_former_format_opens_with_every_number_that_it_holds() -> None:
    folder = Path(__file__).parent / "data" / "run-format-1"
    saved = json.loads((folder / "environment.json").read_text())
    assert saved["format"] == 1
    result = Result.load(folder)
    assert (result.config.data.task, result.config.data.n_labelled) == ("synthetic", 10)
    assert result.config.prior.softmin_temperature == 0.5
    assert result.metrics.dump() == json.loads((folder / "metrics.json").read_text())
    tensors = read_tensors(folder / "predictions.safetensors")
    assert result.predictions.tensors().keys() == tensors.keys()
    assert scores(result.predictions.test.mean, result.predictions.test.labels).nll == pytest.approx(
        result.metrics.student.nll
    )
    assert result.predict(torch.zeros(1, 2)).mean.shape == (1, 3)


def test_saving_keeps_a_configuration_of_the_former_format_as_it_is(result: Result, tmp_path: Path) -> None:
    values = result.config.model_dump(mode="json")
    former = json.dumps({**values, **values.pop("data"), "data": {}})
    former = former.replace('"n_labelled"', '"n_train"')
    (tmp_path / "config.json").write_text(former)
    result.save(tmp_path)
    assert (tmp_path / "config.json").read_text() == former
    assert Result.load(tmp_path).config == result.config


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
        (lambda folder: (folder / "metrics.json").write_text("{}"), "student"),
        (lambda folder: write_tensors(folder / "predictions.safetensors", {"x": torch.ones(1)}), "holds no test.mean"),
        (
            lambda folder: edit_environment(folder, format=FORMAT + 1),
            f"format 3.*up to {FORMAT}",
        ),
        (lambda folder: edit_environment(folder, n_features=5), "draws have shape"),
        (lambda folder: edit_environment(folder, class_names=["a"]), "draws have shape"),
        (lambda folder: edit_environment(folder, n_features="four"), "n_features"),
        (lambda folder: edit_environment(folder, class_names=3), "class_names"),
        (lambda folder: edit_config(folder, student={"kind": "mlp", "hidden": [8]}), "draws have shape"),
        (lambda folder: edit_config(folder, seed=-1), "seed"),
        (lambda folder: (folder / "metrics.json").write_text("[1]"), "metrics.json"),
        (lambda folder: write_tensors(folder / "posterior.safetensors", {"other": torch.ones(1)}), "holds no draws"),
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


def test_a_prediction_holds_no_memory_but_its_own(result: Result) -> None:
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


def test_the_environment_names_the_machine_and_versions() -> None:
    environment = describe_environment(torch.device("cpu"))
    assert environment["device"] == "CPU"
    assert environment["torch"] == torch.__version__
    json.dumps(environment)
