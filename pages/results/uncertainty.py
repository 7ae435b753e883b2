"""Uncertainty: how uncertain the posterior is, example by example and class by class."""

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation import student_tables as tables
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, Verdict, r_hat_text
from mtbkd_core.evaluation.one_example import draws_at
from mtbkd_core.evaluation.prior_alone import leading_classes, prior_at
from mtbkd_core.evaluation.prior_density import rescaled, simplex_density
from mtbkd_core.evaluation.score_text import ERRORS_LINE, TEST_SET_LINE
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.evaluation.sets import measured_rows
from mtbkd_core.figures import simplex
from mtbkd_core.figures import uncertainty as figures
from mtbkd_core.studies.decision_maps import Array
from mtbkd_core.studies.plane_posterior import tempered, true_at
from pages.results import before_after
from pages.ui import charts, chosen_run, decision_maps, examples, link, shift_score, task_words, teacher_predictions
from pages.ui.jobs import task_loading
from pages.ui.words import plain


def draw_draws(index: int) -> None:
    """Draws of the chosen example among three classes, beside the teachers."""
    top = leading_classes(found.mean[index].numpy())
    names = [class_names[which] for which in top]
    draws = draws_at(found.draws, index, top)
    if seen:
        draw_beside_prior(index, tempered(draws, config.prior.temperature).numpy(), names)
        return
    of_teachers = found.teachers[:, index][:, top].float()
    among = rescaled(draws.numpy()), rescaled(of_teachers.numpy())
    charts.show(
        simplex.draw_draws(*among, names, teachers, shades),
        f"Draws among classes {', '.join(names[:-1])} and {names[-1]}",
        "A tight cloud: the posterior is certain. A wide cloud: it is not. Large points: the teachers.",
        lambda: pd.DataFrame(among[0], columns=names),
        key="draws",
        help="The student's three most probable classes, rescaled to sum to 1. Each small point is one posterior draw.",
    )


def draw_beside_prior(index: int, draws: Array, names: list[str]) -> None:
    """Tempered draws [n, 3] over the whole prior, where the truth is known."""
    here = prior_at(task.teacher_logits(config.data.teachers, "test")[:, index], config.prior)
    truth = true_at(task, index, config.prior.temperature)
    grid = simplex_density(here.targets, here.weights, config.prior.concentration, points=45)
    charts.show(
        simplex.draw_simplex(
            grid,
            names,
            teachers,
            shades,
            here.weights.tolist(),
            draws=draws,
            truth=None if truth is None else truth.numpy(),
        ),
        "Prior, posterior and truth",
        "Small points: students. They should gather around the star, which is the truth.",
        lambda: pd.DataFrame(draws, columns=names),
        key="draws",
        help="Shaded: the mixture prior at this point. Large points and outlines: the teachers' Dirichlets. Each "
        "small point is one posterior draw. All at the distillation temperature.",
    )


def draw_set_kinds() -> None:
    """Each kind of prediction set: how often it holds the true class, how large it is, and what it promises."""
    kinds = tables.set_scores_table(metrics.sets, class_names)
    if kinds.empty:
        st.info(
            "This run was made by a former version, which measured no sets of several kinds. Distill it again to see "
            "them.",
            icon=":material/info:",
        )
        return
    charts.heading(
        "Prediction sets at 95 %",
        lambda: kinds,
        key="set-kinds",
        file="prediction-sets.csv",
        help="Sets of classes that are to hold the true one. Credible: the smallest sets whose posterior mean "
        "probabilities reach 95 %. Conformal: by a threshold that labels of other test examples calibrate.",
        of="Download the table.",
    )
    count = metrics.sets.credible.count if metrics.sets.credible else 0
    st.caption(f"On {count:,} test {item}s; the others calibrate the conformal sets. {TEST_SET_LINE}")
    rows = [f"| **{row.kind}** | {row.coverage} | {row.size} |" for row in kinds.itertuples()]
    st.markdown("\n".join(["| Sets | Hold the true class | Classes in a set |", "|---|---|---|", *rows]))
    st.caption("  \n".join(f"**{row.kind}**: {plain(row.promise)}" for row in kinds.itertuples()))


