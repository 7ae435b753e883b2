"""The one entry of the app: `streamlit run app.py`.

`st.App` gives Streamlit's server a beginning and an end of our own: the engine starts with the server, not with its
first visitor. What a visitor sees begins in `pages/shell/main.py`.
"""

import streamlit as st

from pages.shared import serving

app = st.App("pages/shell/main.py", lifespan=serving.lifespan, middleware=serving.middleware())
