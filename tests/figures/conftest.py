"""Figures are built here with plotly's checks on, which the app leaves out to be quick."""

from types import SimpleNamespace

import plotly.graph_objects as go
import pytest

from mtbkd_core.figures import theme


@pytest.fixture(autouse=True)
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme, "go", SimpleNamespace(Figure=lambda figure, _validate: go.Figure(figure)))
