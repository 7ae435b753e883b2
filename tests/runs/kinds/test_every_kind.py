"""The life of a job, for every kind in the registry: a new kind needs a sample, and passes the same checks."""

import json
import warnings
from typing import Any

import pytest

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import naming, store
from mtbkd_core.runs.execute import MAX_ATTEMPTS, execute
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.registry import KINDS
from tests.runs.kinds.samples import SAMPLES, Sample, Steps, computed, former_names, submit

FOUND_AGAIN = [kind for kind in KINDS if kind.again is None]


@pytest.fixture
def found_again(request: pytest.FixtureRequest) -> Sample:
    """A kind of which what is done is found, not measured again."""
    return SAMPLES[request.param.noun]


every_found_again = pytest.mark.parametrize("found_again", FOUND_AGAIN, indirect=True, ids=lambda kind: kind.noun)


def fail(error: BaseException) -> Any:
    def happen() -> None:
        raise error

    return happen


def test_every_kind_has_names_and_a_folder_of_its_own() -> None:
    assert len({kind.noun for kind in KINDS}) == len({kind.folder for kind in KINDS}) == len(KINDS)
    assert {kind.noun for kind in KINDS} == set(SAMPLES)


def test_it_is_queued_then_computed_and_leaves_its_result(sample: Sample, engine: str, steps: Steps) -> None:
    queued = submit(sample)
    assert (queued.state, queued.reason, queued.attempt, queued.finished) == (State.QUEUED, None, 0, False)
    steps.at[1] = lambda: seen.append(store.read(sample.kind, queued.id))
    seen: list[Any] = []
    execute(str(queued.folder))
    (during,) = seen
    assert (during.state, during.attempt, during.ended) == (State.RUNNING, 1, None)
    assert during.progress
    after = store.read(sample.kind, queued.id)
    assert (after.state, after.reason, after.attempt) == (State.DONE, None, 1)
    assert after.spec == sample.spec()
    assert after.parts_done == after.parts
    assert after.ended >= after.started >= after.created
    assert json.loads((after.folder / sample.kind.result).read_text())


def test_executed_twice_it_is_computed_once(sample: Sample, engine: str, steps: Steps) -> None:
    view = computed(sample)
    before = len(steps.done)
    execute(str(view.folder))
    assert len(steps.done) == before


