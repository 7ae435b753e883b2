"""Pieces of HTML that the report is put together from; what they are given is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "number") -> str:
    """A table that scrolls sideways; the first column holds names, the others what `kind` says: numbers or words."""
    heads = "".join(f'<th class="{kind}">{escape(each)}</th>' for each in head[1:])
    lines = "".join(
        f"<tr><td>{escape(name)}</td>" + "".join(f'<td class="{kind}">{escape(each)}</td>' for each in others) + "</tr>"
        for name, *others in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr><th>{escape(head[0])}</th>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def section(title: str, line: str = "") -> str:
    """A heading and a line below it."""
    return f"<h2>{escape(title)}</h2>{note(line) if line else ''}"


def note(line: str) -> str:
    """A line in grey."""
    return f'<p class="note">{escape(line)}</p>'


def pairs(rows: Iterable[tuple[str, Any]]) -> str:
    """A table of names and values, in two columns where there is room."""

    def shown(value: object) -> str:
        return "none" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)

    lines = "".join(
        f"<tr><td>{escape(str(name).replace('_', ' '))}</td><td>{escape(shown(value))}</td></tr>"
        for name, value in rows
    )
    return f'<div class="columns"><table class="pairs"><tbody>{lines}</tbody></table></div>'


def unfolded(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Names and values, those of a part named after it."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from unfolded(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value
