"""The command `watch`: one line of JSON and an exit status for a scheduler."""

import csv
import json
from pathlib import Path

import pytest
import torch

from mtbkd_core import Task, distill
from mtbkd_core.cli import watch
from mtbkd_core.cli.main import main
from tests.small import small


@pytest.fixture
def saved(few_digits: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watch, "load_task", lambda *given, **named: few_digits)
    distill(small(), task=few_digits).save(tmp_path / "run")
    return tmp_path / "run"


def write(path: Path, x: torch.Tensor, labels: list[str]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"pixel{place}" for place in range(x.shape[1])), "digit"])
        writer.writerows([*row, label] for row, label in zip(x.tolist(), labels, strict=True))
    return str(path)


def call(*words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return ended.value.code


def test_inputs_like_the_test_set_end_with_status_0(
    saved: Path, few_digits: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = [str(label) for label in few_digits.y_test.tolist()]
    file = write(tmp_path / "new.csv", few_digits.x_test, ["", *labels[1:]])
    assert call("watch", str(saved), "--inputs", file, "--labels", "digit", "--json") == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["alarm"], answer["reason"], answer["seen"]) == (False, None, 40)
    assert answer["batches"][0]["labelled"] == 39


def test_drift_ends_with_status_3(
    saved: Path, few_digits: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "new.csv", torch.rand(400, 64, generator=torch.Generator().manual_seed(0)), [""] * 400)
    assert call("watch", str(saved), "--inputs", file, "--labels", "digit", "--json") == 3
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["alarm"] is True
    assert answer["reason"]


def test_what_cannot_be_is_one_line_and_status_2(
    saved: Path, few_digits: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "new.csv", few_digits.x_test[:3], ["1", "x", ""])
    assert call("watch", str(saved), "--inputs", file) == 2
    assert call("watch", str(saved), "--inputs", file, "--labels", "digit") == 2
    assert call("watch", str(saved), "--inputs", file, "--labels", "nowhere") == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())
