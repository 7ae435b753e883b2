"""Joining a file's rows with a table's by an id, a column that both have and that tells the table's rows apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError, UserErrors
from mtbkd_core.imports.classes import plain
from mtbkd_core.imports.id_names import (
    are_numbers,
    counts_up,
    has_fractions,
    is_count,
    is_id_name,
    is_index_name,
    may_name_rows,
    names_rows,
    tell_apart,
)
from mtbkd_core.imports.table import MISSING, Table, count_of

#: Share of different values, or of shared ones, from which on a column is an id of a table but for some rows.
_NEARLY = 0.9
#: Share of values in common from which on columns of text with different names are one id.
_HALF = 0.5
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


@dataclass(frozen=True)
class _Pair:
    """A column of a table and one of a file, that may be the same id, as they are compared."""

    mine: str
    theirs: str
    wanted: list[str]
    found: list[str]
    numbers: bool
    said: str

    @property
    def unique(self) -> bool:
        """Whether the table's rows are all told apart."""
        return len(set(self.wanted)) == len(self.wanted)

    @property
    def alike(self) -> bool:
        """Whether the columns have the same name."""
        return plain(self.mine) == plain(self.theirs)

    @property
    def whole(self) -> bool:
        """Whether each holds what the other does, once."""
        return self.unique and sorted(self.wanted) == sorted(self.found)

    @property
    def shared(self) -> float:
        """Share of values in both, of the side that has fewer."""
        own, others = set(self.wanted), set(self.found)
        return len(own & others) / max(1, min(len(own), len(others)))


def join_rows(table: Table, file: Table, id_column: str | None = None, reserved: Collection[str] = ()) -> Joined | None:
    """Match the rows of a file to those of a table by a column that is an id of both; None without one.

    An id is unique in the table, and no fraction. Columns of the same name, in any case, come first if they have a
    value in common, and those with usual names; then columns of any name that hold the same values, which whole
    numbers are trusted to but where both names may be an id's. A column that counts the rows, and may have been made
    anew, comes last. `sp|P12345|NAME text` is `P12345`; other ids end at their first blank where the table's rows stay
    apart so; zeros before whole numbers do not count. A column that was to be the id but for some rows is refused,
    unless it says the same in every row of both, and so are two that disagree.

    Args:
        id_column: of the table, as the person named it.
        reserved: columns that are no ids whatever they hold, such as features and classes.
    Raises:
        UserError: ids of the file that stand there twice or that the table lacks, ids of the table that the file lacks
            or that stand there twice; a line each, with the first row and how many more there are.
    """
    joined, chosen, kept = None, False, dict[str, _Pair]()
    for mine, theirs in _by_name(table, file, id_column, reserved):
        if joined is not None and (chosen or not may_name_rows(table, mine)):
            continue
        pair = _pair(table, file, mine, theirs, id_column)
        kind = "" if pair is None else _kind(pair, id_column)
        if pair is None or not kind:
            continue
        if kind != "id":
            kept.setdefault(kind, pair)
        elif joined is None:
            joined, chosen = _join(table, file, pair), mine == id_column
        elif pair.whole:
            _check_agreement(table, file, joined, _join(table, file, pair))
    if joined is not None:
        return joined
    for pair in _by_values(table, file, id_column, reserved):
        if pair.unique:
            return _join(table, file, pair)
        kept.setdefault("same" if pair.wanted == pair.found else "doubled", pair)
    for kind in ("apart", "counter"):
        if kind in kept:
            return _join(table, file, kept[kind])
    if "same" in kept:
        theirs = kept["same"].theirs
        note = f"{file.file}: its rows stand as those of {table.file} do: {theirs!r} is the same in each"
        return Joined(theirs, np.arange(len(table)), note)
    if "doubled" in kept:
        raise UserError(_doubled(table, kept["doubled"].mine, kept["doubled"].wanted))
    return None


def _kind(pair: _Pair, id_column: str | None) -> str:
    """What two columns are: an id, one written otherwise ("apart"), a counter, or an id but for some rows; or none."""
    if not pair.unique:
        meant = _is_meant(pair, id_column)
        return "" if not meant else "same" if pair.wanted == pair.found else "doubled"
    if pair.shared and _counts(pair, id_column):
        return "" if counts_up(pair.wanted) and counts_up(pair.found) else "counter"
    return "id" if pair.shared else "apart" if _must_be_id(pair, id_column) else ""


def _pair(table: Table, file: Table, mine: str, theirs: str, id_column: str | None) -> _Pair | None:
    """Two columns as they are compared; None where they can be no id."""
    texts, given = table.texts(mine), file.texts(theirs)
    wanted, found, said = _ids(texts), _ids(given), ""
    if (mine != id_column and not tell_apart(wanted)) or any(
        has_fractions(each) and are_numbers(each) for each in (texts, given)
    ):
        return None
    of_index = is_index_name(mine) and (mine == theirs or (is_index_name(theirs) and counts_up(wanted)))
    if is_index_name(theirs) and (counts_up(found) or (not of_index and all(map(str.isdecimal, found)))):
        return None
    cut = [_first_word(text) for text in wanted]
    if len(set(cut)) == len(cut):
        wanted, found = cut, [_first_word(text) for text in found]
    if all(map(str.isdecimal, (*wanted, *found))) and any(text[0] == "0" != text for text in (*wanted, *found)):
        bare = [text.lstrip("0") or "0" for text in wanted]
        if len(set(bare)) == len(set(wanted)):
            wanted, found = bare, [text.lstrip("0") or "0" for text in found]
            said = ", as numbers, without the zeros before them"
    return _Pair(mine, theirs, wanted, found, are_numbers(texts) or are_numbers(given), said)


