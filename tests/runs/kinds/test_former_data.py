"""Jobs of every kind whose data are replaced before they end."""

from collections.abc import Callable, Iterator

import pytest

from mtbkd_core.runs import folder as files
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.execute import execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.kinds.samples import Sample, Steps, submit


@pytest.fixture
def replace_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Gives every task other data under its name."""

    def replace() -> None:
        naming._fingerprint.cache_clear()
        monkeypatch.setattr(naming, "fingerprint", lambda data: "of other data")

    yield replace
    naming._fingerprint.cache_clear()


def test_while_it_waits_it_is_shown_and_then_it_is_not_computed(
    sample: Sample, engine: str, steps: Steps, replace_data: Callable[[], None]
) -> None:
    view = submit(sample)
    replace_data()
    assert [each.state for each in store.list_jobs(sample.kind)] == [State.QUEUED]
    assert naming.is_of_former_data(sample.kind, store.read(sample.kind, view.id))
    execute(str(view.folder))
    after = store.read(sample.kind, view.id)
    assert after.state is State.FAILED
    assert after.reason == "its data or its teachers were replaced since it was launched; launch it again"
    assert not steps.done


def test_in_the_middle_of_it_no_part_is_kept_that_may_be_of_the_others(
    sample: Sample, engine: str, steps: Steps, replace_data: Callable[[], None]
) -> None:
    view = submit(sample)
    seen: list[int] = []

    def happen() -> None:
        seen.append(store.read(sample.kind, view.id).parts_done)
        replace_data()

    steps.at[1] = happen
    execute(str(view.folder))
    after = store.read(sample.kind, view.id)
    assert naming.is_of_former_data(sample.kind, after)
    if sample.kind is RUN:  # it has read its data
        assert after.state is State.DONE
        return
    assert (after.state, after.parts_done) == (State.FAILED, seen[0])
    assert "replaced since" in str(after.reason)
    assert not (view.folder / sample.kind.result).exists()


def test_launched_again_it_is_a_job_of_its_own_beside_the_former(
    sample: Sample, engine: str, steps: Steps, replace_data: Callable[[], None]
) -> None:
    former = submit(sample)
    replace_data()
    today = submit(sample)
    assert today.id != former.id
    execute(str(today.folder))
    listed = {each.id: each.state for each in store.list_jobs(sample.kind)}
    assert listed == {former.id: State.QUEUED, today.id: State.DONE}


def test_a_folder_that_holds_fingerprints_alone_is_not_listed(sample: Sample, engine: str) -> None:
    view = submit(sample)
    for path in view.folder.iterdir():
        if path.name != files.INPUTS:
            path.unlink()
    problems: list[str] = []
    assert store.list_jobs(sample.kind, problems.append) == problems == []
