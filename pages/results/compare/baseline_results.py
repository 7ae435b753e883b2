"""What a comparison found: who is better, by how much and how surely, and the scores behind it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, default_config
from mtbkd_core.evaluation.diagnostics import disagreement
from mtbkd_core.evaluation.means import ONE_SEED_LINE, SEEDS_LINE
from mtbkd_core.evaluation.score_text import interval_text
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.figures.comparison import draw_forest, draw_verdicts
from mtbkd_core.runs.kinds.comparison import ComparisonView
from mtbkd_core.studies.comparison import HIGHER_IS_BETTER, Comparison
from mtbkd_core.studies.method_words import left_out
from mtbkd_core.studies.standing import doubt, shipped_comparisons, standing, tally
from mtbkd_core.studies.tables import each_seed_table, gap_table, score_table, tuned_table
from pages.results.compare import score_table as scores
from pages.ui import charts, chosen_run, link, task_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import COMPARISONS
from pages.ui.words import plain

#: Scores by which the page says in a sentence where MT-BKD stands.
_SAID = ("nll", "ece")


def draw(view: ComparisonView) -> None:
    """What the whole seeds say; nothing before the first of them."""
    comparison = view.table()
    count = len(comparison.seeds)
    if count == 0:
        return
    gaps = gap_table(comparison, task_words.titles_by_name(view.config))
    if not comparison.tuned:
        st.info(
            "This comparison is of an earlier version: its methods were not tuned alike. Compare computes it anew.",
            icon=":material/history:",
        )
    if count == 1:
        _warn_of_chains(view)
        st.info("One seed gives no interval. Differences are drawn once two seeds are whole.", icon=":material/info:")
    else:
        more = _say_standing(view.config, comparison)
        _warn_of_chains(view)
        _draw_verdicts(gaps)
        _say_more(more)
    st.caption(follow.summary(COMPARISONS, view))
    if lines := left_out(comparison.methods):
        st.caption(f":material/info: {plain(' '.join(lines))}")
    if count > 1:
        with charts.more("by how much, score by score"):
            _draw_forests(gaps)
            st.space("small")
            st.markdown("**In numbers**")
            st.caption("Mean difference over the seeds, and its 95 % interval in brackets. Accuracy in points.")
            _draw_numbers(gaps)
    if view.finished:
        with charts.more("scores of every method"):
            _draw_scores(view, whole=True)
    with charts.more("each seed"):
        _draw_each_seed(view, comparison)
    if comparison.tuned:
        with charts.more("what was tuned"):
            _draw_tuned(view, comparison)


def draw_shipped() -> None:
    """The comparison that comes with the program on the draft's task, or on the first that has one."""
    known, draft = shipped_comparisons(), link.draft()
    task = draft.data.task if draft.data.task in known else next(iter(known), None)
    if task is None:
        st.info("Nothing is compared yet. Choose how many seeds and press Compare.", icon=":material/balance:")
        return
    config, comparison = default_config(task), known[task]
    st.markdown(
        f":material/inventory_2: **Example** · {plain(task_words.info(config).title)}, {len(comparison.seeds)} seeds "
        "with every method tuned. It comes with the program, and stands here until there is a comparison of yours."
    )
    more = _say_standing(config, comparison)
    if doubted := doubt(comparison):
        chosen_run.flag(doubted)
    _draw_verdicts(gap_table(comparison, task_words.titles_by_name(config)))
    _say_more(more)


def _say_standing(config: RunConfig, comparison: Comparison) -> str:
    """Where MT-BKD stands by the score that counts most, and how often it is better; gives what there is to add."""
    titles = task_words.titles_by_name(config)
    first, *others = [" ".join(said) for score in _SAID if (said := standing(comparison, titles, score))] or [""]
    lead, _, rest = first.partition(". ")
    charts.say(f"**{plain(lead)}{'.' if rest else ''}** {tally(gap_table(comparison, titles))}")
    return plain("\n\n".join(text for text in (rest, *others) if text))


def _say_more(text: str) -> None:
    if text:
        with charts.more("where it stands beside its warm start and the teachers' means"):
            st.markdown(text)


def _draw_each_seed(view: ComparisonView, comparison: Comparison) -> None:
    score = st.selectbox(
        "Score",
        list(COMPARED),
        index=list(COMPARED).index("nll"),
        format_func=lambda name: SCORES[name].title,
        key="each-seed-score",
        width=220,
        help="Which score the table shows.",
    )
    table = each_seed_table(comparison, task_words.titles_by_name(view.config), score)
    charts.heading(
        f"{SCORES[score].title} with each seed",
        lambda: table,
        key="each-seed",
        file=f"comparison-{score}-by-seed.csv",
        help=SCORES[score].help,
        of="Download the values.",
    )
    columns = {str(seed): st.column_config.NumberColumn(f"Seed {seed}", format="%.4f") for seed in comparison.seeds}
    st.dataframe(
        table,
        hide_index=True,
        key="seeds-table",
        height="content",
        column_config={"title": st.column_config.TextColumn("Method", width=170, pinned=True), **columns},
    )


