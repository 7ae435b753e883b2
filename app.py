"""The one entry of the app: `streamlit run app.py`.

`st.App` gives Streamlit's server a beginning and an end of our own: the engine starts with the server, not with
its first visitor. What a visitor sees begins in `pages/shell/main.py`; run as a script, by Streamlit's AppTest for
one, this file shows the same.
"""

import runpy

import streamlit as st

from pages.shell import server

if server.is_script_run():
    runpy.run_path(server.SHELL, run_name="__main__")
else:
    app = st.App(server.SHELL, lifespan=server.lifespan, routes=server.routes(), middleware=server.middleware())
