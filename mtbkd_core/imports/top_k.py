"""Outputs of a teacher's leading classes alone: for each row the classes' indices, and their values.

Two columns of lists, two groups of numbered columns ("index 0", "value 0", ... or "top1_class", "top1_prob", ...), or
two arrays of [rows, k]. In place of indices there may be the classes' names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import numbered, plain, without_point
from mtbkd_core.imports.scales import ROUNDING, SMALLEST, SUM_TOLERANCE
from mtbkd_core.imports.table import MISSING, Table, is_number

#: Words in the names of either group.
_INDICES, _VALUES = ("ind", "idx", "class", "label", "pred"), ("val", "logit", "prob", "score")
#: A name with its number amid it.
_AMID = re.compile(r"(\D*)(\d{1,9})(\D+)")


def pair_of(names: Sequence[str]) -> tuple[str, str] | None:
    """Of two names that of indices and that of values, by their words; None where they are something else."""
    if len(names) != 2:
        return None
    of_values = [any(word in name.lower() for word in _VALUES) for name in names]
    of_indices = [any(word in name.lower() for word in _INDICES) for name in names]
    for first, second in ((0, 1), (1, 0)):
        if of_indices[first] and not of_values[first] and of_values[second]:
            return names[first], names[second]
    return None


def top_k_columns(names: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """A file's columns of indices and of values, place by place; None where it holds anything else."""
    amid = all(map(_AMID.fullmatch, names))
    own = {_AMID.sub(r"\1\3 \2", name): name for name in names} if amid else {name: name for name in names}
    groups = numbered(list(own))
    pair = pair_of(list(groups)) if sum(map(len, groups.values())) == len(names) else None
    if pair is None or set(groups[pair[0]]) != set(groups[pair[1]]):
        return None
    first, second = ([own[groups[part][place]] for place in sorted(groups[part])] for part in pair)
    return first, second


def indices_by_name(file: Table, columns: Sequence[str], class_names: Sequence[str]) -> np.ndarray | None:
    """Indices [N, k] of the classes that columns name, NaN in an empty row; None where they hold indices.

    Raises:
        UserError: text that is no class's name; one line.
    """
    known = {without_point(name): place for place, name in enumerate(class_names)}
    if len(folded := {plain(name): place for name, place in known.items()}) == len(known):
        known = folded
    cells = [
        ["" if text.strip() in MISSING else plain(without_point(text)) for text in file.texts(name)] for name in columns
    ]
    held = set().union(*cells) - {""}
    if (
        list(known) == [str(place) for place in range(len(known))]
        or not held
        or held <= set(map(str, range(len(known))))
    ):
        return None
    if held.isdisjoint(known) and all(map(is_number, held)):
        return None
    for name, column in zip(columns, cells, strict=True):
        if (row := next((row for row, text in enumerate(column) if text and text not in known), None)) is not None:
            got = f"got {file.texts(name)[row][:40]!r}, expected the name of a class, or its index in all rows"
            raise UserError(f"{file.at(row, name)}: {got}")
    return np.array([[known.get(text, np.nan) for text in column] for column in cells]).T


def spread(
    file: Table, columns: Sequence[str], indices: np.ndarray, values: np.ndarray, classes: int
) -> tuple[np.ndarray, str, np.ndarray]:
    """The values in the places of their classes, as logits [N, C]; their kind; and the classes of the rest [N, C].

    Other classes are -inf or, where the values are probabilities or their logarithms and leave some mass, share it
    evenly. An empty row is NaN.

    Args:
        columns: of the indices.
        indices, values: [N, k], NaN in an empty row.
    Raises:
        UserError: an index that is no class's, or twice in a row; values that are neither logits nor probabilities.
    """
    empty = np.isnan(indices).all(1) & np.isnan(values).all(1)
    wrong = ~empty[:, None] & ~((indices >= 0) & (indices < classes) & (indices % 1 == 0))
    if wrong.any():
        row, place = (int(at) for at in np.argwhere(wrong)[0])
        got = f"got {indices[row, place]:g}, expected a class's index, 0 to {classes - 1}"
        raise UserError(f"{file.at(row, columns[place])}: {got}")
    twice = ~empty & (np.diff(np.sort(indices, 1), axis=1) == 0).any(1)
    if twice.any():
        raise UserError(f"{file.at(int(twice.argmax()))}: names a class twice, expected each index once in a row")
    shares, what = as_shares(values[~empty], classes - values.shape[1])
    kind = f"{what or 'logits'} of {values.shape[1]} classes in each row"
    if what:
        values = np.full_like(values, np.nan)
        values[~empty] = np.log(np.maximum(shares, SMALLEST))
    logits, named = np.full((len(values), classes), -np.inf, values.dtype), np.zeros((len(values), classes), dtype=bool)
    rows = np.flatnonzero(~empty)
    places = rows[:, None], indices[rows].astype(int)
    logits[places], named[places] = values[rows], True
    logits[empty] = np.nan
    if not what:
        return logits, kind, np.zeros_like(named)
    mass = np.zeros(len(values))
    mass[~empty] = shares.sum(1)
    logits, together, words = with_rest(logits, named, mass)
    return logits, kind + words, together


def as_shares(values: np.ndarray, others: int | None = None) -> tuple[np.ndarray, str]:
    """Probabilities of some of the classes of numbers [N, k] that are such or their logarithms; and what they are.

    Logarithms are told by their signs and by what they sum to, 1 or less.

    Args:
        others: classes that are not there, where those that are lead: none of the others can have more than the least
            of these. None: the classes that are there need not lead.
    Returns:
        [N, k], and words: empty where the numbers are neither.
    """
    if ((values >= 0) & (values <= 1)).all() and (values.sum(1) <= 1 + SUM_TOLERANCE).all():
        return values, "probabilities"
    shifted = (values.max(1) == 0).all()  # logits less their largest
    if not np.isfinite(values).all() or (values > ROUNDING).any() or shifted:
        return values, ""
    for base, what in ((math.e, "log probabilities"), (10.0, "logarithms to base 10 of probabilities")):
        shares = base**values
        if (shares.sum(1) <= 1 + SUM_TOLERANCE).all():
            most = np.inf if others is None else others * shares.min(1) + SUM_TOLERANCE
            return (shares, what) if (1 - shares.sum(1) <= most).all() else (values, "")
    return values, ""


def leave_some(shares: np.ndarray) -> bool:
    """Whether probabilities [N, k] leave some mass to classes that are not there."""
    return bool((shares.sum(1) < 1 - SUM_TOLERANCE).any())


def with_rest(logits: np.ndarray, named: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Logits in which the classes that are not named share evenly what the others leave; those classes; and words.

    Args:
        logits, named: [N, C], logarithms of probabilities of the classes that are named.
        mass: [N], what these have together; where it is 1 everywhere, nothing is said of the others.
    """
    rest: np.ndarray = 1 - mass
    speaks = named.sum(1) > 0
    if (rest[speaks] < 1e-3).all() or named[speaks].all():
        return logits, np.zeros_like(named), ""
    together = ~named & speaks[:, None]
    evenly = np.log(np.maximum(rest, SMALLEST) / np.maximum((~named).sum(1), 1)).astype(logits.dtype)
    return np.where(together, evenly[:, None], logits), together, "; what they leave is of the others together"


def pair_of_arrays(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, str] | None:
    """The arrays of indices and of values among arrays of numbers; None where they are not two of one shape."""
    tables = [name for name, shape in shapes.items() if len(shape) == 2]
    return pair_of(tables) if len({shapes[name] for name in tables}) == 1 else None
