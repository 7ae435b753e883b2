"""Overview: what the app is for, the demo in one press, runs under way, and the last results."""

import streamlit as st

from mtbkd_core import RunConfig, UserError, default_config
from mtbkd_core.figures.overview import method_picture
from mtbkd_core.runs.folder import State
from mtbkd_core.studies.standing import shipped_lines
from pages.ui import charts, chosen_run, headline, link, navigation, run_words, so_far
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import launch
from pages.ui.words import plain


def distill_demo(config: RunConfig) -> None:
    def show(run: str) -> None:
        link.replace(config)
        link.choose_run(run)
        st.session_state.to_distill = True

    launch(RUNS, config, show)


if st.session_state.pop("to_distill", False):
    st.switch_page(navigation.page("distill"))

with st.container(border=True):
    charts.drawing(method_picture())
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    if st.button(
        "Start here",
        type="primary",
        icon=":material/explore:",
        help="The playground: three experts teach students about points of a plane where the truth is known. "
        "Everything answers at once, in your browser.",
    ):
        st.switch_page(navigation.page("playground"))
    st.button(
        "Distill the demo",
        icon=":material/play_arrow:",
        help="Three specialists of handwritten digits teach one small student, with the default settings. "
        "It takes less than a minute.",
        on_click=distill_demo,
        args=(default_config("digits"),),
    )
    navigation.link("teachers", "Or choose your own teachers")
    navigation.link("method", "How it works")

st.caption(
    "**Start here**: three classes on a plane, where the truth is known and everything can be moved. "
    "**The demo**: handwritten digits."
)

views = chosen_run.all_runs()
if under_way := follow.under_way():
    st.header("Under way", anchor=False)
    for words, view in under_way:
        with st.container(key=f"alive-{view.id}"):
            st.caption(f"{words.noun.capitalize()} · {plain(words.what(view))}")
            follow.bar(words, view)
            if words is RUNS:
                so_far.follow(view.id, None)
                navigation.link("reliability", "See its posterior so far", {"run": view.id})

done = [view for view in views if view.state is State.DONE]
shown = next((view for view in done if view.id == st.session_state.run), next(iter(done), None))
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.header("Results", anchor=False, width="content")
    if shown is not None:
        st.caption(
            f"{plain(run_words.task_title(shown.config.data.task))} · {run_words.title(shown)} · "
            f"{shown.created.astimezone():%d %B %Y, %H:%M}",
            width="stretch",
        )
if shown is not None:
    try:
        headline.draw(chosen_run.result(shown))
        headline.links()
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
elif example := chosen_run.shipped():
    chosen_run.banner(example)
    headline.draw(example.result)
    headline.links()
else:
    st.caption("There are none yet. Press Distill the demo: its results will appear here.")

if measured := shipped_lines():
    with charts.more("how it compares with other methods on the built-in tasks"):
        st.caption(
            "Comparisons that come with the program: every method was tuned alike on held-out labelled examples, and "
            "differences are paired by seed."
        )
        for title, text in measured.items():
            st.markdown(f"**{plain(title)}.** {plain(text)}")
        navigation.link("compare", "Compare them yourself")
