"""Whether a file's columns are in the order of the classes, and its rows in that of the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.columns import counted_from, plain
from mtbkd_core.imports.matrix import Matrix
from mtbkd_core.imports.reading import Places


def first_missing(matrix: Matrix, accessions: Sequence[str] | None, table: Places) -> str:
    """The first of the table's rows that a file with fewer lacks, in words; none if nobody knows."""
    if matrix.accessions is None or accessions is None or len(matrix.accessions) >= len(accessions):
        return ""
    there = {_whole(text) for text in matrix.accessions}
    absent = [row for row, text in enumerate(accessions) if _whole(text) and _whole(text) not in there]
    if not absent or len(absent) == len(accessions):
        return ""
    return f"the first that it lacks is {accessions[absent[0]].strip()[:40]!r}, {table.at(absent[0])}"


def check_order(
    matrix: Matrix,
    accessions: Sequence[str] | None,
    table: Places,
    accession: str | None = None,
    index: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Hold the rows against the table's by accession, where both name them, else by number; refuses another order.

    Args:
        accession: name of the table's column of accessions.
        index: the table's own column that numbers its rows, where there is one.
    Returns:
        what became of the file's accessions, a line; none where it has no accessions.
    Raises:
        UserError: the first row whose accession is not the table's, or whose number is that of another row; one line.
    """
    file = matrix.places.file
    orders = [[_whole(text) for text in texts] for texts in (accessions, index) if texts is not None]
    if matrix.accessions is not None:
        named = [_whole(text) for text in matrix.accessions]
        wanted = [_whole(text) for text in accessions or ()]
        same = sorted(named) == sorted(wanted)
        other = not same and matrix.accession_name != accession and all(text.isdecimal() for text in named)
        if accessions is None or other:
            _check_numbers(matrix, matrix.accession_name, named, table, orders)
        if accessions is not None and not (other and (_counts(named) or not set(named) & set(wanted))):
            for row, (got, expected) in enumerate(zip(named, wanted, strict=True)):
                if got != expected:
                    why = "the rows are in another order than the table's" if same else "the rows are not the table's"
                    where = matrix.places.at(row, matrix.accession_name)
                    as_in = f"got {got[:40]!r}, expected {expected[:40]!r} as in {table.at(row)}"
                    raise UserError(f"{where}: {as_in}: {why}")
            return (f"{file}: its rows are the table's by {matrix.accession_name}",)
    if matrix.index is not None:
        _check_numbers(matrix, matrix.index_name, [str(number) for number in matrix.index], table, orders)
    if matrix.accessions is None:
        return ()
    if accessions is None:
        return (
            f"{file}: its column {matrix.accession_name!r} names the rows and was left out; {table.file} names none",
        )
    return (
        f"{file}: its column {matrix.accession_name!r} numbers the rows in its own way and was left out; their "
        f"order could not be held against {table.file}",
    )


def _check_numbers(
    matrix: Matrix, column: str | None, numbers: Sequence[str], table: Places, orders: Sequence[Sequence[str]]
) -> None:
    """Refuse rows whose numbers are those of the table's rows, or count from 0 or 1, but in another order.

    Args:
        orders: what names or numbers the table's rows; of each a list of texts.
    """
    count = len(numbers)
    if _counts(numbers) or list(numbers) in orders:
        return
    for order in (*orders, *([str(start + row) for row in range(count)] for start in (0, 1))):
        if sorted(numbers) == sorted(order):
            row = next(row for row in range(count) if numbers[row] != order[row])
            raise UserError(
                f"{matrix.places.at(row, column)}: got {numbers[row]}, expected {order[row]} as of {table.at(row)}: "
                "wrong order of rows; sort them by this column, or leave it out if they are in the table's order"
            )


def _counts(numbers: Sequence[str]) -> bool:
    return any(list(numbers) == [str(start + row) for row in range(len(numbers))] for start in (0, 1))


def _whole(text: str) -> str:
    """An accession as it is compared: a number is the same with ".0" after it, as pandas writes it beside gaps."""
    return re.sub(r"^(\d+)\.0+$", r"\1", text.strip())


def in_order_of_classes(matrix: Matrix, class_names: Sequence[str]) -> tuple[Matrix, list[str]]:
    """The classes' columns in the classes' order, and what was made of the file so far, a line each.

    A header names the classes by their names, where case and spaces around do not count, or by their numbers, from 0 or
    1, alone or after the same word; its columns may then have any order. Else the columns are taken as they come.

    Raises:
        UserError: a header that names a class twice, or over another's column without naming them all.
    """
    if matrix.names is None:
        return matrix, list(matrix.notes)
    names, wanted = [plain(name) for name in matrix.names], [plain(name) for name in class_names]
    if len(set(wanted)) < len(wanted):  # classes that differ in case alone
        names, wanted = list(matrix.names), list(class_names)
    numbers = _numbers(names) if len(names) == len(wanted) else None
    if set(wanted) <= set(names):
        for name, proper in zip(wanted, class_names, strict=True):
            if names.count(name) > 1:
                raise UserError(f"{matrix.places.file}: its header names the class {proper!r} twice, in other letters")
        index, by = [names.index(name) for name in wanted], "by the classes' names"
    elif numbers is not None:
        index, by = (
            [numbers.index(number) for number in sorted(numbers)],
            f"by the classes' numbers from {min(numbers)}",
        )
    else:
        if len(names) == len(wanted):
            _check_places(matrix, names, wanted, class_names)
        known = "not all" if set(names) & set(wanted) else "none"
        index, by = list(range(len(names))), f"in the order of the classes, {known} of which its header names"
    if index == list(range(len(names))) and (numbers is not None or set(wanted) <= set(names)):
        return matrix, list(matrix.notes)
    chosen = replace(matrix, values=matrix.values[:, index], names=tuple(matrix.names[each] for each in index))
    return chosen, [*matrix.notes, f"{matrix.places.file}: its columns were taken {by}"]


def _numbers(names: Sequence[str]) -> list[int] | None:
    """The classes' numbers that names such as "2" or "class_2" end in, if they count from 0 or 1, in any order."""
    found = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    if len({match and match[1] for match in found}) > 1:
        return None
    numbers = [match[2] for match in found if match]
    return [int(number) for number in numbers] if numbers and counted_from(numbers) is not None else None


def beside_numbers(names: Sequence[str]) -> str | None:
    """The first name that is none of the classes' numbers, where others are, as in "0", "1", "2", "pred"; else None."""
    found = [re.fullmatch(r"(.*?)(\d+)", plain(name)) for name in names]
    for before in dict.fromkeys(match[1] for match in found if match):
        numbers = [match[2] for match in found if match and match[1] == before]
        if 2 <= len(numbers) < len(names) and counted_from(numbers) is not None:
            return next(name for name, match in zip(names, found, strict=True) if not match or match[1] != before)
    return None


def count_classes(names: Sequence[str]) -> bool:
    """Whether names are the classes' numbers from 0 or 1, in any order, alone or after the same word."""
    return _numbers([plain(name) for name in names]) is not None


def _check_places(matrix: Matrix, names: Sequence[str], wanted: Sequence[str], class_names: Sequence[str]) -> None:
    """Refuse a header that names a class over another class's column and does not name them all."""
    for place, name in enumerate(names):
        if name in wanted and wanted.index(name) != place:
            absent = next(proper for each, proper in zip(wanted, class_names, strict=True) if each not in names)
            raise UserError(
                f"{matrix.places.file}: its header names column {place + 1} {matrix.column(place)!r}, which is class "
                f"{wanted.index(name) + 1}, and none {absent!r}: expected all classes' names, or none"
            )