def _draw_tuned(view: ComparisonView, comparison: Comparison) -> None:
    st.caption(
        "Every method had as many trials. The setting of the least NLL on held-out labelled examples was taken; test "
        "examples were not used. Posteriors are scored by a few of their anchored fits."
    )
    table = tuned_table(comparison, task_words.titles_by_name(view.config))
    charts.heading(
        "Chosen settings",
        lambda: table,
        key="tuned",
        file="comparison-tuned.csv",
        help="Of each method with each seed.",
        of="Download the chosen settings.",
    )
    st.dataframe(
        table[["title", "seed", "settings", "validation_nll", "tried"]],
        hide_index=True,
        key="tuned-table",
        column_config={
            "title": st.column_config.TextColumn("Method", width=170, pinned=True),
            "seed": st.column_config.NumberColumn("Seed", width=60),
            "settings": st.column_config.TextColumn("Settings", width="large"),
            "validation_nll": st.column_config.NumberColumn("Validation NLL", format="%.4f"),
            "tried": st.column_config.NumberColumn("Tried", width=60),
        },
    )


def _draw_verdicts(gaps: pd.DataFrame) -> None:
    charts.show(
        draw_verdicts(gaps),
        "Which method is better",
        "Filled circle: MT-BKD is better. Diamond: the baseline is better. Dash: no clear difference.",
        lambda: gaps,
        key="verdicts",
        help="A difference is clear when a paired t-test over the seeds says so after Holm's correction for the number "
        "of baselines: where there is no difference at all, at most one comparison in twenty has a clear one by a "
        "score. A score that was not measured has no column. The seeds split the same data anew: they show how much "
        "splits, teachers and chains matter, not what other data give.",
    )


def _draw_forests(gaps: pd.DataFrame) -> None:
    st.caption(
        "MT-BKD minus each baseline. Grey: no clear difference. Shaded: the side where MT-BKD is better.",
        help="Mean over the seeds of the paired difference, with its 95 % interval by Student's t. Intervals are not "
        "corrected for the number of baselines, colours are.",
    )
    scores = list(COMPARED)
    for first in range(0, len(scores), 2):  # in pairs, so that they keep their order where columns are stacked
        for score, column in zip(scores[first : first + 2], st.columns(2, gap="large"), strict=False):
            with column:
                _draw_forest(gaps, score)


def _draw_forest(gaps: pd.DataFrame, score: str) -> None:
    part = gaps[gaps["score"] == score]
    if part["difference"].isna().all():
        st.markdown(f"**{SCORES[score].title}**")
        st.caption("Not defined with these seeds: a method that makes no error has none.")
        return
    charts.show(
        draw_forest(gaps, score),
        SCORES[score].title,
        f"{'Right' if HIGHER_IS_BETTER[score] else 'Left'} of the line MT-BKD is better.",
        lambda: part,
        key=f"forest-{score}",
        help=SCORES[score].help,
    )


def _draw_numbers(gaps: pd.DataFrame) -> None:
    rows: dict[str, dict[str, str]] = {}
    for row in gaps.itertuples():
        shown = interval_text(row.score, row.difference, row.low, row.high)
        rows.setdefault(row.title, {})[row.score] = shown
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("Baseline").reset_index()
    st.dataframe(
        table,
        hide_index=True,
        key="differences",
        height="content",
        column_config={"Baseline": st.column_config.TextColumn(width=170, pinned=True)}
        | {score: st.column_config.TextColumn(SCORES[score].title, help=SCORES[score].help) for score in COMPARED},
    )


def _warn_of_chains(view: ComparisonView) -> None:
    table = score_table(view.table(), task_words.titles_by_name(view.config))
    sampled = table[table["r_hat"].notna()]
    if found := disagreement(dict(zip(sampled["title"], sampled["r_hat"], strict=True))):
        st.warning(
            f"{plain(found)} with some seed: sample longer before you trust a difference that depends on these.",
            icon=":material/warning:",
        )


def draw_first_rows(view: ComparisonView) -> None:
    """The rows that are there of a comparison under way."""
    if view.rows.found:
        _draw_scores(view, whole=False)


def _draw_scores(view: ComparisonView, *, whole: bool) -> None:
    """The mean of every method with its error, over whole seeds or all rows that are there."""
    table = score_table(view.table(whole=whole), task_words.titles_by_name(view.config))
    scores.draw(
        table,
        "Method",
        help="Ensembles: as many networks as MT-BKD has chains, averaged.",
        caption=("" if whole else "So far. ") + (SEEDS_LINE if table["seeds"].max() > 1 else ONE_SEED_LINE),
        key=f"scores-{whole}",
        file="comparison-scores.csv",
        lines=table["line"],
    )
