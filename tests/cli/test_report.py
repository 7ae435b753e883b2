"""The command `report`."""

import json
from pathlib import Path

import pytest

from mtbkd_core import Task, distill
from mtbkd_core.cli.main import main
from tests.small import small


@pytest.fixture(scope="module")
def saved(few_digits: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    distill(small(), task=few_digits).save(folder)
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return ended.value.code, *capsys.readouterr()


@pytest.mark.usefixtures("trained_home")
def test_it_writes_one_file_and_says_where(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "folder" / "report.html"
    code, printed, _ = call(capsys, "report", str(saved), "--out", str(out), "--json")
    answer = json.loads(printed.splitlines()[-1])
    assert (code, answer["file"], answer["bytes"]) == (0, str(out), out.stat().st_size)
    assert out.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("trained_home")
def test_its_verdict_is_by_the_requirements_of_a_file(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "asked.yaml").write_text("class_accuracy: {at_least: 0.5, min_examples: 100000}")
    out = tmp_path / "report.html"
    call(capsys, "report", str(saved), "--out", str(out), "--requirements", str(tmp_path / "asked.yaml"))
    document = out.read_text()
    assert '<div class="verdict inconclusive">' in document
    assert "set after results of the run had been seen" in document


def test_requirements_that_cannot_be_read_are_one_line(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, printed = call(
        capsys, "report", str(saved), "--out", str(tmp_path / "a.html"), "--requirements", str(tmp_path / "none.yaml")
    )
    assert code == 2
    assert printed.startswith("error: --requirements: ")
    assert len(printed.splitlines()) == 1
