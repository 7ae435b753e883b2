"""What changed between two runs on one task: shares of teachers, accuracy by class, one example, detection of shifts.

Every change has a 95 % interval; the docstrings say which errors it is under. K teachers, N labelled and M test
examples, C classes, S chains, D draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from mtbkd_core.evaluation.errors import interval
from mtbkd_core.evaluation.shift import SHIFT_SCORES, Separation

#: Columns of every table of changes.
_COLUMNS = ["name", "title", "before", "after", "change", "low", "high"]


def share_changes(
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    by_chain: tuple[Mapping[str, Tensor], Mapping[str, Tensor]],
    titles: Mapping[str, str],
    *,
    paired: bool,
) -> pd.DataFrame:
    """Mean responsibility of each teacher, under the errors of both samplers and from so many examples.

    Args:
        before, after: each teacher's responsibilities [N] by its name; a teacher may be missing in one.
        by_chain: before and after, each chain's mean of them [S], of all draws or of some.
        titles: of all teachers, by name.
        paired: whether both are of the same examples.
    Returns:
        a row a teacher: name, title, before, after, change, low, high; NaN where it is missing, and no interval where
        a run has one chain or none is given.
    """
    rows = []
    for name, title in titles.items():
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            known = [None if each is None else float(each.double().mean()) for each in (one, other)]
            rows.append([name, title, *known, None, None, None])
        else:
            *shown, gap, low, high = _row(name, title, one.double(), other.double(), paired)
            chains = [each[name].double() for each in by_chain if name in each]
            if low is None or len(chains) < 2 or min(map(len, chains)) < 2:
                rows.append([*shown, gap, None, None])
                continue
            sampler = interval(0.0, math.hypot(*map(_error, chains)), min(map(len, chains)) - 1)[1]
            half = math.hypot((high - low) / 2, sampler)
            rows.append([*shown, gap, gap - half, gap + half])
    return _table(rows)


def accuracy_changes(before: Tensor, after: Tensor, labels: Tensor, class_names: Sequence[str]) -> pd.DataFrame:
    """Accuracy of each class, under the error from so many test examples, on which both runs are measured.

    Args:
        before, after: probabilities [M, C].
        labels: [M].
    Returns:
        a row a class that has an example, with the columns of `share_changes`.
    """
    one, other = ((each.argmax(-1) == labels).double() for each in (before, after))
    here = {name: labels == label for label, name in enumerate(class_names)}
    rows = [_row(name, name, one[own], other[own], True) for name, own in here.items() if own.any()]
    return _table(rows)


def example_changes(before: Tensor, after: Tensor, class_names: Sequence[str]) -> pd.DataFrame:
    """Probabilities of one example, under the errors of both samplers, from the spread of their chains' means.

    Args:
        before, after: draws [S, D, C]; numbers of chains and draws may differ.
    Returns:
        a row a class, with the columns of `share_changes`; no interval where a run has one chain.
    """
    means = [each.double().mean(1) for each in (before, after)]
    chains = min(map(len, means))
    rows: list[list[Any]] = []
    for label, name in enumerate(class_names):
        one, other = (each[:, label] for each in means)
        gap, low, high = float(other.mean() - one.mean()), None, None
        if chains > 1:
            low, high = interval(gap, math.hypot(_error(one), _error(other)), chains - 1)
        rows.append([name, name, float(one.mean()), float(other.mean()), gap, low, high])
    return _table(rows)


def separation_changes(
    before: Mapping[str, Mapping[str, Separation]],
    after: Mapping[str, Mapping[str, Separation]],
    titles: Mapping[str, str],
    score: str,
) -> pd.DataFrame:
    """AUROC with which a score detects each shift, under the errors from so many inputs, taken as independent.

    Both runs see the same inputs, so the interval is rather too wide.

    Args:
        before, after: shift -> name of `shift.SHIFT_SCORES` -> how well it separates.
        titles: of the shifts that both have, by name.
        score: one of `shift.SHIFT_SCORES`.
    Returns:
        a row a shift, with the columns of `share_changes`.
    """
    assert score in SHIFT_SCORES
    rows: list[list[Any]] = []
    for name, title in titles.items():
        one, other = before[name][score], after[name][score]
        half = math.hypot(*((each.auroc_high - each.auroc_low) / 2 for each in (one, other)))
        gap = other.auroc - one.auroc
        rows.append([name, title, one.auroc, other.auroc, gap, gap - half, gap + half])
    return _table(rows)


def _row(name: str, title: str, before: Tensor, after: Tensor, paired: bool) -> list[Any]:
    gap = float(after.mean() - before.mean())
    error = _error(after - before) if paired else math.hypot(_error(before), _error(after))
    low, high = interval(gap, error) if min(len(before), len(after)) > 1 else (None, None)
    return [name, title, float(before.mean()), float(after.mean()), gap, low, high]


def _error(values: Tensor) -> float:
    """The standard error of the mean of [n] values."""
    return float(values.std()) / math.sqrt(len(values))


def _table(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.astype(dict.fromkeys(_COLUMNS[2:], np.float64))
