"""The one entry of the app: `streamlit run app.py`.

`st.App` gives Streamlit's server a beginning and an end of our own: the engine starts with the server, not with
its first visitor. What a visitor sees begins in `pages/shell/main.py`; run as a script, by Streamlit's AppTest for
one, this file shows the same.
"""

import runpy

import streamlit as st

from pages.shared import serving

if serving.is_script_run():
    runpy.run_path(serving.SHELL, run_name="__main__")
else:
    app = st.App(serving.SHELL, lifespan=serving.lifespan, routes=serving.routes(), middleware=serving.middleware())
