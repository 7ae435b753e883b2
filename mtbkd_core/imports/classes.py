"""Names of classes: as people type them, and as the columns of a teacher's file bear them."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from mtbkd_core.common.progress import UserError

MAX_CLASSES = 1_024
_WHOLE = re.compile(r"(['\"]?)[+-]?\d+(\.0*)?\1")
#: Categories of signs that are not seen, and letters that are not seen either (Unicode: default ignorable; U+2800).
_UNSEEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Co", "Cs"))
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: What makes a text or a picture of the sign before it, and what makes a key of it.
_VARIANTS, _KEYCAP = "\ufe0e\ufe0f", "\u20e3"
#: Small letters of Cyrillic and Greek -> Latin ones that they, or their capitals, look like.
_LOOK_ALIKE = str.maketrans("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx")
#: Digits of a number that a column may be counted by.
_MOST_DIGITS = 9


@lru_cache(maxsize=4096)
def is_whole(text: str) -> bool:
    """Whether a label or a name is a whole number, which may have ".0" after it, and quotes around it."""
    return bool(_WHOLE.fullmatch(text.strip()))


@lru_cache(maxsize=4096)  # labels repeat
def without_point(text: str) -> str:
    """A label or a name as it is compared: a whole number alone, a picture without its variant."""
    text = unicodedata.normalize("NFC", text.strip()).translate(dict.fromkeys(map(ord, _VARIANTS)))
    return text.strip("'\"").partition(".")[0] if is_whole(text) else text


@lru_cache(maxsize=4096)
def invisible(text: str) -> str:
    """A sign of a text that nobody sees, such as "U+200B"; empty where there is none.

    A selector of variants counts as one but after a picture, such as in the heart that is red, or in a keycap.
    """
    text = text.strip()
    for place, letter in enumerate(text):
        if unicodedata.category(letter) not in _UNSEEN and not _IGNORABLE.match(letter):
            continue
        of_picture = place > 0 and unicodedata.category(text[place - 1]) in ("So", "Sm")
        if letter not in _VARIANTS or not (of_picture or text[place + 1 : place + 2] == _KEYCAP):
            return f"U+{ord(letter):04X}"
    return ""


def plain(name: str) -> str:
    """A column's name without what people spell in several ways: case, and blanks."""
    return " ".join(name.split()).casefold()


def alike(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in case, in blanks, or in letters that look the same, alone."""
    first: dict[str, str] = {}
    pairs = []
    for name in names:
        bare = "".join(unicodedata.normalize("NFKC", name).casefold().split()).translate(_LOOK_ALIKE)
        if (other := first.setdefault(bare, name)) != name:
            pairs.append((other, name))
    return pairs


def check_class_names(names: Sequence[str], said_in: str = "classes") -> tuple[str, ...]:
    """Names of classes as they are kept.

    Args:
        said_in: where the person named them, as the message begins.
    Raises:
        UserError: one that is empty, named twice or of several lines; a single one, or too many.
    """
    clean = tuple(name.strip() for name in names)
    if not 2 <= len(clean) <= MAX_CLASSES:
        raise UserError(f"{said_in}: got {len(clean):,}, allowed: 2 to {MAX_CLASSES:,}")
    known: set[str] = set()
    for index, name in enumerate(clean):
        where = f"{said_in}: name {index + 1} of {len(clean)}"
        if not name:
            raise UserError(f"{where} is empty")
        if len(name.splitlines()) > 1:
            raise UserError(f"{where} is {name[:40]!r}, expected it in one line")
        if sign := invisible(name):
            raise UserError(f"{where} is {name[:40]!r}, which holds the invisible sign {sign}")
        if without_point(name) in known:
            raise UserError(f"{said_in}: {name!r} is named twice, expected each class once")
        known.add(without_point(name))
    return clean


def split_names(text: str) -> list[str]:
    """Names with commas between them, as `join_names` writes them; one in double quotes may hold a comma itself.

    Raises:
        UserError: a line break, which no name can hold.
    """
    try:
        return [name.strip() for name in next(csv.reader([text.strip()], skipinitialspace=True), [])]
    except csv.Error:
        raise UserError(f"classes: got {text[:40]!r}, expected names in one line, with commas between them") from None


def join_names(names: Sequence[str]) -> str:
    """Names as a person would type them: a, b, "c, d"."""
    return ", ".join('"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name for name in names)


def numbered(names: Sequence[str]) -> dict[str, dict[int, str]]:
    """Columns whose names end in a number, by what stands before it: text -> number -> name."""
    groups: dict[str, dict[int, str]] = {}
    for name in names:
        text = plain(name)
        word = text.rstrip("0123456789")
        if 0 < len(text) - len(word) <= _MOST_DIGITS:
            groups.setdefault(word, {})[int(text[len(word) :])] = name
    return groups


def numbered_columns(names: Sequence[str]) -> dict[int, str]:
    """Columns named by the classes' numbers from 0 or 1, alone or after the same word, in any order: number -> name.

    Other columns may stand beside them; of several such groups the largest counts.
    """
    counting = [
        group
        for group in numbered(names).values()
        if len(group) > 1 and any(set(group) == set(range(start, start + len(group))) for start in (0, 1))
    ]
    return max(counting, key=len, default={})


def class_columns(
    file: str, names: Sequence[str], class_names: Sequence[str], like: Sequence[str] = ()
) -> tuple[list[str], str, list[int]]:
    """The columns of a file that belong to the classes, in their order, and how they were found.

    They are found by the classes' names, where case and blanks do not count, or by their numbers; else all columns are
    taken as they come, or as they came in another file of the same teacher. A header may name some of the classes
    alone.

    Args:
        like: columns of the other file, in the order of the classes.
    Returns:
        names of columns, as many as there are classes or not; words, empty where all columns are in order; and the
        classes that the columns are of.
    Raises:
        UserError: a header that names a class twice, or some of the classes and something else; or that names other
            columns than the other file.
    """
    spelled, wanted = [plain(name) for name in names], [plain(name) for name in class_names]
    if len(set(wanted)) < len(wanted):  # classes that differ in case alone
        spelled, wanted = list(names), list(class_names)
    counted = numbered_columns(names)
    known, every = [name for name in wanted if name in spelled], list(range(len(wanted)))
    for name, proper in zip(wanted, class_names, strict=True):
        if spelled.count(name) > 1:
            raise UserError(f"{file}: its header names the class {proper!r} twice, in other letters")
    if set(wanted) <= set(spelled):
        found, by = [names[spelled.index(name)] for name in wanted], "by the classes' names"
    elif len(counted) == len(wanted):
        found, by = [counted[number] for number in sorted(counted)], f"by the classes' numbers from {min(counted)}"
    elif known and len(names) <= len(wanted):
        if other := next((name for name, own in zip(names, spelled, strict=True) if own not in wanted), None):
            raise UserError(
                f"{file}: names {len(known)} of {len(wanted)} classes, and {other[:40]!r}, which is none: expected "
                "columns of classes alone"
            )
        return [names[spelled.index(name)] for name in known], "by the classes' names", list(map(wanted.index, known))
    else:
        if like:
            if absent := next((name for name in like if name not in names), None):
                raise UserError(f"{file}: has no column {absent[:60]!r}, as the teacher's other file has")
            return list(like), "by the names that they have in the teacher's other file", every
        return list(names), "in the order of the classes, none of which its header names", every
    return found, "" if found == list(names) else by, every
