"""Markdown of a model card: tables, and text from outside."""

from __future__ import annotations

from collections.abc import Sequence


def plain(text: str) -> str:
    """Text from outside as one line that Markdown leaves as it is."""
    line = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#" else letter for letter in line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a line of heads."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
