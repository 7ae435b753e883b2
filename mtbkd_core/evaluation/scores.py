"""The scores by name: what a person calls each, what it says, and which way is better. `calibration` computes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

#: Scores by name; None where one is not defined there, and so a row keeps its shape. A posterior's R-hat is with them.
Row = dict[str, float | None]

R_HAT = "r_hat"


@dataclass(frozen=True)
class ScoreInfo:
    """How a score of metrics.json is spoken of.

    Attributes:
        title: for a heading.
        short: for a column or an axis.
        line: what it is, in one sentence.
        unit: that it is counted in; "" where it is a pure number.
        higher_is_better: None where neither way is.
        share: a share, which is shown in per cent.
    """

    title: str
    short: str
    line: str
    unit: str = ""
    higher_is_better: bool | None = False
    share: bool = False

    @property
    def with_unit(self) -> str:
        """The title and the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def help(self) -> str:
        """The line, and which way is better."""
        if self.higher_is_better is None:
            return self.line
        return f"{self.line.rstrip('.')}; {'higher' if self.higher_is_better else 'lower'} is better."

    def text(self, value: float | None) -> str:
        """A value as a table shows it."""
        if value is None:
            return "–"
        return f"{value:.1%}" if self.share else f"{value:.4f}"


SCORES: Mapping[str, ScoreInfo] = {
    "accuracy": ScoreInfo(
        "Accuracy", "Accuracy", "Share of test examples named right.", higher_is_better=True, share=True
    ),
    "nll": ScoreInfo("NLL", "NLL", "Mean negative log probability of the true class, in nats.", "nats"),
    "brier": ScoreInfo("Brier score", "Brier", "Mean squared distance between the probabilities and the truth."),
    "ece": ScoreInfo("ECE", "ECE", "Expected calibration error over 15 bins of equal width."),
    "ece_adaptive": ScoreInfo("Adaptive ECE", "Adaptive ECE", "The ECE over 15 bins of equally many predictions."),
    "ece_classwise": ScoreInfo(
        "Classwise ECE", "Classwise ECE", "The ECE of each class's probability, mean over classes."
    ),
    "smooth_ece": ScoreInfo(
        "Smooth ECE", "Smooth ECE", "A calibration error without bins: the gap is smoothed over confidence."
    ),
    "auroc_misclassification": ScoreInfo(
        "AUROC of misclassification",
        "AUROC",
        "AUROC of misclassification: how well 1 - confidence tells errors from right answers.",
        higher_is_better=True,
    ),
    "coverage": ScoreInfo(
        "Coverage of 95 % sets",
        "Coverage",
        "Share of test examples whose 95 % prediction set holds the true class.",
        higher_is_better=None,
        share=True,
    ),
    "set_size": ScoreInfo(
        "Mean set size", "Set size", "Classes in a 95 % prediction set, mean.", higher_is_better=None
    ),
    "epistemic": ScoreInfo(
        "Epistemic, mean",
        "Epistemic",
        "Mean epistemic uncertainty: the mutual information between the prediction and the student.",
        "nats",
        higher_is_better=None,
    ),
}

#: Every prediction has these; the others are a posterior's alone.
OF_ALL = tuple(name for name in SCORES if name not in ("coverage", "set_size", "epistemic"))
#: Those that methods, settings and teachers are held against each other by.
COMPARED = ("accuracy", "nll", "brier", "ece", "auroc_misclassification")


def row_of(found: Mapping[str, object]) -> Row:
    """A row of scores; what is not a finite number keeps its place as None."""
    return {
        name: float(value) if isinstance(value, int | float) and math.isfinite(value) else None
        for name, value in found.items()
    }
