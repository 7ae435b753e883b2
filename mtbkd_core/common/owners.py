"""Who owns a job or a task where several people use one server: names in a file, a line each.

A job's name is a hash of what it asks for, so two people who ask for the same share its folder. Whoever launches it
becomes an owner, whoever deletes it is one no more, and with the last owner it goes. To change it, one has to be its
only owner. `by=None` stands for a person who has the server to himself, and for the command line: both may do all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import UserError


def read_owners(file: Path) -> frozenset[str]:
    """The owners that a file names; none where it is not there."""
    try:
        return frozenset(file.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return frozenset()


def write_owners(file: Path, owners: Iterable[str]) -> None:
    """Name the owners.

    Raises:
        UserError: the file cannot be written.
    """
    write_atomically(file, "".join(f"{owner}\n" for owner in sorted(owners)))


def may_change(owners: frozenset[str], by: str | None) -> bool:
    """Whether a person is the only owner, or has the server to himself."""
    return by is None or owners == {by}


def refuse_others(owners: frozenset[str], by: str | None, what: str) -> None:
    """Refuse a change by someone who is not the only owner.

    Raises:
        UserError: the message begins with `what`.
    """
    if not may_change(owners, by):
        whose = "other people launched it, too" if by in owners else "it belongs to someone else"
        raise UserError(f"{what}: {whose}; only its only owner may change it")
