import errno
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import Owner, State
from mtbkd_core.runs.progress_log import ProgressLog
from tests.runs.support import FakeResult, config, report


@pytest.fixture
def engine(home):
    path = files.engine_lock(home, "alive")
    path.parent.mkdir(parents=True)
    with files.lock.hold(path):
        yield "alive"


def test_equal_configurations_have_one_folder_and_unequal_ones_have_two(home):
    first = store.create(config())
    assert store.create(config()) == first
    assert store.create(config(seed=1)).id != first.id
    assert first.folder == home / "runs" / first.id
    assert first.config == config()
    assert store.read(first.id) == first


def test_a_run_queued_by_an_engine_that_lives_is_queued_and_by_one_that_is_gone_is_interrupted(engine):
    waiting, _ = store.enqueue(config(), engine=engine, submitted_by="someone")
    assert (waiting.state, waiting.reason, waiting.submitted_by) == (State.QUEUED, None, "someone")
    assert not waiting.finished
    lost, _ = store.enqueue(config(seed=1), engine="gone")
    assert (lost.state, lost.reason) == (State.INTERRUPTED, "the engine ended before it began; launch the run again")
    assert lost.finished


def test_a_run_that_had_begun_when_its_engine_ended_says_so(home):
    run, submission = store.enqueue(config(), engine="gone")
    owner = Owner(host="h", pid=1, started=datetime.now(UTC), attempt=1, submission=submission)
    (run.folder / "owner.json").write_text(owner.model_dump_json())
    view = store.read(run.id)
    assert (view.state, view.reason) == (
        State.INTERRUPTED,
        "the engine ended in the middle of it; launch the run again",
    )


def test_a_run_that_was_never_launched_is_not_queued(home):
    assert store.create(config()).state is State.INTERRUPTED


@pytest.mark.parametrize(
    "id",
    [
        "",
        "..",
        "../../etc",
        "0" * 15,
        "0" * 17,
        "G" * 16,
        "0123456789ABCDEF",
        "0123456789abcde\n",
        "a/b",
        None,
        "x" * 999,
    ],
)
def test_a_name_that_is_none_is_refused_in_one_line(home, id):
    for call in (store.read, store.request_cancel, store.load_result, store.delete_run):
        with pytest.raises(UserError) as caught:
            call(id)
        assert "16 hexadecimal digits" in str(caught.value)
        assert len(str(caught.value)) < 120
        assert "\n" not in str(caught.value)


def test_a_run_that_is_not_there_is_refused_in_one_line(home):
    for call in (store.read, store.request_cancel, store.load_result, store.delete_run):
        with pytest.raises(UserError, match="no such run"):
            call("0" * 16)


def test_runs_are_listed_newest_first(home):
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    runs = [store.create(config(seed=seed)) for seed in range(3)]
    for hours, run in zip((2, 3, 1), runs, strict=True):
        status = files.begin(run.folder).model_copy(update={"created": begun + timedelta(hours=hours)})
        (run.folder / "status.json").write_text(status.model_dump_json())
    assert [run.id for run in store.list_runs()] == [runs[1].id, runs[0].id, runs[2].id]


def test_a_torn_folder_hides_no_other(home):
    good, torn, empty = (store.create(config(seed=seed)) for seed in range(3))
    (torn.folder / "config.json").write_text('{"task": "dig')
    (empty.folder / "config.json").unlink()
    (home / "runs" / "a file").write_text("")
    (home / "runs" / ("f" * 16)).write_text("a file with a run's name")
    problems = []
    assert [run.id for run in store.list_runs(problems.append)] == [good.id]
    assert len(problems) == 3
    assert all("config.json" in line and "\n" not in line for line in problems)
    for run in (torn, empty):
        with pytest.raises(UserError, match=f"run {run.id}: config.json"):
            store.read(run.id)


def test_a_torn_configuration_is_mended_by_launching_the_run_again(engine):
    run = store.create(config())
    (run.folder / "config.json").write_text("{")
    again, submission = store.enqueue(config(), engine=engine)
    assert submission is not None
    assert (again.id, again.config, again.state) == (run.id, config(), State.QUEUED)


