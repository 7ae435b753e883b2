"""Jobs and tasks that belong to the people who launched them."""

import pytest

from mtbkd_core.catalog import adding
from mtbkd_core.common.progress import UserError
from mtbkd_core.extension import More
from mtbkd_core.imports import image_sets
from mtbkd_core.imports import store as tables
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.support import FakeResult, config

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def shared(engine):
    """A queued run that two people have launched."""
    store.enqueue(RUN, config(), engine=engine, by="ada")
    view, again = store.enqueue(RUN, config(), engine=engine, by="ben")
    assert again is None
    return view


def test_launching_the_same_settings_adds_an_owner(shared):
    assert shared.owners == {"ada", "ben"}
    assert store.list_jobs(RUN)[0].owners == {"ada", "ben"}


def test_a_new_submission_keeps_the_owners(shared, engine):
    files.finish(shared.folder, files.read_status(shared.folder).submission, State.FAILED)
    assert store.enqueue(RUN, config(), engine=engine)[0].owners == {"ada", "ben"}


@pytest.mark.parametrize("by", ["ada", "carl"])
def test_only_the_only_owner_cancels(shared, by):
    with pytest.raises(UserError, match=f"run {shared.id}: .*only its only owner"):
        store.request_cancel(RUN, shared.id, by=by)
    assert store.read(RUN, shared.id).state is State.QUEUED
    store.delete(RUN, shared.id, by="ben")
    assert store.request_cancel(RUN, shared.id, by="ada").state is State.CANCELLED


def test_the_last_owner_who_deletes_a_job_removes_it(shared):
    store.delete(RUN, shared.id, by="ada")
    assert store.read(RUN, shared.id).owners == {"ben"}
    with pytest.raises(UserError, match="belongs to someone else"):
        store.delete(RUN, shared.id, by="ada")
    store.request_cancel(RUN, shared.id, by="ben")
    store.delete(RUN, shared.id, by="ben")
    assert store.list_jobs(RUN) == []


def test_a_run_is_sampled_longer_by_its_owners_alone(shared, engine):
    FakeResult().save(shared.folder)
    more = More(draws=2)
    with pytest.raises(UserError, match=f"run {shared.id}: it belongs to someone else; launch the same settings"):
        store.enqueue_more(RUN, shared.id, more, engine=engine, by="carl")
    view, submission = store.enqueue_more(RUN, shared.id, more, engine=engine, by="ben")
    assert submission is not None
    assert view.owners == {"ada", "ben"}


def test_a_job_of_nobody_is_deleted_by_whoever_has_the_server_to_himself_alone():
    run = store.create(RUN, config())
    with pytest.raises(UserError, match="belongs to someone else"):
        store.delete(RUN, run.id, by="ada")
    store.delete(RUN, run.id)
    assert store.list_jobs(RUN) == []


def test_whoever_has_the_server_to_himself_cancels_and_deletes_all(shared):
    store.request_cancel(RUN, shared.id)
    store.delete(RUN, shared.id)
    assert store.list_jobs(RUN) == []


@pytest.mark.parametrize("kind", ["table", "images"])
def test_an_imported_task_is_forgotten_by_its_owner_alone(home, kind):
    if kind == "table":
        tables.folder_of("mine").mkdir(parents=True)
    else:
        images = image_sets.ImageSet("mine", "Mine", home, ("a", "b", "c", "d"), (8, 8))
        image_sets.write(images)
    adding.claim("mine", "ada")
    assert adding.owners_of("mine") == {"ada"}
    with pytest.raises(UserError, match="task mine: it belongs to someone else"):
        adding.forget("mine", by="ben")
    adding.forget("mine", by="ada")
    assert adding.owners_of("mine") == frozenset()
    assert not list(home.rglob("*mine*"))
