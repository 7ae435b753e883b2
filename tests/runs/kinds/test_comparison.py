import json
from dataclasses import replace

import pytest

from mtbkd_core.common.progress import Cancelled, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.runs import execute as execute_module
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.execute import MAX_ATTEMPTS
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import base
from mtbkd_core.runs.kinds.comparison import TABLE, ask
from mtbkd_core.runs.rows import read_rows
from mtbkd_core.studies import comparison
from tests.runs.support import config

METHODS = ("mt_bkd", "no_teacher", "mean_kd")


@pytest.fixture
def engine(home):
    """The lock of an engine that is alive."""
    path = files.engine_lock(home, "e")
    path.parent.mkdir(parents=True)
    with files.lock.hold(path):
        yield "e"


@pytest.fixture
def computed(monkeypatch):
    """Methods that take no time in the place of the real ones, and what was computed, as (seed, method)."""
    calls: list[tuple[int, str]] = []

    def methods(config: RunConfig, task: object, **named: object):
        def run(name):
            calls.append((config.seed, name))
            nll = config.seed + METHODS.index(name) / 10
            return {name: {"nll": nll, "accuracy": 0.9, "auroc_misclassification": None}}

        return {name: (lambda name=name: run(name)) for name in METHODS}

    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: None)
    monkeypatch.setattr(comparison, "methods", methods)
    return calls


@pytest.fixture
def submitted(engine):
    view, submission = TABLE.enqueue(ask(config(), (0, 1, 2)), engine=engine)
    assert submission is not None
    return view


def stop_at(monkeypatch, computed, seed, name, error):
    """Let the comparison end with `error` when it comes to a method of a seed."""
    real = comparison.methods

    def methods(config, task, **named):
        def stumble():
            raise error

        offered = real(config, task, **named)
        return {key: stumble if (config.seed, key) == (seed, name) else run for key, run in offered.items()}

    monkeypatch.setattr(comparison, "methods", methods)
    return real


def test_a_comparison_is_computed_and_leaves_the_table(submitted, computed):
    assert (submitted.state, submitted.rows.found) == (State.QUEUED, {})
    TABLE.execute(str(submitted.folder))
    after = TABLE.read(submitted.id)
    assert (after.state, after.reason, after.attempt) == (State.DONE, None, 1)
    assert computed == [(seed, name) for seed in (0, 1, 2) for name in METHODS]
    assert after.table().methods["mt_bkd"]["nll"] == [0.0, 1.0, 2.0]
    assert after.table().methods["mean_kd"]["auroc_misclassification"] == [None, None, None]
    assert after.progress[-1].steps == 3
    content = json.loads((after.folder / "comparison.json").read_text())
    assert content["seeds"] == [0, 1, 2]
    assert content["methods"] == after.table().methods
    assert content["paired"]["no_teacher"]["nll"]["difference"] == pytest.approx(-0.1)
    assert set(content) == {"task", "seeds", "methods", "paired", "config", "fingerprints", "environment"}


def test_submitted_twice_it_is_found_and_not_run_twice(submitted, computed, engine):
    same, submission = TABLE.enqueue(ask(config(), [0, 1, 2]), engine=engine)
    assert (same.id, submission) == (submitted.id, None)
    TABLE.execute(str(submitted.folder))
    TABLE.execute(str(submitted.folder))
    assert len(computed) == 9
    done, submission = TABLE.enqueue(ask(config(), (0, 1, 2)), engine=engine)
    assert (done.state, submission) == (State.DONE, None)


def test_the_settings_own_seeds_do_not_make_another_comparison_but_all_else_does(submitted):
    same = TABLE.id(ask(config(seed=5, split_seed=6), (0, 1, 2)))
    assert same == submitted.id == submitted.folder.name
    assert TABLE.id(ask(config(), (0, 1))) != same
    assert TABLE.id(ask(config(prior__strength=0.5), (0, 1, 2))) != same


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_no_seed_or_one_twice_is_refused(home, seeds):
    with pytest.raises(UserError, match="seeds: at least one is needed, and each once"):
        TABLE.enqueue(ask(config(), seeds), engine="e")


