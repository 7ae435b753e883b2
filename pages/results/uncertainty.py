"""Uncertainty: how uncertain the posterior is, example by example and class by class."""

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import student_tables as tables
from mtbkd_core.evaluation.one_example import draws_at
from mtbkd_core.evaluation.prior_alone import leading_classes, prior_at
from mtbkd_core.evaluation.prior_density import rescaled, simplex_density
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures import simplex
from mtbkd_core.figures import uncertainty as figures
from mtbkd_core.studies.decision_maps import Array
from mtbkd_core.studies.plane_posterior import tempered, true_at
from pages.ui import charts, chosen_run, decision_maps, examples, link, shift_score, task_words, teacher_predictions
from pages.ui.jobs import task_loading


def draw_draws() -> None:
    """Draws of the chosen example among three classes, beside the teachers."""
    top = leading_classes(found.mean[index].numpy())
    names = [class_names[which] for which in top]
    draws = draws_at(found.draws, index, top)
    if seen:
        draw_beside_prior(tempered(draws, config.prior.temperature).numpy(), names)
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


def draw_beside_prior(draws: Array, names: list[str]) -> None:
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


chosen = chosen_run.chosen()
config, found, metrics = chosen.result.config, chosen.result.predictions.test, chosen.result.metrics.student
chosen_run.banner(chosen)
shades = task_words.colours(config)
class_names = chosen.class_names
teachers = chosen.teachers
task = task_loading.load_for(chosen)
item = task_words.item(config)
arrays = {
    name: getattr(found, name).numpy()
    for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic", "prediction_set")
}
table = tables.example_table(
    *(arrays[name] for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic")), class_names
)

shown = {
    SCORES["coverage"].title: (f"{metrics.coverage:.1%}", SCORES["coverage"].help),
    SCORES["set_size"].title: (f"{metrics.set_size:.2f}", SCORES["set_size"].help),
    "Mean deviance": (f"{metrics.deviance:.3f}", "E[-2 sum p log p], the paper's uncertainty score, in nats."),
    "Mean epistemic": (f"{metrics.epistemic:.3f}", SCORES["epistemic"].help),
}
for column, (title, (value, help_)) in zip(st.columns(4, gap="small"), shown.items(), strict=True):
    column.metric(title, value, help=help_)

st.space("small")
if seen := decision_maps.plane(task):
    decision_maps.show_posterior(seen, chosen)
    st.space("small")
st.subheader(f"One {item}", anchor=False)
left, right = st.columns([1, 3], gap="large")
with left:
    index = examples.chooser(task)
    row = table.iloc[index]
    examples.show(task, index, size=144, note=f"predicted **{row['predicted']}**")
    st.markdown(
        "  \n".join(f"{part.capitalize()} **{row[part]:.3f}**" for part in ("deviance", "aleatoric", "epistemic")),
        help=f"In nats. Aleatoric: the {item} itself is ambiguous. Epistemic: students that fit the data differ.",
    )
with right:
    kind = st.segmented_control(
        "Interval",
        ["eti", "hdi"],
        required=True,
        format_func={"eti": "Equal-tailed", "hdi": "Highest density"}.get,
        **link.bound("interval", ["eti", "hdi"], "eti"),
        help="Equal-tailed: 2.5 % of the draws lie on each side. Highest density: the shortest interval with 95 %.",
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
teacher_predictions.show(chosen, index, item)
# of two classes the intervals show all that draws would
left, right = st.columns([2, 3], gap="large") if len(class_names) > 2 else (None, st.container())
if left:
    with left:
        draw_draws()
with right:
    st.markdown("**Most uncertain**", help=f"Test {item}s with the highest deviance.")
    st.caption(f"Each with its label → the student's prediction. A click chooses the {item} for every page.")
    worst = table.sort_values("deviance", ascending=False).head(18)
    examples.gallery(
        task,
        [int(value) for value in worst["example"]],
        [f"{row['class']} → {row['predicted']}" for _, row in worst.iterrows()],
        key="unsure",
    )

st.space("small")
st.subheader(f"All test {item}s", anchor=False)
left, right = st.columns(2, gap="large")
with left:
    charts.show(
        figures.draw_deviance(table, chosen=index),
        "Deviance by class",
        "Classes to the right are harder. Points far above a box are unusual examples.",
        lambda: table,
        key="deviance",
    )
with right:
    charts.show(
        figures.draw_entropy_split(table, chosen=index),
        "Two kinds of uncertainty",
        "Wrong predictions should have high uncertainty, not lie at the origin.",
        lambda: table,
        key="split",
    )
shift_score.show(chosen)
left, right = st.columns(2, gap="large")
with left:
    sets = tables.set_table(arrays["prediction_set"], arrays["labels"])
    charts.show(
        figures.draw_sets(sets),
        "Prediction sets",
        "Most sets should hold one class, and nearly all sets the true one.",
        lambda: sets,
        key="sets",
        help="The classes whose probability is at least u, where u is set so that the posterior gives them 95 %.",
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
