"""The report of a run, to download: on Review by the requirements that stand there, on Compare by the defaults."""

from __future__ import annotations

import streamlit as st

from mtbkd_core.export.costs import Costs
from mtbkd_core.report.whole import whole_report
from mtbkd_core.review.requirements import Requirements
from pages.ui import chosen_run, offered


def offer(
    chosen: chosen_run.Chosen,
    requirements: Requirements | None = None,
    *,
    late: bool = False,
    costs: Costs | None = None,
) -> None:
    """The button, and what the file is.

    Args:
        requirements: what the verdict on its first page is by; None: the defaults.
        late: whether they were set after results had been seen.
        costs: as they stand on the page; None: they are measured.
    """
    result, view = chosen.result, chosen.view

    def content() -> bytes:
        made = whole_report(
            result, run=view.id, created=view.created, costs=costs, requirements=requirements, late=late
        )
        return made.encode()

    st.markdown("**Report**")
    st.caption(
        "One HTML file of at most 5 MB for any browser: the verdict, what it rests on, and the student itself, which "
        "answers in the file. It loads nothing, prints well, and holds 200 of the test examples."
    )
    offered.offer(
        chosen,
        "Download the report",
        content,
        ".html",
        "text/html",
        key="report",
        icon=":material/description:",
        help="Of this run. Making it takes some seconds.",
        primary=True,
    )
