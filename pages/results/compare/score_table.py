"""A table of scores with their errors: as text, so that digits line up; the download holds numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.evaluation.score_text import mean_text
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from pages.ui import charts

#: The short title of AUROC does not name what it measures.
_COLUMNS = {score: SCORES[score].short for score in COMPARED} | {"auroc_misclassification": "AUROC, errors"}


def draw(
    table: pd.DataFrame,
    name: str,
    *,
    help: str,
    caption: str,
    key: str,
    file: str,
    lines: Sequence[str] | None = None,
) -> None:
    """Means and their standard errors.

    Args:
        table: a column `title`, and those of `studies.tables.SUMMARY`.
        name: of the first column.
        help: on the table's title.
        lines: a description of each row.
    """
    shown = pd.DataFrame({name: table["title"], "Seeds": table["seeds"]})
    for score in COMPARED:
        spread = zip(table[score], table[f"{score}_error"], strict=True)
        shown[score] = [mean_text(score, mean, error) for mean, error in spread]
    shown["R-hat"] = ["" if pd.isna(value) else r_hat_text(value) for value in table["r_hat"]]
    columns: Mapping[str, Any] = {
        name: st.column_config.TextColumn(width=170, pinned=True),
        "Seeds": st.column_config.NumberColumn(width=60, help="Seeds with a result."),
        "R-hat": st.column_config.TextColumn(
            width=70, help="The worst of a run's three, and over the seeds; only posteriors have one."
        ),
    } | {score: st.column_config.TextColumn(_COLUMNS[score], help=SCORES[score].help, width=130) for score in COMPARED}
    if lines is not None:
        shown["Description"] = lines
        columns = {**columns, "Description": st.column_config.TextColumn(width="large")}
    charts.heading(
        "Scores",
        lambda: table,
        key=key,
        file=file,
        help=help,
        of="Download means and standard errors as numbers.",
    )
    st.caption(caption)
    st.dataframe(shown, hide_index=True, key=key, height="content", column_config=columns)