def _counts(pair: _Pair, id_column: str | None) -> bool:
    """Whether a column only counts the rows, and is none that the person named."""
    return pair.mine != id_column and (counts_up(pair.wanted) or counts_up(pair.found))


def _must_be_id(pair: _Pair, id_column: str | None) -> bool:
    """Whether columns of one name, without a value in common, can be nothing but the same id, written otherwise."""
    named = pair.mine == id_column or is_id_name(pair.mine)
    nearly = tell_apart(pair.wanted, _NEARLY) and tell_apart(pair.found, _NEARLY)
    return pair.alike and (named or (not pair.numbers and nearly))


def _is_meant(pair: _Pair, id_column: str | None) -> bool:
    """Whether columns are meant as an id of both, though the table has some of its values twice."""
    own = set(pair.wanted)
    shared = len(own.intersection(pair.found)) / len(own)
    if pair.mine == id_column:
        return pair.alike or shared > 0
    if not tell_apart(pair.found):
        return False
    if pair.numbers and not (pair.alike and is_id_name(pair.mine)):
        return pair.alike and shared >= _NEARLY
    nearly = tell_apart(pair.wanted, _NEARLY) and tell_apart(pair.found, _NEARLY)
    return shared > 0 or (pair.alike and nearly)


def _check_agreement(table: Table, file: Table, first: Joined, other: Joined) -> None:
    """Refuse two ids of both files, by which rows of the one belong to different rows of the other."""
    if (apart := np.flatnonzero(first.rows != other.rows)).size:
        disagree = (
            f"its columns {first.column!r} and {other.column!r} name different rows for {table.at(int(apart[0]))}"
        )
        raise UserError(f"{file.file}: {disagree}{_and_more(apart)}: leave the wrong one out of the file")


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


def _by_name(table: Table, file: Table, id_column: str | None, reserved: Collection[str]) -> list[tuple[str, str]]:
    """Columns of the table and of the file whose names say that they may be the same id, the likeliest first."""
    own = [name for name in table.cells.column_names if name not in reserved or name == id_column]
    named = file.names if file.named else file.beside
    others = [name for name in named if name not in reserved or name == id_column]
    ids = [id_column] if id_column is not None else sorted(filter(names_rows, own), key=is_index_name)
    usual = sorted(filter(names_rows, others), key=is_index_name)

    def alike(names: Sequence[str]) -> list[tuple[str, str]]:
        pairs = [(mine, theirs) for mine in names for theirs in others if plain(mine) == plain(theirs)]
        return sorted(pairs, key=lambda pair: pair[0] != pair[1])

    pairs = [*alike(ids), *((mine, theirs) for mine in ids for theirs in usual), *alike(own)]
    return list(dict.fromkeys(pairs))


def _by_values(table: Table, file: Table, id_column: str | None, reserved: Collection[str]) -> Iterator[_Pair]:
    """Columns of the table and of the file that hold the same values, whatever they are called."""
    own = [name for name in table.cells.column_names if name != id_column and name not in reserved]
    own = [name for name in [*filter(None, [id_column]), *own] if name == id_column or may_name_rows(table, name)]
    for theirs in (name for name in file.names if name not in reserved and may_name_rows(file, name)):
        if not tell_apart(file.texts(theirs), _NEARLY):
            continue
        for mine in own:
            pair = _pair(table, file, mine, theirs, id_column)
            if pair is None or not tell_apart(pair.wanted, _NEARLY):
                continue
            counted = pair.numbers and any(is_count(texts) for texts in (pair.wanted, pair.found))
            if pair.shared >= (_NEARLY if pair.numbers else _HALF) and not counted:
                yield pair


def _ids(texts: Sequence[str]) -> list[str]:
    """Ids as they are compared: a number is the same with ".0" after it, as pandas writes it beside gaps."""
    clean = [re.sub(r"^(\d+)\.0+$", r"\1", text.strip()) if "." in text else text.strip() for text in texts]
    return [match[1] if "|" in text and (match := _UNIPROT.match(text)) else text.removeprefix(">") for text in clean]


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0] if text else text


def _join(table: Table, file: Table, pair: _Pair) -> Joined:
    places: dict[str, int] = {}
    mine, theirs, wanted, found = pair.mine, pair.theirs, pair.wanted, pair.found
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
    by = (repr(theirs) if theirs == mine else f"{theirs!r}, there {mine!r}") + pair.said
    return Joined(theirs, rows, f"{file.file}: its rows were joined with those of {table.file} by {by}; {order}")


def _and_more(rows: Sequence[int] | np.ndarray) -> str:
    return f" (and {count_of(len(rows) - 1, 'more row')})" if len(rows) > 1 else ""
