"""Unusual orders of use: teachers off and on, tasks that change under a run, two classes, runs that read alike."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd_core import RunConfig, build_config, default_config, load_task
from mtbkd_core.catalog.adding import forget, import_table
from mtbkd_core.catalog.settings import change_task, changed_settings, numbers_of_joining
from mtbkd_core.config.parse import flatten
from mtbkd_core.imports import store as store_of_tasks
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView
from tests.app.conftest import SMALL, Done, FakeEngine, Opened, go, in_link, new_app, open_page, press
from tests.imports.files import CLASSES, spec_of, write_csv, write_files, write_table

RESULTS = ("reliability", "influence", "uncertainty", "shifts", "compare")


def small(task: str, **changes: str) -> RunConfig:
    return build_config({**SMALL, **changes}.items(), base=default_config(task))


# Runs that are described by the same words


def test_of_two_runs_that_read_alike_the_picker_keeps_the_one_that_was_chosen(opened: Opened, done: Done) -> None:
    pairs = ("digits-0-4,digits-5-9", "digits-0-4,even-digits")
    first, second = (done(small("digits", teachers=pair)) for pair in pairs)
    for run, other in ((first, second), (second, first)):
        app = opened("reliability", run=run.id)
        assert app.session_state.run == in_link(app, "run") == run.id
        options = app.sidebar.selectbox(key="set:run").options
        assert len(set(options)) == len(options) == 2
        app.sidebar.selectbox(key="set:run").set_value(other.id).run()
        assert app.session_state.run == in_link(app, "run") == other.id


def test_the_plane_knows_the_teachers_of_each_run(fake_engine: FakeEngine, home: Path) -> None:
    """The first run's plane is kept for the next, which has a teacher more."""
    for teachers in ("north,south-west", "north,noisy"):
        run = fake_engine.distill(small("synthetic", teachers=teachers))
        app = open_page(new_app(), "uncertainty", run=run.id)
        assert not app.exception
        assert not app.error


# Numbers for each teacher


def test_a_teacher_that_is_switched_off_and_on_has_the_tasks_own_numbers_again() -> None:
    start = default_config("proteins")
    fewer = build_config([("teachers", "ends,descriptors"), ("prior.base_weights", "0.5,1")], base=start)
    assert numbers_of_joining(start, ("ends", "descriptors")) == [
        ("prior.base_weights", [0.1, 1.0]),
        ("prior.entropy_temperatures", [1.07, 1.07]),
    ]
    assert numbers_of_joining(fewer, start.data.teachers) == [
        ("prior.base_weights", [0.25, 0.5, 1.0]),
        ("prior.entropy_temperatures", [1.12, 1.07, 1.07]),
    ]
    assert numbers_of_joining(default_config("digits"), ("generalist",)) == []


def test_the_page_switches_a_teacher_off_and_on(opened: Opened) -> None:
    app = opened("teachers", task="proteins")
    for on in (False, True):
        app.toggle(key="set:teacher:sequence-cnn").set_value(on).run()
        assert not app.exception
    assert app.session_state.draft == default_config("proteins")


@pytest.mark.parametrize("teachers", ["descriptors,ends,sequence-cnn", "ends,descriptors", "ends"])
def test_what_is_written_of_a_configuration_gives_it_again(teachers: str) -> None:
    start = default_config("proteins")
    for weights in (start.prior.base_weights, (0.1, 0.5, 1.0)):
        count = len(teachers.split(","))
        changes = [("teachers", teachers), ("prior.base_weights", (weights or ())[:count]), ("n_unlabelled", 0)]
        config = build_config(changes, base=start)
        written = changed_settings(config)
        assert build_config(written.items(), base=start) == config
        assert set(written) <= {"data.task", "data.teachers", "prior.base_weights", "data.n_unlabelled"}
    assert set(changed_settings(build_config([("teachers", teachers)], base=start))) == {"data.task", "data.teachers"}


# A task that others' settings do not suit


