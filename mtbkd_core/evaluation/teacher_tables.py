"""Tables of teachers: what each knows and predicts, how much it counts, and how hard it pulls on the student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import entr

from mtbkd_core.evaluation.shares import ClassScore, share_interval

#: The source of a pull that is no teacher.
LABEL = "label"
_SHARE = ("share", "low", "high", "right", "of")


def expertise(
    scores: Mapping[str, Sequence[ClassScore]], class_names: Sequence[str], *, who: str = "teacher"
) -> pd.DataFrame:
    """Accuracy by teacher, or whoever else, and class.

    Args:
        scores: title -> accuracy of the classes that have an example.
        who: what the first column is called.
    Returns:
        One row a title and class, in their order: `who`, class, share, low and high (its 95 % interval), right, of; the
        last five are missing for a class without an example.
    """
    rows = []
    for title, each in scores.items():
        known = {one.label: (one.accuracy, one.low, one.high, one.right, one.count) for one in each}
        nothing = (np.nan, np.nan, np.nan, 0, 0)
        rows += [(title, name, *known.get(label, nothing)) for label, name in enumerate(class_names)]
    return pd.DataFrame(rows, columns=[who, "class", *_SHARE])


def agreement(predicted: np.ndarray, titles: Sequence[str]) -> pd.DataFrame:
    """Share of examples on which two teachers name the same class, from predicted classes [K, M].

    Only examples count for which both name one: -1 is none.

    Returns:
        One row a pair, in their order: teacher, other, share, low and high (its 95 % interval), right (how many they
        agree on), of; a teacher always agrees with itself. Shares and intervals are NaN where no example counts.
    """
    rows: list[tuple[Any, ...]] = []
    for one, title in enumerate(titles):
        for other, second in enumerate(titles):
            both = (predicted[one] >= 0) & (predicted[other] >= 0)
            same, count = int((both & (predicted[one] == predicted[other])).sum()), int(both.sum())
            if not count:
                numbers = (np.nan, np.nan, np.nan)
            else:
                numbers = (same / count, *((1.0, 1.0) if one == other else share_interval(same, count)))
            rows.append((title, second, *numbers, same, count))
    return pd.DataFrame(rows, columns=["teacher", "other", *_SHARE])


def predictions_table(
    teachers: np.ndarray,
    student: np.ndarray,
    weights: np.ndarray,
    responsibilities: np.ndarray,
    titles: Sequence[str],
    class_names: Sequence[str],
    label: int,
) -> pd.DataFrame:
    """What each teacher and the student predict for one example, and how much each teacher counts there.

    Args:
        teachers: [K, C], each teacher's probabilities, NaN at a class that one does not know.
        student: [C], the posterior mean.
        weights, responsibilities: [K], before the student has learned and after.
        titles: K of them.
        label: the true class.
    Returns:
        One row a teacher and, last, the student: who, predicted (a class), probability (of it), label_probability,
        entropy (nats), weight, responsibility; the last two are missing for the student. A teacher that abstains
        predicts "–", and the rest is missing.
    """
    probabilities = np.vstack([teachers, student])
    spoken, filled = ~np.isnan(probabilities).all(-1), np.nan_to_num(probabilities)
    return pd.DataFrame(
        {
            "who": [*titles, "Student"],
            "predicted": [
                class_names[index] if speaks else "–" for index, speaks in zip(filled.argmax(-1), spoken, strict=True)
            ],
            "probability": np.where(spoken, filled.max(-1), np.nan),
            "label_probability": probabilities[:, label],
            "entropy": np.where(spoken, entr(filled).sum(-1), np.nan),
            "weight": [*weights, np.nan],
            "responsibility": [*responsibilities, np.nan],
        }
    )


def shares_by_class(
    shares: np.ndarray, labels: np.ndarray, class_names: Sequence[str], teachers: Mapping[str, str]
) -> pd.DataFrame:
    """Mean and spread of each teacher's share (a weight or a responsibility) over the examples of each class.

    Args:
        shares: [K, N], sums to 1 over K.
        labels: [N], the examples' classes.
        class_names: C names.
        teachers: name -> title, K of them, in the order of `shares`.
    Returns:
        One row a class and teacher: class, teacher, title, mean, low and high (10th and 90th percentile), examples.
    """
    rows = []
    for index in np.unique(labels):
        chosen = shares[:, labels == index]
        spread = zip(chosen.mean(1), *np.quantile(chosen, [0.1, 0.9], axis=1), strict=True)
        for (name, title), numbers in zip(teachers.items(), spread, strict=True):
            rows.append((class_names[index], name, title, *map(float, numbers), chosen.shape[1]))
    return pd.DataFrame(rows, columns=["class", "teacher", "title", "mean", "low", "high", "examples"])


def weights_and_responsibilities(
    weights: np.ndarray,
    responsibilities: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
) -> pd.DataFrame:
    """One row a teacher and example: teacher, title, example, class, weight, responsibility; from [K, N] and [N]."""
    number, count = weights.shape
    return pd.DataFrame(
        {
            "teacher": np.repeat(list(teachers), count),
            "title": np.repeat(list(teachers.values()), count),
            "example": np.tile(np.arange(count), number),
            "class": np.tile([class_names[label] for label in labels], number),
            "weight": weights.ravel(),
            "responsibility": responsibilities.ravel(),
        }
    )


def pulls_of(
    pulls: np.ndarray, label_pull: np.ndarray, class_names: Sequence[str], teachers: Mapping[str, str]
) -> pd.DataFrame:
    """Pulls of one example, or means of several, on each class's logit.

    Args:
        pulls: [K, C] or [K, n, C] (averaged over n), nats per unit of logit.
        label_pull: [C] or [n, C], likewise.
        class_names: C names.
        teachers: name -> title, K of them.
    Returns:
        One row a source and class: source (a teacher's name, or `LABEL`), title, class, pull.
    """
    if pulls.ndim == 3:
        pulls, label_pull = pulls.mean(1), label_pull.mean(0)
    return _pull_table(np.vstack([pulls, label_pull]), class_names, teachers)


def own_pulls(
    pulls: np.ndarray,
    label_pull: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
) -> pd.DataFrame:
    """Mean pull of every source on the true class's logit, by class, without classes that have no example.

    Args:
        pulls: [K, N, C], nats per unit of logit.
        label_pull: [N, C].
        labels: [N].
        class_names: C names.
        teachers: name -> title, K of them.
    Returns:
        As `pulls_of`.
    """
    index, present = np.arange(len(labels)), np.unique(labels)
    own = np.vstack([pulls[:, index, labels], label_pull[index, labels]])
    member = _membership(labels, len(class_names))[:, present]
    return _pull_table(own @ member / member.sum(0), [class_names[number] for number in present], teachers)


def influence_table(
    responsibilities: np.ndarray, pulls: np.ndarray, labels: np.ndarray, teachers: Mapping[str, str]
) -> pd.DataFrame:
    """How much each teacher influenced one run, means over the training examples.

    Args:
        responsibilities: [K, N].
        pulls: [K, N, C], nats per unit of logit.
        labels: [N].
        teachers: name -> title, K of them.
    Returns:
        One row a teacher: teacher, title, responsibility, pull (on the true class's logit).
    """
    own = pulls[:, np.arange(len(labels)), labels].mean(1)
    columns = {"teacher": list(teachers), "title": list(teachers.values())}
    return pd.DataFrame(columns | {"responsibility": responsibilities.mean(1), "pull": own})


def _membership(labels: np.ndarray, classes: int) -> np.ndarray:
    """[N, C], 1 where the example has the class, else 0."""
    member: np.ndarray = (labels[:, None] == np.arange(classes)).astype(float)
    return member


def _pull_table(pulls: np.ndarray, class_names: Sequence[str], teachers: Mapping[str, str]) -> pd.DataFrame:
    """Pulls [K + 1, C], the label's last, as a table."""
    rows = [
        (name, title, class_name, float(value))
        for (name, title), row in zip([*teachers.items(), (LABEL, "Label")], pulls, strict=True)
        for class_name, value in zip(class_names, row, strict=True)
    ]
    return pd.DataFrame(rows, columns=["source", "title", "class", "pull"])
