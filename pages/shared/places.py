"""Where the pages are: the one list that the navigation and every link between pages use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

_PAGES = Path(__file__).resolve().parents[1]

#: name -> (section, file in `pages`, title, icon)
_PLACES = {
    "overview": ("Start", "start/overview.py", "Overview", ":material/home:"),
    "teachers": ("Set-up", "setup/teachers.py", "Teachers", ":material/school:"),
    "own_data": ("Set-up", "setup/own_data.py", "Your own data", ":material/upload_file:"),
    "prior": ("Set-up", "setup/prior.py", "Prior", ":material/tune:"),
    "distill": ("Set-up", "setup/distill.py", "Distill", ":material/science:"),
    "reliability": ("Results", "results/reliability.py", "Reliability", ":material/verified:"),
    "influence": ("Results", "results/influence.py", "Influence", ":material/call_split:"),
    "uncertainty": ("Results", "results/uncertainty.py", "Uncertainty", ":material/blur_on:"),
    "shifts": ("Results", "results/shifts.py", "Shifts", ":material/alt_route:"),
    "compare": ("Results", "results/compare.py", "Compare", ":material/balance:"),
    "coverage": ("Learn", "learn/coverage.py", "Coverage", ":material/target:"),
    "samplers": ("Learn", "learn/samplers.py", "Why this sampler", ":material/flag:"),
    "method": ("Learn", "learn/method.py", "Method", ":material/menu_book:"),
}


def names() -> list[str]:
    """The pages' names, which are also the last part of their addresses."""
    return list(_PLACES)


def page(name: str) -> st.Page:
    """A page, as the navigation, links and `st.switch_page` take it."""
    _, file, title, icon = _PLACES[name]
    first = name == "overview"
    return st.Page(_PAGES / file, title=title, icon=icon, url_path="" if first else name, default=first)


def sections() -> dict[str, list[st.Page]]:
    """The pages by section, in order, for `st.navigation`."""
    found: dict[str, list[st.Page]] = {}
    for name, (section, *_) in _PLACES.items():
        found.setdefault(section, []).append(page(name))
    # The first page's address is the app's own; whoever types its name finds it all the same.
    section, file, title, icon = _PLACES["overview"]
    found[section].append(st.Page(_PAGES / file, title=title, icon=icon, url_path="overview", visibility="hidden"))
    return found


def link(name: str, label: str | None = None, parameters: Mapping[str, str] | None = None) -> None:
    """A link to another page; the draft, the run and the example go along, and what the page is to show."""
    _, _, title, icon = _PLACES[name]
    st.page_link(page(name), label=label or title, icon=icon, query_params=dict(parameters) if parameters else None)


def heading(name: str, line: str, title: str | None = None) -> None:
    """The title of a page and one line on what it is for."""
    st.title(title or _PLACES[name][2], anchor=False)
    st.caption(line)
