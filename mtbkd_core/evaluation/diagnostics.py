"""Convergence of the chains: R-hat and effective sample size, by arviz-stats.

Both are worked out for the predictive log probability of each test example's label. Source:
Vehtari et al., "Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.evaluation.records import Number, Record

#: Above this the chains disagree, and every page that shows the run has a warning.
R_HAT_LIMIT = 1.05

#: With fewer draws a chain even independent draws often have an R-hat above the limit.
FEWEST_DRAWS = 50

_AXES = {"chain_axis": 0, "draw_axis": 1}


def chains_agree(r_hat: float | None) -> bool:
    """Whether the chains agree well enough for their posterior to be trusted; without an R-hat they do not."""
    return r_hat is not None and r_hat <= R_HAT_LIMIT


def worst_r_hat(values: Iterable[float | None]) -> float:
    """The largest R-hat of several runs; infinite where one has none, NaN of no run."""
    return max((math.inf if value is None else value for value in values), default=math.nan)


def r_hat_text(r_hat: float | None) -> str:
    """An R-hat as a person reads it."""
    return "none" if r_hat is None or not math.isfinite(r_hat) else f"{r_hat:.3f}"


def disagreement(r_hats: Mapping[str, float | None]) -> str:
    """Where chains disagree, as the begin of a sentence; "" where all agree.

    Args:
        r_hats: by the title of the run or method; "" for the only one.
    """
    apart = [f"{title} {r_hat_text(r_hat)}".strip() for title, r_hat in r_hats.items() if not chains_agree(r_hat)]
    return f"The chains disagree (R-hat above {R_HAT_LIMIT} or not defined: {', '.join(apart)})" if apart else ""


class Verdict(StrEnum):
    """Whether the chains have found the same distribution."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not_converged"
    TOO_FEW_DRAWS = "too_few_draws"

    @property
    def words(self) -> str:
        """The verdict for people: "Not converged"."""
        return self.value.replace("_", " ").capitalize()


class Convergence(Record):
    """Agreement of the chains and number of independent draws; None where a number is not defined or not finite.

    A value that is the same in every draw (a label with probability 1 in float32, say) has no R-hat: medians, quantiles
    and maxima leave it out. Chains that stand still at different places have an infinite R-hat, and as many effective
    draws as there are chains.

    Attributes:
        r_hat: of the mean predictive log probability over the test examples, the one number of a run.
        r_hat_median, r_hat_p95, r_hat_max: over the test examples, each with its own predictive log probability.
        r_hat_log_joint: of the log joint.
        ess, ess_median, ess_p5: effective draws of the mean, and over the examples.
        chains, draws: number of chains, and of draws a chain.
        verdict: see `judge`; None: no claim.
        share_apart: share of the examples measured with an R-hat above the limit.
    """

    r_hat: Number = None
    r_hat_median: Number = None
    r_hat_p95: Number = None
    r_hat_max: Number = None
    r_hat_log_joint: Number = None
    ess: Number = None
    ess_median: Number = None
    ess_p5: Number = None
    chains: int | None = None
    draws: int | None = None
    verdict: Verdict | None = None
    share_apart: Number = None

    @property
    def judged(self) -> Verdict | None:
        """The verdict; of a run of a former version, that of its three R-hats."""
        if "verdict" in self.model_fields_set:
            return self.verdict
        saved = (self.r_hat, self.r_hat_p95, self.r_hat_log_joint)
        if self.r_hat is None and "r_hat" in self.model_fields_set:
            return Verdict.NOT_CONVERGED
        return judge([value for value in saved if value is not None], chains=None, draws=None)

    @property
    def worst(self) -> float | None:
        """The largest of the three R-hats that the verdict takes; None where one is not defined."""
        three = (self.r_hat, self.r_hat_p95, self.r_hat_log_joint)
        known = [value for value in three if value is not None]
        return max(known) if len(known) == len(three) else None


def judge(r_hats: Sequence[float], *, chains: int | None, draws: int | None) -> Verdict | None:
    """The verdict on R-hats: of the mean log probability, its 95th percentile over examples, and of the log joint.

    A single chain can be seen to drift, but nothing shows that another would agree: it never counts as converged.

    Args:
        r_hats: infinite where chains stand still apart, NaN where nothing moves.
        chains, draws: numbers of chains and of draws a chain; None where they are not known.
    Returns:
        None: no claim can be made.
    """
    if draws is not None and draws < FEWEST_DRAWS:
        return Verdict.TOO_FEW_DRAWS
    known = [value for value in r_hats if not math.isnan(value)]
    if any(value > R_HAT_LIMIT for value in known):
        return Verdict.NOT_CONVERGED
    return None if chains == 1 or not known else Verdict.CONVERGED


def convergence(log_probability: Tensor, log_joint: Tensor) -> Convergence:
    """R-hat and ESS: the first result of `convergence_by_example`."""
    return convergence_by_example(log_probability, log_joint)[0]


