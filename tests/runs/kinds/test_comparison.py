"""Comparisons: the table that the rows amount to, seeds that are not computed again, and rows as they lie in a file."""

import json
from dataclasses import replace

import pytest

from mtbkd_core.common.progress import Cancelled, UserError
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.comparison import KIND, comparison_spec
from mtbkd_core.runs.naming import id_of
from mtbkd_core.runs.rows import read_rows
from tests.runs.kinds.samples import METHODS, Steps, fake_comparison
from tests.runs.support import config


@pytest.fixture
def steps(engine, monkeypatch):
    """Methods that take no time in the place of the real ones, and what was computed, as (seed, method)."""
    found = Steps()
    fake_comparison(monkeypatch, found)
    return found


def compare(seeds, **changes):
    """The comparison after a worker has executed it."""
    view, _ = store.enqueue(KIND, comparison_spec(config(**changes), seeds), engine="alive")
    execute(str(view.folder))
    return store.read(KIND, view.id)


def every(*seeds):
    return [(seed, name) for seed in seeds for name in METHODS]


def test_the_table_holds_every_method_with_every_seed(steps):
    view = compare((0, 1, 2))
    assert steps.done == every(0, 1, 2)
    assert view.table().methods["mt_bkd"]["nll"] == [0.0, 1.0, 2.0]
    assert view.table().methods["mean_kd"]["auroc_misclassification"] == [None, None, None]
    assert view.progress[-1].steps == 3
    content = json.loads((view.folder / "comparison.json").read_text())
    assert content["methods"] == view.table().methods
    assert content["paired"]["no_teacher"]["nll"]["difference"] == pytest.approx(-0.1)
    table = {"task", "seeds", "methods", "means", "paired", "tuned"}
    assert set(content) == table | {"config", "fingerprints", "environment"}


def test_the_settings_own_seeds_do_not_make_another_comparison_but_all_else_does(home):
    def id(seeds=(0, 1, 2), **changes):
        return id_of(KIND, comparison_spec(config(**changes), seeds))

    assert id(seed=5, split_seed=6) == id()
    assert len({id(), id((0, 1)), id(prior__strength=0.5)}) == 3


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_no_seed_or_one_twice_is_refused(home, seeds):
    with pytest.raises(UserError, match="seeds: at least one is needed, and each once"):
        comparison_spec(config(), seeds)


def test_launched_again_it_goes_on_after_the_last_whole_seed_and_drops_torn_rows(steps):
    def stop():
        raise Cancelled

    steps.at[5] = stop
    half = compare((0, 1, 2))
    assert {seed: list(rows) for seed, rows in half.rows.found.items()} == {
        0: list(METHODS),
        1: ["mt_bkd", "no_teacher"],
    }
    assert half.table().seeds == (0,)
    assert half.table(whole=False).methods["mean_kd"]["nll"] == [pytest.approx(0.2), None]
    with (half.folder / "rows.jsonl").open("ab") as file:
        file.write(b'{"part":1,"name":"no_tea')
    steps.at.clear()
    after = compare((0, 1, 2))
    assert steps.done[5:] == every(1, 2)
    assert (after.state, after.table().methods["mt_bkd"]["nll"]) == (State.DONE, [0.0, 1.0, 2.0])
    lines = (after.folder / "rows.jsonl").read_text().splitlines()
    assert len(lines) == 3 * (len(METHODS) + 1)
    assert all(json.loads(line) for line in lines)


def test_seeds_that_another_comparison_of_the_same_settings_has_are_not_computed_again(steps):
    compare((0, 1, 2))
    more = compare((1, 2, 3))
    assert steps.done[9:] == every(3)
    assert more.table().methods["mt_bkd"]["nll"] == [1.0, 2.0, 3.0]
    compare((1,), prior__strength=0.5)
    assert steps.done[12:] == every(1)


def test_seeds_of_an_earlier_version_are_shown_by_todays_names_and_computed_anew_when_asked_for_again(steps):
    view = compare((0, 1))
    old = [{"part": 0, "name": name, "scores": {"nll": 0.5}} for name in ("mt_bkd", "deep_ensemble", "mean_kd_tuned")]
    lines = (view.folder / "rows.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["part"] == 1]
    former = [json.dumps(line) + "\n" for line in (*old, {"part": 0, "seconds": 1.0})]
    (view.folder / "rows.jsonl").write_text("".join([*former, *kept]))
    shown = store.read(KIND, view.id).table()
    assert shown.methods["warm_start"]["nll"] == [0.5, None]
    assert "deep_ensemble" not in shown.methods
    assert shown.tuned["mt_bkd"][0] is None
    steps.done.clear()
    assert list(compare((0, 1)).rows.found[0]) == list(METHODS)
    assert steps.done == every(0)


def test_what_was_tuned_is_in_the_result(steps):
    view = compare((0, 1))
    content = json.loads((view.folder / "comparison.json").read_text())
    assert content["tuned"]["mean_kd"] == [{"settings": {"weight_scale": 0.6}, "validation_nll": 0.3, "tried": 16}] * 2
    assert "tuned.tried" not in content["methods"]["mean_kd"]


def test_a_table_whose_rows_are_gone_is_computed_anew_when_submitted_again(steps):
    view = compare((0, 1))
    (view.folder / "rows.jsonl").unlink()
    assert list(compare((0, 1)).rows.whole) == [0, 1]


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
