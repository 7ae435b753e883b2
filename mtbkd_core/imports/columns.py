"""What a file's lines and columns are: a header, or a row; numbers, or what numbers or names the rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from mtbkd_core.imports.reading import is_number, number

#: Names, in lower case, of a column that numbers the rows, and of one that names them.
_INDEX_NAMES = frozenset({"", "index", "row", "unnamed: 0", "__index_level_0__"})
_ACCESSION_NAMES = frozenset({"acc", "accession", "entry", "id", "uniprot"})


def is_accession(name: str, accession: str | None) -> bool:
    """Whether a column's name is one that names rows."""
    return name == accession or name.strip().lower() in _ACCESSION_NAMES


def numbers_rows(name: str) -> bool:
    """Whether a column's name is one that numbers rows."""
    return name.strip().lower() in _INDEX_NAMES


def names_rows(name: str) -> bool:
    """Whether a column's name is one that names or numbers rows."""
    return is_accession(name, None) or numbers_rows(name)


def plain(name: str) -> str:
    """A column's name without what people spell in several ways: case, and spaces around it."""
    return " ".join(name.split()).casefold()


def counted_from(names: Sequence[str]) -> int | None:
    """0 or 1 where the names are whole numbers that count from it, in any order; else None."""
    for start in (0, 1):
        if set(names) == {str(start + index) for index in range(len(names))}:
            return start
    return None


def is_header(lines: Sequence[Sequence[str]], rows: int) -> bool:
    """Whether a file's first line names its columns, as `read_matrix` says; `rows` are expected."""
    first = lines[0]
    as_many = len(lines) == rows
    if not all(is_number(cell) for cell in first):
        numbers = [cell for cell in first if is_number(cell)]
        return not (as_many and numbers and counted_from(numbers) is None)
    counts_up = any(list(first) == [str(start + index) for index in range(len(first))] for start in (0, 1))
    if not counts_up and len(lines) == rows + 1 and len(first) > 1:
        if counted_from(first) is not None:
            return True
        # one that names a class twice, over numbers that are not all whole
        if any(set(first) < {str(start + index) for index in range(len(first))} for start in (0, 1)):
            return not _all_whole(lines)
    # certain answers or counts may begin with 0, 1, 2; then all their cells are like that
    return counts_up and not (as_many and _all_whole(lines))


def _all_whole(lines: Sequence[Sequence[str]]) -> bool:
    return all(cell.lstrip("-").isdecimal() for cells in lines for cell in cells)


def is_fraction(cell: str) -> bool:
    """Whether a cell is a number that is not whole."""
    return is_number(cell) and number(cell) % 1 > 0


def apart(
    names: Sequence[str],
    accession: str | None,
    classes: Sequence[str],
    fractions: Collection[str],
    all_numbers: Callable[[int], bool],
) -> tuple[list[int], list[int]]:
    """Places of the column that names the rows, if there is one, and of text beside all the classes' names."""
    known = {plain(name) for name in classes}
    others = [place for place, name in enumerate(names) if plain(name) not in known]
    named = _which_names_rows(names, accession, {*classes, *fractions})
    # pandas writes an index of accessions without a name
    named = named or [place for place in others if numbers_rows(names[place]) and not all_numbers(place)][:1]
    by_name = bool(known) and known <= set(map(plain, names))
    return named, [place for place in others if by_name and place not in named and not all_numbers(place)]


def _which_names_rows(names: Sequence[str], accession: str | None, others: Collection[str]) -> list[int]:
    """Place of the column that names the rows, if there is one; the table's own name goes before the usual ones.

    With a usual name `others` do not: classes, and columns of fractions. A name that an index has, too, tells nothing.
    """
    if accession is not None and accession in names and not numbers_rows(accession):
        return [names.index(accession)]
    known = {plain(name) for name in others}
    return [place for place, name in enumerate(names) if is_accession(name, None) and plain(name) not in known][:1]
