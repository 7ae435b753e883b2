import errno
import json
import os
from datetime import UTC, datetime

import pytest

from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.folder import Owner, State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import load_result
from mtbkd_core.runs.progress_log import ProgressLog
from tests.runs.support import config, report


def test_equal_configurations_have_one_folder_and_unequal_ones_have_two(home):
    first = store.create(RUN, config())
    assert store.create(RUN, config()) == first
    assert store.create(RUN, config(seed=1)).id != first.id
    assert first.folder == home / "runs" / first.id
    assert first.config == config()
    assert store.read(RUN, first.id) == first


def test_a_run_that_had_begun_when_its_engine_ended_says_so(home):
    run, submission = store.enqueue(RUN, config(), engine="gone")
    owner = Owner(host="h", pid=1, started=datetime.now(UTC), attempt=1, submission=submission)
    (run.folder / "owner.json").write_text(owner.model_dump_json())
    view = store.read(RUN, run.id)
    assert (view.state, view.reason) == (
        State.INTERRUPTED,
        "the engine ended in the middle of it; launch the run again",
    )


def test_a_run_that_was_never_launched_is_not_queued(home):
    assert store.create(RUN, config()).state is State.INTERRUPTED


def test_a_run_of_before_there_was_a_check_for_bias_is_still_read(home):
    old = config().model_dump(mode="json")
    del old["sampler"]["bias_check"]
    said = json.dumps(old, separators=(",", ":"))
    run = content_hash(said, naming.fingerprint(config()))
    (home / "runs" / run).mkdir(parents=True)
    (home / "runs" / run / "config.json").write_text(said)
    assert store.read(RUN, run).config == config()
    assert not store.read(RUN, run).config.sampler.checks_bias


def test_a_name_is_one_line_and_goes_when_it_is_empty(home):
    run = store.create(RUN, config()).id
    assert store.rename(RUN, run, "  the\nliar \x00 ").name == "the liar"
    assert store.list_jobs(RUN)[0].name == "the liar"
    assert store.rename(RUN, run, " ").name is None


def test_a_name_that_is_too_long_is_refused(home):
    run = store.create(RUN, config()).id
    with pytest.raises(UserError, match="name: 61 letters, allowed: at most 60"):
        store.rename(RUN, run, "a" * 61)


def test_runs_with_more_labels_are_other_runs(home):
    assert store.create(RUN, config(data__n_labelled=100)).id != store.create(RUN, config()).id


def test_more_examples_without_labels_than_there_are_give_no_run(home):
    store.create(RUN, config())
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 1, allowed for digits: at most 0"):
        store.create(RUN, config(n_unlabelled=1))


def test_a_folder_that_cannot_be_looked_at_for_an_unforeseen_reason_hides_no_other_run(home, monkeypatch):
    good, bad = store.create(RUN, config()), store.create(RUN, config(seed=1))
    look = store.look

    def stumbles(path, kind):
        if path == bad.folder:
            raise RecursionError("too\ndeep")
        return look(path, kind)

    monkeypatch.setattr(store, "look", stumbles)
    problems = []
    assert [view.id for view in store.list_jobs(RUN, problems.append)] == [good.id]
    assert problems == [f"run {bad.id}: cannot be shown (RecursionError: too deep)"]


def test_a_list_of_many_runs_asks_once_for_the_data_and_the_teachers(home, monkeypatch):
    asked = []
    monkeypatch.setattr(naming, "fingerprint", lambda config: asked.append(config) or "f")
    naming._fingerprint.cache_clear()
    try:
        for seed in range(5):
            store.create(RUN, config(seed=seed))
        assert len(store.list_jobs(RUN)) == 5
    finally:
        naming._fingerprint.cache_clear()
    assert len(asked) == 1


@pytest.mark.parametrize("torn", ["", "{", "[]", "null", '{"state": "bogus"}', "\x00\x00"])
def test_torn_records_never_look_alive_and_can_be_launched_again(engine, torn):
    run, _ = store.enqueue(RUN, config(), engine=engine)
    (run.folder / "status.json").write_text(torn)
    (run.folder / "owner.json").write_text(torn)
    view = store.read(RUN, run.id)
    assert view.state is State.INTERRUPTED
    assert view.attempt == 0
    assert view.created.tzinfo is not None
    assert [listed.id for listed in store.list_jobs(RUN)] == [run.id]
    assert store.enqueue(RUN, config(), engine=engine)[0].state is State.QUEUED


def test_only_a_run_that_is_done_has_a_result(home):
    run = store.create(RUN, config())
    with pytest.raises(UserError, match=r"no result, it is interrupted \("):
        load_result(run.id)


