"""The one list of pages, which the navigation and every link between pages use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

#: Below this address the server says how far a run is: see `live`.
LIVE_RUN = "live-run"
#: Below this address lie the modules of the playground, and the playground as one file.
MODULES = "browser"
OFFLINE_FILE = "mtbkd-playground.html"

_PAGES = Path(__file__).resolve().parents[1]


class _Page(NamedTuple):
    section: str
    file: str  # in `pages`
    title: str
    icon: str
    line: str  # what the page is for
    heading: str | None = None  # where it is not the title
    parameters: tuple[str, ...] = ()  # of the link, held by the page's own widgets


#: name -> what is known of a page before it is read
_KNOWN = {
    "playground": _Page(
        "Start",
        "start/playground/page.py",
        "Playground",
        ":material/joystick:",
        "Three classes on a plane where the truth is known. Move anything: 16 chains answer at once, in your browser.",
        parameters=("play",),
    ),
    "overview": _Page(
        "Start",
        "start/overview.py",
        "Overview",
        ":material/home:",
        "Several large teachers train one small student that knows how uncertain it is.",
        heading="MT-BKD Explorer",
    ),
    "teachers": _Page(
        "Set-up",
        "setup/teachers.py",
        "Teachers",
        ":material/school:",
        "Choose a task and its teachers. Every score on this page is on the test examples.",
        parameters=("shown", "class"),
    ),
    "own_data": _Page(
        "Set-up",
        "setup/own_data/page.py",
        "Your own data",
        ":material/upload_file:",
        "A table with its teachers' outputs, or a folder of images, becomes a task like any other, after a check.",
    ),
    "prior": _Page(
        "Set-up",
        "setup/prior/page.py",
        "Prior",
        ":material/tune:",
        "How the teachers are mixed before the student learns. Nothing is trained here: move a control.",
        parameters=("effect",),
    ),
    "distill": _Page(
        "Set-up",
        "setup/distill/page.py",
        "Distill",
        ":material/science:",
        "Distill a student from the teachers, and watch its posterior being sampled.",
    ),
    "reliability": _Page(
        "Results",
        "results/reliability/page.py",
        "Reliability",
        ":material/verified:",
        "Of the answers given with 80 % confidence, are 80 % right?",
        parameters=("shown", "class"),
    ),
    "influence": _Page(
        "Results",
        "results/influence/page.py",
        "Influence",
        ":material/call_split:",
        "Each teacher's share of the mixture at the student's predictions, and what changes with less of a teacher.",
        parameters=("class", "part", "train", "replicates", "score", "answer"),
    ),
    "uncertainty": _Page(
        "Results",
        "results/uncertainty.py",
        "Uncertainty",
        ":material/blur_on:",
        "How uncertain the student is about each example and each class.",
        parameters=("interval",),
    ),
    "shifts": _Page(
        "Results",
        "results/shifts/page.py",
        "Shifts",
        ":material/alt_route:",
        "Out-of-distribution and corrupted inputs: is the student less certain of them?",
        parameters=("corruption", "severity", "from", "foreign"),
    ),
    "compare": _Page(
        "Results",
        "results/compare/page.py",
        "Compare",
        ":material/balance:",
        "Is MT-BKD better than the baselines, by more than the errors?",
        parameters=("view", "seeds", "setting", "repeats", "scores", "runs"),
    ),
    "review": _Page(
        "Results",
        "results/review/page.py",
        "Review",
        ":material/gavel:",
        "Does this student meet what was required? Pass, fail or inconclusive, by intervals.",
        parameters=("asked", "late"),
    ),
    "watch": _Page(
        "Results",
        "results/watch/page.py",
        "Watch",
        ":material/visibility:",
        "Are new inputs still like those that the student was tested on? An alarm says when to retrain.",
        parameters=("inputs", "batch", "by"),
    ),
    "lessons": _Page(
        "Learn",
        "learn/lessons.py",
        "Lessons",
        ":material/cast_for_education:",
        "The method in a few steps each, on a posterior that moves. Guess first, then look.",
        parameters=("lesson", "step", "present", "play"),
    ),
    "coverage": _Page(
        "Learn",
        "learn/coverage.py",
        "Coverage",
        ":material/target:",
        "A 95 % interval should contain the truth 95 times in 100. Here the truth is known, so the page counts, and "
        "shows what entropy weights can protect against.",
        parameters=("points", "factor"),
    ),
    "samplers": _Page(
        "Learn",
        "learn/samplers.py",
        "Samplers",
        ":material/speed:",
        "All samplers explore the same posterior for the same time. Which one is nearest to an exact reference?",
        parameters=("posterior", "seconds"),
    ),
    "method": _Page(
        "Learn",
        "learn/method.py",
        "Method",
        ":material/menu_book:",
        "Multi-teacher Bayesian knowledge distillation in seven formulas.",
    ),
}


def names() -> list[str]:
    """The pages' names, which are also the last part of their addresses."""
    return list(_KNOWN)


def titles() -> dict[str, str]:
    """Name -> heading of every page."""
    return {name: known.heading or known.title for name, known in _KNOWN.items()}


def file(name: str) -> str:
    """The file of a page, in `pages`."""
    return _KNOWN[name].file


@cache
def parameters() -> frozenset[str]:
    """Parameters of the link that the widgets of some page hold."""
    return frozenset(name for known in _KNOWN.values() for name in known.parameters)


def page(name: str) -> st.Page:
    """A page, as the navigation, links and `st.switch_page` take it."""
    first = name == "overview"
    return _page(name, url_path="" if first else name, default=first)


def _page(name: str, **options: Any) -> st.Page:
    known = _KNOWN[name]
    return st.Page(_PAGES.joinpath(known.file), title=known.title, icon=known.icon, **options)


def sections() -> dict[str, list[st.Page]]:
    """The pages by section, in order, for `st.navigation`."""
    found: dict[str, list[st.Page]] = {}
    for name, known in _KNOWN.items():
        found.setdefault(known.section, []).append(page(name))
    # The first page's address is the app's own; whoever types its name finds it all the same.
    found[_KNOWN["overview"].section].append(_page("overview", url_path="overview", visibility="hidden"))
    return found


def link(name: str, label: str | None = None, parameters: Mapping[str, str] | None = None) -> None:
    """A link to another page; the draft, the run and the example go along, and what the page is to show."""
    known = _KNOWN[name]
    query = dict(parameters) if parameters else None
    st.page_link(page(name), label=label or known.title, icon=known.icon, query_params=query)


def note_results(address: str) -> None:
    """Keep in mind, for this session, that the chosen run's results are shown on the page with that address."""
    shows = _KNOWN[address or "overview"].section == "Results" or address in ("", "overview", "distill")
    if shows and address != "review" and st.session_state.run:
        results_seen().add(st.session_state.run)


def results_seen() -> set[str]:
    """Runs with results that were shown in this session."""
    seen: set[str] = st.session_state.setdefault("results_seen", set())
    return seen


def heading(address: str) -> None:
    """The title of the page with that address, and one line on what it is for."""
    known = _KNOWN[address or "overview"]
    with st.container(gap="xxsmall"):
        st.title(known.heading or known.title, anchor=False)
        st.caption(known.line)
