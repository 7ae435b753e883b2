"""A picker of runs or studies by their lines, which change as a run goes on or is given a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import streamlit as st

#: What is done with the id that is picked.
Take = Callable[[str], None]


def draw(label: str, name: str, lines: Mapping[str, str], chosen: str | None, help: str, take: Take) -> None:
    """A select box of ids, shown by their lines.

    Args:
        name: of the picker; its key is `set:` and this.
        lines: id -> what stands for it.
        take: called with the id that is picked.
    """
    key, shown = f"set:{name}", _apart(lines)
    # At every drawing: the browser keeps the text that was picked, and would show what a run was called then.
    st.session_state[key] = chosen
    st.session_state[f"{name}_lines"] = {line: id for id, line in shown.items()}
    st.selectbox(label, list(shown), key=key, format_func=shown.get, help=help, on_change=_take, args=(name, take))


def _take(name: str, take: Take) -> None:
    """The widget knows its options by their lines; where one has changed since it was drawn, it answers with it."""
    picked, known = st.session_state[f"set:{name}"], st.session_state[f"{name}_lines"]
    id = picked if picked in known.values() else known.get(picked)
    if id is not None:
        take(id)


def _apart(lines: Mapping[str, str]) -> dict[str, str]:
    """The lines by id, with the beginning of the id where two are equal: a widget answers with a line."""
    alike = Counter(lines.values())
    return {id: f"{line} · {id[:6]}" if alike[line] > 1 else line for id, line in lines.items()}
