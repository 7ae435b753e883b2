"""What every page stands in: the link, the navigation and the sidebar. Run anew for each visitor and change."""

import streamlit as st

from pages.shared import brand, places

st.set_page_config(page_title="MT-BKD Explorer", page_icon=brand.icon(), layout="wide", initial_sidebar_state=272)
st.html(brand.STYLE)
page = st.navigation(places.sections(), expanded=True)
places.heading(page.url_path)
with st.spinner("Reading the libraries. This takes a few seconds, once after a start."):
    from mtbkd_core import UserError
    from pages.shared import controls, engine, link, sidebar

engine.begin()
link.open_link()
controls.forget_on_another_page(page.url_path)
sidebar.draw()
link.write_link()
link.show_notices()
try:
    page.run()
except UserError as error:  # of a run, say, whose task has been forgotten
    st.error(str(error), icon=":material/error:")
finally:  # a page may end itself early
    engine.load_the_rest()
