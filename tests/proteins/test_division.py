"""The division of the proteins: no test protein is learned from, and every draw has the classes' shares."""

from collections import Counter

from mtbkd_core.proteins.division import divide, draw
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


def test_a_protein_is_in_one_place_only_and_those_of_several_locations_are_not_learned() -> None:
    found = divide(FEW, n_pool=6)
    groups = [found.teachers, found.pool, *found.measured.values(), *found.several.values()]
    assert [len(group) for group in groups] == [6, 6, 1, 1, 1, 1]
    rows = [each.row for group in groups for each in group]
    assert sorted(rows) == list(range(16))  # 16, of several locations, is in train and not used
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
