"""A chart as it stands on every page: a title, one line on what to look for, the picture, and its data to take away."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from pages.ui.glossary import hovered
from pages.ui.words import plain

if TYPE_CHECKING:  # the first page needs no tables, and pandas takes a while
    import pandas as pd

_REMOVED = ["zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]


def show(
    figure: go.Figure,
    title: str,
    look_for: str,
    table: Callable[[], pd.DataFrame],
    *,
    key: str,
    help: str | None = None,
    on_click: Callable[[int], None] | None = None,
) -> None:
    """Draw a figure. The picture is saved from the chart's own toolbar, the data by the button beside the title.

    Title and `look_for` are plain text, shown as they are; technical terms in them have their meaning on hover. `table`
    makes the data behind the figure; it is called only when the button is pressed. `on_click` takes the number
    that a clicked point has as its custom data.
    """
    figure.update_layout(uirevision=key)  # drawn again, it keeps what the reader has chosen in it
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    with st.container(gap="xxsmall", key=f"figure-{key}"):
        heading(title, table, key=key, file=f"{name}.csv", help=help)
        st.caption(hovered(plain(look_for)), unsafe_allow_html=True)
        st.plotly_chart(
            figure,
            key=f"chart:{key}",
            config={
                "displaylogo": False,
                "modeBarButtonsToRemove": _REMOVED,
                "toImageButtonOptions": {"filename": name, "scale": 2},
            },
            alt=f"{title}. {look_for}",
            **({"on_select": lambda: _clicked(key, on_click), "selection_mode": "points"} if on_click else {}),
        )


def heading(
    title: str,
    table: Callable[[], pd.DataFrame],
    *,
    key: str,
    file: str,
    help: str | None = None,
    of: str = "Download the numbers behind this chart.",
) -> None:
    """The plain title of a chart or table, and beside it the button that downloads its data; `of` says what it is."""
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(f"**{hovered(plain(title))}**", help=help, width="stretch", unsafe_allow_html=True)
        st.download_button(
            "CSV",
            data=lambda: table().to_csv(index=False).encode(),
            file_name=file,
            mime="text/csv",
            key=f"csv:{key}",
            type="tertiary",
            icon=":material/download:",
            help=of,
            on_click="ignore",
        )


def _clicked(key: str, on_click: Callable[[int], None]) -> None:
    points = st.session_state[f"chart:{key}"].selection.points
    numbers = [point["customdata"] for point in points if "customdata" in point]
    if numbers:
        number = numbers[0]
        on_click(int(number[0] if isinstance(number, list) else number))


def say(line: str) -> None:
    """A sentence in Markdown that leads a page; technical terms in it have their meaning on hover."""
    st.markdown(hovered(line), unsafe_allow_html=True)


def more(what: str) -> st.delta_generator.DeltaGenerator:
    """A part of a page that stands under its first picture, closed at first; `what` says what is in it."""
    return st.expander(f"More: {what}", icon=":material/unfold_more:")


def drawing(svg: str) -> None:
    """Draw an SVG of our own making. Not by `st.html`, which strips drawings; Markdown also changes them in place."""
    st.markdown(svg, unsafe_allow_html=True)
