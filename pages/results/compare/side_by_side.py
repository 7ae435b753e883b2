"""Two to four finished runs side by side: what differs in their settings, their scores, their reliability."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import Result, UserError
from mtbkd_core.config.parse import flatten, settings
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.diagnostics import Verdict, disagreement, r_hat_text
from mtbkd_core.evaluation.score_text import ERRORS_LINE, better_text, difference_text
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.evaluation.student_tables import reliability_table
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.run_tables import differences_of_results
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import charts, chosen_run, link, navigation, run_words
from pages.ui.words import plain

_LETTERS = "ABCD"
_SCORES = (*COMPARED, "coverage", "set_size", "epistemic")

#: Letter -> run and result.
Shown = dict[str, tuple[RunView, Result]]


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
        return
    chosen = _choice(done)
    shown: Shown = {}
    for letter, id in zip(_LETTERS, chosen, strict=False):
        try:
            shown[letter] = done[id], chosen_run.result(done[id])
        except UserError as error:
            st.error(plain(error), icon=":material/error:")
    if len(shown) < 2:
        st.info("Choose at least two runs.", icon=":material/touch_app:")
        return
    _draw(shown)


def _choice(done: dict[str, RunView]) -> list[str]:
    """The runs in the link, with a warning for names of none; without any, the chosen run and the newest other one."""
    kept = link.kept("runs")
    asked = kept.split(",") if kept else []
    gone = [name[:16] for name in asked if name not in done]
    if gone:
        st.warning(f"Not among the finished runs: {', '.join(gone)}.", icon=":material/link_off:")
    chosen = list(dict.fromkeys(name for name in asked if name in done))[: len(_LETTERS)]
    if not asked:
        first = st.session_state.run if st.session_state.run in done else next(iter(done))
        others = [name for name in done if name != first]
        alike = [name for name in others if done[name].config.data.task == done[first].config.data.task]
        chosen = [first, [*alike, *others][0]]
        link.keep("runs", ",".join(chosen))
    if st.session_state.get("set:runs") != chosen:
        st.session_state["set:runs"] = chosen
    return st.multiselect(
        "Runs",
        list(done),
        key="set:runs",
        format_func=lambda name: f"{run_words.describe(done[name].config)} · {name[:6]}",
        max_selections=len(_LETTERS),
        placeholder="Choose two to four runs",
        help="Two to four finished runs. Each is described by what differs from the default settings.",
        on_change=_take,
    )


def _take() -> None:
    # A comma alone is a choice of none; without the parameter the page would choose for itself.
    link.keep("runs", ",".join(st.session_state["set:runs"]) or ",")


def _draw(shown: Shown) -> None:
    st.caption(
        "  \n".join(
            f"**{letter}** · {run_words.describe(view.config)} · {view.id} · "
            f"{view.created.astimezone():%d %b %Y, %H:%M}"
            for letter, (view, _) in shown.items()
        )
    )
    labels = [result.predictions.test.labels for _, result in shown.values()]
    if any(len(other) != len(labels[0]) or bool((other != labels[0]).any()) for other in labels[1:]):
        st.warning(
            "These runs are measured on different test examples, which explains a part of any difference.",
            icon=":material/warning:",
        )
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("**Settings that differ**")
        st.caption("All other settings are the same.")
        _draw_settings(shown)
    with right:
        curves = {
            f"run:{letter}": reliability(result.predictions.test.mean, result.predictions.test.labels)
            for letter, (_, result) in shown.items()
        }
        titles = {
            f"run:{letter}": f"{letter}: {run_words.describe(view.config)}" for letter, (view, _) in shown.items()
        }
        table = reliability_table(curves, titles)
        charts.show(
            draw_reliability(table, {}),
            "Reliability of each run",
            "On the dotted line confidence equals accuracy; below it the student is overconfident. Vertical lines: "
            "95 % bands.",
            lambda: table,
            key="runs-reliability",
        )
    st.markdown("**Scores of the student**", help="Of the posterior mean, on the test examples.")
    st.caption(f"{better_text(COMPARED)} {ERRORS_LINE}")
    _draw_scores(shown)


def _draw_settings(shown: Shown) -> None:
    flat = {letter: flatten(view.config) for letter, (view, _) in shown.items()}
    names = [name for name in next(iter(flat.values())) if len({one[name] for one in flat.values()}) > 1]
    rows = pd.DataFrame(
        [[settings()[name].title, *(one[name] for one in flat.values())] for name in names], columns=["Setting", *flat]
    )
    st.dataframe(rows, hide_index=True, key="differ", column_config={"Setting": st.column_config.Column(pinned=True)})


def _draw_scores(shown: Shown) -> None:
    rows = [
        [
            SCORES[score].with_unit,
            *(result.metrics.student.text(score) for _, result in shown.values()),
        ]
        for score in _SCORES
    ]
    found = {letter: result.metrics.diagnostics for letter, (_, result) in shown.items()}
    rows.append(["R-hat, worst of three", *(r_hat_text(each.worst) for each in found.values())])
    st.dataframe(
        pd.DataFrame(rows, columns=["Score", *shown]),
        hide_index=True,
        key="runs-scores",
        column_config={"Score": st.column_config.Column(pinned=True)},
    )
    disagree = {letter: each.worst for letter, each in found.items() if each.judged is Verdict.NOT_CONVERGED}
    if apart := disagreement(disagree):
        st.warning(f"{apart}: sample longer before you trust these runs.", icon=":material/warning:")
    _draw_differences(shown)


def _draw_differences(shown: Shown) -> None:
    """Every other run beside the first, each difference with its interval and what it says."""
    (first, (_, reference)), *others = shown.items()
    found = {letter: differences_of_results(result, reference) for letter, (_, result) in others}
    columns = {f"{letter} minus {first}": each for letter, each in found.items() if each}
    if not columns:
        return
    st.caption("Differences with 95 % intervals of both errors, shares in points:")
    rows = [
        [SCORES[score].with_unit, *(difference_text(score, each[score]) for each in columns.values())]
        for score in COMPARED
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Score", *columns]),
        hide_index=True,
        key="runs-differences",
        column_config={"Score": st.column_config.Column(pinned=True)},
    )
