"""The temperature that calibrates a teacher.

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
import torch
from torch import Tensor

from mtbkd_core.config.models import TEMPERATURE_LIMITS

#: Logits that are looked at in one go, in float64, so that what is in between stays small.
_AT_ONCE = 2**18


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that minimises the NLL of logits [M, C] / temperature against labels [M].

    Examples whose label the teacher does not know (-inf) are left out; of none it is 1. It is sought between the limits
    of every temperature setting; an NLL that still falls there ends within 1 % of one.
    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    known = logits.gather(-1, labels[:, None])[:, 0].isfinite() & (logits.isfinite().sum(-1) > 1)
    logits, labels = (logits, labels) if bool(known.all()) else (logits[known], labels[known])
    if not len(labels):
        return 1.0
    if bool((logits.argmax(-1) == labels).all()):
        return TEMPERATURE_LIMITS[0]  # the NLL falls all the way, at last by less than float64 can resolve

    rows = max(1, _AT_ONCE // logits.shape[-1])

    def nll(log_temperature: float) -> float:
        temperature, total = float(np.exp(log_temperature)), 0.0
        for some, of in zip(logits.split(rows), labels.split(rows), strict=True):
            total += float(torch.nn.functional.cross_entropy(some.double() / temperature, of, reduction="sum"))
        return total / len(labels)

    # in 1 / temperature the NLL is convex, so there is one minimum to find
    return float(
        np.exp(scipy.optimize.minimize_scalar(nll, bounds=tuple(np.log(TEMPERATURE_LIMITS)), method="bounded").x)
    )


@dataclass(frozen=True)
class FittedTemperatures:
    """What `fit_temperatures` finds.

    Attributes:
        values: [K] temperatures, to three significant digits.
        at_limit: [K] whether the fit ended at a limit of the setting: the best temperature lies beyond it.
    """

    values: tuple[float, ...]
    at_limit: tuple[bool, ...]


def fit_temperatures(logits: Tensor, labels: Tensor) -> FittedTemperatures:
    """Each teacher's own temperature by `fit_temperature`, from logits [K, N, C] and labels [N].

    As entropy temperatures they make the entropies of differently calibrated teachers comparable, and can calibrate the
    teachers (Guo et al., 2017). Labels that a teacher was trained on give temperatures that are too low: it is right
    there.
    """
    low, high = TEMPERATURE_LIMITS
    values, at_limit = [], []
    for row in logits:
        found = fit_temperature(row, labels)
        # the search stops a little short of its bounds
        limit = low if found < 1.01 * low else high if found > 0.99 * high else None
        values.append(float(f"{found:.3g}") if limit is None else limit)
        at_limit.append(limit is not None)
    return FittedTemperatures(tuple(values), tuple(at_limit))
