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
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import MAX_ATTEMPTS, execute
from mtbkd_core.runs.store import State
from tests.runs.support import FakeResult, config, report


@pytest.fixture
def submitted(home):
    """A run in the queue of an engine that is alive."""
    engine = files.engine_lock(home, "e")
    engine.parent.mkdir(parents=True)
    with files.lock.hold(engine):
        run, submission = store.enqueue(config(), engine="e")
        assert submission is not None
        yield run


@pytest.fixture
def distils(monkeypatch):
    """Puts a computation in the place of the real one."""

    def put(compute):
        monkeypatch.setattr(distillation, "distill", compute)

    return put


def works(config, *, on_progress, should_stop):
    on_progress(report(1))
    on_progress(report(100))
    return FakeResult()


def raises(error):
    def compute(config, *, on_progress, should_stop):
        on_progress(report(1))
        raise error

    return compute


def dies(config, *, on_progress, should_stop):
    """As a killed worker leaves it: no word, and the lock let go."""
    on_progress(report(1))
    raise KeyboardInterrupt


def test_a_run_is_computed_and_told(submitted, distils):
    assert submitted.state is State.QUEUED
    seen = []

    def compute(config, *, on_progress, should_stop):
        on_progress(report(1))
        seen.append(store.read(submitted.id))
        return works(config, on_progress=on_progress, should_stop=should_stop)

    distils(compute)
    execute(str(submitted.folder))
    (during,) = seen
    assert during.state is State.RUNNING
    assert during.attempt == 1
    assert [one.step for one in during.progress] == [1]
    assert during.started is not None
    after = store.read(submitted.id)
    assert after.state is State.DONE
    assert after.reason is None
    assert after.finished
    assert after.progress[-1].step == 100
    assert after.ended >= after.started >= after.created


def test_a_second_call_computes_nothing(submitted, distils):
    calls = []
    distils(lambda *args, **options: calls.append(1) or works(*args, **options))
    execute(str(submitted.folder))
    execute(str(submitted.folder))
    assert calls == [1]
    assert store.read(submitted.id).attempt == 1


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (UserError("teachers: no\nsuch teacher"), State.FAILED, "teachers: no such teacher"),
        (RuntimeError("not\nfinite"), State.FAILED, "RuntimeError: not finite (the trace is in failure.txt)"),
        (Cancelled(), State.CANCELLED, None),
    ],
)
def test_every_way_to_end_is_told_in_one_line(submitted, distils, error, state, reason):
    distils(raises(error))
    execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert (after.state, after.reason) == (state, reason)
    assert ("RuntimeError" in (submitted.folder / "failure.txt").read_text()) if "trace" in (reason or "") else True


def test_cancelled_outranks_failed(submitted, distils):
    def compute(config, *, on_progress, should_stop):
        store.request_cancel(submitted.id)
        assert store.read(submitted.id).stopping
        raise RuntimeError("stopped in the middle of a step")

    distils(compute)
    execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert (after.state, after.reason, after.stopping) == (State.CANCELLED, None, False)


def test_a_cancel_is_seen_by_the_computation(submitted, distils, monkeypatch):
    monkeypatch.setattr(module, "_CANCEL_LOOK_SECONDS", 0.0)
    steps = []

    def compute(config, *, on_progress, should_stop):
        for step in range(100):
            if should_stop():
                raise Cancelled
            steps.append(step)
            if step == 4:
                store.request_cancel(submitted.id)
        return FakeResult()

    distils(compute)
    execute(str(submitted.folder))
    assert steps == [0, 1, 2, 3, 4]
    assert store.read(submitted.id).state is State.CANCELLED


