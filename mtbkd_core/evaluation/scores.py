"""The table of scores: what each is called, how it is worked out, and which way is better.

A score is one field of `Scores` (every prediction has it) or of `PosteriorScores` (a posterior alone has it); tables,
reports and pages read it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field
from torch import Tensor

from mtbkd_core.evaluation import calibration
from mtbkd_core.evaluation.calibration import Array, Labels
from mtbkd_core.evaluation.errors import ExactCalibration, ScoreError
from mtbkd_core.evaluation.predictive import Predictive
from mtbkd_core.evaluation.records import Number, Record
from mtbkd_core.evaluation.sets import Sets, score_sets
from mtbkd_core.evaluation.shares import ClassScore, wilson

#: Scores by name; None where one is not defined there. A posterior's R-hat is with them.
Row = dict[str, float | None]

R_HAT = "r_hat"


@dataclass(frozen=True)
class Quantity:
    """A number with errors, for people.

    Attributes:
        title: for a heading.
        line: what it is, in one sentence.
        short: for a column or an axis; "" where it is the title.
        unit: "" where it is a pure number.
        higher_is_better: None where neither way is.
        share: a share, which is shown in per cent.
    """

    title: str
    line: str
    short: str = ""
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

    def text(self, value: float | None, error: ScoreError | None = None, *, sampler: bool = True) -> str:
        """A value as a table shows it, with its errors where they are given: "0.1720 ± 0.0120 (sampler 0.0006)".

        Args:
            error: the number after ± is the standard error from a test set of this size.
            sampler: whether to show the sampler's standard error too.
        """
        if value is None:
            return "–"
        return f"{self._number(value)} {self.error_text(error, value, sampler=sampler)}".rstrip()

    def error_text(self, error: ScoreError | None, value: float | None, *, sampler: bool = True) -> str:
        """The errors alone: "± 0.0120 (sampler 0.0006)"; "" where none is known.

        Of a share whose ± would pass 0 or 100 %, upwards and downwards: "+0.2% -1.4%", by `wilson`.
        """
        if error is None:
            return ""
        of_test_set = "" if error.test_set is None else f"± {self._number(error.test_set)}"
        if self.share and value is not None and error.test_set and not error.test_set <= value <= 1 - error.test_set:
            low, high = wilson(value, error.test_set)
            of_test_set = f"+{self._number(high - value)} -{self._number(value - low)}"
        shown = sampler and error.sampler is not None
        return f"{of_test_set} (sampler {self._number(error.sampler or 0.0)})".strip() if shown else of_test_set

    def _number(self, value: float) -> str:
        return f"{value:.1%}" if self.share else f"{value:.4f}"


@dataclass(frozen=True, kw_only=True)
class ScoreInfo(Quantity):
    """A score of predictions.

    Attributes:
        measure: from probabilities [M, C] and labels [M] (of `PosteriorScores`: from a `Predictive` and labels).
        compared: whether methods, settings and teachers are compared by it.
    """

    measure: Callable[[Any, Any], float | None]
    compared: bool = False


def _score(title: str, line: str, measure: Callable[[Any, Any], float | None], *, short: str = "", **about: Any) -> Any:
    info: Any = Field(None, title=title, description=line)
    info.metadata.append(ScoreInfo(title=title, line=line, measure=measure, short=short or title, **about))
    return info


def _accuracy(p: Array, y: Labels) -> float:
    return float((p.argmax(1) == y).mean())


def _log_loss(p: Array, y: Labels) -> float:
    own = np.clip(p[np.arange(len(y)), y], np.finfo(float).eps, None)
    return float(-np.log(own).mean())


def _brier(p: Array, y: Labels) -> float:
    return float(((p - np.eye(p.shape[1])[y]) ** 2).sum(1).mean())


class Scores(Record):
    """Scores of predictions against labels.

    Attributes:
        errors: by name of the score; empty where they were not worked out.
        calibrated_ece: what the ECE would be if these predictions were exactly calibrated.
        examples: how many they are of, where a teacher does not know the label of the others; None: all.
        by_class: the accuracy of each class that has a test example; empty where it was not worked out.
    """

    accuracy: Number = _score(
        "Accuracy",
        "Share of test examples with the true class as the most probable one.",
        _accuracy,
        higher_is_better=True,
        share=True,
        compared=True,
    )
    nll: Number = _score(
        "NLL", "Mean negative log probability of the true class, in nats.", _log_loss, unit="nats", compared=True
    )
    brier: Number = _score(
        "Brier score",
        "Mean squared distance between the probabilities and the truth.",
        _brier,
        short="Brier",
        compared=True,
    )
    ece: Number = _score(
        "ECE",
        "Expected calibration error over 15 bins of equal width.",
        calibration.expected_calibration_error,
        compared=True,
    )
    ece_adaptive: Number = _score(
        "Adaptive ECE", "The ECE over 15 bins of equally many predictions.", calibration.adaptive_calibration_error
    )
    ece_classwise: Number = _score(
        "Classwise ECE",
        "The ECE of each class's probability, mean over classes.",
        calibration.classwise_calibration_error,
    )
    smooth_ece: Number = _score(
        "Smooth ECE",
        "A calibration error without bins: the gap is smoothed over confidence.",
        lambda p, y: calibration.smooth_calibration_error(p.max(1), p.argmax(1) == y),
    )
    auroc_misclassification: Number = _score(
        "AUROC of misclassification",
        "AUROC of misclassification: how well 1 - confidence tells errors from right answers.",
        lambda p, y: calibration.auroc_misclassification(p.max(1), p.argmax(1) == y),
        short="AUROC",
        higher_is_better=True,
        compared=True,
    )

    errors: dict[str, ScoreError] = Field(default_factory=dict)
    calibrated_ece: ExactCalibration | None = None
    examples: int | None = None
    by_class: tuple[ClassScore, ...] = ()

    @property
    def row(self) -> Row:
        """The scores that were measured, as a row of a table."""
        return {name: self[name] for name in self.keys() if name in SCORES}

    def text(self, score: str, *, sampler: bool = True) -> str:
        """A score as a table shows it, with its errors: see `ScoreInfo.text`."""
        return SCORES[score].text(self[score], self.errors.get(score), sampler=sampler)

    def counted(self, score: str) -> str:
        """As `text`, with the number of examples where they are not all."""
        return self.text(score) if self.examples is None else f"{self.text(score)} on {self.examples:,} examples"


class PosteriorScores(Scores):
    """Scores of a posterior over students: those of its mean, and those that need its draws.

    Attributes:
        sets: prediction sets of three kinds; coverage and set_size are those of `sets.credible`.
    """

    epistemic: Number = _score(
        "Epistemic, mean",
        "Mean epistemic uncertainty: the mutual information between the prediction and the student.",
        lambda p, y: float(p.epistemic.mean()),
        short="Epistemic",
        unit="nats",
        higher_is_better=None,
    )
    deviance: Number = _score(
        "Deviance, mean",
        "Mean deviance, E[-2 sum p log p]: the paper's uncertainty score.",
        lambda p, y: float(p.deviance.mean()),
        short="Deviance",
        unit="nats",
        higher_is_better=None,
    )
    coverage: Number = _score(
        "Coverage of 95 % sets",
        "Share of test examples with the true class in their 95 % prediction set, on the half that calibrates nothing.",
        lambda p, y: score_sets(p.prediction_set, y).coverage,
        short="Coverage",
        higher_is_better=None,
        share=True,
    )
    set_size: Number = _score(
        "Mean set size",
        "Classes in a 95 % prediction set, on the half of the test examples that calibrates nothing; mean.",
        lambda p, y: score_sets(p.prediction_set, y).size,
        short="Set size",
        higher_is_better=None,
    )
    sets: Sets = Sets()


def _described(model: type[Scores]) -> dict[str, ScoreInfo]:
    found = {
        name: [each for each in field.metadata if isinstance(each, ScoreInfo)]
        for name, field in model.model_fields.items()
    }
    return {name: about[0] for name, about in found.items() if about}


SCORES: Mapping[str, ScoreInfo] = _described(PosteriorScores)
#: Every prediction has these; the others are a posterior's alone.
OF_ALL = tuple(_described(Scores))
#: Those of the posterior that are of prediction sets.
OF_SETS = ("coverage", "set_size")
#: Those that methods, settings and teachers are compared by.
COMPARED = tuple(name for name, score in SCORES.items() if score.compared)
#: The few that stand where there is no room for all.
HEADLINE = ("accuracy", "nll", "ece")


def scores(probabilities: Tensor, labels: Tensor) -> Scores:
    """Every score of `OF_ALL`, of predictions [M, C] against labels [M]; without errors.

    The NLL counts a probability below float64's epsilon as that (36 nats); the Brier score is the sum over classes,
    from 0 to 2.

    Raises:
        ValueError: as `calibration.reliability`; probabilities that are negative, not finite or do not sum to 1.
    """
    return Scores.model_validate(measured(probabilities, labels))


def measured(probabilities: Tensor, labels: Tensor) -> Row:
    """The numbers of `scores` by name."""
    p, y = calibration.checked(probabilities, labels)
    return {name: SCORES[name].measure(p, y) for name in OF_ALL}


def posterior_scores(predictive: Predictive, labels: Tensor, rows: Tensor | None = None) -> PosteriorScores:
    """Every score of a posterior's predictions for M inputs against labels [M]; errors as `scores`.

    Args:
        rows: the examples that prediction sets are measured on; None: all.
    """
    own = {name: SCORES[name].measure(predictive, labels) for name in SCORES if name not in (*OF_ALL, *OF_SETS)}
    some = slice(None) if rows is None else rows
    sets = replace(predictive, prediction_set=predictive.prediction_set[some])
    own |= {name: SCORES[name].measure(sets, labels[some]) for name in OF_SETS}
    return PosteriorScores.model_validate(measured(predictive.mean, labels) | own)
