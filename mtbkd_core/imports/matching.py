"""Joining a file's rows with a table's by an id, a column that both have and that tells the table's rows apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError, UserErrors
from mtbkd_core.imports.classes import plain
from mtbkd_core.imports.table import MISSING, Table, count_of, is_number

#: Names, in lower case, of a column that numbers the rows, and of one that names them.
_INDEX_NAMES = frozenset({"", "index", "row", "unnamed: 0", "__index_level_0__"})
_ID_NAMES = frozenset({"acc", "accession", "accessions", "entry", "id", "ids", "uniprot"})
#: Shares of different values from which on a column is an id of a table but for some rows, or can be nothing else.
_MOSTLY, _NEARLY = 0.5, 0.9
_UNIPROT = re.compile(r">?(?:sp|tr)\|([^|\s]+)")


@dataclass(frozen=True)
class Joined:
    """How a file's rows belong to a table's.

    Attributes:
        column: of the file, that is the id.
        rows: [N] the file's row for each of the table's.
        note: what was done, one line.
    """

    column: str
    rows: np.ndarray
    note: str


def is_id_name(name: str) -> bool:
    """Whether a column's name is a usual one of an id."""
    return name.strip().lower() in _ID_NAMES


def is_index_name(name: str) -> bool:
    """Whether a column's name is one that numbers rows, such as pandas gives to an index."""
    return name.strip().lower() in _INDEX_NAMES


def names_rows(name: str) -> bool:
    """Whether a column's name is one that names or numbers rows."""
    return is_id_name(name) or is_index_name(name)


def has_fractions(texts: Sequence[str]) -> bool:
    """Whether a column holds a number that is not whole: such a column is no id."""
    return any(is_number(text) and float(text) % 1 > 0 for text in texts)


def counts_up(texts: Sequence[str]) -> bool:
    """Whether a column counts the rows from 0 or 1, as every index does that was made anew: it tells nothing."""
    return texts[:1] in (["0"], ["1"]) and all(text == str(int(texts[0]) + row) for row, text in enumerate(texts))


def join_rows(table: Table, file: Table, id_column: str | None = None, reserved: Collection[str] = ()) -> Joined | None:
    """Match the rows of a file to those of a table by the first column that is an id of both; None without one.

    An id is unique in the table, and no fraction. Usual names come first and may differ between the files; any other
    column needs the same name, in any case, and a value in common. `sp|P12345|NAME text` is `P12345`; other ids end at
    their first blank where the table's rows stay apart so. A column that was to be the id but for some rows is refused,
    unless it says the same in every row of both.

    Args:
        id_column: of the table, as the person named it.
        reserved: columns that are no ids whatever they hold, such as features and classes.
    Raises:
        UserError: ids of the file that stand there twice or that the table lacks, ids of the table that the file lacks
            or that stand there twice; a line each, with the first row and how many more there are.
    """
    doubled = None
    for mine, theirs in _pairs(table, file, id_column, reserved):
        texts = table.texts(mine)
        wanted = _ids(texts)
        if _are_fractions(texts) or (mine != id_column and not tell_apart(wanted)):
            continue
        given = file.texts(theirs)
        found = _ids(given)
        if is_index_name(theirs) and (counts_up(found) or (mine != theirs and all(map(str.isdecimal, found)))):
            continue
        if _are_fractions(given):
            continue
        numbers, unique = _are_numbers(texts) or _are_numbers(given), len(set(wanted)) == len(wanted)
        cut = [_first_word(text) for text in wanted]
        if len(set(cut)) == len(cut):
            wanted, found = cut, [_first_word(text) for text in found]
        common = not set(wanted).isdisjoint(found)
        if unique and (common or _must_be_id(mine, theirs, id_column, wanted, found, numbers)):
            return _join(table, mine, wanted, file, theirs, found)
        if unique or doubled is not None or not _is_meant(mine, theirs, id_column, wanted, found, numbers):
            continue
        if wanted == found:
            note = f"{file.file}: its rows stand as those of {table.file} do: {theirs!r} is the same in each"
            return Joined(theirs, np.arange(len(wanted)), note)
        doubled = _doubled(table, mine, wanted)
    if doubled is not None:
        raise UserError(doubled)
    return None


def _must_be_id(
    mine: str, theirs: str, id_column: str | None, wanted: list[str], found: list[str], numbers: bool
) -> bool:
    """Whether columns of one name, without a value in common, can be nothing but the same id, written otherwise."""
    named = mine == id_column or is_id_name(mine)
    return plain(mine) == plain(theirs) and (named or (not numbers and min(_apart(wanted), _apart(found)) >= _NEARLY))


