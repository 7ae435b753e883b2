"""Where the pages are: the one list that the navigation and every link between pages use."""

from __future__ import annotations

import streamlit as st

#: name -> (section, file from the app's folder, title, icon)
_PLACES = {
    "overview": ("Start", "pages/start/overview.py", "Overview", ":material/home:"),
    "teachers": ("Set-up", "pages/setup/teachers.py", "Teachers", ":material/school:"),
    "prior": ("Set-up", "pages/setup/prior.py", "Prior", ":material/tune:"),
    "distill": ("Set-up", "pages/setup/distill.py", "Distill", ":material/science:"),
    "reliability": ("Results", "pages/results/reliability.py", "Reliability", ":material/verified:"),
    "influence": ("Results", "pages/results/influence.py", "Influence", ":material/call_split:"),
    "uncertainty": ("Results", "pages/results/uncertainty.py", "Uncertainty", ":material/blur_on:"),
    "method": ("Learn", "pages/learn/method.py", "Method", ":material/menu_book:"),
}


def sections() -> dict[str, list[st.Page]]:
    """The pages by section, in order, for `st.navigation`."""
    found: dict[str, list[st.Page]] = {}
    for name, (section, path, title, icon) in _PLACES.items():
        page = st.Page(path, title=title, icon=icon, url_path=name, default=name == "overview")
        found.setdefault(section, []).append(page)
    return found


def path(name: str) -> str:
    """The file of a page, as `st.switch_page` takes it."""
    return _PLACES[name][1]


def link(name: str, label: str | None = None) -> None:
    """A link to another page; the draft, the run and the example go along."""
    _, file, title, icon = _PLACES[name]
    st.page_link(file, label=label or title, icon=icon)


def heading(name: str, line: str, title: str | None = None) -> None:
    """The title of a page and one line on what it is for."""
    st.title(title or _PLACES[name][2], anchor=False)
    st.caption(line)