def test_what_cannot_be_on_another_task_does_not_go_along() -> None:
    config = build_config([("sampler.batch_size", "64"), ("student.kind", "cnn")])
    there = change_task(config, "synthetic")
    assert there == default_config("synthetic")
    assert flatten(change_task(config, "proteins"))["student.kind"] == "mlp"
    assert change_task(config, "synthetic-linear").sampler.batch_size == 64


def test_a_view_that_has_gone_leaves_the_link(opened: Opened) -> None:
    app = opened("prior", effect="entropy_temperatures:1")
    assert in_link(app, "effect") == "entropy_temperatures:1"
    app.segmented_control(key="set:prior.rule").set_value("fixed").run()
    assert in_link(app, "effect") is None


@pytest.mark.parametrize(("value", "shown"), [("0.123456789", "0.123456789"), ("1e-05", "1e-05"), ("2", "2")])
def test_a_step_size_is_shown_as_it_was_given(opened: Opened, value: str, shown: str) -> None:
    app = opened("distill", **{"sampler.step_size": value})
    assert app.text_input(key="set:sampler.step_size").value == shown


# Own tasks that change while they are in use


def write_and_import(folder: Path, change: Callable[[Files], Files]) -> None:
    """Import the task `mine` anew from files that are changed first."""
    folder.mkdir()
    import_table("mine", spec_of(change(write_files(folder))), title="Mine")


@pytest.fixture
def old_run(fake_engine: FakeEngine, home: Path, tmp_path: Path) -> RunView:
    """A run of an own task that has been forgotten since."""
    write_and_import(tmp_path / "before", lambda files: files)
    run = fake_engine.distill(small("mine"))
    assert run.state is State.DONE
    forget("mine")
    return run


def test_a_task_that_came_back_with_other_teachers_takes_no_page_down(old_run: RunView, tmp_path: Path) -> None:
    write_and_import(tmp_path / "after", lambda files: replace(files, teachers={"great": files.teachers["good"]}))
    for page in RESULTS:
        app = open_page(new_app(), page, run=old_run.id)
        assert not app.exception, page
    app = open_page(new_app(), "distill", run=old_run.id)
    press(app, "Use its settings")
    for page in ("teachers", "prior", "distill", "overview"):
        go(app, page)
        assert not app.exception, page
    assert app.session_state.draft == default_config("mine")


def test_other_data_under_the_same_name_is_not_shown_beside_a_run(old_run: RunView, tmp_path: Path) -> None:

    def other_labels(files: Files) -> Files:
        table = pd.read_csv(files.table).drop(columns=list(CLASSES))
        table["Label"] = table["Label"].where(table.index % 6 > 2, (table["Label"] + 1) % 3)
        table.to_csv(tmp_path / "other.csv", index=False)
        return replace(files, table=tmp_path / "other.csv")

    write_and_import(tmp_path / "after", other_labels)
    for page in ("influence", "uncertainty", "shifts"):
        app = open_page(new_app(), page, run=old_run.id, example="3")
        assert not app.exception, page
        assert any("have changed since" in warning.value for warning in app.warning), page


def test_texts_and_pictures_of_examples_are_shown_where_a_task_has_them(
    fake_engine: FakeEngine, home: Path, tmp_path: Path
) -> None:
    import_table("mine", spec_of(write_files(tmp_path)), title="Mine")
    data = store_of_tasks.read(store_of_tasks.folder_of("mine"))
    text, picture = "Fine * great ![a](http://elsewhere/a.png)", "data:image/jpeg;base64,/9j/4AAQ=="
    every = tuple(text if row % 2 else picture for row in range(len(data.rows)))
    shown = replace(data, rows=replace(data.rows, sequences=(), shown=every))
    store_of_tasks.write(shown, {}, (), (), replaces=True)
    run = fake_engine.distill(small("mine"))
    task = load_task(run.config.data)
    for example in (task.shown["test"].index(text), task.shown["test"].index(picture)):
        app = open_page(new_app(), "uncertainty", run=run.id, example=str(example))
        assert not app.exception
        assert [each.value for each in app.code if each.value == text] == [text] * (task.shown["test"][example] == text)
        labels = [button.label for button in app.button]
        assert any(f"]({picture})" in label for label in labels)
        assert not any("elsewhere" in label for label in labels)


