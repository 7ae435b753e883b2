"""Uncertainty: what the posterior does not know, example by example and class by class."""

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import student_tables as tables
from mtbkd_core.evaluation.prior_density import rescaled, simplex_density
from mtbkd_core.figures import simplex
from mtbkd_core.figures import uncertainty as figures
from mtbkd_core.prior import prior_logits
from mtbkd_core.studies.plane_posterior import tempered, true_at
from pages.ui import charts, chosen_run, decision_maps, deviance, examples, link, task_words, teacher_predictions


def draw_draws() -> None:
    """Draws of the chosen example among three classes, with what the teachers say."""
    exact = len(class_names) == 3
    top = found.mean[index].argsort(descending=True)[:3].tolist() if not exact else [0, 1, 2]
    names = [class_names[which] for which in top]
    draws = found.draws[:, :, index][..., top].float().reshape(-1, 3)
    draws = draws[:: max(1, len(draws) // 400)]
    says = found.teachers[:, index][:, top].float()
    if seen:
        temperature, shares = config.prior.temperature, found.weights[:, index]
        draws = tempered(draws, temperature)
        logits = task.teacher_logits(config.data.teachers, "test")[:, index]
        says = (prior_logits(logits[:, None], config.prior)[:, 0] / temperature).softmax(-1)
        grid = simplex_density(says.double().numpy(), shares.double().numpy(), config.prior.concentration, points=45)
        true = true_at(task, index, temperature)
        charts.show(
            simplex.draw_simplex(
                grid,
                names,
                teachers,
                shades,
                shares.tolist(),
                draws=draws.numpy(),
                truth=None if true is None else true.numpy(),
            ),
            "Prior, posterior and truth",
            "Small points: students. They should gather around the star, which is the truth.",
            lambda: pd.DataFrame(draws.numpy(), columns=names),
            key="draws",
            help="Shaded: the mixture prior at this point. Large points and outlines: the teachers' Dirichlets. Each "
            "small point is one posterior draw. All at the distillation temperature.",
        )
    else:
        among = rescaled(draws.numpy()), rescaled(says.numpy())
        charts.show(
            simplex.draw_draws(*among, names, teachers, shades),
            f"Draws among classes {', '.join(names[:-1])} and {names[-1]}",
            "A tight cloud in a corner is sure; a cloud that spreads is not. Large points: the teachers.",
            lambda: pd.DataFrame(among[0], columns=names),
            key="draws",
            help="The three classes that the student finds most probable, rescaled to sum to 1. "
            "Each small point is one posterior draw.",
        )


chosen = chosen_run.chosen()
config, found, metrics = chosen.view.config, chosen.result.predictions.test, chosen.result.metrics.student
chosen_run.banner(chosen)
shades = task_words.colours(config)
class_names = chosen.class_names
teachers = dict(zip(config.data.teachers, chosen.titles, strict=True))
task = chosen_run.task_of(chosen)
item = task_words.item(config)
arrays = {
    name: getattr(found, name).numpy()
    for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic", "prediction_set")
}
table = tables.example_table(
    *(arrays[name] for name in ("labels", "mean", "deviance", "total", "aleatoric", "epistemic")), class_names
)

columns = st.columns(4, gap="small")
columns[0].metric(
    "Coverage of 95 % sets",
    f"{metrics.coverage:.1%}",
    help=f"Share of test {item}s whose prediction set holds the truth.",
)
columns[1].metric(
    "Mean set size", f"{metrics.set_size:.2f}", help=f"Classes in a 95 % prediction set, mean over the test {item}s."
)
columns[2].metric(
    "Mean deviance", f"{metrics.deviance:.3f}", help="E[-2 sum p log p], the paper's uncertainty score, in nats."
)
columns[3].metric(
    "Mean epistemic",
    f"{metrics.epistemic:.3f}",
    help="Mutual information of label and student, in nats: what more data could settle.",
)

st.space("small")
if seen := decision_maps.sight(task):
    decision_maps.show_posterior(seen, chosen)
    st.space("small")
st.subheader(f"One {item}", anchor=False)
left, right = st.columns([1, 3], gap="large")
with left:
    index = examples.chooser(task)
    row = table.iloc[index]
    examples.show(task, index, size=144, note=f"named **{row['predicted']}**")
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
    low, high = (found.low, found.high) if kind == "eti" else (found.hdi_low, found.hdi_high)
    intervals = tables.interval_table(
        *(each[index].float().numpy() for each in (found.mean, found.mode, low, high)),
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
# of two classes the intervals say all that draws would
left, right = st.columns([2, 3], gap="large") if len(class_names) > 2 else (None, st.container())
if left:
    with left:
        draw_draws()
with right:
    st.markdown("**Least sure of**", help=f"Test {item}s with the highest deviance.")
    st.caption(f"A click chooses the {item} for every page.")
    worst = table.sort_values("deviance", ascending=False).head(18)
    examples.gallery(
        task,
        [int(value) for value in worst["example"]],
        [f"{row['class']} → {row['predicted']}" for _, row in worst.iterrows()],
        key="unsure",
    )
    st.caption("Label → what the student names.")

st.space("small")
st.subheader(f"All test {item}s", anchor=False)
left, right = st.columns(2, gap="large")
with left:
    charts.show(
        figures.draw_deviance(table, chosen=index),
        "Deviance by class",
        "Classes to the right are harder; points far above a box deserve a look.",
        lambda: table,
        key="deviance",
    )
with right:
    charts.show(
        figures.draw_entropy_split(table, chosen=index),
        "Two kinds of uncertainty",
        "Mistakes should lie where uncertainty is high, not at the origin.",
        lambda: table,
        key="split",
    )
deviance.show(chosen)
left, right = st.columns(2, gap="large")
with left:
    sets = tables.set_table(arrays["prediction_set"], arrays["labels"])
    charts.show(
        figures.draw_sets(sets),
        "Prediction sets",
        "Most sets should hold one class, and nearly all the true one.",
        lambda: sets,
        key="sets",
        help="The classes whose probability is at least u, where u is set so that the posterior gives them 95 %.",
    )
with right:
    split = tables.entropy_by_class(table, chosen=index)
    charts.show(
        figures.draw_entropy_by_class(split),
        f"Entropy of this {item} and of each class",
        "More data would shrink the epistemic part; not the aleatoric one.",
        lambda: split,
        key="entropy",
    )
