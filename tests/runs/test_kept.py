"""A run's folder: its snapshot, what a killed run goes on from, and a run that goes on after its end."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Result, Task, UserError, distill
from mtbkd_core import snapshot as snapshot_module
from mtbkd_core.distillation import distill_from
from mtbkd_core.extension import More
from mtbkd_core.runs import execute as execute_module
from mtbkd_core.runs import store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kept import CHAINS, DRAWS, SNAPSHOT, Kept
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import MORE, RunView, load_result, load_snapshot
from tests.runs.support import config
from tests.small import small


def eager(patch: pytest.MonkeyPatch) -> None:
    """A snapshot at every draw."""
    patch.setattr(snapshot_module, "_LEAST_SECONDS", 0.0)
    patch.setattr(snapshot_module, "_SHARE", 0)


def killed(task: Task, folder: Path, after: int, **settings: Any) -> Kept:
    """What a run leaves in a folder that was stopped after so many snapshots of draws."""
    kept, seen = Kept(folder), list[int]()

    def keep(going: Any) -> None:
        kept.keep(going)
        seen.append(going.positions.shape[1])

    with pytest.MonkeyPatch.context() as patch:
        eager(patch)
        with pytest.raises(Cancelled):
            distill_from(
                None,
                small(teachers=("one",), **settings),
                task=task,
                on_snapshot=kept.show,
                on_keep=keep,
                should_stop=lambda: len(seen) == after,
            )
    return kept


def test_a_killed_run_goes_on_from_its_folder_to_the_draws_of_one_that_was_not(tiny: Task, tmp_path: Path) -> None:
    killed(tiny, tmp_path, 3)
    going = Kept(tmp_path).read()
    assert going is not None
    assert going.positions.shape[1] == 6
    settings = small(teachers=("one",))
    resumed, whole = distill_from(going, settings, task=tiny), distill(settings, task=tiny)
    assert torch.equal(resumed.draws, whole.draws)
    assert torch.equal(resumed.predictions.log_joint, whole.predictions.log_joint)


def test_draws_that_were_written_after_the_chains_are_cut_off(tiny: Task, tmp_path: Path) -> None:
    killed(tiny, tmp_path, 3)
    with (tmp_path / DRAWS).open("ab") as file:
        file.write(b"half a draw that a killed process left")
    kept = Kept(tmp_path)
    going = kept.read()
    assert going is not None
    kept.keep(going)  # nothing is new
    again = Kept(tmp_path).read()
    assert again is not None
    assert torch.equal(again.positions, going.positions)


@pytest.mark.parametrize("file", [CHAINS, DRAWS])
@pytest.mark.parametrize("damage", ["missing", "torn", "empty", "noise"])
def test_what_is_torn_counts_as_not_there(file: str, damage: str, tiny: Task, tmp_path: Path) -> None:
    killed(tiny, tmp_path, 3)
    path = tmp_path / file
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"torn": whole[: len(whole) // 2], "empty": b"", "noise": b"\xff" * 50}[damage])
    assert Kept(tmp_path).read() is None


def test_draws_of_another_extension_are_not_taken(tiny: Task, tmp_path: Path) -> None:
    killed(tiny, tmp_path, 3)
    assert Kept(tmp_path, first=20).read() is None


@pytest.fixture
def view(trained_home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> RunView:
    """A run that is queued, in a home of its own with trained teachers."""
    monkeypatch.setenv("MTBKD_HOME", str(own_home))
    (own_home / "teachers").symlink_to(trained_home / "teachers")
    made, _ = store.enqueue(RUN, config(sampler__draws=12), engine="none")
    return made


def interrupt(monkeypatch: pytest.MonkeyPatch, draws: int) -> None:
    """Cancel the next computation when it has kept so many draws."""
    keep = Kept.keep
    eager(monkeypatch)

    def stops(self: Kept, going: Any) -> None:
        keep(self, going)
        if going.positions.shape[1] == draws:
            (self._folder / "cancel").touch()

    monkeypatch.setattr(Kept, "keep", stops)
    monkeypatch.setattr(execute_module, "_CANCEL_LOOK_SECONDS", 0.0)


def look(view: RunView) -> RunView:
    return store.read(RUN, view.id)


def test_a_run_that_is_stopped_shows_its_snapshot_and_goes_on(view: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, 6)
        execute(str(view.folder))
    assert look(view).state is State.CANCELLED
    snapshot, found = load_snapshot(view), view.moment
    assert snapshot is not None
    assert found is not None
    assert snapshot.moment == found[0]
    assert snapshot.moment.draws == 6
    store.enqueue(RUN, view.spec, engine="none")
    execute(str(view.folder))
    assert look(view).state is State.DONE
    result = load_result(view.id)
    assert torch.equal(result.draws, distill(view.spec).draws)
    assert not [name for name in (SNAPSHOT, CHAINS, DRAWS, MORE) if (view.folder / name).exists()]
    assert json.loads((view.folder / "resolved.json").read_text())["sampling"]["draws"] == 12


def test_a_run_that_is_done_goes_on_under_its_own_name(view: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(str(view.folder))
    before = load_result(view.id)
    for whole in (20, 28):
        _, submission = store.enqueue_more(RUN, view.id, More(draws=whole), engine="none")
        assert submission is not None
        execute(str(view.folder))
        after = look(view)
        assert (after.state, after.reason, after.id) == (State.DONE, None, view.id)
        longer = load_result(view.id)
        assert longer.draws.shape[1] == whole
        torch.testing.assert_close(longer.draws[:, :12], before.draws)
    assert longer.config == view.spec


def test_cancelling_a_run_that_goes_on_leaves_what_it_had_and_it_can_go_on_from_there(
    view: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(str(view.folder))
    before = load_result(view.id)
    store.enqueue_more(RUN, view.id, More(draws=24), engine="none")
    with monkeypatch.context() as patch:
        interrupt(patch, 18)
        execute(str(view.folder))
    after = look(view)
    assert after.state is State.DONE
    assert after.reason is not None
    assert "cancelled" in after.reason
    assert torch.equal(load_result(view.id).draws, before.draws)
    store.enqueue_more(RUN, view.id, More(draws=24), engine="none")
    started: list[int] = []
    original = runs.extension.extend_from
    monkeypatch.setattr(
        runs.extension,
        "extend_from",
        lambda kept, *given, **named: (started.append(kept.positions.shape[1]), original(kept, *given, **named))[1],
    )
    execute(str(view.folder))
    assert started == [6]
    assert load_result(view.id).draws.shape[1] == 24


def test_a_run_without_a_result_cannot_go_on(view: RunView) -> None:
    with pytest.raises(UserError, match="no result to go on from"):
        store.enqueue_more(RUN, view.id, More(draws=24), engine="none")


def test_a_full_disk_while_a_run_goes_on_leaves_its_result(view: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(str(view.folder))
    before = load_result(view.id)

    def full(self: Result, folder: Path) -> None:
        raise UserError("no space left")

    store.enqueue_more(RUN, view.id, More(draws=24), engine="none")
    with monkeypatch.context() as patch:
        patch.setattr(Result, "save", full)
        execute(str(view.folder))
    assert look(view).state is State.DONE
    assert torch.equal(load_result(view.id).draws, before.draws)
