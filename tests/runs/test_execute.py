"""What only the attempts of a run show: full disks, torn results, submissions one behind the other."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtbkd_core import distillation
from mtbkd_core.common.progress import Cancelled, UserError
from mtbkd_core.runs import execute as module
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import run
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.support import FakeResult, config, report


@pytest.fixture
def submitted(engine):
    """A run in the queue of an engine that is alive."""
    view, submission = submit()
    assert submission is not None
    return view


def submit():
    return store.enqueue(RUN, config(), engine="alive")


def read(view):
    return store.read(RUN, view.id)


@pytest.fixture
def distills(monkeypatch):
    """Puts a computation in the place of the real one."""

    def put(compute):
        monkeypatch.setattr(distillation, "distill_from", compute)

    return put


def works(going, config, *, on_progress, should_stop, **kept):
    on_progress(report(1))
    on_progress(report(100))
    return FakeResult()


def raises(error):
    def compute(going, config, *, on_progress, should_stop, **kept):
        on_progress(report(1))
        raise error

    return compute


def test_cancelled_outranks_failed(submitted, distills):
    def compute(going, config, *, on_progress, should_stop, **kept):
        store.request_cancel(RUN, submitted.id)
        assert read(submitted).stopping
        raise RuntimeError("stopped in the middle of a step")

    distills(compute)
    execute(str(submitted.folder))
    after = read(submitted)
    assert (after.state, after.reason, after.stopping) == (State.CANCELLED, None, False)


def test_the_disk_is_not_asked_at_every_step(tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(Path, "exists", lambda path: looks.append(1) or False)
    monkeypatch.setattr(module.time, "monotonic", iter(step * 0.001 for step in range(1000)).__next__)
    should_stop = module._CancelFile(tmp_path / "cancel")
    assert not any(should_stop() for _ in range(1000))
    assert 45 <= len(looks) <= 50


@pytest.mark.parametrize("end", [UserError("no"), Cancelled()])
def test_a_run_that_ended_is_run_again_when_submitted_again(submitted, distills, end):
    distills(raises(end))
    execute(str(submitted.folder))
    again, submission = submit()
    assert submission is not None
    assert (again.id, again.state, again.progress) == (submitted.id, State.QUEUED, ())
    assert again.created == submitted.created
    distills(works)
    execute(str(submitted.folder))
    after = read(submitted)
    assert (after.state, after.attempt, after.reason) == (State.DONE, 2, None)


def test_a_run_submitted_while_it_stops_is_not_cancelled(submitted, distills):
    def stops(going, config, *, on_progress, should_stop, **kept):
        store.request_cancel(RUN, submitted.id)
        assert should_stop()
        assert submit()[1] is not None
        raise Cancelled

    distills(stops)
    execute(str(submitted.folder))
    assert read(submitted).state is State.QUEUED
    distills(works)
    execute(str(submitted.folder))
    assert read(submitted).state is State.DONE


#: What a result writes before its metrics.json.
RESULT = ("config.json", "posterior.safetensors", "predictions.safetensors", "environment.json")


def full_disk(monkeypatch, *but):
    """Every write fails from now on, except of the files named."""

    def replace(source, target):
        if Path(target).name not in but:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", replace)


def test_a_result_that_does_not_fit_on_the_disk_fails_the_run_and_leaves_no_half(submitted, distills, monkeypatch):
    distills(works)
    full_disk(monkeypatch, "owner.json", "status.json", *RESULT)
    execute(str(submitted.folder))
    after = read(submitted)
    assert after.state is State.FAILED
    assert after.reason == f"{submitted.folder / 'metrics.json'}: cannot be written (No space left on device)"
    assert not (submitted.folder / "posterior.safetensors").exists()


def test_a_disk_too_full_to_say_so_does_not_leave_a_run_that_never_ends(submitted, distills, monkeypatch):
    distills(works)
    with monkeypatch.context() as full:
        full_disk(full)
        with pytest.raises(UserError, match="No space left on device"):
            execute(str(submitted.folder))
    after = read(submitted)
    assert after.state is State.INTERRUPTED
    assert "disk was full" in after.reason
    assert submit()[1] is not None


def test_a_status_that_does_not_fit_does_not_take_the_result_away(submitted, distills, monkeypatch):
    distills(works)
    full_disk(monkeypatch, "owner.json", "metrics.json", *RESULT)
    execute(str(submitted.folder))
    assert read(submitted).state is State.DONE


@pytest.mark.parametrize("name", ["posterior.safetensors", "predictions.safetensors", "environment.json"])
@pytest.mark.parametrize("harm", ["halved", "gone"])
def test_a_run_with_a_torn_result_is_computed_anew_when_submitted_again(submitted, distills, name, harm):
    distills(works)
    execute(str(submitted.folder))
    file = submitted.folder / name
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match="press Distill to compute it again"):
        run.load_result(submitted.id)
    again, submission = submit()
    assert submission is not None
    assert (again.id, again.state) == (submitted.id, State.QUEUED)
    execute(str(submitted.folder))
    after = read(submitted)
    assert (after.state, after.attempt) == (State.DONE, 2)
    assert run.load_result(submitted.id).draws.shape == (2, 4, 650)
    assert submit()[1] is None


@pytest.mark.parametrize("metrics", ["{}", "[" * 100_000])
def test_a_run_with_foreign_metrics_is_computed_anew_when_submitted_again(submitted, distills, metrics):
    distills(works)
    execute(str(submitted.folder))
    (submitted.folder / "metrics.json").write_text(metrics)
    assert submit()[0].state is State.QUEUED
    execute(str(submitted.folder))
    assert run.load_result(submitted.id).metrics.student.accuracy == 0.9


def test_a_result_that_memory_does_not_suffice_for_is_kept(submitted, distills, monkeypatch):
    def no_room(path):
        raise MemoryError

    distills(works)
    execute(str(submitted.folder))
    with monkeypatch.context() as small:
        small.setattr(run.Result, "load", no_room)
        with pytest.raises(UserError, match="not enough memory"):
            submit()
    assert run.load_result(submitted.id).draws.shape == (2, 4, 650)


def test_what_a_killed_worker_left_half_written_is_removed_by_the_next_attempt(submitted, distills, monkeypatch):
    def killed(source, target):
        if Path(target).name == "posterior.safetensors":
            raise KeyboardInterrupt  # the temporary stays, as after a kill
        rename(source, target)

    rename = os.replace
    distills(works)
    with monkeypatch.context() as deadly:
        deadly.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            execute(str(submitted.folder))
    (submitted.folder / ".mine").write_text("not a temporary")
    assert len(list(submitted.folder.glob(".posterior.safetensors.*"))) == 1
    execute(str(submitted.folder))
    assert read(submitted).state is State.DONE
    assert [file.name for file in submitted.folder.glob(".*")] == [".mine"]


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="do all workers share the home folder"):
        execute(str(tmp_path / "runs" / "0123456789abcdef"))


@pytest.mark.slow
def test_two_processes_that_execute_at_once_compute_once(home):
    view = store.create(RUN, config(task="synthetic", teachers="north"))
    code = "import sys; from mtbkd_core.runs.execute import execute; execute(sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": str(Path(module.__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(view.folder)]
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    after = read(view)
    assert (after.state, after.attempt) == (State.DONE, 1)
    assert len(list(view.folder.glob("progress.*"))) == 1
    assert json.loads((view.folder / "owner.json").read_text())["pid"] in {process.pid for process in both}