def test_the_disk_is_not_asked_at_every_step(tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(Path, "exists", lambda path: looks.append(1) or False)
    monkeypatch.setattr(module.time, "monotonic", iter(step * 0.001 for step in range(1000)).__next__)
    should_stop = module._CancelFile(tmp_path / "cancel")
    assert not any(should_stop() for _ in range(1000))
    assert 45 <= len(looks) <= 50


def test_a_run_cancelled_in_the_queue_is_cancelled_at_once_and_never_computed(submitted, distils):
    distils(lambda *args, **options: pytest.fail("it was computed"))
    assert store.request_cancel(submitted.id).state is State.CANCELLED
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.CANCELLED


def test_a_run_that_keeps_dying_ends_as_crashed(submitted, distils):
    distils(dies)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with pytest.raises(KeyboardInterrupt):
            execute(str(submitted.folder))
        view = store.read(submitted.id)
        assert (view.state, view.attempt) == (State.QUEUED, attempt)
        assert view.reason.endswith(f"ended without a word (worker killed?); attempt {attempt + 1} is awaited")
    execute(str(submitted.folder))
    view = store.read(submitted.id)
    assert (view.state, view.attempt) == (State.CRASHED, MAX_ATTEMPTS)
    assert view.reason == "3 attempts ended without a word: the worker was killed each time (out of memory?)"
    execute(str(submitted.folder))
    assert store.read(submitted.id) == view


def test_an_attempt_after_one_that_died_says_so(submitted, distils):
    distils(dies)
    with pytest.raises(KeyboardInterrupt):
        execute(str(submitted.folder))
    seen = []

    def compute(config, *, on_progress, should_stop):
        seen.append(store.read(submitted.id))
        return works(config, on_progress=on_progress, should_stop=should_stop)

    distils(compute)
    execute(str(submitted.folder))
    assert seen[0].state is State.RUNNING
    assert seen[0].progress == ()
    assert seen[0].reason == "attempt 1 ended without a word (worker killed?); attempt 2 is running"
    after = store.read(submitted.id)
    assert (after.state, after.attempt) == (State.DONE, 2)
    assert after.reason == "attempt 1 ended without a word (worker killed?); attempt 2 finished"
    assert {path.name for path in submitted.folder.glob("progress.*")} == {"progress.1.jsonl", "progress.2.jsonl"}


@pytest.mark.parametrize("end", [UserError("no"), Cancelled()])
def test_a_run_that_ended_is_run_again_when_submitted_again(submitted, distils, end):
    distils(raises(end))
    execute(str(submitted.folder))
    again, submission = store.enqueue(config(), engine="e")
    assert submission is not None
    assert (again.id, again.state, again.progress) == (submitted.id, State.QUEUED, ())
    assert again.created == submitted.created
    distils(works)
    execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert (after.state, after.attempt, after.reason) == (State.DONE, 2, None)


def test_a_run_submitted_while_it_stops_is_not_cancelled(submitted, distils):
    def stops(config, *, on_progress, should_stop):
        store.request_cancel(submitted.id)
        assert should_stop()
        assert store.enqueue(config, engine="e")[1] is not None
        raise Cancelled

    distils(stops)
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.QUEUED
    distils(works)
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.DONE


def test_a_run_under_way_is_not_submitted_again(submitted, distils):
    def compute(config, *, on_progress, should_stop):
        run, submission = store.enqueue(config, engine="e")
        assert (run.state, submission) == (State.RUNNING, None)
        return FakeResult()

    assert store.enqueue(config(), engine="e")[1] is None
    distils(compute)
    execute(str(submitted.folder))
    run, submission = store.enqueue(config(), engine="e")
    assert (run.state, submission) == (State.DONE, None)


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


def test_a_result_that_does_not_fit_on_the_disk_fails_the_run_and_leaves_no_half(submitted, distils, monkeypatch):
    distils(works)
    full_disk(monkeypatch, "owner.json", "status.json", *RESULT)
    execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert after.state is State.FAILED
    assert after.reason == f"{submitted.folder / 'metrics.json'}: cannot be written (No space left on device)"
    assert not (submitted.folder / "posterior.safetensors").exists()


def test_a_disk_too_full_to_say_so_does_not_leave_a_run_that_never_ends(submitted, distils, monkeypatch):
    distils(works)
    with monkeypatch.context() as full:
        full_disk(full)
        with pytest.raises(UserError, match="No space left on device"):
            execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert after.state is State.INTERRUPTED
    assert "disk was full" in after.reason
    assert store.enqueue(config(), engine="e")[1] is not None


def test_a_status_that_does_not_fit_does_not_take_the_result_away(submitted, distils, monkeypatch):
    distils(works)
    full_disk(monkeypatch, "owner.json", "metrics.json", *RESULT)
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.DONE


def test_a_torn_result_is_no_result(submitted, distils):
    distils(works)
    execute(str(submitted.folder))
    (submitted.folder / "metrics.json").write_text('{"stud')
    view = store.read(submitted.id)
    assert (view.state, view.reason) == (State.FAILED, "metrics.json is torn; launch the run again")
    assert store.enqueue(config(), engine="e")[1] is not None
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.DONE


@pytest.mark.parametrize("name", ["posterior.safetensors", "predictions.safetensors", "environment.json"])
@pytest.mark.parametrize("harm", ["halved", "gone"])
def test_a_run_with_a_torn_result_is_computed_anew_when_submitted_again(submitted, distils, name, harm):
    distils(works)
    execute(str(submitted.folder))
    file = submitted.folder / name
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match="press Distill to compute it again"):
        store.load_result(submitted.id)
    again, submission = store.enqueue(config(), engine="e")
    assert submission is not None
    assert (again.id, again.state) == (submitted.id, State.QUEUED)
    execute(str(submitted.folder))
    after = store.read(submitted.id)
    assert (after.state, after.attempt) == (State.DONE, 2)
    assert store.load_result(submitted.id).draws.shape == (2, 4, 650)
    assert store.enqueue(config(), engine="e")[1] is None


