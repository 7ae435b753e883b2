"""Method: the maths, a live demo on two classes, a glossary, and common mistakes."""

import streamlit as st

from mtbkd_core.config.glossary import GLOSSARY
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation.prior_density import two_class_density
from mtbkd_core.figures.two_classes import draw_two_classes
from pages.ui import charts

FORMULAS = (
    (
        "Each teacher is a distribution",
        "It is a density of the student's tempered probabilities q at one example. Its mode is the teacher's "
        "prediction; a larger concentration makes it sharper. A calibrated teacher's logits z are divided by its "
        "temperature first. A teacher that knows only some classes speaks of the probabilities among these alone.",
        r"q_i \sim \mathrm{Dirichlet}(1 + \lambda\, t_{ki}),\quad t_{ki} = \mathrm{softmax}(z_{ki}/T)",
    ),
    (
        "The prior is their mixture",
        "It is not their average: where teachers disagree, the prior has several peaks.",
        r"m_i = \sum_k w_{ki}\, \mathrm{Dirichlet}(q_i;\, 1 + \lambda\, t_{ki})",
    ),
    (
        "Certain teachers count more",
        "A teacher's entropy at the example sets its weight. Other rules can be chosen on the Prior page.",
        r"w_{ki} \propto \rho_k \left(1 - \frac{H_{ki}}{\sum_j H_{ji}}\right)",
    ),
    (
        "Labels, prior and a Gaussian on the weights",
        "Together they are the log joint. An unlabelled example has the teachers' part alone. Many chains sample the "
        "posterior side by side.",
        r"\sum_i \left[\log p_i[y_i] + \alpha \log m_i\right] - \frac{\lVert\theta\rVert^2}{2\sigma^2}",
    ),
    (
        "Responsibility of a teacher",
        "Its share of the mixture at the student's own prediction: a share of a density, not a cause. What a teacher "
        "changes is under If a teacher counted less on Influence.",
        r"r_{ki} = \frac{w_{ki}\,\mathrm{Dir}_k(q_i)}{\sum_j w_{ji}\,\mathrm{Dir}_j(q_i)}",
    ),
    (
        "Pulls of label and teachers",
        "The gradient in the logits is the sum of a pull of the label and a pull of each teacher.",
        r"(\mathrm{onehot}(y_i) - p_i) + \sum_k \alpha \frac{\lambda}{T}\, r_{ki}\,(t_{ki} - q_i)",
    ),
    (
        "Two kinds of uncertainty",
        "The total splits into an aleatoric part, which the example leaves open, and an epistemic part, about which "
        "the students disagree.",
        r"\underbrace{H(\mathbb{E}\,p)}_{\text{total}} = \underbrace{\mathbb{E}\,H(p)}_{\text{aleatoric}}"
        r" + \underbrace{I(y;\theta)}_{\text{epistemic}}",
    ),
)
MISTAKES = (
    (
        "A certain teacher may be wrong",
        "Entropy weights trust a certain teacher, so a confidently wrong one gets a high weight. Look at its accuracy "
        "and calibration on the Teachers page first, or raise its entropy temperature.",
    ),
    (
        "Overconfident teachers make an overconfident student",
        "Where no teacher was trained on the student's labels, fit entropy temperatures to these labels on the Prior "
        "page and calibrate the teachers: their logits are then divided by these temperatures.",
    ),
    (
        "Calibrated teachers are not enough",
        "A teacher that is exactly calibrated but does not see an input makes the student worse than none when it "
        "counts too much, and its intervals wrong. Choose the strength from the data on the Prior page; Coverage shows "
        "the case.",
    ),
    (
        "A Dirichlet's mean is flatter than its mode",
        r"The mode is the teacher, $t$; the mean is $(1 + \lambda t)/(C + \lambda)$. With a small concentration and "
        "many classes a well-sampled posterior is underconfident.",
    ),
    (
        "Strength and concentration are not the same",
        r"For one teacher only the product $\alpha\lambda$ moves the most probable student, and it is Hinton's "
        "distillation weight. The spread of the posterior, and how sharply teachers compete, depend on both.",
    ),
    (
        "Chains that agree may be biased",
        "With too large a step all chains sample the same wrong distribution, which R-hat does not show. Check for "
        "bias (Distill, Advanced): it compares the draws with exact HMC.",
    ),
    (
        "A mean of the teachers may be better",
        "The weighted mean of the teachers is an ensemble of large networks; under tuned weights it can have better "
        "scores. The student is one small network's posterior: compare what each costs, on Review.",
    ),
    (
        "Accuracy hides calibration",
        "Of two equally accurate students, one may be certain of its mistakes. Compare NLL and reliability.",
    ),
)


def draw_maths() -> None:
    for title, line, formula in FORMULAS:
        left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
        left.markdown(f"**{title}**  \n:small[:gray[{line}]]")
        right.latex(formula)


@st.fragment
def draw_demo() -> None:
    sharp, strong = (settings()[name] for name in ("prior.concentration", "prior.strength"))
    left, right = st.columns([1, 2], gap="large")
    with left:
        first = st.slider("Prediction of teacher A", 0.01, 0.99, 0.85, help="Its probability of the class.")
        second = st.slider("Prediction of teacher B", 0.01, 0.99, 0.25, help="Its probability of the class.")
        weight = st.slider("Weight of teacher A", 0.0, 1.0, 0.5, help="Teacher B has the rest.")
        concentration = st.slider(sharp.label, 1.0, 60.0, 20.0, help=sharp.help)
        strength = st.slider(strong.label, 0.0, 2.0, 1.0, help=strong.help)
        yes = st.slider("Labels of the class", 0, 30, 2, help="Labelled examples just like this one.")
        no = st.slider("Labels of the other class", 0, 30, 0, help="Labelled examples just like this one.")
    table = two_class_density(
        [first, second], [weight, 1 - weight], concentration=concentration, strength=strength, seen=(yes, no)
    )
    with right:
        charts.show(
            draw_two_classes(table),
            "One example, two classes, two teachers",
            "Two peaks: the teachers disagree. Add labels and see which teacher the posterior follows.",
            lambda: table,
            key="demo",
        )


def draw_glossary() -> None:
    columns = st.columns(2, gap="large")
    for place, (term, meaning) in enumerate(GLOSSARY.items()):
        columns[place % 2].markdown(f"**{term}**  \n:small[:gray[{meaning}]]")


st.markdown(
    "**Each teacher is a distribution over the student's answers, and the prior is their mixture.** Move a slider: "
    "what do two teachers and some labels make of one example?"
)
draw_demo()
maths, glossary, mistakes = st.tabs(["Maths", "Glossary", "Common mistakes"])
with maths:
    draw_maths()
    st.caption(
        'Source: Fang, Chen, Cai, Ma and Zhong, "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture '
        'Priors", [arXiv 2605.27967](https://arxiv.org/abs/2605.27967).'
    )
with glossary:
    draw_glossary()
with mistakes:
    for title, line in MISTAKES:
        st.markdown(f"**{title}**  \n{line}")
