"""Two to four finished runs side by side: what differs in their settings, their scores, their reliability."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import beside, chosen_run, link, navigation, run_words
from pages.ui.chosen_run import Chosen
from pages.ui.words import plain

_LETTERS = "ABCD"


def draw() -> None:
    """The whole part of the page."""
    done = {view.id: view for view in chosen_run.all_runs() if view.state is State.DONE}
    if len(done) < 2:
        st.info(
            f"There {'is one finished run' if done else 'are no finished runs'}, and two are needed: change a setting "
            "and distill once more.",
            icon=":material/science:",
        )
        navigation.link("distill", "Go to Distill")
        if not done and (example := chosen_run.shipped()) is not None:
            chosen_run.banner(example)
            beside.draw_scores({"Example": example})
            beside.draw_reliabilities({"Example": example}, key="runs-reliability")
        return
    chosen = _choice(done)
    shown: dict[str, Chosen] = {}
    for letter, id in zip(_LETTERS, chosen, strict=False):
        try:
            shown[letter] = Chosen(done[id], chosen_run.result(done[id]))
        except UserError as error:
            st.error(plain(error), icon=":material/error:")
    if len(shown) < 2:
        st.info("Choose at least two runs.", icon=":material/touch_app:")
        return
    _draw(shown)


def _choice(done: dict[str, RunView]) -> list[str]:
    """The runs in the link, with a warning for names of none.

    Without any, the chosen run and, of those on its task, the pinned one or the newest other one.
    """
    kept = link.kept("runs")
    asked = kept.split(",") if kept else []
    gone = [name[:16] for name in asked if name not in done]
    if gone:
        st.warning(f"Not among the finished runs: {', '.join(gone)}.", icon=":material/link_off:")
    chosen = list(dict.fromkeys(name for name in asked if name in done))[: len(_LETTERS)]
    if not asked:
        first = st.session_state.run if st.session_state.run in done else next(iter(done))
        task = done[first].config.data.task
        others = [name for name in (st.session_state.before, *done) if name in done and name != first]
        chosen = [first, *[name for name in others if done[name].config.data.task == task][:1]]
        link.keep("runs", ",".join(chosen))
    st.session_state["set:runs"] = chosen  # at every drawing: the browser keeps what a run was called
    names = run_words.names(done)
    return st.multiselect(
        "Runs",
        list(done),
        key="set:runs",
        format_func=lambda id: f"{names[id]} · {id[:6]}",
        max_selections=len(_LETTERS),
        placeholder="Choose two to four runs",
        help="Two to four finished runs. Each bears its name, or what differs from its task's default settings.",
        on_change=_take,
    )


def _take() -> None:
    # A comma alone is a choice of none; without the parameter the page would choose for itself.
    link.keep("runs", ",".join(st.session_state["set:runs"]) or ",")


def _draw(shown: dict[str, Chosen]) -> None:
    beside.draw_names(shown)
    beside.draw_test_sets(shown)
    beside.draw_settings(shown)
    beside.draw_scores(shown)
    beside.draw_reliabilities(shown, key="runs-reliability")
