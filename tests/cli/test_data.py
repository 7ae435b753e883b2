"""The commands about data: a rebuild says "identical" or what differs by teacher, and replaces when told to."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core.catalog import registry
from mtbkd_core.cli.main import main
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop
from mtbkd_core.teachers import shipped


@dataclass
class Toys:
    """A task that ships what its teachers say, and can be downloaded."""

    shift: float = 0.0

    def origin(self) -> shipped.Origin:
        return shipped.Origin("made here", "none", "place")

    def rebuild(self, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> dict[str, Tensor]:
        assert on_progress is not None
        on_progress(Progress(Phase.TEACHERS, 1, 1, 1.0, "Training teacher 1 of 1: One"))
        logits = torch.tensor([[1.0, 0.0], [0.0, 2.0]]) + torch.tensor([[self.shift, 0.0], [0.0, 0.0]])
        return {"index": torch.tensor([3, 5], dtype=torch.int32), "one": logits.half(), "two": torch.ones(2, 2).half()}

    def can_fetch(self) -> bool:
        return True

    def fetch(self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> Path:
        return Path("/somewhere/toys")


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toys:
    monkeypatch.setattr(shipped, "DATA", tmp_path / "data")
    toys = Toys()
    monkeypatch.setitem(registry._BUILT_IN, "toys", toys)  # type: ignore[arg-type]
    return toys


def status(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


def test_a_rebuild_is_identical_or_says_which_teacher_differs_and_by_how_much(
    toys: Toys, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("rebuild", "toys", "--write") == 0
    assert capsys.readouterr().out == "toys-teachers.safetensors: written\n"
    assert status("rebuild", "toys") == 0
    said = capsys.readouterr()
    assert said.out == "toys-teachers.safetensors: identical\n"
    assert "Training teacher 1 of 1: One" in said.err
    toys.shift = 0.25
    assert status("rebuild", "toys") == 1
    out = capsys.readouterr().out
    assert "toys-teachers.safetensors: one: 1 of 4 logits differ, by at most 0.25\n" in out
    assert "kept; --write replaces it" in out
    assert shipped.read("toys")["one"][0, 0] == 1.0


def test_write_replaces_what_differs(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    status("rebuild", "toys", "--write")
    toys.shift = 0.25
    assert status("rebuild", "toys", "--write") == 0
    assert "replaced" in capsys.readouterr().out
    assert shipped.read("toys")["one"][0, 0] == 1.25


def test_what_differs_is_explained_by_what_it_was_made_with_where_that_differs(
    toys: Toys, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    status("rebuild", "toys", "--write")
    toys.shift = 0.25
    status("rebuild", "toys")
    assert "made with" not in capsys.readouterr().out
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert status("rebuild", "toys", "--write") == 0
    assert "toys-teachers.safetensors: made with instructions AVX2 (here AVX512)\n" in capsys.readouterr().out
    assert shipped.other_environment("toys") is None


def test_json_is_the_last_line(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    status("rebuild", "toys", "--write")
    status("rebuild", "toys", "--json")
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"task": "toys", "file": "toys-teachers.safetensors", "identical": True, "differences": []}


def test_an_absent_file_and_a_task_that_ships_none_are_refused(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("rebuild", "toys") == 2
    assert "toys-teachers.safetensors: not there" in capsys.readouterr().err
    assert status("rebuild", "digits") == 2
    assert capsys.readouterr().err.startswith("error: task: digits ships no teachers' outputs; allowed: ")
    assert status("fetch", "digits") == 2
    assert "the data of digits is not downloaded; allowed: " in capsys.readouterr().err


def test_fetch_says_where_the_data_is(toys: Toys, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("fetch", "toys") == 0
    assert capsys.readouterr().out == "toys: its data is in /somewhere/toys\n"