@pytest.mark.parametrize("other", ["{}", config(seed=9).model_dump_json()])
def test_a_configuration_that_is_another_runs_is_not_believed(engine, other):
    good, run = store.create(config()), store.create(config(seed=1))
    FakeResult().save(run.folder)
    (run.folder / "config.json").write_text(other)
    for call in (store.read, store.load_result):
        with pytest.raises(UserError, match=f"run {run.id}: config.json is not this run's") as caught:
            call(run.id)
        assert "\n" not in str(caught.value)
    problems = []
    assert [view.id for view in store.list_runs(problems.append)] == [good.id]
    assert len(problems) == 1
    assert store.create(config(seed=1)).config == config(seed=1)
    assert store.read(run.id).config == config(seed=1)


def test_a_finished_run_outlives_a_change_of_the_fingerprint(home, monkeypatch):
    run = store.create(config())
    FakeResult().save(run.folder)
    environment = json.loads((run.folder / "environment.json").read_text())
    environment["fingerprint"] = store.fingerprint(config())
    (run.folder / "environment.json").write_text(json.dumps(environment))
    monkeypatch.setattr(store, "fingerprint", lambda config: "of another torch")
    store._fingerprint.cache_clear()
    try:
        assert store.run_id(config()) != run.id
        assert [view.id for view in store.list_runs()] == [run.id]
        assert store.load_result(run.id).config == config()
        (run.folder / "config.json").write_text("{}")
        assert store.list_runs() == []
    finally:
        store._fingerprint.cache_clear()


def test_a_run_of_before_the_number_of_labels_could_be_chosen_is_still_read(home):
    old = config().model_dump(mode="json")
    del old["data"]["n_labelled"]
    said = json.dumps(old, separators=(",", ":"))
    run = content_hash(said, store.fingerprint(config()))
    (home / "runs" / run).mkdir(parents=True)
    (home / "runs" / run / "config.json").write_text(said)
    assert store.read(run).config == config()
    assert run != store.run_id(config())


def test_a_run_of_before_there_was_a_check_for_bias_is_still_read(home):
    old = config().model_dump(mode="json")
    del old["sampler"]["bias_check"]
    said = json.dumps(old, separators=(",", ":"))
    run = content_hash(said, store.fingerprint(config()))
    (home / "runs" / run).mkdir(parents=True)
    (home / "runs" / run / "config.json").write_text(said)
    assert store.read(run).config == config()
    assert not store.read(run).config.sampler.bias_check


def test_runs_with_more_labels_are_other_runs(home):
    assert store.create(config(n_train=100)).id != store.create(config()).id


def test_more_examples_without_labels_than_there_are_give_no_run(home):
    store.create(config())
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 1, allowed for digits: at most 0"):
        store.create(config(n_unlabelled=1))


@pytest.mark.parametrize("absurd", ["[" * 100_000, '{"seed": ' + "9" * 5000 + "}", '{"a":' * 100_000])
def test_an_absurd_configuration_hides_no_other_run(home, absurd):
    good, bad = store.create(config()), store.create(config(seed=1))
    (bad.folder / "config.json").write_text(absurd)
    problems = []
    assert [view.id for view in store.list_runs(problems.append)] == [good.id]
    (line,) = problems
    assert line.startswith(f"run {bad.id}: config.json is torn")
    assert "\n" not in line
    with pytest.raises(UserError, match=r"config.json is torn"):
        store.read(bad.id)
    assert store.create(config(seed=1)).config == config(seed=1)


def test_a_folder_that_cannot_be_looked_at_for_an_unforeseen_reason_hides_no_other_run(home, monkeypatch):
    good, bad = store.create(config()), store.create(config(seed=1))
    look = files.look

    def stumbles(path, kind):
        if path == bad.folder:
            raise RecursionError("too\ndeep")
        return look(path, kind)

    monkeypatch.setattr(files, "look", stumbles)
    problems = []
    assert [view.id for view in store.list_runs(problems.append)] == [good.id]
    assert problems == [f"run {bad.id}: cannot be shown (RecursionError: too deep)"]


def test_a_list_of_many_runs_asks_once_for_the_data_and_the_teachers(home, monkeypatch):
    asked = []
    monkeypatch.setattr(store, "fingerprint", lambda config: asked.append(config) or "f")
    store._fingerprint.cache_clear()
    try:
        for seed in range(5):
            store.create(config(seed=seed))
        assert len(store.list_runs()) == 5
    finally:
        store._fingerprint.cache_clear()
    assert len(asked) == 1


