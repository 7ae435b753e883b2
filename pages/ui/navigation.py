"""Where the pages are: the one list that the navigation and every link between pages use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import streamlit as st

#: Below this address the server says how far a run is: see `live`.
LIVE_RUN = "live-run"

_PAGES = Path(__file__).resolve().parents[1]


class _Place(NamedTuple):
    section: str
    file: str  # in `pages`
    title: str
    icon: str
    line: str  # on what the page is for
    heading: str | None = None  # where it is not the title


#: name -> what is known of a page before it is read
_PLACES = {
    "overview": _Place(
        "Start",
        "start/overview.py",
        "Overview",
        ":material/home:",
        "Several large teachers, one small student that knows what it does not know.",
        heading="MT-BKD Explorer",
    ),
    "teachers": _Place(
        "Set-up",
        "setup/teachers.py",
        "Teachers",
        ":material/school:",
        "Choose what is learned and who teaches it. Every number here is on the test examples.",
    ),
    "own_data": _Place(
        "Set-up",
        "setup/own_data/page.py",
        "Your own data",
        ":material/upload_file:",
        "A table with its teachers' outputs, or a folder of images, becomes a task like any other, after a check.",
    ),
    "prior": _Place(
        "Set-up",
        "setup/prior.py",
        "Prior",
        ":material/tune:",
        "How the teachers are mixed before anything is learned. Nothing is trained here: move a control.",
    ),
    "distill": _Place(
        "Set-up",
        "setup/distill/page.py",
        "Distill",
        ":material/science:",
        "Distill a student from the teachers, and watch its posterior being sampled.",
    ),
    "reliability": _Place(
        "Results",
        "results/reliability/page.py",
        "Reliability",
        ":material/verified:",
        "Of the answers given with 80 % confidence, are 80 % right?",
    ),
    "influence": _Place(
        "Results",
        "results/influence/page.py",
        "Influence",
        ":material/call_split:",
        "Which teacher explains the student, and who pulled it where.",
    ),
    "uncertainty": _Place(
        "Results",
        "results/uncertainty.py",
        "Uncertainty",
        ":material/blur_on:",
        "What the student does not know, and says so.",
    ),
    "shifts": _Place(
        "Results",
        "results/shifts/page.py",
        "Shifts",
        ":material/alt_route:",
        "Inputs from elsewhere and inputs that get worse: is the student less sure of them?",
    ),
    "compare": _Place(
        "Results",
        "results/compare/page.py",
        "Compare",
        ":material/balance:",
        "Is it better than the others, and is the difference more than chance?",
    ),
    "coverage": _Place(
        "Learn",
        "learn/coverage.py",
        "Coverage",
        ":material/target:",
        "What the weights can and can't protect against. An interval of 95 % should hold the truth 95 times in 100: "
        "here the truth is known, so that can be counted.",
    ),
    "samplers": _Place(
        "Learn",
        "learn/samplers.py",
        "Why this sampler",
        ":material/flag:",
        "All samplers walk through the same posterior. Let them race: who is near the truth after how many seconds?",
    ),
    "method": _Place(
        "Learn",
        "learn/method.py",
        "Method",
        ":material/menu_book:",
        "Multi-teacher Bayesian knowledge distillation, in seven formulas.",
    ),
}


def names() -> list[str]:
    """The pages' names, which are also the last part of their addresses."""
    return list(_PLACES)


def page(name: str) -> st.Page:
    """A page, as the navigation, links and `st.switch_page` take it."""
    place = _PLACES[name]
    first = name == "overview"
    return st.Page(
        _PAGES / place.file, title=place.title, icon=place.icon, url_path="" if first else name, default=first
    )


def sections() -> dict[str, list[st.Page]]:
    """The pages by section, in order, for `st.navigation`."""
    found: dict[str, list[st.Page]] = {}
    for name, place in _PLACES.items():
        found.setdefault(place.section, []).append(page(name))
    # The first page's address is the app's own; whoever types its name finds it all the same.
    first = _PLACES["overview"]
    hidden = st.Page(_PAGES / first.file, title=first.title, icon=first.icon, url_path="overview", visibility="hidden")
    found[first.section].append(hidden)
    return found


def link(name: str, label: str | None = None, parameters: Mapping[str, str] | None = None) -> None:
    """A link to another page; the draft, the run and the example go along, and what the page is to show."""
    place = _PLACES[name]
    query = dict(parameters) if parameters else None
    st.page_link(page(name), label=label or place.title, icon=place.icon, query_params=query)


def heading(address: str) -> None:
    """The title of the page with that address, and one line on what it is for."""
    place = _PLACES[address or "overview"]
    st.title(place.heading or place.title, anchor=False)
    st.caption(place.line)
