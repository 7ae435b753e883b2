"""The command `extend`: by folder and by id, with output as distill's, and what it refuses."""

import json
from pathlib import Path

import pytest

from mtbkd_core import Result
from mtbkd_core.cli.main import main
from mtbkd_core.cli.settings import with_precision
from mtbkd_core.config.models import GOOD_PRECISION
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.support import config

pytestmark = pytest.mark.usefixtures("trained_home")


@pytest.fixture
def folder(own_home: Path, trained_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a small run, in a home of its own."""
    monkeypatch.setenv("MTBKD_HOME", str(own_home))
    (own_home / "teachers").symlink_to(trained_home / "teachers")
    view, _ = store.enqueue(RUN, config(), engine="none")
    execute(str(view.folder))
    return view.folder


def called(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["extend", *words])
    return int(ended.value.code or 0)


def test_a_run_is_extended_by_its_id_or_its_folder_and_keeps_its_id(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for word, whole in ((folder.name, 7), (str(folder), 10)):
        assert called(word, "--draws", "3", "--json") == 0
        answer = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert answer["run"] == folder.name
        assert {"run", "config", "metrics", "seconds"} <= set(answer)
        assert Result.load(folder).draws.shape[1] == whole
        assert answer["metrics"] == Result.load(folder).metrics.dump()
    assert called(folder.name, "--seconds", "0.000001") == 0
    assert "saved in" in capsys.readouterr().out


def test_a_precision_and_seconds_end_it_together(folder: Path) -> None:
    assert called(folder.name, "--until", "--seconds", "0.000001") == 0
    assert Result.load(folder).sampling["ended_by"] == "budget_seconds"
    assert called(folder.name, "--until", "0.4") == 0
    result = Result.load(folder)
    assert result.sampling["ended_by"] == "until"
    assert result.sampling["precision"] <= 0.4


@pytest.mark.parametrize("behind", [[], ["--json"], ["-h"]])
def test_a_precision_without_a_number_is_the_default_one(behind: list[str]) -> None:
    assert with_precision(["extend", "x", "--until", *behind]) == ["extend", "x", "--until", "0.005", *behind]
    assert GOOD_PRECISION == 0.005
    assert with_precision(["--until", "0.01", *behind]) == ["--until", "0.01", *behind]


def test_what_cannot_be_extended_is_refused_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (("0" * 16,), "no such run"),
        ((folder.name, "--draws", "3", "--seconds", "1"), "allowed: one of them"),
        ((folder.name, "--draws", "3", "--until"), "--draws and --until; allowed: one of them"),
        ((folder.name, "--until", "0"), "needs a number above 0"),
        ((folder.name, "--draws", "0"), "needs a number above 0"),
    ):
        assert called(*words) == 2
        assert said in capsys.readouterr().err
