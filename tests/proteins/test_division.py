"""Who gets which proteins: nobody is measured on what somebody learned from, and every draw has the classes' shares."""

from collections import Counter

import numpy as np
import pytest

from mtbkd_core import UserError
from mtbkd_core.proteins.division import divide, draw, stratified_order
from mtbkd_core.proteins.scldata import Protein


def protein(row: int, location: str, part: str) -> Protein:
    return Protein(row, f"P{row}", f"M{row}", location, part)


FEW = [
    *(protein(row, "Nucleus", "train") for row in range(8)),
    *(protein(row, "ER", "train") for row in range(8, 12)),
    protein(12, "Nucleus", "eval"),
    protein(13, "ER;Nucleus", "eval"),
    protein(14, "ER", "test"),
    protein(15, "ER;Nucleus", "test"),
    protein(16, "ER;Nucleus", "train"),
]


def test_a_protein_is_in_one_place_only_and_several_locations_are_learned_by_nobody() -> None:
    found = divide(FEW, n_pool=6)
    groups = [found.teachers, found.pool, *found.measured.values(), *found.several.values()]
    assert [len(group) for group in groups] == [6, 6, 1, 1, 1, 1]
    rows = [each.row for group in groups for each in group]
    assert sorted(rows) == list(range(16))  # 16, of several locations, is in train and serves nobody
    assert Counter(each.location for each in found.pool) == {"Nucleus": 4, "ER": 2}
    assert [each.row for each in found.asked] == [each.row for each in found.pool] + [14, 12]


def test_the_students_draw_depends_on_the_seed_and_grows_by_adding() -> None:
    found = divide(FEW, n_pool=9)
    first, measured, several = draw(found, 3, 0, "test")
    more, _, _ = draw(found, 6, 0, "test")
    assert first == more[:3]
    assert draw(found, 6, 1, "test")[0] != more
    assert ([each.row for each in measured], [each.row for each in several]) == ([14], [15])
    assert [each.row for each in draw(found, 3, 0, "validation")[1]] == [12]
    with pytest.raises(UserError, match="split: got 'all', allowed: test, validation"):
        draw(found, 3, 0, "all")


def test_every_beginning_of_the_order_has_the_classes_shares() -> None:
    classes = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    order = stratified_order(classes, 3)
    assert sorted(order.tolist()) == list(range(100))
    for length in (10, 20, 50, 90):
        counts = Counter(np.array(classes)[order[:length]].tolist())
        for name, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
            assert abs(counts[name] - share * length) <= 1