def draw_gallery() -> None:
    """Examples to look at: those of the highest deviance, or those on which the chains disagree."""
    lists = {"unsure": "Most uncertain"}
    if apart is not None and apart.any():
        lists["apart"] = f"Chains disagree ({int(apart.sum())} of {measured} measured)"
    which = "unsure"
    if len(lists) == 1:
        st.markdown("**Most uncertain**", help=f"Test {item}s with the highest deviance.")
    else:
        which = choose_list(lists)
    mark = " :material/warning: chains disagree." if "apart" in lists else ""
    st.caption(f"Each with its label → the student's prediction. A click chooses the {item} for every page.{mark}")
    shown = (table if which == "unsure" else table[table["apart"]]).sort_values("deviance", ascending=False).head(18)
    disagree = table["apart"] if "apart" in table else table["right"] & False
    examples.gallery(
        task,
        [int(value) for value in shown["example"]],
        [
            plain(f"{row['class']} → {row['predicted']}") + (" :material/warning:" if disagree[row["example"]] else "")
            for _, row in shown.iterrows()
        ],
        key="unsure",
    )


def choose_list(lists: dict[str, str]) -> str:
    return st.segmented_control(
        "Show",
        list(lists),
        required=True,
        format_func=lists.get,
        **link.bound("list", list(lists), "unsure"),
        label_visibility="collapsed",
        help=f"Most uncertain: test {item}s with the highest deviance. Chains disagree: R-hat of the label's log "
        f"probability is above {R_HAT_LIMIT}, so what is said about these {item}s is not to be relied on.",
    )


def draw_split() -> None:
    """Aleatoric against epistemic, an example a point."""
    charts.show(
        figures.draw_entropy_split(table, chosen=examples.chosen(task)),
        "Two kinds of uncertainty",
        "Wrong predictions should have high uncertainty, not lie at the origin.",
        lambda: table,
        key="split",
        help=f"A point for each test {item}. Aleatoric: the {item} itself is ambiguous. Epistemic: students that fit "
        "the data differ. Rings: the chains disagree, so these numbers are not to be relied on"
        f" (measured on {measured} of them).",
    )
    st.caption(
        "Mean over the test set, in nats: "
        + " · ".join(f"{SCORES[name].short.lower()} **{metrics.text(name)}**" for name in ("epistemic", "deviance")),
        help=f"{SCORES['epistemic'].help} {SCORES['deviance'].help} {ERRORS_LINE}",
    )


def draw_split_and_sets() -> None:
    left, right = st.columns(2, gap="large")
    with left:
        draw_split()
    with right:
        draw_set_kinds()


def draw_one() -> None:
    """The chosen example: what it is, its intervals, its teachers, and its draws."""
    left, right = st.columns([1, 3], gap="large")
    with left:
        index = examples.chooser(task)
        row = table.iloc[index]
        examples.show(task, index, size=144, note=f"predicted **{plain(row['predicted'])}**")
        st.markdown(
            "  \n".join(f"{part.capitalize()} **{row[part]:.3f}**" for part in ("deviance", "aleatoric", "epistemic")),
            help=f"In nats. Aleatoric: the {item} itself is ambiguous. Epistemic: students that fit the data differ.",
        )
    with right:
        draw_one_interval(index)
    teacher_predictions.show(chosen, index, item)
    if len(class_names) > 2:  # of two classes the intervals show all that draws would
        draw_draws(index)