def test_a_torn_result_is_told_in_one_line(home):
    run = store.create(RUN, config())
    (run.folder / "metrics.json").write_text("{}")
    for name in ("posterior", "predictions"):
        (run.folder / f"{name}.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    (run.folder / "environment.json").write_text("{}")
    assert store.read(RUN, run.id).state is State.DONE
    with pytest.raises(
        UserError, match=f"run {run.id}: its result cannot be read .*press Distill to compute it again"
    ) as caught:
        load_result(run.id)
    assert "\n" not in str(caught.value)


def test_a_live_run_is_not_deleted_and_any_other_is(engine, home):
    run, _ = store.enqueue(RUN, config(), engine=engine)
    with pytest.raises(UserError, match="it is queued; cancel it"):
        store.delete(RUN, run.id)
    with files.hold(run.folder):
        with pytest.raises(UserError, match="it is running; cancel it"):
            store.delete(RUN, run.id)
        store.request_cancel(RUN, run.id)
        with pytest.raises(UserError, match="it is running; cancel it"):
            store.delete(RUN, run.id)
    (run.folder / "config.json").write_text("torn")
    store.delete(RUN, run.id)
    assert list((home / "runs").iterdir()) == []
    assert store.list_jobs(RUN) == []


def test_a_run_whose_worker_has_yet_to_let_go_is_not_deleted(home):
    run = store.create(RUN, config())
    (run.folder / "metrics.json").write_text("{}")
    with files.hold(run.folder):
        assert store.read(RUN, run.id).state is State.DONE
        assert store.read(RUN, run.id).ended is not None
        with pytest.raises(UserError, match="it is just ending"):
            store.delete(RUN, run.id)
    store.delete(RUN, run.id)


def test_cancelling_a_finished_run_changes_nothing(home):
    run, submission = store.enqueue(RUN, config(), engine="gone")
    files.finish(run.folder, submission, State.FAILED, "why")
    assert store.request_cancel(RUN, run.id) == store.read(RUN, run.id)
    assert (store.read(RUN, run.id).state, store.read(RUN, run.id).reason) == (State.FAILED, "why")


def test_a_list_holds_the_newest_report_of_live_runs_only(engine):
    run, submission = store.enqueue(RUN, config(), engine=engine)
    owner = Owner(host="h", pid=1, started=datetime.now(UTC), attempt=1, submission=submission)
    (run.folder / "owner.json").write_text(owner.model_dump_json())
    with ProgressLog(files.progress_file(run.folder, 1)) as log:
        for step in range(3):
            log(report(step))
    with files.hold(run.folder):
        assert [one.step for one in store.read(RUN, run.id).progress] == [0, 2]
        assert [one.step for one in store.list_jobs(RUN)[0].progress] == [2]
    files.finish(run.folder, submission, State.FAILED, "why")
    assert store.list_jobs(RUN)[0].progress == ()
    assert [one.step for one in store.read(RUN, run.id).progress] == [0, 2]


def test_a_torn_owner_does_not_make_an_attempt_number_come_twice(home):
    run = store.create(RUN, config())
    files.progress_file(run.folder, 7).write_text("")
    (run.folder / "owner.json").write_text("{")
    assert files.last_attempt(run.folder) == 7
    assert files.begin(run.folder).first_attempt == 8


def test_a_home_that_cannot_be_written_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTBKD_HOME", str(tmp_path / "file" / "home"))
    for call in (lambda: store.list_jobs(RUN), lambda: store.create(RUN, config()), lambda: store.read(RUN, "0" * 16)):
        with pytest.raises(UserError, match=r"home folder .*cannot be written"):
            call()


def test_a_full_disk_is_told_in_one_line_when_a_run_is_submitted_and_leaves_no_folder(home, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"inputs.json: cannot be written \(No space left on device\)"):
        store.enqueue(RUN, config(), engine="e")
    assert list((home / "runs").iterdir()) == []


def test_a_folder_that_was_left_empty_is_not_listed_as_a_problem(home):
    empty = home / "runs" / ("0" * 16)
    empty.mkdir(parents=True)
    (empty / "gate").touch()
    (empty / ".config.json.7.0a1b2c3d").touch()
    problems = []
    assert store.list_jobs(RUN, problems.append) == []
    assert problems == []
    (empty / "metrics.json").touch()
    store.list_jobs(RUN, problems.append)
    assert len(problems) == 1


def test_a_folder_that_another_process_has_just_made_is_no_job_yet(home):
    (home / "runs" / naming.id_of(RUN, config())).mkdir(parents=True)
    assert store.find(RUN, config()) is None
    assert store.create(RUN, config()).config == config()


def test_an_unknown_task_has_no_run(home):
    with pytest.raises(UserError, match="task"):
        store.create(RUN, build_config([("task", "no-such-task")]))
    assert store.list_jobs(RUN) == []
