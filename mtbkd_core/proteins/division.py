"""The division of the proteins between teachers, the student's pool, the tests, and the shift of several locations.

The division of the package's train part between teachers and pool is fixed, so that teachers are trained once and
their logits are shipped; a run's `split_seed` draws the student's proteins from the pool, which no teacher has seen.
Everything is measured on the package's own parts, eval (validation) and test, which have no near relatives in train.
The pool has such relatives among the teachers' proteins, so that teachers are better on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbkd_core.common.order import stratified_order
from mtbkd_core.proteins.scldata import LOCATIONS, SEVERAL, Protein

N_POOL = 3500
#: Split -> the package's part.
SPLITS = {"test": "test", "validation": "eval"}
_POOL_SEED = 20250600


@dataclass(frozen=True)
class Division:
    """Proteins by their use.

    Attributes:
        teachers: what the teachers are trained on.
        pool: the student's are drawn from these.
        measured: split -> test proteins of a single location.
        several: split -> proteins of several locations.
    """

    teachers: tuple[Protein, ...]
    pool: tuple[Protein, ...]
    measured: Mapping[str, tuple[Protein, ...]]
    several: Mapping[str, tuple[Protein, ...]]

    @property
    def asked(self) -> tuple[Protein, ...]:
        """All proteins for which the teachers' logits are needed."""
        return (*self.pool, *(each for split in SPLITS for each in self.measured[split]))


def divide(proteins: Sequence[Protein], n_pool: int = N_POOL) -> Division:
    """Divide the proteins, always in the same way; the pool has the classes' shares."""
    single = [each for each in proteins if SEVERAL not in each.location]
    to_learn = [each for each in single if each.part == "train"]
    pool = set(stratified_order([each.location for each in to_learn], _POOL_SEED)[:n_pool].tolist())
    return Division(
        teachers=tuple(each for place, each in enumerate(to_learn) if place not in pool),
        pool=tuple(each for place, each in enumerate(to_learn) if place in pool),
        measured={split: tuple(each for each in single if each.part == part) for split, part in SPLITS.items()},
        several={
            split: tuple(each for each in proteins if each.part == part and SEVERAL in each.location)
            for split, part in SPLITS.items()
        },
    )


def draw(division: Division, count: int, split_seed: int, split: str) -> tuple[tuple[Protein, ...], ...]:
    """The student's proteins, the test proteins, and those of several locations.

    Args:
        count: of the pool; the first of more are the same proteins.
        split: one of `SPLITS`.
    """
    order = stratified_order([each.location for each in division.pool], split_seed)
    student = tuple(division.pool[place] for place in order[:count])
    return student, division.measured[split], division.several[split]


def label_of(protein: Protein) -> int:
    """The class of a protein of a single location."""
    return LOCATIONS.index(protein.location)
