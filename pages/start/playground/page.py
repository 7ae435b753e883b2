"""Playground: the plane's posterior, sampled in the visitor's own browser."""

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

_component(key="playground", data={**given(), "modules": MODULES, "engine": "distill", "file": OFFLINE_FILE})
