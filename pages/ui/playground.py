"""The playground as a component: by itself, or with a lesson on top."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mtbkd_core.browser.offline import source
from mtbkd_core.browser.plane import given
from pages.ui.navigation import MODULES, OFFLINE_FILE

_component = st.components.v2.component(
    "mtbkd_playground",
    html="<div class='playground-host'></div>",
    css=source("style.css"),
    js=source("component.js"),
)


def show(key: str, lesson: dict[str, Any] | None = None) -> None:
    """Draw it; the address bar holds its state. `lesson` is one of `mtbkd_core.browser.lessons`, as JSON."""
    more = {"lesson": lesson} if lesson else {}
    _component(key=key, data={**given(), **more, "modules": MODULES, "engine": "distill", "file": OFFLINE_FILE})
