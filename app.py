"""The one entry of the app: `streamlit run app.py`."""

import streamlit as st

from pages.shared import brand, engine, link, places, sidebar

st.set_page_config(page_title="MT-BKD Explorer", page_icon=brand.icon(), layout="wide")
st.html(
    "<style>.stMainBlockContainer {max-width: 78rem; margin: 0 auto; padding-left: 3rem; padding-right: 3rem}"
    " .stImage img {border: 1px solid rgba(128, 134, 145, 0.35); border-radius: 0.25rem}</style>"
)

engine.begin()
link.open_link()
page = st.navigation(places.sections())
sidebar.draw()
link.write_link()
link.show_notices()
page.run()