@pytest.mark.parametrize("metrics", ["{}", "[" * 100_000])
def test_a_run_with_foreign_metrics_is_computed_anew_when_submitted_again(submitted, distils, metrics):
    distils(works)
    execute(str(submitted.folder))
    (submitted.folder / "metrics.json").write_text(metrics)
    assert store.enqueue(config(), engine="e")[0].state is State.QUEUED
    execute(str(submitted.folder))
    assert store.load_result(submitted.id).metrics.student.accuracy == 0.9


def test_a_result_that_memory_does_not_suffice_for_is_kept(submitted, distils, monkeypatch):
    def no_room(path):
        raise MemoryError

    distils(works)
    execute(str(submitted.folder))
    with monkeypatch.context() as small:
        small.setattr(store.Result, "load", no_room)
        with pytest.raises(UserError, match="not enough memory"):
            store.enqueue(config(), engine="e")
    assert store.load_result(submitted.id).draws.shape == (2, 4, 650)


def test_what_a_killed_worker_left_half_written_is_removed_by_the_next_attempt(submitted, distils, monkeypatch):
    def killed(source, target):
        if Path(target).name == "posterior.safetensors":
            raise KeyboardInterrupt  # the temporary stays, as after a kill
        rename(source, target)

    rename = os.replace
    distils(works)
    with monkeypatch.context() as deadly:
        deadly.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            execute(str(submitted.folder))
    (submitted.folder / ".mine").write_text("not a temporary")
    assert len(list(submitted.folder.glob(".posterior.safetensors.*"))) == 1
    execute(str(submitted.folder))
    assert store.read(submitted.id).state is State.DONE
    assert [file.name for file in submitted.folder.glob(".*")] == [".mine"]


def test_a_torn_configuration_fails_the_run(submitted, distils):
    distils(works)
    (submitted.folder / "config.json").write_text('{"task": ')
    execute(str(submitted.folder))
    assert files.read_status(submitted.folder).state is State.FAILED


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match="do all workers share the home folder"):
        execute(str(tmp_path / "0123456789abcdef"))


@pytest.mark.slow
def test_two_processes_that_execute_at_once_compute_once(home):
    run = store.create(config(task="synthetic", teachers="north"))
    code = "import sys; from mtbkd_core.runs.execute import execute; execute(sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": str(Path(module.__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(run.folder)]
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    after = store.read(run.id)
    assert (after.state, after.attempt) == (State.DONE, 1)
    assert len(list(run.folder.glob("progress.*"))) == 1
    assert json.loads((run.folder / "owner.json").read_text())["pid"] in {process.pid for process in both}
