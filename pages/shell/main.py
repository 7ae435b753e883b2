"""The frame of every page: the link, the navigation and the sidebar. Run again for each visitor and change."""

import streamlit as st

from mtbkd_core.figures.icon import icon
from pages.shell import brand
from pages.ui import navigation
from pages.ui.words import plain

st.set_page_config(page_title="MT-BKD Explorer", page_icon=icon(), layout="wide", initial_sidebar_state=272)
st.html(brand.STYLE)
page = st.navigation(navigation.sections(), expanded=True)
navigation.heading(page.url_path)
with st.spinner("Reading the libraries. This takes a few seconds, once after a start."):
    from mtbkd_core import UserError
    from pages.setup.own_data import kept
    from pages.shell import sidebar
    from pages.ui import engine, link, setting_widgets

engine.begin()
link.open_link(page.url_path)
setting_widgets.forget_on_another_page(page.url_path)
kept.choices_stay(page.url_path)
sidebar.draw()
link.write_link()
link.show_notices()
navigation.note_results(page.url_path)
try:
    page.run()
except UserError as error:  # such as a run of a task that has been forgotten
    st.error(plain(error), icon=":material/error:")
