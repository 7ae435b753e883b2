"""The glossary: each technical term in a sentence, and the forms under which it is found in a text."""

from __future__ import annotations

from mtbkd_core.config.choices import Algorithm

#: Term -> what it means, and the forms under which it is found in a text; none: the term itself.
ENTRIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Teacher, student": (
        "Teachers are large networks that are there already; the student is a small one that learns from them.",
        (),
    ),
    "Logits": ("A network's outputs before softmax turns them into probabilities.", ("logits?",)),
    "Posterior": (
        "How probable each student is, given labels and teachers. Here: many draws of a student's weights.",
        ("posterior mean", "posterior"),
    ),
    "Prior": (
        "How probable each student is before it sees a label: here a mixture of the teachers.",
        ("mixture prior", "prior"),
    ),
    "Mixture": (
        "A weighted sum of densities, one a teacher; with several peaks where teachers disagree.",
        ("mixture",),
    ),
    "Chain, draw": (
        "A chain walks through the posterior; a draw is one student that it passed.",
        ("chains?", "draws?"),
    ),
    "Burn-in": ("A chain's first steps, discarded because it may not have reached the posterior yet.", ("burn-in",)),
    "R-hat": (
        "Do the chains agree? 1 is perfect. The verdict takes the worst of three: of the mean log probability, of "
        "its 95th percentile over examples, and of the log joint; each may be at most 1.05.",
        ("R-hat",),
    ),
    "Effective draws": (
        "How many independent draws would tell as much: draws that resemble the one before count for little.",
        ("effective draws",),
    ),
    "Warm start": (
        "Each chain's network, fitted from its own draw of the Gaussian prior, before sampling; an ensemble.",
        ("warm starts?",),
    ),
    "Log joint": (
        "Log likelihood of the labels plus log prior: the posterior's logarithm up to a constant, in nats.",
        ("log joint",),
    ),
    "Sampler": (
        "How draws of the posterior are made. HMC is exact and the reference; the others take cheaper steps, with a "
        "bias that grows with the step.",
        ("samplers?", "Hamiltonian Monte Carlo"),
    ),
    **{each.title: (each.help, (each.title,)) for each in Algorithm},
    "Bias check": (
        "Do the chains agree with exact HMC? Too long a step shifts the log joint of all of them alike.",
        ("bias check",),
    ),
    "Credible interval": (
        "Contains a class probability with 95 % posterior probability.",
        ("credible intervals?",),
    ),
    "Credible set": (
        "The smallest set of classes whose posterior mean probabilities reach 95 %. It holds the true class that often "
        "if the posterior is right.",
        ("credible sets?",),
    ),
    "Conformal set": (
        "Classes above a threshold that labels set aside calibrate. It holds the true class with its level whatever "
        "the model, on average over examples like those; a shift breaks that.",
        ("conformal sets?",),
    ),
    "Epistemic, aleatoric": (
        "Epistemic: students that fit the data differ, and more data would help. Aleatoric: the example leaves the "
        "class open.",
        ("epistemic uncertainty", "epistemic", "aleatoric"),
    ),
    "Entropy": ("How spread probabilities are, in nats: 0 is certain.", ("entropy", "entropies")),
    "Deviance": ("E[-2 sum p log p]: the paper's score of uncertainty at an example.", ("deviances?",)),
    "Calibration": (
        "Of the answers given with 80 % confidence, 80 % are right. A calibrated teacher may still mislead.",
        ("calibration", "calibrated", "reliability"),
    ),
    "Confidence": (
        "The probability of the class that is predicted.",
        ("confidence", "overconfident", "underconfident"),
    ),
    "NLL": (
        "Negative log-likelihood: mean of -log of the true class's probability, in nats. Lower is better.",
        ("NLL",),
    ),
    "Log score": (
        "The mean log probability of a label, in nats: NLL with its sign turned. Higher is better.",
        ("log scores?",),
    ),
    "ECE": (
        "Expected calibration error: mean gap between confidence and accuracy over bins.",
        ("ECE", "expected calibration error"),
    ),
    "Brier": ("Mean squared distance between the probabilities and the true class.", ("Brier(?: score)?",)),
    "Standard error": (
        "Every score has two: of a test set of this size (bootstrap), and of the sampler's draws (jackknife over "
        "chains). A difference within its errors says nothing.",
        ("standard errors?",),
    ),
    "AUROC": (
        "Probability that a positive scores higher than a negative; 0.5 is as good as guessing.",
        ("AUROC",),
    ),
    "AUPR": ("Area under precision and recall: near 1, few of those that are picked out are wrong.", ("AUPR",)),
    "Out of distribution": (
        "Unlike what the student learned from: it should then be less certain.",
        ("out[- ]of[- ]distribution",),
    ),
    "Simplex": ("All probability vectors over the classes; of three classes a triangle.", ("simplex", "triangle")),
    "Dirichlet": (
        "A density over probability vectors; a teacher's has its mode at the teacher's prediction.",
        ("Dirichlets?",),
    ),
    "Mode": ("Where a density is highest.", ("modes?",)),
    "Weight": (
        "A teacher's share of the mixture prior at one example, before the student has learned.",
        ("weights?",),
    ),
    "Responsibility": (
        "A teacher's share of the mixture at the student's prediction; not a cause.",
        ("responsibilit(?:y|ies)",),
    ),
    "Pull": ("A part of the log joint's gradient in the logits: of the label, or of a teacher.", ("pulls?",)),
    "Shapley value": (
        "What a score changes by when a teacher joins, mean over all orders in which teachers could join.",
        ("Shapley values?",),
    ),
    "Pareto k": ("Whether reweighted draws can tell: above 0.7 they cannot.", ("Pareto k",)),
    "Strength": (
        "The exponent of the mixture. Strength times concentration over the squared temperature is what a teacher's "
        "statement is worth in labels.",
        ("strength",),
    ),
    "Temperature": ("Divides logits: above 1 it softens probabilities.", ("temperatures?",)),
    "Concentration": ("How narrow a Dirichlet is around its mode.", ("concentration",)),
    "Coverage": ("How often intervals or sets hold what is true.", ("coverage",)),
    "Baseline": ("A method that MT-BKD is compared with.", ("baselines?",)),
}
#: Term -> what it means.
GLOSSARY: dict[str, str] = {term: meaning for term, (meaning, _) in ENTRIES.items()}


def forms() -> list[tuple[str, str]]:
    """Pairs of a form, as a regular expression of Python's and JavaScript's, and its term; the longest first."""
    found = [(form, term) for term, (_, some) in ENTRIES.items() for form in some]
    return sorted(found, key=lambda pair: -len(pair[0]))
