"""A run that is done samples longer: for so many draws, or until it is precise enough."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import Result, UserError
from mtbkd_core.config.models import GOOD_PRECISION
from mtbkd_core.extension import more_of
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import owner
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import extend

_DRAWS, _PRECISION = "For more draws", "Until it is precise"
#: Seconds that are offered for a precision.
_SECONDS = 60


def draw(view: RunView, result: Result) -> None:
    """The choice of an end, and the button; the chains go on from where they stand, and it stays the same run.

    For its owners: it changes what everybody sees of the run.
    """
    if not owner.is_mine(view):
        st.caption("Its owners can sample it longer. Launch the same settings on Distill to be one of them.")
        return
    key = f"{view.id}:{view.attempt}"

    def go_on() -> None:
        state = st.session_state
        try:
            if state.get(f"more-until:{key}") == _PRECISION:
                more = more_of(result, until=state[f"more-precision:{key}"], seconds=state[f"more-seconds:{key}"])
            else:
                more = more_of(result, draws=state[f"more-draws:{key}"])
        except UserError as error:
            state.notice = str(error)
            return
        extend(RUNS, view.id, more)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        ends = [_DRAWS, _PRECISION] if len(result.draws) > 1 else [_DRAWS]
        end = st.segmented_control(
            "Go on",
            ends,
            default=_DRAWS,
            required=True,
            key=f"more-until:{key}",
            help="For a number of draws, or until the sampler's error is small enough; one chain alone has no error.",
        )
        if end == _PRECISION:
            _ask_precision(key, result)
        else:
            there = result.draws.shape[1]
            st.number_input(
                "More draws of each chain",
                1,
                None,
                there,
                key=f"more-draws:{key}",
                width=220,
                help=f"There are {there:,} now. Twice as many make the sampler's errors smaller by a factor of 1.4.",
            )
        st.button(
            "Sample longer",
            icon=":material/resume:",
            help="Continue the same chains from where they stand. It stays the same run, and what it has is shown "
            "meanwhile.",
            on_click=go_on,
        )


def _ask_precision(key: str, result: Result) -> None:
    """A precision, and the seconds after which it ends all the same."""
    now = result.sampling.get("precision")
    st.number_input(
        "Precision",
        0.0001,
        0.5,
        GOOD_PRECISION,
        step=0.001,
        format="%g",
        key=f"more-precision:{key}",
        width=150,
        help="The sampler's error of the predictive mean, as a total variation distance; "
        f"{GOOD_PRECISION:g} is the default." + ("" if now is None else f" It is {now:.2g} now."),
    )
    st.number_input(
        "Time budget, s",
        1,
        None,
        _SECONDS,
        key=f"more-seconds:{key}",
        width=150,
        help="Sampling ends after so many seconds, precise or not. The progress bar says how far both are.",
    )