def test_one_under_way_is_found_and_not_submitted_again(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    assert store.enqueue(sample.kind, sample.spec(), engine=engine)[0].id == view.id
    steps.at[1] = lambda: found.append(store.enqueue(sample.kind, sample.spec(), engine=engine))
    found: list[Any] = []
    execute(str(view.folder))
    ((again, submission),) = found
    assert (again.id, again.state, submission) == (view.id, State.RUNNING, None)


@every_found_again
def test_one_that_is_done_is_found(found_again: Sample, engine: str, steps: Steps) -> None:
    view = computed(found_again)
    again, submission = store.enqueue(found_again.kind, found_again.spec(), engine=engine)
    assert (again.id, again.state, submission) == (view.id, State.DONE, None)
    known = store.find(found_again.kind, found_again.spec())
    assert known is not None
    assert known.id == view.id
    assert store.find(found_again.kind, found_again.other()) is None


def test_another_spec_is_another_job_and_all_are_listed_newest_first(sample: Sample, engine: str) -> None:
    first = submit(sample)
    other, _ = store.enqueue(sample.kind, sample.other(), engine=engine)
    assert [view.id for view in store.list_jobs(sample.kind)] == [other.id, first.id]


@pytest.mark.parametrize("torn", ["{", "[]", '{"nonsense": 1}', "[" * 100_000, '{"seed": ' + "9" * 5000 + "}", None])
def test_a_torn_configuration_is_one_line_hides_no_other_and_is_mended_by_a_launch(
    sample: Sample, engine: str, torn: str | None
) -> None:
    good, _ = store.enqueue(sample.kind, sample.other(), engine=engine)
    bad = submit(sample)
    path = bad.folder / files.CONFIG
    path.unlink() if torn is None else path.write_text(torn)
    problems: list[str] = []
    assert [view.id for view in store.list_jobs(sample.kind, problems.append)] == [good.id]
    (line,) = problems
    assert line.startswith(f"{sample.kind.noun} {bad.id}: config.json ")
    assert "\n" not in line
    with pytest.raises(UserError, match=r"config\.json"):
        store.read(sample.kind, bad.id)
    assert store.enqueue(sample.kind, sample.spec(), engine=engine)[0].id == bad.id
    assert store.read(sample.kind, bad.id).spec == sample.spec()


def test_one_cancelled_in_the_queue_is_never_computed(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    assert store.request_cancel(sample.kind, view.id).state is State.CANCELLED
    execute(str(view.folder))
    assert steps.done == []
    assert store.read(sample.kind, view.id).state is State.CANCELLED


def test_one_cancelled_while_it_runs_keeps_whole_parts_and_goes_on(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    steps.at[1] = lambda: stopping.append(store.request_cancel(sample.kind, view.id).stopping)
    stopping: list[bool] = []
    execute(str(view.folder))
    half = store.read(sample.kind, view.id)
    assert stopping == [True]
    assert (half.state, half.reason, half.stopping) == (State.CANCELLED, None, False)
    before, kept = len(steps.done), half.parts_done
    assert kept < max(1, half.parts)
    steps.at.clear()
    again = computed(sample)
    assert again.state is State.DONE
    if again.parts:  # others begin anew
        whole = len(steps.done) // again.parts  # steps of a part
        assert len(steps.done) - before == (again.parts - kept) * max(1, whole)


def test_one_whose_worker_is_killed_is_tried_again_and_says_so(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    steps.at[1] = fail(KeyboardInterrupt())  # as a kill leaves it: no word, and the lock let go
    with pytest.raises(KeyboardInterrupt):
        execute(str(view.folder))
    steps.at.clear()
    awaited = store.read(sample.kind, view.id)
    assert (awaited.state, awaited.attempt) == (State.QUEUED, 1)
    assert awaited.reason == "attempt 1 ended without an error message (worker killed?); attempt 2 is awaited"
    execute(str(view.folder))
    after = store.read(sample.kind, view.id)
    assert (after.state, after.attempt) == (State.DONE, 2)
    assert after.reason == "attempt 1 ended without an error message (worker killed?); attempt 2 finished"


def test_one_that_kills_every_worker_ends_as_crashed(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    steps.at[0] = fail(KeyboardInterrupt())
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            execute(str(view.folder))
    execute(str(view.folder))
    after = store.read(sample.kind, view.id)
    assert (after.state, after.attempt) == (State.CRASHED, MAX_ATTEMPTS)
    assert after.reason == "3 attempts ended without an error message: the worker was killed each time (out of memory?)"
    execute(str(view.folder))
    assert store.read(sample.kind, view.id) == after


def test_one_whose_engine_is_gone_is_interrupted_and_can_be_launched_again(
    sample: Sample, engine: str, steps: Steps
) -> None:
    lost = submit(sample, engine="gone")
    assert (lost.state, lost.finished) == (State.INTERRUPTED, True)
    assert lost.reason == f"the engine ended before it began; launch the {sample.kind.noun} again"
    assert computed(sample).state is State.DONE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("teachers: no\nsuch teacher"), "teachers: no such teacher"),
        (RuntimeError("not\nfinite"), "RuntimeError: not finite (the trace is in failure.txt)"),
    ],
)
def test_an_error_is_one_line(sample: Sample, engine: str, steps: Steps, error: Exception, reason: str) -> None:
    steps.at[1] = fail(error)
    after = computed(sample)
    assert (after.state, after.reason) == (State.FAILED, reason)


@every_found_again
def test_a_torn_result_is_no_result_and_is_computed_again(found_again: Sample, engine: str, steps: Steps) -> None:
    view = computed(found_again)
    (view.folder / found_again.kind.result).write_text('{"stud')
    torn = store.read(found_again.kind, view.id)
    noun, result = found_again.kind.noun, found_again.kind.result
    assert (torn.state, torn.reason) == (State.FAILED, f"{result} is torn; launch the {noun} again")
    again = computed(found_again)
    assert (again.id, again.state) == (view.id, State.DONE)


@every_found_again
def test_a_configuration_that_is_anothers_is_not_believed(found_again: Sample, engine: str, steps: Steps) -> None:
    view = computed(found_again)
    (view.folder / files.CONFIG).write_text(found_again.other().model_dump_json())
    with pytest.raises(UserError, match=f"{view.id}: config.json is not this {found_again.kind.noun}'s") as caught:
        store.read(found_again.kind, view.id)
    assert "\n" not in str(caught.value)
    assert store.list_jobs(found_again.kind) == []
    assert store.create(found_again.kind, found_again.spec()).spec == found_again.spec()


@every_found_again
def test_a_result_outlives_a_change_of_the_fingerprints(
    found_again: Sample, engine: str, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = computed(found_again)
    (view.folder / files.INPUTS).unlink()  # as in a folder of a former version
    environment = view.folder / "environment.json"
    if environment.exists():  # a run's own; the fake one knows no fingerprint
        content = json.loads(environment.read_text()) | {"fingerprint": naming.fingerprint(view.config)}
        environment.write_text(json.dumps(content))
    naming._fingerprint.cache_clear()
    monkeypatch.setattr(naming, "fingerprint", lambda data: "of another torch")
    try:
        assert store.read(found_again.kind, view.id).state is State.DONE
        assert [each.id for each in store.list_jobs(found_again.kind)] == [view.id]
        assert store.find(found_again.kind, found_again.spec()) is None
    finally:
        naming._fingerprint.cache_clear()


def test_a_job_of_before_settings_were_renamed_is_listed_and_opened(sample: Sample, engine: str, steps: Steps) -> None:
    view = computed(sample)
    content = former_names(sample.spec())
    raw = json.dumps(content, separators=(",", ":"))
    old = content_hash(raw, *naming.fingerprints(sample.kind, sample.spec()))
    (view.folder / files.CONFIG).write_text(json.dumps(content, indent=2))
    view.folder.rename(view.folder.with_name(old))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [each.id for each in store.list_jobs(sample.kind)] == [old]
        opened = store.read(sample.kind, old)
    assert (opened.state, opened.spec, opened.parts_done) == (State.DONE, sample.spec(), view.parts)
    again, _ = store.enqueue(sample.kind, sample.spec(), engine=engine)
    assert (again.id == old) is (sample.kind.again is None)


@every_found_again
def test_an_unfinished_job_of_before_settings_were_renamed_goes_on_in_its_folder(
    found_again: Sample, engine: str, steps: Steps
) -> None:
    kind, view = found_again.kind, submit(found_again)
    content = former_names(found_again.spec())
    raw = json.dumps(content, separators=(",", ":"))
    old = view.folder.with_name(content_hash(raw, *naming.fingerprints(kind, found_again.spec())))
    (view.folder / files.CONFIG).write_text(raw)
    (view.folder / files.STATUS).unlink()
    view.folder.rename(old)
    assert submit(found_again).id == old.name
    execute(str(old))
    assert [(each.id, each.state) for each in store.list_jobs(kind)] == [(old.name, State.DONE)]


def test_it_is_deleted_once_it_is_finished(sample: Sample, engine: str, steps: Steps) -> None:
    view = submit(sample)
    with pytest.raises(UserError, match=f"{view.id}: it is queued; cancel it before you delete it"):
        store.delete(sample.kind, view.id)
    execute(str(view.folder))
    store.delete(sample.kind, view.id)
    assert list(view.folder.parent.iterdir()) == []
    with pytest.raises(UserError, match=f"no such {sample.kind.noun}"):
        store.read(sample.kind, view.id)


@pytest.mark.parametrize("id", ["", "..", "../../etc", "0" * 15, "G" * 16, "0123456789abcde\n", None, "x" * 999])
def test_a_name_that_is_none_is_one_line(sample: Sample, home: object, id: Any) -> None:
    for call in (store.read, store.request_cancel, store.delete):
        with pytest.raises(UserError, match="16 hexadecimal digits") as caught:
            call(sample.kind, id)
        assert len(str(caught.value)) < 150
        assert "\n" not in str(caught.value)