def convergence_by_example(log_probability: Tensor, log_joint: Tensor) -> tuple[Convergence, Tensor]:
    """R-hat and ESS.

    Args:
        log_probability: [S, D, M], log probability of each test example's label under each draw.
        log_joint: [S, D'].
    Returns:
        the numbers of the run, and the R-hat [M] of each example: NaN where nothing moves, infinite where chains stand
        still apart.
    Raises:
        ValueError: fewer than four draws a chain.
    """
    fewest = min(log_probability.shape[1], log_joint.shape[1])
    if fewest < 4:
        raise ValueError(f"at least 4 draws a chain are needed, got {fewest}")
    each = log_probability.double().cpu().numpy()
    mean = each.mean(-1)
    moves = np.ptp(each, axis=(0, 1)) > 0
    moving, none = each[..., moves], not moves.any()
    r_hats, ess = _r_hat(moving), _ess(moving)
    by_example = np.full(len(moves), math.nan)
    by_example[moves] = r_hats
    r_hat = float(_r_hat(mean[..., None])[0])
    # not interpolated: between two infinities there is nothing
    p95 = math.nan if none else float(np.sort(r_hats)[math.ceil(0.95 * (len(r_hats) - 1))])
    of_joint = float(_r_hat(log_joint.double().cpu().numpy()[..., None])[0])
    chains, draws = log_joint.shape
    found = Convergence(
        r_hat=r_hat,
        r_hat_median=math.nan if none else float(np.median(r_hats)),
        r_hat_p95=p95,
        r_hat_max=math.nan if none else float(r_hats.max()),
        r_hat_log_joint=of_joint,
        ess=float(_ess(mean[..., None])[0]),
        ess_median=math.nan if none else float(np.median(ess)),
        ess_p5=math.nan if none else float(np.quantile(ess, 0.05)),
        chains=chains,
        draws=draws,
        verdict=judge([r_hat, p95, of_joint], chains=chains, draws=draws),
        share_apart=float((by_example > R_HAT_LIMIT).mean()),
    )
    return found, torch.from_numpy(by_example)


def verdict_sentence(found: Convergence, *, worst: bool = True) -> str:
    """What the verdict means for a reader, in one sentence; "" where no R-hat is known.

    Args:
        worst: whether chains that agree have their worst R-hat in it.
    """
    verdict, share = found.judged, found.share_apart
    percent = "" if share is None else "less than 1%" if share < 0.01 else f"{share:.0%}"
    apart = f"{percent} of intervals are" if percent else "some intervals are"
    if verdict is Verdict.TOO_FEW_DRAWS:
        return f"Too few draws to tell whether the chains agree: {found.draws} a chain, {FEWEST_DRAWS} are needed."
    if verdict is None:
        return "A single chain cannot show whether others would agree with it." if found.chains == 1 else ""
    if verdict is Verdict.CONVERGED:
        examples = f"nearly all examples, not on {percent} of those measured" if share else "the examples"
        number = f" (worst R-hat {r_hat_text(found.worst)})" if worst else ""
        return f"The chains agree on the score, the log joint and {examples}{number}."
    if not chains_agree(found.r_hat):
        r_hat = r_hat_text(found.r_hat)
        return f"The chains disagree on the score itself (R-hat {r_hat}): sample longer before you rely on it."
    if not chains_agree(found.r_hat_p95):
        return f"The chains agree on the score, not on every example: {apart} not to be relied on."
    return (
        f"The chains agree on the predictions, not on the log joint (R-hat {r_hat_text(found.r_hat_log_joint)}): "
        f"they have not explored the same students{f'; {apart} not to be relied on' if share else ''}."
    )


def mean_error(values: Tensor) -> float:
    """The Monte Carlo standard error of the mean of draws [S, D >= 4], sd / sqrt(ESS); NaN where nothing moves."""
    from arviz_stats.base import array_stats

    each = values.double().cpu().numpy()
    if not np.ptp(each) > 0:
        return math.nan
    return float(each.std() / math.sqrt(array_stats.ess(each, method="mean", **_AXES)))


def agreement(values: Tensor, tail: float) -> tuple[Tensor, Tensor]:
    """R-hat of values [S, D, M], and the effective draws of the quantiles `tail` and 1 - `tail`; each [M]."""
    from arviz_stats.base import array_stats

    each = values.double().cpu().numpy()
    effective = array_stats.ess(each, method="tail", prob=(tail, 1 - tail), **_AXES)
    return torch.as_tensor(_r_hat(each)), torch.as_tensor(effective)


def _r_hat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """R-hat [M] of values [S, D, M]; of a single chain, its first half is compared with its second."""
    from arviz_stats.base import array_stats

    if len(values) == 1:
        half = values.shape[1] // 2
        values = np.concatenate([values[:, :half], values[:, -half:]])
    return _of_moving(array_stats.rhat, values, math.inf)


def _ess(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Effective draws [M] of values [S, D, M]."""
    from arviz_stats.base import array_stats

    return _of_moving(array_stats.ess, values, len(values))


def _of_moving(
    statistic: Callable[..., NDArray[np.float64]], values: NDArray[np.float64], standing: float
) -> NDArray[np.float64]:
    """The statistic [M] of values [S, D, M]; `standing` where each chain stands still, NaN where all are at one place.

    Such chains have no variance to divide by, but for rounding.
    """
    moves = (np.ptp(values, axis=1) > 0).any(0)
    found = np.where(np.ptp(values, axis=(0, 1)) > 0, standing, math.nan)
    if moves.any():
        found[moves] = statistic(values[..., moves], **_AXES)
    return found


def total_variation(mean: Tensor, other: Tensor) -> float:
    """Mean over inputs of the total variation distance, half of sum_c |p_c - q_c|, of two predictive means [M, C]."""
    return float(0.5 * (mean - other).abs().sum(-1).mean())


def predictive_error(chain_means: Tensor) -> float | None:
    """The sampler's error of the mean of S chains' means [S, M, C]: the expected total variation distance to the truth.

    The jackknife over chains gives the standard error of each probability; a normal error of that size is sqrt(2 / pi)
    times it in the mean of its absolute value, and the distance is half of their sum over classes, mean over inputs.
    None for one chain.
    """
    chains = len(chain_means)
    if chains < 2:
        return None
    standard = chain_means.var(0) / chains
    return float(0.5 * math.sqrt(2 / math.pi) * standard.sqrt().sum(-1).mean())
