"""Rows of a file are joined with a table's by an id; missing, doubled and foreign ids are named with their row."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.matching import Joined, join_rows
from mtbkd_core.imports.reading import read_table

NUMBERS = [1.5, 2.5, 3.5]
Join = Callable[..., Joined | None]


@pytest.fixture(params=["csv", "parquet"])
def join(request: pytest.FixtureRequest, tmp_path: Path) -> Join:
    """Joins two files that hold columns, as CSV and as Parquet."""

    def joined(
        table: dict[str, list[object]], file: dict[str, list[object]], id_column: str | None = None
    ) -> Joined | None:
        tables = []
        for name, columns in (("t", table), ("m", file)):
            path, frame = tmp_path / f"{name}.{request.param}", pd.DataFrame(columns)
            frame.to_csv(path, index=False) if request.param == "csv" else frame.to_parquet(path, index=False)
            tables.append(read_table(path))
        return join_rows(*tables, id_column)

    return joined


@pytest.mark.parametrize("column", ["ACC", "filename", "Protein_ID", ""])
def test_rows_are_joined_in_any_order_by_a_column_of_any_name(join: Join, column: str) -> None:
    found = join({"y": [0, 1, 0], column: ["a", "b", "c"]}, {"x": NUMBERS, column: ["c", "a", "b"]})
    assert found is not None
    assert (found.column, found.rows.tolist()) == (column, [1, 2, 0])
    assert found.note.endswith(f"by {column!r}; 3 of 3 stood in another place")


def test_the_note_says_when_the_order_was_the_same(join: Join) -> None:
    found = join({"id": ["a", "b"]}, {"id": ["a", "b"]})
    assert found is not None
    assert found.note.endswith("by 'id'; they stood in the same order")


@pytest.mark.parametrize(
    ("table", "file"),
    [
        (["P1", "P2", "P3"], ["sp|P3|X_HUMAN", "tr|P1|Y_HUMAN", "sp|P2|Z_HUMAN"]),
        (["sp|P1|X", "sp|P2|Y", "sp|P3|Z"], [">sp|P3|Z Some protein OS=Homo", "sp|P1|X text", "P2"]),
        (["E1 pep", "E2 pep", "E3 pep"], [">E3", "E1", "E2 other text"]),
        (["img 1.png", "img 2.png", "img 3.png"], ["img 3.png", "img 1.png", "img 2.png"]),
        ([1, 2, 3], [3.0, 1.0, 2.0]),
    ],
)
def test_an_id_is_the_same_however_it_is_written(join: Join, table: list[object], file: list[object]) -> None:
    found = join({"id": table}, {"id": file})
    assert found is not None
    assert found.rows.tolist() == [1, 2, 0]


def test_usual_names_of_an_id_may_differ_between_the_files(join: Join) -> None:
    found = join({"Accession": ["P1", "P2"]}, {"Entry": ["P2", "P1"], "x": [0.5, 1.5]})
    assert found is not None
    assert found.note.endswith("by 'Entry', there 'Accession'; 2 of 2 stood in another place")


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        (["a", "b", "c", "x"], "column 'ACC': got 'x', which t.{kind} has in no row of its column 'ACC'"),
        (
            ["a", "b", "a", "c"],
            "column 'ACC': got 'a', which stands in m.{kind}: {first} as well, expected each id once",
        ),
        (["a", "b"], "has no row for 'c' of t.{kind}: {last}, column 'ACC'"),
        (["a"], "has no row for 'b' of t.{kind}: {middle}, column 'ACC', nor for 1 more of its rows"),
    ],
)
def test_a_foreign_doubled_or_missing_id_is_named_with_its_row(
    join: Join, request: pytest.FixtureRequest, ids: list[object], problem: str
) -> None:
    kind = request.node.callspec.params["join"]
    lines = ["line 2", "line 3", "line 4"] if kind == "csv" else ["row 1", "row 2", "row 3"]
    with pytest.raises(UserError) as raised:
        join({"ACC": ["a", "b", "c"]}, {"ACC": ids})
    assert str(raised.value).startswith(f"m.{kind}: ")
    assert str(raised.value).endswith(problem.format(kind=kind, first=lines[0], middle=lines[1], last=lines[2]))


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ({"ACC": ["a", "a", "a"]}, {"ACC": ["a", "a", "a"]}),  # does not tell rows apart
        ({"acc": NUMBERS}, {"acc": NUMBERS}),  # fractions
        ({"ACC": ["a", "b", "c"]}, {"id": [5, 8, 9]}),  # numbers of its own
        ({"name": ["a", "b", "c"]}, {"name": ["x", "x", "z"]}),  # nothing in common, and some twice
        ({"name": ["a", "b", "c"]}, {"name": [1, 2, 3]}),
        ({"y": [0] * 3, "": [2, 0, 1]}, {"x": NUMBERS, "": [0, 1, 2]}),  # an index that was made anew
        ({"id": [2, 0, 1]}, {"index": [0, 1, 2]}),
        ({"ACC": ["a", "b", "c"]}, {"x": NUMBERS}),
    ],
)
def test_what_tells_nothing_of_the_rows_is_no_id(
    join: Join, table: dict[str, list[object]], file: dict[str, list[object]]
) -> None:
    assert join(table, file) is None


def test_an_index_that_a_shuffled_table_kept_is_an_id(join: Join) -> None:
    found = join({"y": [0] * 3, "": [2, 0, 1]}, {"x": NUMBERS, "": [1, 2, 0]})
    assert found is not None
    assert found.rows.tolist() == [1, 2, 0]


def test_the_column_that_the_person_names_is_the_id(join: Join) -> None:
    table = {"ACC": ["a", "b"], "chain": ["y", "z"]}
    found = join(table, {"ACC": ["a", "b"], "chain": ["z", "y"]}, "chain")
    assert found is not None
    assert found.rows.tolist() == [1, 0]
    with pytest.raises(UserError, match="got 'q', which"):
        join(table, {"chain": ["q", "r"]}, "chain")


def test_many_ids_are_joined_at_once(join: Join) -> None:
    order = np.random.default_rng(0).permutation(5_000)
    found = join({"id": [*map(str, range(5_000))]}, {"id": [*map(str, order)]})
    assert found is not None
    assert np.array_equal(order[found.rows], np.arange(5_000))


def test_all_that_is_wrong_with_ids_is_said_at_once_with_how_much_there_is_of_it(join: Join) -> None:
    with pytest.raises(UserError) as raised:
        join({"id": [*"abcdef"]}, {"id": [*"aabbxyc"]})
    foreign, again, absent = raised.value.problems
    assert "column 'id': got 'x', which t." in foreign
    assert foreign.endswith("has in no row of its column 'id' (and 1 more row)")
    assert "column 'id': got 'a', which stands in m." in again
    assert again.endswith("as well, expected each id once (and 1 more row)")
    assert ": has no row for 'd' of t." in absent
    assert absent.endswith("column 'id', nor for 2 more of its rows")


SOME = [f"im{row:03}" for row in range(20)]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({4: "im003"}, "column '{name}': got 'im003', which stands in t.{kind}: .* as well, expected an id: rows of"),
        ({4: "", 7: ""}, r"column '{name}': is empty, expected an id \(and 1 more row\): rows of other files cannot"),
    ],
    ids=["doubled", "empty"],
)
@pytest.mark.parametrize("name", ["id", "filename"])
@pytest.mark.parametrize("named", [False, True])
def test_an_id_that_some_rows_lack_is_refused_unless_it_is_the_same_in_every_row(
    join: Join, request: pytest.FixtureRequest, change: dict[int, str], problem: str, name: str, named: bool
) -> None:
    ids = [change.get(row, text) for row, text in enumerate(SOME)]
    kind, column = request.node.callspec.params["join"], name if named else None
    table: dict[str, list[object]] = {name: [*ids], "y": [0] * 20}
    with pytest.raises(UserError, match=rf"^t\.{kind}: .*{problem.format(name=name, kind=kind)}"):
        join(table, {name: [*ids[:10], *ids[:9:-1]], "x": [0.5] * 20}, column)
    same = join(table, table, column)
    assert same is not None
    assert same.rows.tolist() == list(range(20))
    assert same.note.endswith(f": '{name}' is the same in each")


def test_a_number_that_both_share_is_an_id_but_for_some_rows_where_nearly_all_are_in_both(join: Join) -> None:
    numbers = [*range(100, 119), 100]
    with pytest.raises(UserError, match="column 'number': got '100', which stands in"):
        join({"number": numbers}, {"number": numbers[::-1]})
    assert join({"number": numbers}, {"number": [*range(110, 130)]}) is None


@pytest.mark.parametrize(
    "written",
    [lambda text: text.removesuffix(".png"), str.upper, lambda text: f"train/{text}"],
    ids=["stem", "A", "in"],
)
def test_ids_that_are_written_in_two_ways_are_refused_and_not_taken_by_position(
    join: Join, written: Callable[[str], str]
) -> None:
    names = [f"{text}.png" for text in SOME]
    with pytest.raises(UserError) as raised:
        join({"filename": names}, {"filename": [written(text) for text in names]})
    (problem,) = raised.value.problems
    assert f"column 'filename': got '{written(names[0])}', which t." in problem
    assert problem.endswith("(and 19 more rows), where 'im000.png' stands: no id is in both, write them alike")


def test_names_of_columns_are_the_same_in_any_case(join: Join) -> None:
    found = join({"Filename": SOME}, {"filename": SOME[::-1]})
    assert found is not None
    assert found.rows.tolist() == list(range(19, -1, -1))
    found = join({"y": [0, 1], "Filename": [7, 5]}, {"filename": [5, 7], "x": [0.5, 1.5]})
    assert found is not None
    assert (found.column, found.rows.tolist()) == ("filename", [1, 0])


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ({"accession": SOME}, {"Protein_ID": SOME[::-1]}),
        ({"filename": SOME}, {"id": SOME[::-1]}),
        (
            {"Entry": [f"P{row:05}" for row in range(20)]},
            {"protein": [f"sp|P{row:05}|N x" for row in reversed(range(20))]},
        ),
        ({"pid": range(100, 120)}, {"seq_id": range(119, 99, -1)}),
        ({"sid": [f"{7 * row:05}" for row in range(20)]}, {"sid": [7 * row for row in reversed(range(20))]}),
        ({"y": range(20), "filename": SOME}, {"filename": SOME[::-1], "y": range(20)}),
        ({"id": range(20), "filename": SOME}, {"id": range(20), "filename": SOME[::-1]}),
        ({"id": range(20), "filename": SOME}, {"id": SOME[::-1]}),
    ],
    ids=["accession", "id", "uniprot", "numbers", "zeros", "any counter", "id counts", "id names"],
)
def test_an_id_is_told_by_its_values_whatever_it_is_called(
    join: Join, table: dict[str, list[object]], file: dict[str, list[object]]
) -> None:
    found = join({name: [*cells] for name, cells in table.items()}, {name: [*cells] for name, cells in file.items()})
    assert found is not None
    assert found.rows.tolist() == list(range(19, -1, -1))


@pytest.mark.parametrize(
    ("table", "file"),
    [
        ({"pid": range(20)}, {"seq_id": range(19, -1, -1)}),  # each counts
        ({"length": range(100, 120)}, {"width": range(119, 99, -1)}),  # no names of ids
        ({"pid": range(100, 120)}, {"seq_id": range(110, 130)}),
        ({"filename": SOME}, {"note": ["x", *SOME[:1]] * 10}),
        ({"id": range(20)}, {"id": range(20)}),  # both may have been made anew
    ],
    ids=["counts", "numbers", "some", "doubled", "counters"],
)
def test_values_that_two_columns_share_by_chance_make_no_id(
    join: Join, table: dict[str, list[object]], file: dict[str, list[object]]
) -> None:
    own = {name: [*cells] for name, cells in table.items()}
    assert join(own, {name: [*cells] for name, cells in file.items()}) is None


def test_an_id_of_another_name_that_lacks_rows_is_refused(join: Join) -> None:
    with pytest.raises(UserError, match="has no row for 'im000' of t"):
        join({"accession": SOME}, {"Protein_ID": SOME[3:]})
    with pytest.raises(UserError, match="column 'accession': got 'im001', which stands in"):
        join({"accession": [SOME[1], *SOME[1:]]}, {"Protein_ID": SOME[::-1]})


def test_two_ids_that_disagree_are_refused_unless_the_person_names_one(join: Join) -> None:
    table = {"name": SOME, "code": [*map("c{}".format, range(20))]}
    file = {"name": SOME[::-1], "code": table["code"]}
    with pytest.raises(
        UserError, match=r"its columns 'name' and 'code' name different rows for t.*\(and 19 more rows\)"
    ):
        join(table, file)
    found = join(table, file, "code")
    assert found is not None
    assert found.rows.tolist() == list(range(20))


def test_another_id_serves_where_one_does_not_tell_all_rows_apart(join: Join) -> None:
    names = [*SOME[:19], SOME[0]]
    found = join({"name": names, "code": SOME}, {"name": names[::-1], "code": SOME[::-1]})
    assert found is not None
    assert found.column == "code"


@pytest.mark.parametrize(("own", "theirs"), [("ab", "ab"), ("ab", "ba"), ("ab", "cd")])
def test_a_species_or_a_class_is_no_id(join: Join, own: str, theirs: str) -> None:
    assert join({"species": [*own] * 10}, {"species": [*theirs] * 10, "x": list(range(20))}) is None


def test_an_id_that_the_person_names_is_never_given_up_for_the_rows_places(join: Join) -> None:
    with pytest.raises(UserError, match="column 'group': got 'a', which stands in"):
        join({"group": [*"ab"] * 10}, {"group": [*"ba"] * 10}, "group")
    assert join({"group": [*"ab"] * 10}, {"x": list(range(20))}, "group") is None  # such a file has no ids