def test_a_cancel_is_heard_and_the_whole_seeds_stay(submitted, computed, monkeypatch):
    monkeypatch.setattr(execute_module, "_CANCEL_LOOK_SECONDS", 0.0)
    real = comparison.methods

    def methods(config, task, **named):
        if config.seed == 1:
            assert TABLE.request_cancel(submitted.id).stopping
        return real(config, task, **named)

    monkeypatch.setattr(comparison, "methods", methods)
    TABLE.execute(str(submitted.folder))
    after = TABLE.read(submitted.id)
    assert (after.state, after.reason) == (State.CANCELLED, None)
    assert list(after.rows.whole) == [0]
    assert computed == [(0, name) for name in METHODS]


def test_one_cancelled_in_the_queue_is_never_computed(submitted, computed):
    assert TABLE.request_cancel(submitted.id).state is State.CANCELLED
    TABLE.execute(str(submitted.folder))
    assert computed == []


def test_launched_again_it_goes_on_after_the_last_whole_seed(submitted, computed, monkeypatch, engine):
    real = stop_at(monkeypatch, computed, 1, "mean_kd", Cancelled())
    TABLE.execute(str(submitted.folder))
    half = TABLE.read(submitted.id)
    assert {seed: list(rows) for seed, rows in half.rows.found.items()} == {
        0: list(METHODS),
        1: ["mt_bkd", "no_teacher"],
    }
    assert half.table().seeds == (0,)
    assert half.table(whole=False).methods["mean_kd"]["nll"] == [pytest.approx(0.2), None]
    computed.clear()
    monkeypatch.setattr(comparison, "methods", real)
    assert TABLE.enqueue(ask(config(), (0, 1, 2)), engine=engine)[1] is not None
    TABLE.execute(str(submitted.folder))
    assert computed == [(seed, name) for seed in (1, 2) for name in METHODS]
    after = TABLE.read(submitted.id)
    assert after.state is State.DONE
    assert after.table().methods["mt_bkd"]["nll"] == [0.0, 1.0, 2.0]


def test_a_killed_attempt_is_tried_again_and_torn_rows_are_computed_anew(submitted, computed, monkeypatch):
    real = stop_at(monkeypatch, computed, 1, "no_teacher", KeyboardInterrupt())  # as a kill leaves it: no word
    with pytest.raises(KeyboardInterrupt):
        TABLE.execute(str(submitted.folder))
    with (submitted.folder / "rows.jsonl").open("ab") as file:
        file.write(b'{"seed":1,"method":"no_tea')
    died = TABLE.read(submitted.id)
    assert died.state is State.QUEUED
    assert list(died.rows.found[1]) == ["mt_bkd"]
    computed.clear()
    monkeypatch.setattr(comparison, "methods", real)
    TABLE.execute(str(submitted.folder))
    assert computed == [(seed, name) for seed in (1, 2) for name in METHODS]
    after = TABLE.read(submitted.id)
    assert (after.state, after.attempt) == (State.DONE, 2)
    assert after.reason == "attempt 1 ended without a word (worker killed?); attempt 2 finished"
    lines = (submitted.folder / "rows.jsonl").read_text().splitlines()
    assert len(lines) == 3 * (len(METHODS) + 1)
    assert all(json.loads(line) for line in lines)


def test_one_that_keeps_killing_its_worker_ends_as_crashed(submitted, computed, monkeypatch):
    stop_at(monkeypatch, computed, 0, "mt_bkd", KeyboardInterrupt())
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            TABLE.execute(str(submitted.folder))
    TABLE.execute(str(submitted.folder))
    assert TABLE.read(submitted.id).state is State.CRASHED


def test_an_error_is_told_in_one_line(submitted, computed, monkeypatch):
    stop_at(monkeypatch, computed, 0, "mean_kd", RuntimeError("not\nfinite"))
    TABLE.execute(str(submitted.folder))
    after = TABLE.read(submitted.id)
    assert (after.state, after.reason) == (
        State.FAILED,
        "RuntimeError: not finite (the trace is in failure.txt)",
    )