def _is_meant(
    mine: str, theirs: str, id_column: str | None, wanted: list[str], found: list[str], numbers: bool
) -> bool:
    """Whether columns are meant as an id of both, though the table has some of its values twice."""
    same, own = plain(mine) == plain(theirs), set(wanted)
    shared = len(own.intersection(found)) / len(own)
    if mine == id_column:
        return same or shared > 0
    if not tell_apart(found):
        return False
    if numbers and not (same and is_id_name(mine)):
        return same and shared >= _NEARLY
    return shared > 0 or (same and min(_apart(wanted), _apart(found)) >= _NEARLY)


def _are_numbers(texts: Sequence[str]) -> bool:
    return 2 * sum(map(is_number, texts)) > len(texts)


def _are_fractions(texts: Sequence[str]) -> bool:
    return has_fractions(texts) and _are_numbers(texts)


def tell_apart(texts: Sequence[str]) -> bool:
    """Whether texts tell most rows apart."""
    return _apart(texts) >= _MOSTLY


def _apart(texts: Sequence[str]) -> float:
    """How many different texts there are for each one."""
    return len(set(texts)) / max(1, len(texts))


def _doubled(table: Table, column: str, texts: Sequence[str]) -> str:
    """A line on the first row of the table that has no id of its own."""
    first: dict[str, int] = {}
    again = [row for row, text in enumerate(texts) if first.setdefault(text, row) != row]
    empty = [row for row, text in enumerate(texts) if text in MISSING]
    row = min(*again[:1], *empty[:1], len(texts))
    text = texts[row]
    got = f"got {text[:40]!r}, which stands in {table.at(first[text])} as well" if row not in empty else "is empty"
    way = "rows of other files cannot be matched by it: give each row its own, or leave the column out of one file"
    return f"{table.at(row, column)}: {got}, expected an id{_and_more(sorted({*again, *empty}))}: {way}"


def _pairs(table: Table, file: Table, id_column: str | None, reserved: Collection[str]) -> list[tuple[str, str]]:
    """Columns of the table and of the file that may be the same id, the likeliest first."""
    own = [name for name in table.cells.column_names if name not in reserved or name == id_column]
    others = [name for name in file.names if name not in reserved or name == id_column]
    ids = [id_column] if id_column is not None else sorted(filter(names_rows, own), key=is_index_name)
    usual = sorted(filter(names_rows, others), key=is_index_name)

    def alike(names: Sequence[str]) -> list[tuple[str, str]]:
        pairs = [(mine, theirs) for mine in names for theirs in others if plain(mine) == plain(theirs)]
        return sorted(pairs, key=lambda pair: pair[0] != pair[1])

    pairs = [*alike(ids), *((mine, theirs) for mine in ids for theirs in usual), *alike(own)]
    return list(dict.fromkeys(pairs))


def _ids(texts: Sequence[str]) -> list[str]:
    """Ids as they are compared: a number is the same with ".0" after it, as pandas writes it beside gaps."""
    clean = [re.sub(r"^(\d+)\.0+$", r"\1", text.strip()) if "." in text else text.strip() for text in texts]
    return [match[1] if "|" in text and (match := _UNIPROT.match(text)) else text.removeprefix(">") for text in clean]


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0] if text else text


def _join(table: Table, mine: str, wanted: list[str], file: Table, theirs: str, found: list[str]) -> Joined:
    places: dict[str, int] = {}
    known, foreign, again = set(wanted), list[int](), list[int]()
    for row, text in enumerate(found):
        if text not in known:
            foreign.append(row)
        elif places.setdefault(text, row) != row:
            again.append(row)
    problems = []
    if foreign and not file.by_id:
        row, lacks = foreign[0], f"which {table.file} has in no row of its column {mine!r}"
        way = "" if places else f", where {wanted[0][:40]!r} stands: no id is in both, write them alike"
        problems.append(f"{file.at(row, theirs)}: got {found[row][:40]!r}, {lacks}{_and_more(foreign)}{way}")
    if again:
        row = again[0]
        stands = f"which stands in {file.at(places[found[row]])} as well, expected each id once"
        problems.append(f"{file.at(row, theirs)}: got {found[row][:40]!r}, {stands}{_and_more(again)}")
    absent = [row for row, text in enumerate(wanted) if text not in places]
    if absent and (places or file.by_id):
        more = f", nor for {len(absent) - 1:,} more of its rows" if len(absent) > 1 else ""
        at = table.at(absent[0], mine)
        problems.append(f"{file.file}: has no row for {wanted[absent[0]][:40]!r} of {at}{more}")
    if problems:
        raise UserErrors(problems)
    rows = np.array([places[text] for text in wanted])
    moved = int((rows != np.arange(len(rows))).sum())
    order = f"{moved:,} of {len(rows):,} stood in another place" if moved else "they stood in the same order"
    by = repr(theirs) if theirs == mine else f"{theirs!r}, there {mine!r}"
    return Joined(theirs, rows, f"{file.file}: its rows were joined with those of {table.file} by {by}; {order}")


def _and_more(rows: Sequence[int]) -> str:
    return f" (and {count_of(len(rows) - 1, 'more row')})" if len(rows) > 1 else ""
