"""Joining a file's rows with a table's by an id, a column that both have and that tells the table's rows apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.table import Table, is_number

#: Names, in lower case, of a column that numbers the rows, and of one that names them.
_INDEX_NAMES = frozenset({"", "index", "row", "unnamed: 0", "__index_level_0__"})
_ID_NAMES = frozenset({"acc", "accession", "entry", "id", "uniprot"})
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
    column needs the same name and a value in common. `sp|P12345|NAME text` is `P12345`; other ids end at their first
    blank where the table's rows stay apart so.

    Args:
        id_column: of the table, as the person named it.
        reserved: columns that are no ids whatever they hold, such as features and classes.
    Raises:
        UserError: an id of the file that is twice there or that the table lacks, or one of the table that the file
            lacks; one line with the row.
    """
    for mine, theirs in _pairs(table, file, id_column, reserved):
        texts = table.texts(mine)
        if has_fractions(texts) or len(set(wanted := _ids(texts))) < len(texts):
            continue
        found = _ids(file.texts(theirs))
        if is_index_name(theirs) and (counts_up(found) or (mine != theirs and all(map(str.isdecimal, found)))):
            continue
        cut = [_first_word(text) for text in wanted]
        if len(set(cut)) == len(cut):
            wanted, found = cut, [_first_word(text) for text in found]
        sure = mine == theirs and (mine == id_column or is_id_name(mine))
        if sure or not set(wanted).isdisjoint(found):
            return _join(table, mine, wanted, file, theirs, found)
    return None


def _pairs(table: Table, file: Table, id_column: str | None, reserved: Collection[str]) -> list[tuple[str, str]]:
    """Columns of the table and of the file that may be the same id, the likeliest first."""
    own = [name for name in table.cells.column_names if name not in reserved or name == id_column]
    others = [name for name in file.names if name not in reserved or name == id_column]
    ids = [id_column] if id_column is not None else sorted(filter(names_rows, own), key=is_index_name)
    usual = sorted(filter(names_rows, others), key=is_index_name)
    pairs = [(mine, mine) for mine in ids if mine in others]
    pairs += [(mine, theirs) for mine in ids for theirs in usual]
    return list(dict.fromkeys([*pairs, *((name, name) for name in own if name in others)]))


def _ids(texts: Sequence[str]) -> list[str]:
    """Ids as they are compared: a number is the same with ".0" after it, as pandas writes it beside gaps."""
    clean = [re.sub(r"^(\d+)\.0+$", r"\1", text.strip()) if "." in text else text.strip() for text in texts]
    return [match[1] if "|" in text and (match := _UNIPROT.match(text)) else text.removeprefix(">") for text in clean]


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0] if text else text


def _join(table: Table, mine: str, wanted: list[str], file: Table, theirs: str, found: list[str]) -> Joined:
    places: dict[str, int] = {}
    known = set(wanted)
    for row, text in enumerate(found):
        if file.by_id and text not in known:
            continue
        if places.setdefault(text, row) != row or text not in known:
            got = f"{file.at(row, theirs)}: got {text[:40]!r}"
            if text in known:
                raise UserError(f"{got}, which stands in {file.at(places[text])} as well, expected each id once")
            raise UserError(f"{got}, which {table.file} has in no row of its column {mine!r}")
    absent = [row for row, text in enumerate(wanted) if text not in places]
    if absent:
        more = f", nor for {len(absent) - 1:,} more of its rows" if len(absent) > 1 else ""
        at = table.at(absent[0], mine)
        raise UserError(f"{file.file}: has no row for {wanted[absent[0]][:40]!r} of {at}{more}")
    rows = np.array([places[text] for text in wanted])
    moved = int((rows != np.arange(len(rows))).sum())
    order = f"{moved:,} of {len(rows):,} stood in another place" if moved else "they stood in the same order"
    by = repr(theirs) if theirs == mine else f"{theirs!r}, there {mine!r}"
    return Joined(theirs, rows, f"{file.file}: its rows were joined with those of {table.file} by {by}; {order}")
