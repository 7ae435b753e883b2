"""The command line, as a person or a script calls it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from mtbkd_core import Result, RunConfig, Task, build_config, default_config
from mtbkd_core.baselines.registry import BASELINES
from mtbkd_core.cli.main import main
from mtbkd_core.cli.settings import read_config
from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.means import mean_over
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.runs.kinds.run import run_id
from mtbkd_core.strength import Plan
from mtbkd_core.studies import comparison
from mtbkd_core.studies.comparison import Comparison, Difference
from mtbkd_core.studies.tuning import Tuned

QUICK = {
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 10,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 50,
    "sampler.burn_in": 10,
}
SET = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]


class Called(NamedTuple):
    """What a call of the command line left."""

    status: object
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """Call it in this process: `call("tasks", "--json")`."""

    def run(*words: str) -> Called:
        with pytest.raises(SystemExit) as ended:
            main([*words])
        return Called(ended.value.code, *capsys.readouterr())

    return run


def last_json(output: str) -> dict[str, Any]:
    return json.loads(output.splitlines()[-1])


def test_distill_ends_with_one_json_object_and_saves_what_it_says(
    call: Callable[..., Called], trained_home: Path, tmp_path: Path
) -> None:
    done = call("distill", "--task", "digits", *SET, "--out", str(tmp_path / "run"), "--json")
    assert done.status == 0, done.err
    answer = last_json(done.out)
    assert set(answer) == {"run", "config", "metrics", "seconds"}
    config = build_config(QUICK.items())
    assert RunConfig.model_validate(answer["config"]) == config
    assert answer["run"] == run_id(config)
    assert 0.5 < answer["metrics"]["student"]["accuracy"] <= 1
    assert answer["metrics"] == Result.load(tmp_path / "run").metrics.dump()
    assert "Sampling students" in done.err


@pytest.mark.usefixtures("short_fits", "quick_tuning")
def test_compare_ends_with_one_json_object_that_holds_the_whole_table(
    call: Callable[..., Called], few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: few_digits)
    done = call("compare", "--task", "digits", *SET, "--seeds", "1", "--json")
    assert done.status == 0, done.err
    answer = last_json(done.out)
    assert set(answer) == {"task", "seeds", "methods", "paired", "tuned", "means", "left_out", "config"}
    assert answer["left_out"] == []
    assert (answer["task"], answer["seeds"]) == ("digits", [0])
    teachers = {f"teacher:{name}" for name in build_config().data.teachers}
    means = {"teachers_mean", "teachers_weighted"}
    every = {
        "mt_bkd",
        "no_teacher",
        "warm_start",
        "teachers_tuned",
        *teachers,
        *means,
        *(each.name for each in BASELINES),
    }
    every |= {f"{each.name}_ensemble" for each in BASELINES if each.members == 1}
    every |= {f"{each.name}_scaled" for each in BASELINES if each.scaled}
    assert set(answer["methods"]) == every
    assert set(answer["paired"]) == every - {"mt_bkd"}
    assert set(answer["tuned"]) == every - means
    (ours,) = answer["tuned"]["mt_bkd"]
    assert (set(ours), ours["tried"]) == ({"settings", "validation_nll", "tried"}, 16)
    for name, row in answer["methods"].items():
        for score in ("accuracy", "nll", "brier", "ece"):
            (value,) = row[score]
            assert 0 <= value < 5, (name, score)
        assert ("r_hat" in row) == (
            name in {"mt_bkd", "no_teacher", *(f"teacher:{one}" for one in build_config().data.teachers)}
        )
    for name, each in answer["means"].items():  # each with its own errors, as there is one seed
        for score in ("accuracy", "nll", "brier", "ece"):
            (value,) = answer["methods"][name][score]
            assert each[score] == {"value": value, "error": pytest.approx(each[score]["error"], abs=0), "seeds": 1}
            assert each[score]["error"] >= 0, (name, score)  # 0 where all answers are right
        assert each["nll"]["error"] > 0, name
    ours, theirs = answer["methods"]["mt_bkd"]["nll"], answer["methods"]["laplace"]["nll"]
    gap = answer["paired"]["laplace"]["nll"]
    unknown = {"low": None, "high": None, "p_value": None, "p_adjusted": None, "verdict": "unknown"}
    assert gap == {"difference": pytest.approx(ours[0] - theirs[0]), **unknown}


def test_compare_prints_the_worst_r_hat_and_a_dash_where_no_seed_has_the_score(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row: dict[str, list[float | None]] = {name: [0.5, 0.7] for name in COMPARED}
    row["auroc_misclassification"] = [None, None]
    shown = {name: [] if values == [None, None] else ["0.6000", "±", "0.1000"] for name, values in row.items()}
    shown |= {"accuracy": ["60.0%", "±", "10.0%"], "auroc_misclassification": ["–"]}
    texts = [word for words in shown.values() for word in words]
    gaps = {name: Difference(0.25, 0.125, 0.375, 0.01, 0.02, Reading.WORSE) for name in row} | {
        "auroc_misclassification": Difference(None, None, None)
    }
    posteriors = {"mt_bkd": row | {"r_hat": [1.01, 1.125]}, "no_teacher": row | {"r_hat": [1.01, None]}}
    chosen = {"mean_kd": [Tuned({"weight_scale": 0.5, "weight": 2.5}, 0.3, 16), None]}
    each = {name: mean_over(values) for name, values in row.items()}
    means = dict.fromkeys((*posteriors, "mean_kd"), each)
    table = Comparison("digits", (0, 1), posteriors | {"mean_kd": row}, {"mean_kd": gaps}, chosen, means)
    monkeypatch.setattr(comparison, "compare", lambda *given, **named: table)
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--seeds", "2"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "Laplace: left out, because the matrix of the student's last layer would take more than 64 MiB" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["mt_bkd", *texts, "1.125"] in lines
    assert ["no_teacher", *texts, "none"] in lines
    assert ["mean_kd", *texts] in lines
    assert lines[0][-1] == "R-hat"
    assert ["mean_kd", "NLL", "+0.2500", "[+0.1250,", "+0.3750]", "worse"] in lines
    assert ["mean_kd", "AUROC", "-", "unknown"] in lines
    assert "weight scale 0.5, distillation weight 2.5" in out


def test_distill_prints_every_score_that_is_compared_and_a_dash_for_one_that_is_not_defined(
    call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics.model_validate({"student": dict.fromkeys(COMPARED, 0.5)})
    monkeypatch.setattr(
        "mtbkd_core.cli.distill.distill", lambda *given, **named: SimpleNamespace(metrics=metrics, strength=None)
    )
    monkeypatch.setattr("mtbkd_core.cli.distill.COMPARED", (*COMPARED, "ece_classwise"))
    done = call("distill", *SET)
    assert done.status == 0, done.err
    heads, *lines = done.out.splitlines()
    assert heads.split() == " ".join(SCORES[name].short for name in (*COMPARED, "ece_classwise")).split()
    shown = [SCORES[name].text(0.5) for name in COMPARED]
    assert ["student", *shown, "–"] in [line.split() for line in lines]


def test_tasks_lists_the_digits_and_their_teachers_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "mtbkd_core", "tasks", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answer = last_json(done.stdout)
    (digits,) = [task for task in answer["tasks"] if task["name"] == "digits"]
    assert digits["n_classes"] == 10
    assert {"digits-0-4", "generalist", "confidently-wrong"} <= {teacher["name"] for teacher in digits["teachers"]}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["distill", "--set", "prior.strength"], "error: --set: got 'prior.strength', needs name=value"),
        (["distill", "--set", "prior.temperature=0"], "error: prior.temperature: got '0'"),
        (["distill", "--set", "prior.strength=nan"], "error: prior.strength: got 'nan'"),
        (["distill", "--set", "prior.base_weights=0,0,0"], "error: prior.base_weights: got"),
        (["distill", "--set", "prior.base_weights=-1,1,1"], "error: prior.base_weights.0: got '-1'"),
        (["distill", "--set", "teachers="], "error: data.teachers: got ''"),
        (["distill", "--set", "teachers=nobody"], "error: teachers: got 'nobody', allowed for digits: digits-0-4"),
        (["distill", "--set", "nonsense=1"], "error: nonsense: no such setting; allowed: data.task, data.teachers"),
        (["distill", "--task", "cats"], "error: task: got 'cats', allowed: digits"),
        (["distill", "--preset", "best"], "error: preset: got 'best', allowed: default, paper"),
        (["distill", "--config", "/nowhere/at/all.json"], "error: --config: /nowhere/at/all.json cannot be read"),
        (["distill", "--loud"], "error: No such option: --loud"),
        (["compare", "--seeds", "none"], "error: --seeds: got 'none', needs a whole number from 1 to 1000"),
        (["compare", "--seeds", "0"], "error: --seeds: got '0'"),
        (["dance"], "error: No such command 'dance'"),
        ([], "error: Missing command"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_line(words: list[str], line: str, call: Callable[..., Called]) -> None:
    ended = call(*words)
    assert ended.status == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(line)


def test_a_home_that_cannot_be_written_ends_in_one_line(
    call: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MTBKD_HOME", str(tmp_path / "file" / "home"))
    ended = call("distill", *SET)
    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1
    assert "set MTBKD_HOME to a folder that can" in ended.err


def test_a_strength_that_is_left_to_the_program_is_a_number_in_the_answer(
    call: Callable[..., Called], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtbkd_core.strength.plan_for", lambda *sizes: Plan(2, 2, 1, 5))
    asked = ("--task", "synthetic-linear", *SET, "--set", "prior.strength=auto")
    done = call("distill", *asked, "--out", str(tmp_path / "run"), "--json")
    assert done.status == 0, done.err
    answer = last_json(done.out)
    assert answer["config"]["prior"]["strength"] == answer["strength"]["strength"] >= 0
    assert len(answer["strength"]["points"]) == 10
    for name, strength in (("config", "auto"), ("resolved", answer["strength"]["strength"])):
        saved = json.loads((tmp_path / "run" / f"{name}.json").read_text())
        assert (saved if name == "config" else saved["config"])["prior"]["strength"] == strength


def test_settings_change_a_configuration_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(build_config([("seed", 7), ("prior.strength", 0.5)]).model_dump_json())
    config = read_config(None, ["prior.strength=0.25"], file, "default")
    assert (config.seed, config.prior.strength) == (7, 0.25)


def test_a_former_name_in_a_file_is_read_and_the_new_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.json"
    file.write_text('{"prior": {"sharpness": 0.5}}')
    assert read_config(None, None, file, "default").prior.softmin_temperature == 0.5
    assert "prior.sharpness is now called prior.softmin_temperature." in capsys.readouterr().err


def test_the_paper_preset_is_the_published_setting() -> None:
    prior = read_config("digits", None, None, "paper").prior
    assert (prior.strength, prior.concentration, prior.temperature) == (0.02, 5, 2)


def test_a_configuration_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text("{")
    with pytest.raises(UserError, match=r"^configuration: not valid JSON"):
        read_config(None, None, file, "default")


def test_a_task_brings_its_own_settings_and_set_wins_over_them() -> None:
    config = read_config("synthetic", None, None, "default")
    assert config == default_config("synthetic")
    changed = read_config("synthetic", ["prior.concentration=9", "teachers=noisy"], None, "default")
    assert (changed.prior.concentration, changed.data.teachers) == (9, ("noisy",))
    assert read_config(None, ["task=synthetic"], None, "default") == config


def test_a_files_own_values_stay_unless_its_task_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    own = build_config([("prior.concentration", 11), ("seed", 3)], base=default_config("synthetic"))
    file.write_text(own.model_dump_json())
    assert read_config("synthetic", None, file, "default") == own
    moved = read_config("synthetic-linear", None, file, "default")
    assert (moved.data.task, moved.seed, moved.student.kind, moved.prior.concentration) == (
        "synthetic-linear",
        3,
        "linear",
        6,
    )


def test_more_labels_than_a_task_has_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^data.n_labelled: got 201, allowed for digits: at most 200"):
        read_config("digits", ["n_train=201"], None, "default")


def test_threads_that_are_no_number_end_in_one_line(
    call: Callable[..., Called], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTBKD_THREADS", "two")
    refused = call("tasks")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err == "error: MTBKD_THREADS: got 'two', allowed: a whole number from 1 on\n"


def test_more_labels_leave_fewer_examples_to_be_shown_without_and_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = read_config("proteins", ["n_train=3000"], None, "default")
    assert (config.data.n_labelled, config.data.n_unlabelled) == (3000, 500)
    note = "500 proteins are left to be used without labels, not the task's default of 1,000."
    assert note in capsys.readouterr().err
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 600, allowed for proteins: at most 500"):
        read_config("proteins", ["n_train=3000", "n_unlabelled=600"], None, "default")


def test_a_file_that_asks_for_more_than_there_is_beside_its_labels_is_refused_as_set_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    values = default_config("proteins").model_dump()
    values["data"] |= {"n_labelled": 3000, "n_unlabelled": 600}
    file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 600, allowed for proteins: at most 500"):
        read_config(None, None, file, "default")
    config = read_config(None, ["n_train=3100"], file, "default")
    assert (config.data.n_labelled, config.data.n_unlabelled) == (3100, 400)
    assert "400 proteins are left to be used without labels, not 600." in capsys.readouterr().err
    assert read_config("digits", None, file, "default").data.n_unlabelled == 0


def test_the_synthetic_task_works_from_the_command_line(call: Callable[..., Called], own_home: Path) -> None:
    done = call("distill", "--task", "synthetic", *SET, "--set", "n_train=30", "--json")
    assert done.status == 0, done.err
    answer = last_json(done.out)
    assert (answer["config"]["data"]["task"], answer["config"]["data"]["n_labelled"]) == ("synthetic", 30)
    assert answer["metrics"]["student"]["accuracy"] > 0.5
    assert not (own_home / "teachers").exists()