def test_seeds_that_another_comparison_of_the_same_settings_has_are_not_computed_again(submitted, computed, engine):
    TABLE.execute(str(submitted.folder))
    computed.clear()
    more, _ = TABLE.enqueue(ask(config(), (1, 2, 3)), engine=engine)
    other, _ = TABLE.enqueue(ask(config(prior__strength=0.5), (1,)), engine=engine)
    TABLE.execute(str(more.folder))
    assert computed == [(3, name) for name in METHODS]
    assert TABLE.read(more.id).table().methods["mt_bkd"]["nll"] == [1.0, 2.0, 3.0]
    TABLE.execute(str(other.folder))
    assert computed[3:] == [(1, name) for name in METHODS]


def test_a_table_whose_rows_are_gone_is_computed_anew_when_submitted_again(submitted, computed, engine):
    TABLE.execute(str(submitted.folder))
    (submitted.folder / "rows.jsonl").unlink()
    again, submission = TABLE.enqueue(ask(config(), (0, 1, 2)), engine=engine)
    assert submission is not None
    TABLE.execute(str(again.folder))
    assert list(TABLE.read(again.id).rows.whole) == [0, 1, 2]


def test_a_torn_table_is_no_table(submitted, computed):
    TABLE.execute(str(submitted.folder))
    (submitted.folder / "comparison.json").write_text('{"task"')
    view = TABLE.read(submitted.id)
    assert (view.state, view.reason) == (State.FAILED, "comparison.json is torn; launch the comparison again")


def test_comparisons_are_listed_newest_first_and_a_torn_one_hides_no_other(submitted, engine):
    newer, _ = TABLE.enqueue(ask(config(), (0, 1)), engine=engine)
    torn, _ = TABLE.enqueue(ask(config(), (7,)), engine=engine)
    (torn.folder / "config.json").write_text("{")
    problems: list[str] = []
    assert [view.id for view in TABLE.all(problems.append)] == [newer.id, submitted.id]
    assert problems == [f"comparison {torn.id}: config.json is torn (1 problems)"]


def test_a_configuration_that_is_not_the_comparisons_own_is_not_believed(submitted):
    path = submitted.folder / "config.json"
    path.write_text(path.read_text().replace('"strength": 1.0', '"strength": 2.0'))
    with pytest.raises(UserError, match=r"config\.json is not this comparison's"):
        TABLE.read(submitted.id)


def test_a_finished_comparison_outlives_a_change_of_the_fingerprints(submitted, computed, monkeypatch):
    TABLE.execute(str(submitted.folder))
    base._fingerprints.cache_clear()
    monkeypatch.setattr(base, "fingerprint", lambda config: "of another torch")
    try:
        assert TABLE.read(submitted.id).state is State.DONE
    finally:
        base._fingerprints.cache_clear()


def test_a_comparison_is_deleted_when_it_is_finished(submitted, computed):
    with pytest.raises(UserError, match=f"comparison {submitted.id}: it is queued; cancel it before you delete it"):
        TABLE.delete(submitted.id)
    TABLE.execute(str(submitted.folder))
    TABLE.delete(submitted.id)
    with pytest.raises(UserError, match="no such comparison"):
        TABLE.read(submitted.id)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b'{"part":"0","name":"mt_bkd","scores":{}}',
        b'{"part":0,"name":"mt_bkd","scores":{"nll":"low"}}',
        b'{"part":0,"name":"mt_bkd","scores":{"nll":NaN}}',
        b'{"part":0}',
        b"{" * 100_000,
        b"\xff\xfe",
    ],
)
def test_foreign_lines_are_skipped(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    good = b'{"part":0,"name":"mean_kd","scores":{"nll":0.5}}\n{"part":0,"seconds":2.5}\n'
    path.write_bytes(line + b"\n" + good + b'{"part":1,"name":"mean_kd","scores":{"nll":0.5}}')
    rows = read_rows(path)
    assert (rows.found, rows.seconds) == ({0: {"mean_kd": {"nll": 0.5}}}, {0: 2.5})
    assert read_rows(tmp_path / "none") == replace(rows, found={}, seconds={})


def test_rows_written_before_other_tables_had_any_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"seed":3,"method":"mean_kd","scores":{"nll":0.5}}\n{"seed":3,"seconds":2.5}\n')
    rows = read_rows(path)
    assert (rows.found, rows.seconds) == ({3: {"mean_kd": {"nll": 0.5}}}, {3: 2.5})
