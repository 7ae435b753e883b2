"""Rows of a table of scores, with their errors, and the differences between two rows of one test set.

S chains, M test examples, C classes, B bootstrap samples. Where a row comes from chains, its scores without some
of them in turn give the sampler's error (`errors.jackknife_errors`); the same bootstrap samples serve all rows, so that
differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.errors import (
    RESAMPLES,
    Difference,
    Reading,
    ScoreError,
    exact_calibration,
    jackknife_error,
    jackknife_errors,
    left_out,
    read_difference,
    resampled_scores,
    resamples,
    standard_errors,
)
from mtbkd_core.evaluation.predictive import ByChain, Predictive
from mtbkd_core.evaluation.scores import OF_ALL, SCORES, Row, Scores, measured, posterior_scores
from mtbkd_core.evaluation.sets import credible_sets, score_sets
from mtbkd_core.evaluation.shares import ClassScore, class_scores


@dataclass(frozen=True)
class ScoredRow:
    """A row of scores, and what its differences from other rows are worked out from.

    Attributes:
        scores: with their errors.
        resampled: each score on every bootstrap sample, [B].
        left_out: scores of each of `errors.kept_chains`; empty where there are none, or a single one.
        chains: of the sampler; 0 where there are none.
        known: [M], the test examples that it is of; None: all.
    """

    scores: Scores
    resampled: Mapping[str, Array]
    left_out: Sequence[Row] = ()
    chains: int = 0
    known: Tensor | None = None


def score_row(
    probabilities: Tensor,
    labels: Tensor,
    chains: Tensor | None = None,
    number: int = RESAMPLES,
    *,
    without: tuple[Tensor, int] | None = None,
) -> ScoredRow:
    """The scores of predictions [M, C] against labels [M], with errors.

    Args:
        chains: [S, M, C], whose mean the predictions are; None: they are not an estimate by chains.
        number: of bootstrap samples.
        without: [R, M, C], the predictions of each of `errors.kept_chains`, where they are not a mean over chains, and
            how many chains there are.
    """
    if chains is not None and len(chains) > 1:
        without = left_out(chains), len(chains)
    others, number_of_chains = ([], 0) if without is None else (list(without[0]), without[1])
    found = Scores.model_validate(measured(probabilities, labels))
    found = found.model_copy(update={"by_class": by_class(probabilities, labels, others, number_of_chains)})
    rows = [measured(each, labels) for each in others]
    return _with_errors(found, probabilities, labels, (rows, number_of_chains), {}, number)


def by_class(
    probabilities: Tensor, labels: Tensor, without: Sequence[Tensor] = (), chains: int = 0
) -> tuple[ClassScore, ...]:
    """The accuracy of each class of predictions [M, C] against labels [M]; `without`: those of `kept_chains`."""
    named = [each.argmax(1).cpu().numpy() for each in (probabilities, *without)]
    return class_scores(named[0], labels.cpu().numpy(), named[1:], chains)


def score_teacher(said: Tensor, labels: Tensor, number: int = RESAMPLES) -> ScoredRow:
    """The scores of a teacher, or of a mean of teachers, on the examples whose label it knows.

    Args:
        said: [M, C] probabilities, NaN at a class that is not known.
        labels: [M].
        number: of bootstrap samples.
    """
    known = knows_label(said, labels)
    if known.all():
        return score_row(said.nan_to_num(0.0), labels, None, number)
    if not known.any():
        return ScoredRow(Scores(examples=0), {}, known=known)
    row = score_row(said[known].nan_to_num(0.0), labels[known], None, number)
    return replace(row, scores=row.scores.model_copy(update={"examples": int(known.sum())}), known=known)


def knows_label(said: Tensor, labels: Tensor) -> Tensor:
    """[M], where probabilities [M, C], NaN at a class that is not known, say something of the labels [M]."""
    return ~said.gather(-1, labels.long()[:, None])[:, 0].isnan()


def score_posterior(
    predictive: Predictive, labels: Tensor, chains: ByChain, rows: Tensor, number: int = RESAMPLES
) -> ScoredRow:
    """The scores of a posterior with errors; `scores` of the result are `PosteriorScores`.

    Args:
        predictive: the summary of the draws.
        labels: [M].
        chains: of the same draws.
        rows: the examples that prediction sets are measured on.
        number: of bootstrap samples.
    """
    without, others, count = [], chains.without_some(), len(chains.mean)
    found = posterior_scores(predictive, labels, rows)
    found = found.model_copy(
        update={"by_class": by_class(predictive.mean, labels, [each.mean for each in others], count)}
    )
    for each in others:
        sets = score_sets(credible_sets(each.mean[rows]), labels[rows])
        own: Row = {
            "epistemic": float(each.epistemic.mean()),
            "deviance": float(each.deviance.mean()),
            "coverage": sets.coverage,
            "set_size": sets.size,
        }
        without.append(measured(each.mean, labels) | own)
    held = predictive.prediction_set[rows]
    means = {"epistemic": predictive.epistemic, "deviance": predictive.deviance, "set_size": held.sum(1)}
    errors = {name: _mean_error(values) for name, values in means.items()}
    errors["coverage"] = score_sets(held, labels[rows]).coverage_error
    return _with_errors(found, predictive.mean, labels, (without, count), errors, number)


def _mean_error(values: Tensor) -> float | None:
    """The standard error of the mean of [M] values, which is what a bootstrap of it tends to."""
    return float(values.double().std()) / math.sqrt(len(values)) if len(values) > 1 else None


def _with_errors(
    found: Scores,
    probabilities: Tensor,
    labels: Tensor,
    left: tuple[Sequence[Row], int],
    own: Mapping[str, float | None],
    number: int,
) -> ScoredRow:
    """Scores with the errors of both kinds.

    Args:
        left: those of each of `errors.kept_chains`, and the number of chains.
        own: errors from a test set of this size of what is not resampled.
    """
    without, chains = left
    resampled = resampled_scores(probabilities, labels, resamples(len(labels), number=number))
    test_set, sampler = {**standard_errors(resampled), **own}, jackknife_errors(without, chains)
    errors = {name: ScoreError(sampler=sampler.get(name), test_set=error) for name, error in test_set.items()}
    ece = found.ece
    calibrated = None if ece is None else exact_calibration(probabilities, ece, number=number)
    scores = found.model_copy(update={"errors": errors, "calibrated_ece": calibrated})
    return ScoredRow(scores, resampled, without, chains)


def differences(one: ScoredRow, other: ScoredRow) -> dict[str, Difference]:
    """Each score of a row, that comes from chains, minus that of another row of the same test set.

    Where both come from as many chains (a posterior and its own warm start), the same chains are left out of both.
    """
    paired = one.chains == other.chains
    test_set = standard_errors({name: one.resampled[name] - other.resampled[name] for name in OF_ALL})
    found = {}
    for name in OF_ALL:
        higher = SCORES[name].higher_is_better
        assert higher is not None
        without = [
            _minus(row[name], other.left_out[place][name] if paired else 0.0) for place, row in enumerate(one.left_out)
        ]
        found[name] = read_difference(
            _minus(one.scores[name], other.scores[name]),
            test_set[name],
            jackknife_error(without, one.chains),
            chains=one.chains,
            higher_is_better=higher,
        )
    return found


def differences_of_runs(
    one: Scores, other: Scores, predictions: tuple[Tensor, Tensor], labels: Tensor, chains: int
) -> dict[str, Difference]:
    """Each score of a run minus that of another run on the same test set; their samplers' errors are independent.

    Args:
        one, other: the runs' scores, with their samplers' errors where those are known.
        predictions: both runs' [M, C].
        labels: [M].
        chains: of the run that has fewer.
    """
    weights = resamples(len(labels))
    first, second = (resampled_scores(each, labels, weights) for each in predictions)
    test_set = standard_errors({name: first[name] - second[name] for name in OF_ALL})
    found = {}
    for name in OF_ALL:
        higher = SCORES[name].higher_is_better
        assert higher is not None
        own, others = (row.errors.get(name, ScoreError()).sampler for row in (one, other))
        sampler = _together(own, others)
        gap = _minus(one[name], other[name])
        found[name] = read_difference(gap, test_set[name], sampler, chains=chains, higher_is_better=higher)
    return found


def difference_of_means(one: Tensor, other: Tensor, errors: tuple[ScoreError, ScoreError], chains: int) -> Difference:
    """A score that is a mean over examples, minus that of another run; neither way is better, so nothing is judged.

    Args:
        one, other: its values at the same examples, [M].
        errors: of both runs, whose samplers' are independent.
        chains: of the run that has fewer.
    """
    each = one.double() - other.double()
    sampler = _together(errors[0].sampler, errors[1].sampler)
    found = read_difference(float(each.mean()), _mean_error(each), sampler, chains=chains, higher_is_better=True)
    return found.model_copy(update={"verdict": Reading.UNKNOWN})


def _together(one: float | None, other: float | None) -> float | None:
    """The standard error of a difference of what has independent ones."""
    return None if one is None or other is None else math.hypot(one, other)


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
