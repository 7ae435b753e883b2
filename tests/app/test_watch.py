"""The page Watch: examples that drift or do not, and a file of one's own."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.tasks.digits import measured_images
from tests.app.conftest import Opened, lines


@pytest.fixture
def page(opened: Opened, finished: RunView) -> Callable[..., AppTest]:
    return lambda **link: opened("watch", run=finished.id, **link)


def said(app: AppTest) -> str:
    return next(line for line in lines(app, "markdown") if line.startswith("## "))


def test_an_example_stands_there_at_first_and_says_that_it_is_one(page: Callable[..., AppTest]) -> None:
    app = page()
    assert not app.exception
    assert any("An example, made of the task's own inputs" in line for line in lines(app, "caption"))
    assert app.get("plotly_chart")


def test_pictures_that_turn_raise_an_alarm_with_its_reason(page: Callable[..., AppTest]) -> None:
    assert "Alarm" in said(page(inputs="turned"))
    assert "retrain" in said(page(inputs="turned"))


def test_test_examples_raise_no_alarm_and_their_labels_are_told(page: Callable[..., AppTest]) -> None:
    app = page(inputs="test", by="accuracy")
    assert "No alarm" in said(app)
    assert "Accuracy" in app.dataframe[0].value[""].tolist()


def test_a_file_is_asked_for(page: Callable[..., AppTest]) -> None:
    app = page(inputs="file")
    assert not app.exception
    assert [uploader.label for uploader in app.get("file_uploader")] == ["File of new inputs"]


def upload(app: AppTest, name: str, rows: np.ndarray) -> AppTest:
    file = io.StringIO()
    np.savetxt(file, rows, delimiter=",", header=",".join(f"p{place}" for place in range(rows.shape[1])), comments="")
    return app.file_uploader(key="watch:file").set_value((name, file.getvalue().encode(), "text/csv")).run()


def test_a_file_of_other_pictures_raises_an_alarm(page: Callable[..., AppTest]) -> None:
    turned = measured_images().reshape(-1, 8, 8).rot90(1, (1, 2)).reshape(-1, 64)[:300]
    app = upload(page(inputs="file"), "new.csv", turned.numpy())
    assert not app.exception
    assert "Alarm" in said(app)
    assert all(name.startswith("row ") for name in app.dataframe[-1].value["Input"])


def test_a_file_that_does_not_fit_is_one_line(page: Callable[..., AppTest]) -> None:
    app = upload(page(inputs="file"), "new.csv", np.zeros((3, 5)))
    assert not app.exception
    (error,) = app.error
    assert error.value == "new.csv: has 5 columns of inputs, expected the 64 of digits"
