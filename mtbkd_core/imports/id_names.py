"""Which columns name or number the rows of a file, by what they are called and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from mtbkd_core.imports.table import Table, is_number

#: Names, in lower case, of a column that numbers the rows, and of one that names them.
_INDEX_NAMES = frozenset({"", "idx", "index", "row", "unnamed: 0", "__index_level_0__"})
_ID_NAMES = frozenset({"acc", "accession", "accessions", "entry", "id", "ids", "uniprot"})
#: How a name ends that may be that of an id.
_ENDS_AS_ID = re.compile(r"(id|ids|acc|accessions?|entry|names?|keys?|idx|index|code|file|image|path|stem)\s*$")
#: Letters of a text that may name a row.
_LONGEST = 200


def is_id_name(name: str) -> bool:
    """Whether a column's name is a usual one of an id."""
    return name.strip().lower() in _ID_NAMES


def is_index_name(name: str) -> bool:
    """Whether a column's name is one that numbers rows, such as pandas gives to an index."""
    return name.strip().lower() in _INDEX_NAMES


def names_rows(name: str) -> bool:
    """Whether a column's name is one that names or numbers rows."""
    return is_id_name(name) or is_index_name(name)


def looks_like_id(name: str) -> bool:
    """Whether a column's name may be that of an id, such as "seq_id" or "Protein name"."""
    return names_rows(name) or bool(_ENDS_AS_ID.search(name.lower()))


def has_fractions(texts: Sequence[str]) -> bool:
    """Whether a column holds a number that is not whole: such a column is no id."""
    return any(is_number(text) and float(text) % 1 > 0 for text in texts)


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether most cells of a column are numbers."""
    return 2 * sum(map(is_number, texts)) > len(texts)


def counts_up(texts: Sequence[str]) -> bool:
    """Whether a column counts the rows from 0 or 1, as every index does that was made anew: it tells nothing."""
    return texts[:1] in (["0"], ["1"]) and all(text == str(int(texts[0]) + row) for row, text in enumerate(texts))


def is_shuffled_count(texts: Sequence[str]) -> bool:
    """Whether a column holds the numbers of its rows from 0, once each, and in another order."""
    places = {str(row) for row in range(len(texts))}
    return not counts_up(texts) and len(set(texts)) == len(texts) and places.issuperset(texts)


def tell_apart(texts: Sequence[str], least: float = 0.5) -> bool:
    """Whether texts tell most rows apart: how many different ones there are for each row, at least."""
    return len(set(texts)) >= least * max(1, len(texts))


def may_name_rows(table: Table, name: str) -> bool:
    """Whether a column may name rows, by its first cell: a short text, or a whole number under the name of an id."""
    column = table.cells.column(name)
    kind = column.type
    if not len(column) or not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        return False
    first = str(column[0].as_py() or "").strip()
    if is_number(first):
        return looks_like_id(name) and float(first) % 1 == 0
    return len(first) <= _LONGEST and not first.startswith(("[", "("))


def is_count(texts: Sequence[str]) -> bool:
    """Whether texts are the numbers from 0 or 1 on, in any order."""
    places = {str(number) for number in range(len(texts) + 1)}
    return places.issuperset(texts)
