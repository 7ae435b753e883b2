"""Overview: what this is, the demo in one press, runs under way, and the last results."""

import streamlit as st

from mtbkd_core import RunConfig, UserError, default_config
from mtbkd_core.figures.overview import method_picture
from pages.ui import charts, chosen_run, engine, headline, link, navigation, run_words
from pages.ui.jobs import follow, progress


def distill_demo(config: RunConfig) -> None:
    try:
        view = engine.submit(config)
    except UserError as error:
        st.session_state.notice = str(error)
        return
    link.replace(config)
    link.choose_run(view.id)
    st.session_state.to_distill = True


if st.session_state.pop("to_distill", False):
    st.switch_page(navigation.page("distill"))

with st.container(border=True):
    charts.drawing(method_picture())
st.space("small")
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.button(
        "Start here",
        type="primary",
        icon=":material/explore:",
        help="Three experts teach a student about points of a plane, where the truth is known and everything can be "
        "seen. It takes a few seconds.",
        on_click=distill_demo,
        args=(default_config("synthetic"),),
    )
    st.button(
        "Distill the demo",
        icon=":material/play_arrow:",
        help="Three specialists of handwritten digits teach one small student, with the default settings. "
        "It takes a few seconds.",
        on_click=distill_demo,
        args=(default_config("digits"),),
    )
    navigation.link("teachers", "Or choose your own teachers")
    navigation.link("method", "How it works")

st.caption(
    "**Start here**: three classes on a plane, where the truth is known and everything can be seen. "
    "**The demo**: handwritten digits."
)

views = chosen_run.all_runs()
alive = [view for view in views if not view.finished]
others = follow.under_way()
if alive or others:
    st.subheader("Under way", anchor=False)
    for view in alive:
        with st.container(key=f"alive-{view.id}"):
            st.caption(run_words.describe(view.config))
            progress.bar(view.id)
    for desk, view in others:
        with st.container(key=f"alive-{view.id}"):
            st.caption(f"{desk.noun.capitalize()} · {desk.what(view)}")
            follow.bar(desk, view)

newest = chosen_run.newest_done(views)
st.subheader("Last results", anchor=False)
if newest is None:
    st.caption("None yet. Press Start here: its results will stand here.")
else:
    st.caption(f"{run_words.describe(newest.config)} · {newest.created.astimezone():%d %B %Y, %H:%M}")
    try:
        headline.draw(chosen_run.result(newest))
        headline.links()
    except UserError as error:
        st.error(str(error), icon=":material/error:")
