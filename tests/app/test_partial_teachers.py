"""Pages with an imported task whose teachers know only some of the classes, one of which abstains in some rows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.imports.table_task import SEEN
from pages.ui import engine
from tests.app.conftest import SMALL, FakeEngine, lines, new_app, open_page, traces
from tests.imports.files import CLASSES, logits, spec_of, write_csv, write_files

PAGES = ["teachers", "prior", "reliability", "influence", "uncertainty", "review", "compare"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home folder with the task and a small run on it."""
    home, files = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    spec = spec_of(write_files(files))
    one, other = logits()[:, :2].astype(object), logits(2)[:, 1:].astype(object)
    other[3:9] = ""
    write_csv(spec.files.teachers["good"], CLASSES[:2], one.tolist())
    write_csv(spec.files.teachers["fair"], CLASSES[1:], other.tolist())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(home))
        import_table("mine", spec)
        run = FakeEngine().distill(build_config(SMALL.items(), base=default_config("mine")))
    return home, run.id


@pytest.fixture
def shown(imported: tuple[Path, str], own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page with the task and the run."""
    home, run = imported
    shutil.copytree(home, own_home, dirs_exist_ok=True)
    monkeypatch.setattr(engine, "_engine", FakeEngine)
    return lambda page: open_page(new_app(), page, task="mine", run=run)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens(shown: Callable[..., AppTest], page: str) -> None:
    app = shown(page)
    assert not app.exception
    assert not lines(app, "error")
    assert not [text for text in lines(app, "markdown", "caption") if "nan" in text.lower().split()]


@pytest.mark.parametrize("page", ["teachers", "distill", "reliability"])
def test_scores_stand_beside_what_the_import_was_not_told(shown: Callable[..., AppTest], page: str) -> None:
    assert any(SEEN in text for text in lines(shown(page), "markdown"))


def test_the_teachers_page_says_what_each_knows(shown: Callable[..., AppTest]) -> None:
    captions = lines(shown("teachers"), "caption")
    assert any("knows 'Cytoplasm', 'Nucleus'; names" in text for text in captions)
    assert any("abstains in 6 rows" in text for text in captions)


def test_the_prior_page_says_which_teacher_is_not_drawn(shown: Callable[..., AppTest]) -> None:
    assert any("Not drawn, for here it does not know all of" in text for text in lines(shown("prior"), "caption"))


def test_the_scores_of_a_teacher_stand_with_their_number(shown: Callable[..., AppTest]) -> None:
    (table,) = [frame.value for frame in shown("reliability").dataframe if "nll" in frame.value]
    assert table[""].str.contains("examples that it knows").sum() >= 2


def test_a_class_without_labelled_examples_has_no_bars_on_influence(
    fake_engine: FakeEngine, home: Path, tmp_path: Path
) -> None:
    files = write_files(tmp_path)
    table = pd.read_csv(files.table).drop(columns=list(CLASSES))
    table["Label"] = table["Label"].replace(0, 1)
    table.to_csv(files.table, index=False)
    import_table("mine", spec_of(files))
    run = fake_engine.distill(build_config(SMALL.items(), base=default_config("mine")))
    app = open_page(new_app(), "influence", task="mine", run=run.id)
    assert not app.exception
    (of,) = [box for box in app.selectbox if box.label.endswith("s of class")]
    assert of.options == list(CLASSES[1:])
    for title in ("Responsibility by class", "Every class: pull on its own logit"):
        assert {place for trace in traces(app, title).values() for place in trace["x"]} == set(CLASSES[1:]), title