@pytest.mark.parametrize("torn", ["", "{", "[]", "null", '{"state": "bogus"}', "\x00\x00"])
def test_torn_records_never_look_alive_and_can_be_launched_again(engine, torn):
    run, _ = store.enqueue(config(), engine=engine)
    (run.folder / "status.json").write_text(torn)
    (run.folder / "owner.json").write_text(torn)
    view = store.read(run.id)
    assert view.state is State.INTERRUPTED
    assert view.attempt == 0
    assert view.created.tzinfo is not None
    assert [listed.id for listed in store.list_runs()] == [run.id]
    assert store.enqueue(config(), engine=engine)[0].state is State.QUEUED


def test_only_a_run_that_is_done_has_a_result(home):
    run = store.create(config())
    with pytest.raises(UserError, match=r"no result, it is interrupted \("):
        store.load_result(run.id)


def test_a_torn_result_is_told_in_one_line(home):
    run = store.create(config())
    (run.folder / "metrics.json").write_text("{}")
    for name in ("posterior", "predictions"):
        (run.folder / f"{name}.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    (run.folder / "environment.json").write_text("{}")
    assert store.read(run.id).state is State.DONE
    with pytest.raises(
        UserError, match=f"run {run.id}: its result cannot be read .*press Distill to compute it again"
    ) as caught:
        store.load_result(run.id)
    assert "\n" not in str(caught.value)


def test_a_live_run_is_not_deleted_and_any_other_is(engine, home):
    run, _ = store.enqueue(config(), engine=engine)
    with pytest.raises(UserError, match="it is queued; cancel it"):
        store.delete_run(run.id)
    with files.hold(run.folder):
        with pytest.raises(UserError, match="it is running; cancel it"):
            store.delete_run(run.id)
        store.request_cancel(run.id)
        with pytest.raises(UserError, match="it is running; cancel it"):
            store.delete_run(run.id)
    (run.folder / "config.json").write_text("torn")
    store.delete_run(run.id)
    assert list((home / "runs").iterdir()) == []
    assert store.list_runs() == []


def test_a_run_whose_worker_has_yet_to_let_go_is_not_deleted(home):
    run = store.create(config())
    (run.folder / "metrics.json").write_text("{}")
    with files.hold(run.folder):
        assert store.read(run.id).state is State.DONE
        assert store.read(run.id).ended is not None
        with pytest.raises(UserError, match="it is just ending"):
            store.delete_run(run.id)
    store.delete_run(run.id)


def test_cancelling_a_finished_run_changes_nothing(home):
    run, submission = store.enqueue(config(), engine="gone")
    files.finish(run.folder, submission, State.FAILED, "why")
    assert store.request_cancel(run.id) == store.read(run.id)
    assert (store.read(run.id).state, store.read(run.id).reason) == (State.FAILED, "why")


def test_a_list_holds_the_newest_report_of_live_runs_only(engine):
    run, submission = store.enqueue(config(), engine=engine)
    owner = Owner(host="h", pid=1, started=datetime.now(UTC), attempt=1, submission=submission)
    (run.folder / "owner.json").write_text(owner.model_dump_json())
    with ProgressLog(files.progress_file(run.folder, 1)) as log:
        for step in range(3):
            log(report(step))
    with files.hold(run.folder):
        assert [one.step for one in store.read(run.id).progress] == [0, 2]
        assert [one.step for one in store.list_runs()[0].progress] == [2]
    files.finish(run.folder, submission, State.FAILED, "why")
    assert store.list_runs()[0].progress == ()
    assert [one.step for one in store.read(run.id).progress] == [0, 2]


def test_a_torn_owner_does_not_make_an_attempt_number_come_twice(home):
    run = store.create(config())
    files.progress_file(run.folder, 7).write_text("")
    (run.folder / "owner.json").write_text("{")
    assert files.last_attempt(run.folder) == 7
    assert files.begin(run.folder).first_attempt == 8


def test_a_home_that_cannot_be_written_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTBKD_HOME", str(tmp_path / "file" / "home"))
    for call in (store.list_runs, lambda: store.create(config()), lambda: store.read("0" * 16)):
        with pytest.raises(UserError, match=r"home folder .*cannot be written"):
            call()


def test_a_full_disk_is_told_in_one_line_when_a_run_is_submitted(home, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"config.json: cannot be written \(No space left on device\)"):
        store.enqueue(config(), engine="e")


def test_an_unknown_task_has_no_run(home):
    with pytest.raises(UserError, match="task"):
        store.create(build_config([("task", "no-such-task")]))
    assert store.list_runs() == []
