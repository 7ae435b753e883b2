"""Who gets which proteins: the teachers, the pool of the student, the tests, and those of several locations.

The division between teachers and pool is fixed, so that teachers are trained once and what they say is shipped; a
run's `split_seed` draws the student's proteins from the pool, which no teacher has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.progress import UserError
from mtbkd_core.proteins.scldata import LOCATIONS, SEVERAL, Protein

N_POOL = 3500
#: So many of the pool are left for validation at least.
N_VALIDATION = 500
SPLITS = ("test", "validation")
_POOL_SEED = 20250600


@dataclass(frozen=True)
class Division:
    """Proteins by what they are for.

    Attributes:
        teachers: what the teachers are trained on.
        pool: single locations that no teacher has seen: the student's, and those for validation.
        test: single locations of the package's test part.
        several: several locations of the package's test part; nobody is trained on them.
        several_validation: as many of those of the other parts.
    """

    teachers: tuple[Protein, ...]
    pool: tuple[Protein, ...]
    test: tuple[Protein, ...]
    several: tuple[Protein, ...]
    several_validation: tuple[Protein, ...]


def divide(proteins: Sequence[Protein], n_pool: int = N_POOL) -> Division:
    """Divide the proteins, always in the same way; the pool has the classes' shares."""
    single = [each for each in proteins if SEVERAL not in each.location]
    several = [each for each in proteins if SEVERAL in each.location]
    to_learn = [each for each in single if each.part != "test"]
    order = stratified_order([each.location for each in to_learn], _POOL_SEED)
    pool = set(order[:n_pool].tolist())
    tests = tuple(each for each in several if each.part == "test")
    others = [each for each in several if each.part != "test"]
    shuffled = np.random.default_rng(_POOL_SEED).permutation(len(others))[: len(tests)]
    return Division(
        teachers=tuple(each for place, each in enumerate(to_learn) if place not in pool),
        pool=tuple(each for place, each in enumerate(to_learn) if place in pool),
        test=tuple(each for each in single if each.part == "test"),
        several=tests,
        several_validation=tuple(others[place] for place in sorted(shuffled)),
    )


def draw(division: Division, n_train: int, split_seed: int, split: str) -> tuple[tuple[Protein, ...], ...]:
    """The student's proteins, what is measured on, and those of several locations.

    Args:
        n_train: of the pool; the first of more are the same proteins.
        split: "test", or "validation": the rest of the pool.
    Raises:
        UserError: an unknown split.
    """
    if split not in SPLITS:
        raise UserError(f"split: got {split!r}, allowed: {', '.join(SPLITS)}")
    order = stratified_order([each.location for each in division.pool], split_seed)
    student = tuple(division.pool[place] for place in order[:n_train])
    if split == "test":
        return student, division.test, division.several
    rest = tuple(division.pool[place] for place in sorted(order[n_train:]))
    return student, rest, division.several_validation


def stratified_order(classes: Sequence[str], seed: int) -> np.ndarray:
    """[N] places in random order, in which every beginning has about the classes' shares."""
    random = np.random.default_rng(seed)
    when = np.empty(len(classes))
    labels = np.array(classes)
    for name in sorted(set(classes)):
        places = np.flatnonzero(labels == name)
        # the members of a class come at even distances, from a random start
        when[random.permutation(places)] = (np.arange(len(places)) + random.random()) / len(places)
    order: np.ndarray = np.argsort(when, kind="stable")
    return order


def label_of(protein: Protein) -> int:
    """The class of a protein of a single location."""
    return LOCATIONS.index(protein.location)