def test_a_run_of_a_task_that_was_imported_anew_is_marked_as_of_the_former_data(
    fake_engine: FakeEngine, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    files = write_files(tmp_path / "before")
    import_table("mine", spec_of(files), title="Mine")
    run = fake_engine.distill(small("mine"))
    import_table("mine", spec_of(files), title="Mine", replaces=True)
    assert not any("former data" in each.value for each in open_page(new_app(), "reliability", run=run.id).warning)
    other = write_table(tmp_path / "after" / "train.csv", seed=1)
    import_table("mine", spec_of(replace(files, table=other)), title="Mine", replaces=True)
    app = open_page(new_app(), "reliability", run=run.id)
    assert not app.exception
    assert any("This run is of the former data" in each.value for each in app.warning)
    assert any("This run is of the former data" in each.value for each in app.sidebar.caption)
    assert fake_engine.distill(small("mine")).id != run.id


def test_an_interrupted_run_of_the_former_data_is_not_among_those_that_go_on(home: Path, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    files = write_files(tmp_path / "before")
    import_table("mine", spec_of(files), title="Mine")
    run = store.create(RUN, small("mine"))
    assert any("1 job interrupted" in each.value for each in open_page(new_app(), "overview").sidebar.caption)
    other = write_table(tmp_path / "after" / "train.csv", seed=1)
    import_table("mine", spec_of(replace(files, table=other)), title="Mine", replaces=True)
    app = open_page(new_app(), "distill", run=run.id)
    assert not app.exception
    assert not any("interrupted when" in each.value for each in app.sidebar.caption)
    assert any("This run is of the former data" in each.value for each in app.sidebar.caption)


def test_a_run_is_not_shown_beside_a_task_with_other_rows(old_run: RunView, tmp_path: Path) -> None:
    (tmp_path / "after").mkdir()
    files = write_files(tmp_path / "after")
    table = pd.read_csv(files.table)
    more = pd.concat([table, table.assign(ACC="Q" + table["ACC"])])
    more.to_csv(tmp_path / "more.csv", index=False)
    for path in files.teachers.values():
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines, *lines[-len(table) :]]) + "\n")
    import_table("mine", spec_of(replace(files, table=tmp_path / "more.csv")), title="Mine")
    for page in ("influence", "uncertainty", "shifts"):
        app = open_page(new_app(), page, run=old_run.id, example="9")
        assert not app.exception, page
        assert any("its examples cannot be shown" in warning.value for warning in app.warning), page
        assert not app.get("plotly_chart"), page


def test_a_forgotten_tasks_run_leaves_the_other_sweeps_in_sight(old_run: RunView) -> None:
    app = open_page(new_app(), "compare", run=old_run.id, view="sweep", setting="n_train")
    assert not app.exception
    assert [error.value for error in app.error]
    assert any("Nothing is swept over yet" in info.value for info in app.info)


@pytest.mark.usefixtures("home")
def test_a_task_of_two_classes_has_every_page(fake_engine: FakeEngine, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    rows = [[label + random.normal(), random.normal(), "In" if label else "Out"] for label in labels]
    teachers = {
        name: write_csv(
            tmp_path / f"{name}.csv",
            ["In", "Out"],
            [[loud * (2 * label - 1) + random.normal(), 0.0] for label in labels],
        )
        for name, loud in (("good", 3.0), ("fair", 1.0))
    }
    table = write_csv(tmp_path / "train.csv", ["a", "b", "Label"], rows)
    import_table("two", TableSpec(Files(table, teachers), "Label", columns=("a", "b")), title="Two")
    app = open_page(new_app(), "prior", task="two")
    assert not app.exception
    assert any(chart.proto.alt.startswith("The mixture prior between In and Out.") for chart in app.get("plotly_chart"))
    run = fake_engine.distill(small("two"))
    for page in RESULTS:
        app = open_page(new_app(), page, run=run.id)
        assert not app.exception, page
    assert store.read(RUN, run.id).state is State.DONE
