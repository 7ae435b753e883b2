"""A table of scores with their spread over seeds. It shows text, so that digits line up; the download holds numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from pages.ui import charts

#: Of AUROC the short title does not say what it is of.
_COLUMNS = {score: SCORES[score].short for score in COMPARED} | {
    "accuracy": "Accuracy, %",
    "auroc_misclassification": "AUROC, errors",
}


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
    """Means and standard deviations.

    Args:
        table: a column `title`, and those of `studies.tables.SUMMARY`.
        name: of the first column.
        help: on the table's title.
        lines: what there is to say of each row.
    """
    shown = pd.DataFrame({name: table["title"], "Seeds": table["seeds"]})
    for score in COMPARED:
        scale, digits = (100, 1) if SCORES[score].share else (1, 3)
        spread = zip(scale * table[score], scale * table[f"{score}_sd"], strict=True)
        shown[score] = [_with_spread(mean, sd, digits) for mean, sd in spread]
    shown["R-hat"] = ["" if pd.isna(value) else r_hat_text(value) for value in table["r_hat"]]
    columns: Mapping[str, Any] = {
        name: st.column_config.TextColumn(width=170, pinned=True),
        "Seeds": st.column_config.NumberColumn(width=60, help="Seeds with a result."),
        "R-hat": st.column_config.TextColumn(width=70, help="The worst over the seeds. Only posteriors have chains."),
    } | {score: st.column_config.TextColumn(_COLUMNS[score], help=SCORES[score].help, width=110) for score in COMPARED}
    if lines is not None:
        shown["What it is"] = lines
        columns = {**columns, "What it is": st.column_config.TextColumn(width="large")}
    charts.heading(
        "Scores",
        lambda: table,
        key=key,
        file=file,
        help=help,
        of="Download means and standard deviations as numbers.",
    )
    st.caption(caption)
    st.dataframe(shown, hide_index=True, key=key, height=37 + 35 * len(shown), column_config=columns)


def _with_spread(mean: float, sd: float, digits: int) -> str:
    if pd.isna(mean):
        return "–"
    return f"{mean:.{digits}f}" if pd.isna(sd) else f"{mean:.{digits}f} ± {sd:.{digits}f}"
