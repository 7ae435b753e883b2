"""Method: the maths, a live demo on two classes, a glossary, and common mistakes."""

import streamlit as st

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
GLOSSARY = {
    "Logits": "A network's outputs before softmax turns them into probabilities.",
    "Posterior": "How probable each student is, given labels and teachers. Here: many draws of a student's weights.",
    "Chain, draw": "A chain walks through the posterior; a draw is one student that it passed.",
    "Burn-in": "A chain's first steps, discarded because it may not have reached the posterior yet.",
    "R-hat": "Do the chains agree? 1 is perfect. The verdict takes the worst of three: of the mean log probability, of "
    "its 95th percentile over examples, and of the log joint; each may be at most 1.05.",
    "Warm start": "Each chain's network, fitted from its own draw of the Gaussian prior, before sampling; an ensemble.",
    "Log joint": "Log likelihood of the labels plus log prior: the posterior's logarithm up to a constant, in nats.",
    "BAOAB, MCLMC, SGLD, HMC": "The samplers. HMC is exact and the reference; the others take cheaper steps, with a "
    "bias that grows with the step.",
    "Bias check": "Do the chains agree with exact HMC? Too long a step shifts the log joint of all of them alike.",
    "Credible interval": "Contains a class probability with 95 % posterior probability.",
    "Credible set": "The smallest set of classes whose posterior mean probabilities reach 95 %. It holds the true "
    "class that often if the posterior is right.",
    "Conformal set": "Classes above a threshold that labels set aside calibrate. It holds the true class with its "
    "level whatever the model, on average over examples like those; a shift breaks that.",
    "Epistemic, aleatoric": "Epistemic: students that fit the data differ, and more data would help. Aleatoric: the "
    "example leaves the class open.",
    "Entropy": "How spread probabilities are, in nats: 0 is certain.",
    "Deviance": "E[-2 sum p log p]: the paper's score of uncertainty at an example.",
    "Calibration": "Of the answers given with 80 % confidence, 80 % are right. A calibrated teacher may still mislead.",
    "NLL": "Negative log-likelihood: mean of -log of the true class's probability, in nats. Lower is better.",
    "ECE": "Expected calibration error: mean gap between confidence and accuracy over bins.",
    "Brier": "Mean squared distance between the probabilities and the true class.",
    "Standard error": "Every score has two: of a test set of this size (bootstrap), and of the sampler's draws "
    "(jackknife over chains). A difference within its errors says nothing.",
    "AUROC": "Probability that a positive scores higher than a negative; 0.5 is as good as guessing.",
    "Simplex": "All probability vectors over the classes; of three classes a triangle.",
    "Weight": "A teacher's share of the mixture prior at one example, before the student has learned.",
    "Responsibility": "A teacher's share of the mixture at the student's prediction; not a cause.",
    "Pull": "A part of the log joint's gradient in the logits: of the label, or of a teacher.",
    "Strength": "The exponent of the mixture. Strength times concentration over the squared temperature is what a "
    "teacher's statement is worth in labels.",
    "Temperature": "Divides logits: above 1 it softens probabilities.",
    "Concentration": "How narrow a Dirichlet is around its mode.",
}
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
        "The weighted mean of the teachers is an ensemble of large networks and often has the best scores. The student "
        "is one small network's posterior: compare what each costs, on Review.",
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


maths, demo, glossary, mistakes = st.tabs(["Maths", "Try it", "Glossary", "Common mistakes"])
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
with mistakes:
    for title, line in MISTAKES:
        st.markdown(f"**{title}**  \n{line}")
