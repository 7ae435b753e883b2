"""A student under a corruption of growing severity: accuracy and deviance, what they say, and how two runs differ.

M inputs, S chains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from mtbkd_core.evaluation.corruptions import corrupt, corruptions_of, severity_at
from mtbkd_core.evaluation.errors import interval, jackknife_error, read_difference
from mtbkd_core.evaluation.predictive import ByChain, Predictive, Uncertainty
from mtbkd_core.evaluation.readings import Summary

#: What is measured at each severity -> its title.
MEASURED: Mapping[str, str] = {"accuracy": "Accuracy", "deviance": "Mean deviance"}
_LEVEL = 0.95


@dataclass(frozen=True)
class AtSeverity:
    """A student at one severity.

    Attributes:
        severity: in the corruption's unit.
        values: of each of `MEASURED`, [M]: whether it is right, and its deviance in nats.
        without_some: means of the same with each of `errors.kept_chains` alone; nothing for a single chain.
        chains: S.
    """

    severity: float
    values: Mapping[str, Tensor]
    without_some: Sequence[Mapping[str, float]]
    chains: int

    def mean(self, name: str) -> float:
        """Accuracy, or the mean deviance."""
        return float(self.values[name].mean())

    def sampler_error(self, name: str) -> float | None:
        """The standard error of that mean from the Monte Carlo draws; None for a single chain."""
        return jackknife_error([row[name] for row in self.without_some], self.chains)


def severities(
    predict: Callable[[Tensor], tuple[Predictive, ByChain]],
    x: Tensor,
    labels: Tensor,
    image_shape: tuple[int, int] | None,
    name: str,
    *,
    steps: int = 9,
) -> list[AtSeverity]:
    """A student as inputs get worse, at `steps` severities from 0 to the corruption's `most`.

    Args:
        predict: the student: inputs [M, F] -> its predictions, and those of each chain.
        x, labels: [M, F] and [M].
        image_shape, name: as `corruptions.corrupt`.
    Raises:
        ValueError: an unknown corruption.
    """
    kinds = corruptions_of(image_shape)
    found = []
    for step in range(steps):
        severity = severity_at(kinds[name], step, steps - 1) if name in kinds else 0.0
        whole, by_chain = predict(corrupt(x, image_shape, name, severity))
        parts = [_values(each, labels) for each in by_chain.without_some()]
        without_some = [{key: float(value.mean()) for key, value in part.items()} for part in parts]
        found.append(AtSeverity(severity, _values(whole, labels), without_some, len(by_chain.mean)))
    return found


def _values(said: Predictive | Uncertainty, labels: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (said.mean.argmax(-1) == labels).double(), "deviance": said.deviance.double()}


def severity_table(found: Sequence[AtSeverity]) -> list[dict[str, float]]:
    """A row a severity, under the errors from so many inputs.

    Returns:
        "severity"; of "accuracy" and "deviance" (nats) the mean, and with these endings: "_error" its standard error,
        "_rise" how much more it is than at the first severity, "_rise_error" the paired standard error of that;
        "fall", by how much deviance lies below its highest mean at a smaller severity (0 where it does not),
        "fall_error", its paired standard error, and "severity_before", "accuracy_before" and "deviance_before" there.
    """
    rows: list[dict[str, float]] = []
    for place, here in enumerate(found):
        row = {"severity": here.severity}
        for name, values in here.values.items():
            rise = values - found[0].values[name]
            row |= {name: here.mean(name), f"{name}_error": _error(values)}
            row |= {f"{name}_rise": float(rise.mean()), f"{name}_rise_error": _error(rise)}
        top = max(found[: place + 1], key=lambda each: each.mean("deviance"))
        fall = top.values["deviance"] - here.values["deviance"]
        row |= {"fall": float(fall.mean()), "fall_error": _error(fall), "severity_before": top.severity}
        row |= {f"{name}_before": top.mean(name) for name in MEASURED}
        rows.append(row)
    return rows


def severity_changes(before: Sequence[AtSeverity], after: Sequence[AtSeverity], *, paired: bool) -> pd.DataFrame:
    """How two runs differ at the same severities, under the errors of both samplers and of so many inputs.

    Args:
        paired: whether both are of the same inputs.
    Returns:
        a row a severity: severity, and of each of `MEASURED` its value with the endings "_before", "_after", "_change",
        "_low" and "_high"; the last two are the ends of an interval: those of all severities hold together with 95 %.
    """
    rows, level = [], _simultaneous(len(before))
    for one, other in zip(before, after, strict=True):
        row = {"severity": one.severity}
        for name in MEASURED:
            first, second = one.values[name], other.values[name]
            error = _error(second - first) if paired else math.hypot(_error(first), _error(second))
            each = [at.sampler_error(name) for at in (one, other)]
            known = [value for value in each if value is not None]
            found = read_difference(
                other.mean(name) - one.mean(name),
                error,
                math.hypot(*known) if len(known) == len(each) else None,
                chains=min(one.chains, other.chains),
                higher_is_better=True,
                level=level,
            )
            shown = {"before": one.mean(name), "after": other.mean(name), "change": found.difference}
            shown |= {"low": found.low, "high": found.high}
            row |= {f"{name}_{part}": math.nan if value is None else value for part, value in shown.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def of_severities(rows: Sequence[Mapping[str, float]]) -> Summary:
    """Whether the student notices, by its deviance, that it goes wrong; wherever along the curve that is.

    What is said holds at all severities together: each is compared with the unchanged inputs at a level of 1 - 0.05
    over their number.

    Args:
        rows: of `severity_table`.
    """
    first, *others = rows
    level = _simultaneous(len(others))
    worse = [row for row in others if -row["accuracy_rise"] > _half(row["accuracy_rise_error"], level)]
    if not worse:
        return Summary("Accuracy does not clearly fall up to the largest severity.")
    less_sure = [row for row in worse if row["deviance_rise"] > _half(row["deviance_rise_error"], level)]
    surer = [row for row in worse if -row["deviance_rise"] > _half(row["deviance_rise_error"], level)]
    lowest = min(worse, key=lambda row: row["accuracy"])
    accuracy = f"accuracy falls from {first['accuracy']:.0%} to {lowest['accuracy']:.0%}"
    if surer:
        return _surer(first, surer, bool(less_sure))
    if not less_sure:
        return Summary(f"While {accuracy}, mean deviance does not clearly rise: the student does not notice.")
    top = max(less_sure, key=lambda row: row["deviance"])
    if len(less_sure) < len(worse):
        return Summary(
            f"While {accuracy}, mean deviance is clearly higher at {len(less_sure)} of the {len(worse)} severities at "
            "which accuracy is clearly lower: the student notices the change only in part."
        )
    risen = f"mean deviance rises from {first['deviance']:.2f} to {top['deviance']:.2f}: the student notices"
    fallen = [row for row in worse if _no_more_often_right(row, level)]
    if not fallen:
        return Summary(f"As {accuracy}, {risen}.")
    least = max(fallen, key=lambda row: row["fall"])
    remark = (
        f"It does not notice how wrong it is: from severity {least['severity_before']:.3g} to "
        f"{least['severity']:.3g} deviance falls again, from {least['deviance_before']:.2f} to "
        f"{least['deviance']:.2f}, and accuracy with it, from {least['accuracy_before']:.0%} to "
        f"{least['accuracy']:.0%}."
    )
    to_top = f"accuracy falls from {first['accuracy']:.0%} to {top['accuracy']:.0%}"
    return Summary(f"As {to_top}, {risen} that something changed.", (remark,))


def _surer(first: Mapping[str, float], surer: Sequence[Mapping[str, float]], rises_elsewhere: bool) -> Summary:
    """What is said where deviance lies clearly below that of unchanged inputs and accuracy, too."""
    least = min(surer, key=lambda row: row["deviance"])
    to = f"to {least['accuracy']:.0%} at severity {least['severity']:.3g}"
    sentence = f"Accuracy falls from {first['accuracy']:.0%} {to}, "
    if rises_elsewhere:
        return Summary(
            f"{sentence}where mean deviance is {least['deviance']:.2f}, below the {first['deviance']:.2f} of unchanged "
            "inputs, after it was higher at other severities: the student notices the change at these only."
        )
    return Summary(
        f"{sentence}and mean deviance falls from {first['deviance']:.2f} to {least['deviance']:.2f}: the student "
        "becomes surer as it becomes wrong."
    )


def of_severity_changes(rows: pd.DataFrame) -> str:
    """At how many severities two runs clearly differ.

    Args:
        rows: of `severity_changes`.
    """
    said = []
    if not any(((rows[f"{name}_low"] > 0) | (rows[f"{name}_high"] < 0)).any() for name in MEASURED):
        return "After, neither accuracy nor mean deviance clearly differs at any severity."
    for name, title in MEASURED.items():
        counts = {"higher": int((rows[f"{name}_low"] > 0).sum()), "lower": int((rows[f"{name}_high"] < 0).sum())}
        if parts := [f"{word} at {count}" for word, count in counts.items() if count]:
            said.append(f"{title.lower()} is clearly {' and '.join(parts)} of {len(rows)} severities")
        else:
            said.append(f"{title.lower()} does not clearly differ")
    return f"After, {', and '.join(said)}."


def _no_more_often_right(row: Mapping[str, float], level: float) -> bool:
    """Whether deviance lies clearly below its highest mean before, where accuracy was not lower than here."""
    return row["fall"] > _half(row["fall_error"], level) and row["accuracy"] <= row["accuracy_before"]


def _simultaneous(comparisons: int) -> float:
    """The level at which each of so many intervals holds what is true, so that all do with 95 %, by Bonferroni."""
    return 1 - (1 - _LEVEL) / max(1, comparisons)


def _half(error: float, level: float) -> float:
    return interval(0.0, error, level=level)[1]


def _error(values: Tensor) -> float:
    """The standard error of the mean of [M] values; infinite for a single one."""
    return float(torch.std(values)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
