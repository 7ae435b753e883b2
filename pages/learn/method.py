"""Method: the maths, a live demo on two classes, a glossary, and the traps."""

import streamlit as st

from mtbkd_core.evaluation.prior_density import two_class_density
from mtbkd_core.figures.two_classes import draw_two_classes
from pages.ui import charts

FORMULAS = (
    (
        "Each teacher is a belief",
        "About the student's tempered probabilities q at one example: most likely where the teacher is, "
        "and the sharper the larger the concentration. A calibrated teacher's logits z are divided first.",
        r"q_i \sim \mathrm{Dirichlet}(1 + \lambda\, t_{ki}),\quad t_{ki} = \mathrm{softmax}(z_{ki}/T)",
    ),
    (
        "Beliefs are mixed",
        "Not averaged: where teachers disagree, the prior has several peaks.",
        r"m_i = \sum_k w_{ki}\, \mathrm{Dirichlet}(q_i;\, 1 + \lambda\, t_{ki})",
    ),
    (
        "The sure count more",
        "A teacher's entropy at the example sets its weight. Other rules can be chosen on the Prior page.",
        r"w_{ki} \propto \rho_k \left(1 - \frac{H_{ki}}{\sum_j H_{ji}}\right)",
    ),
    (
        "Labels, prior and a Gaussian on the weights",
        "Together they are the log joint. Of an example without a label only the teachers' part is heard. The "
        "posterior is sampled by many chains side by side.",
        r"\sum_i \left[\log p_i[y_i] + \alpha \log m_i\right] - \frac{\lVert\theta\rVert^2}{2\sigma^2}",
    ),
    (
        "Who explains the student",
        "The responsibility of a teacher: its share of the mixture where the student is.",
        r"r_{ki} = \frac{w_{ki}\,\mathrm{Dir}_k(q_i)}{\sum_j w_{ji}\,\mathrm{Dir}_j(q_i)}",
    ),
    (
        "Who pulls, and where to",
        "The gradient on the logits is one arrow from the label and one from each teacher.",
        r"(\mathrm{onehot}(y_i) - p_i) + \sum_k \alpha \frac{\lambda}{T}\, r_{ki}\,(t_{ki} - q_i)",
    ),
    (
        "What it does not know",
        "Total uncertainty splits into what the example leaves open and what the students disagree about.",
        r"\underbrace{H(\mathbb{E}\,p)}_{\text{total}} = \underbrace{\mathbb{E}\,H(p)}_{\text{aleatoric}}"
        r" + \underbrace{I(y;\theta)}_{\text{epistemic}}",
    ),
)
GLOSSARY = {
    "Logits": "A network's outputs before softmax turns them into probabilities.",
    "Posterior": "How plausible each student is, given labels and teachers. Here: many draws of a student's weights.",
    "Chain, draw": "A chain walks through the posterior; a draw is one student that it passed.",
    "Burn-in": "A chain's first steps, thrown away because it may not have arrived yet.",
    "R-hat": "Do the chains agree? 1 is perfect; above 1.05 they should run longer.",
    "Bias check": "Do the chains agree with exact HMC? Too long a step shifts the log joint of all of them alike.",
    "Credible interval": "Holds a probability with 95 % of the posterior.",
    "Prediction set": "The classes that the posterior cannot rule out at 95 %.",
    "Deviance": "E[-2 sum p log p]: the paper's score of how unsure the student is at an example.",
    "Calibration": "Of the answers given with 80 % confidence, 80 % are right.",
    "NLL": "Negative log-likelihood: mean of -log of the true class's probability, in nats. Lower is better.",
    "ECE": "Expected calibration error: mean gap between confidence and accuracy over bins.",
    "Brier": "Mean squared distance between probabilities and truth.",
    "Temperature": "Divides logits: above 1 it softens probabilities.",
    "Concentration": "How sharply a Dirichlet gathers around its mode.",
}
TRAPS = (
    (
        "Sure is not right",
        "Entropy weights trust a teacher that is sure. One that is confidently wrong gets a high weight: look at its "
        "accuracy and calibration on the Teachers page first, or raise its entropy temperature.",
    ),
    (
        "A student claims what its teachers claim",
        "Teachers that are too sure make a student that is too sure. Where no teacher was trained on the student's "
        "labels, fit entropy temperatures to them on the Prior page and calibrate the teachers: each one's logits are "
        "then divided by its own.",
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
        "A good-looking chain may be wrong",
        "Many effective draws with too large a step sample something else. R-hat cannot tell: all chains are "
        "wrong alike. Check for bias (Distill, Advanced), which holds the draws against exact HMC.",
    ),
    (
        "Accuracy hides calibration",
        "Of two equally accurate students, only one may know when it is guessing. Compare NLL and reliability.",
    ),
)


def draw_maths() -> None:
    for title, line, formula in FORMULAS:
        left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
        left.markdown(f"**{title}**  \n:small[:gray[{line}]]")
        right.latex(formula)


@st.fragment
def draw_demo() -> None:
    left, right = st.columns([1, 2], gap="large")
    with left:
        first = st.slider("Teacher A says", 0.01, 0.99, 0.85, help="Its probability of the class.")
        second = st.slider("Teacher B says", 0.01, 0.99, 0.25, help="Its probability of the class.")
        weight = st.slider("Weight of teacher A", 0.0, 1.0, 0.5, help="Teacher B has the rest.")
        concentration = st.slider("Concentration (lambda)", 1.0, 60.0, 20.0, help="How sharply each belief gathers.")
        strength = st.slider("Strength (alpha)", 0.0, 2.0, 1.0, help="0 leaves the labels alone.")
        yes = st.slider("Labels that name the class", 0, 30, 2, help="Labelled examples just like this one.")
        no = st.slider("Labels that name the other", 0, 30, 0, help="Labelled examples just like this one.")
    table = two_class_density(
        [first, second], [weight, 1 - weight], concentration=concentration, strength=strength, seen=(yes, no)
    )
    with right:
        charts.show(
            draw_two_classes(table),
            "One example, two classes, two teachers",
            "Two peaks: the teachers disagree. Add labels and see which teacher the posterior sides with.",
            lambda: table,
            key="demo",
        )


def draw_glossary() -> None:
    columns = st.columns(2, gap="large")
    for place, (term, meaning) in enumerate(GLOSSARY.items()):
        columns[place % 2].markdown(f"**{term}**  \n:small[:gray[{meaning}]]")


maths, demo, glossary, traps = st.tabs(["Maths", "Try it", "Glossary", "Traps"])
with maths:
    draw_maths()
    st.caption(
        'Source: Fang, Chen, Cai, Ma and Zhong, "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture '
        'Priors", [arXiv 2605.27967](https://arxiv.org/abs/2605.27967).'
    )
with demo:
    draw_demo()
with glossary:
    draw_glossary()
with traps:
    for title, line in TRAPS:
        st.markdown(f"**{title}**  \n{line}")