def draw_one_interval(index: int) -> None:
    kind = st.segmented_control(
        "Interval",
        ["eti", "hdi"],
        required=True,
        format_func={"eti": "Equal-tailed", "hdi": "Highest density"}.get,
        **link.bound("interval", ["eti", "hdi"], "eti"),
        help="Equal-tailed: 2.5 % of the draws lie on each side. Highest density: the shortest interval with 95 %.",
    )
    if apart is not None and apart[index]:
        st.warning(
            f"The chains disagree on this {item} (R-hat {r_hat_text(float(found.r_hat[index]))}): its intervals and "
            "its uncertainty are not to be relied on.",
            icon=":material/warning:",
        )
    plain = true_at(task, index, 1.0)
    low, high = ("low", "high") if kind == "eti" else ("hdi_low", "hdi_high")
    intervals = tables.interval_table(
        *(getattr(found, name)[index].float().numpy() for name in ("mean", "mode", low, high)),
        arrays["prediction_set"][index],
        class_names,
    )
    charts.show(
        figures.draw_intervals(
            intervals,
            labels=[class_names[arrays["labels"][index]]],
            kind="equal-tailed" if kind == "eti" else "highest density",
            truth=None if plain is None else plain.numpy(),
        ),
        "Credible intervals of the class probabilities",
        f"Long bars: students that fit the data equally well disagree about this {item}."
        + (" Stars: the truth." if seen else ""),
        lambda: intervals,
        key="intervals",
    )


def draw_by_class() -> None:
    index = examples.chosen(task)
    left, right = st.columns(2, gap="large")
    with left:
        charts.show(
            figures.draw_deviance(table, chosen=index),
            "Deviance by class",
            "The student is less certain of classes to the right. Points far above a box are unusual examples.",
            lambda: table,
            key="deviance",
        )
    with right:
        split = tables.entropy_by_class(table, chosen=index)
        charts.show(
            figures.draw_entropy_by_class(split),
            f"Entropy of this {item} and of each class",
            "More data would shrink the epistemic part, but not the aleatoric one.",
            lambda: split,
            key="entropy",
        )


def draw_set_sizes() -> None:
    rows = measured_rows(len(table), config.data.split_seed).numpy()
    sets = tables.set_table(arrays["prediction_set"][rows], arrays["labels"][rows])
    charts.show(
        figures.draw_sets(sets),
        "Sizes of the credible sets",
        "Most sets should hold one class, and nearly all sets the true one.",
        lambda: sets,
        key="sets",
        help=f"On every second {item} of the test set; the others calibrate the conformal sets.",
    )


chosen = chosen_run.chosen()
config, found, metrics = chosen.result.config, chosen.result.predictions.test, chosen.result.metrics.student
chosen_run.banner(chosen)
chosen_run.say(readings.of_uncertainty(metrics, found.mean, found.labels))
shades = task_words.colours(config)
class_names = chosen.class_names
teachers = chosen.teachers
task = task_loading.load_for(chosen)
item = task_words.item(config)
before_after.of_uncertainty(chosen, task)
arrays = {
    name: getattr(found, name).numpy()
    for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic", "prediction_set")
}
# with too few draws nothing is known of single examples
apart = None if chosen.result.metrics.diagnostics.judged is Verdict.TOO_FEW_DRAWS else found.apart
measured = 0 if found.r_hat is None else int((~found.r_hat.isnan()).sum())
table = tables.example_table(
    *(arrays[name] for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic")),
    class_names,
    None if apart is None else apart.numpy(),
)
seen = decision_maps.plane(task)

if seen:
    decision_maps.show_doubt_and_error(seen, chosen)
    with charts.more("two kinds of uncertainty, prediction sets"):
        draw_split_and_sets()
        draw_set_sizes()
    with charts.more("predictions of the student and the truth"):
        decision_maps.show_student(seen, chosen)
else:
    draw_split_and_sets()
with charts.more(f"one {item}, with its intervals, teachers and draws"):
    draw_one()
with charts.more(f"{item}s to look at"):
    draw_gallery()
with charts.more("by class" if seen else "by class, sizes of prediction sets"):
    draw_by_class()
    if not seen:
        draw_set_sizes()
if chosen.result.metrics.shifts:
    with charts.more("out-of-distribution inputs"):
        shift_score.show(chosen)
