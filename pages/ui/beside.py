"""Runs side by side: what differs in their settings, their scores with differences, their reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.diagnostics import Verdict, disagreement, r_hat_text
from mtbkd_core.evaluation.errors import Difference
from mtbkd_core.evaluation.score_text import ERRORS_LINE, better_text, difference_text, plain_interval
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.evaluation.student_tables import reliability_table
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.run_tables import differences_of_results
from pages.ui import charts, run_words, setting_words
from pages.ui.chosen_run import Chosen
from pages.ui.words import plain

#: Scores of a run beside those of others.
SHOWN = (*COMPARED, "coverage", "set_size", "epistemic", "deviance")

#: What a run is called here -> the run.
Runs = Mapping[str, Chosen]


def differences(before: Chosen, after: Chosen) -> dict[str, Difference]:
    """Each score of the second run's student minus the first's; empty where they have other test examples."""
    return _differences(f"{after.version} {before.version}", after, before)


def share_test_examples(runs: Runs) -> bool:
    """Whether the runs are measured on the same test examples, as far as their labels tell."""
    labels = [chosen.result.predictions.test.labels for chosen in runs.values()]
    return all(len(other) == len(labels[0]) and bool((other == labels[0]).all()) for other in labels[1:])


@st.cache_data(show_spinner=False, max_entries=32)
def _differences(versions: str, _one: Chosen, _other: Chosen) -> dict[str, Difference]:
    return differences_of_results(_one.result, _other.result)


def draw_test_sets(runs: Runs) -> None:
    """A warning where the runs are measured on different test examples."""
    if not share_test_examples(runs):
        st.warning(
            "These runs are measured on different test examples, which explains a part of any difference.",
            icon=":material/warning:",
        )


def draw_names(runs: Runs) -> None:
    """What each run is, a line each; ids and times on hover."""
    st.caption(
        "  \n".join(f"**{name}** · {plain(title)}" for name, title in _names(runs).items()),
        help="  \n".join(
            f"{name}: {chosen.view.id}, {chosen.view.created.astimezone():%d %b %Y, %H:%M}"
            for name, chosen in runs.items()
        ),
    )


def _names(runs: Runs) -> dict[str, str]:
    return run_words.names({name: chosen.view for name, chosen in runs.items()})


def _draw_table(rows: pd.DataFrame) -> None:
    """A table whose text is wrapped where it is long, so that no column is cut off."""
    st.table(rows.map(plain).rename(columns=plain), hide_index=True, border="horizontal")


def draw_settings(runs: Runs) -> None:
    """A table of the settings that differ, under the names that people give them."""
    st.markdown("**Settings that differ**", help="All other settings are the same.")
    differing = setting_words.differing({name: chosen.view.config for name, chosen in runs.items()})
    if not differing:
        st.caption("None.")
        return
    _draw_table(pd.DataFrame([[title, *values] for title, values in differing.items()], columns=["Setting", *runs]))


def draw_scores(runs: Runs, *, scores: Sequence[str] = SHOWN) -> None:
    """A table of scores, and of every other run's differences from the first, each with its interval."""
    st.markdown("**Scores of the student**", help="Of the posterior mean, on the test examples.")
    compared = [name for name in scores if name in COMPARED]
    st.caption(
        f"{better_text(compared)} {ERRORS_LINE} Differences: with 95 % intervals of both errors, shares in points."
    )
    table = pd.DataFrame({"Score": [*(SCORES[score].with_unit for score in scores), "R-hat, worst of three"]})
    for name, chosen in runs.items():
        worst = chosen.result.metrics.diagnostics.worst
        table[name] = [*(chosen.result.metrics.student.text(score) for score in scores), r_hat_text(worst)]
    (first, reference), *others = runs.items()
    for name, chosen in others:
        if found := differences(reference, chosen):
            table[f"{name} minus {first}"] = [*(gap_text(score, found[score]) for score in scores), ""]
    _draw_table(table)
    verdicts = {name: chosen.result.metrics.diagnostics for name, chosen in runs.items()}
    disagree = {name: found.worst for name, found in verdicts.items() if found.judged is Verdict.NOT_CONVERGED}
    if apart := disagreement(disagree):
        st.warning(f"{apart}: sample longer before you trust these runs.", icon=":material/warning:")


def gap_text(score: str, found: Difference) -> str:
    """A difference, and what it says where one way is better."""
    judged = SCORES[score].higher_is_better is not None
    return difference_text(score, found) if judged else plain_interval(score, found)


def draw_reliabilities(runs: Runs, *, key: str) -> None:
    """The reliability of every run in one diagram."""
    letters = dict(zip(runs, "ABCD", strict=False))
    curves = {
        f"run:{letters[name]}": reliability(chosen.result.predictions.test.mean, chosen.result.predictions.test.labels)
        for name, chosen in runs.items()
    }
    titles = {f"run:{letters[name]}": f"{name}: {title}" for name, title in _names(runs).items()}
    table = reliability_table(curves, titles)
    charts.show(
        draw_reliability(table, {}),
        "Reliability of each run",
        "On the dotted line confidence equals accuracy; below it the student is overconfident. Vertical lines: "
        "95 % bands.",
        lambda: table,
        key=key,
    )
