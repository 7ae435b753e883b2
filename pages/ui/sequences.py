"""A protein as a person reads it: accession, location, and its sequence with the parts that the descriptors use."""

from __future__ import annotations

import html

import streamlit as st

from mtbkd_core import Task
from mtbkd_core.proteins.annotation import Stretch, signals_of, stretches
from mtbkd_core.proteins.descriptors import SIGNALS, WINDOWS
from pages.ui.words import plain

_STYLE = (
    "<style>.sequence {font-family:monospace; font-size:.8rem; line-height:1.55; overflow-wrap:anywhere;"
    " max-height:11rem; overflow-y:auto; border:1px solid rgba(128,134,145,.35); border-radius:.4rem;"
    " padding:.4rem .6rem}"
    " .sequence .window {background:rgba(128,134,145,.16)} .sequence .other {background:rgba(128,134,145,.34)}"
    " .sequence .signal {font-weight:700; text-decoration:underline; text-decoration-thickness:2px;"
    " text-underline-offset:2px}</style>"
)
#: Two shades in turn, so that neighbouring windows differ.
_SHADES = {window.title: ("window", "other")[number % 2] for number, window in enumerate(WINDOWS)}


def name(task: Task, index: int, part: str = "test") -> str:
    """A protein's accession, or its number where it has none."""
    assert task.proteins is not None
    return task.proteins.accessions[part][index] or f"protein {index}"


def show(task: Task, index: int, *, part: str = "test", caption: str = "") -> None:
    """Draw one protein with a caption under its name."""
    assert task.proteins is not None
    sequence = task.proteins.sequences[part][index]
    accession = name(task, index, part)
    found = signals_of(sequence)
    st.markdown(f"**{plain(accession)}** · {len(sequence):,} residues  \n{caption}")
    pieces = "".join(_piece(stretch) for stretch in stretches(sequence))
    st.html(
        f'{_STYLE}<div class="sequence" role="img" aria-label="Sequence of {html.escape(accession)}">{pieces}</div>'
    )
    signals = "; ".join(SIGNALS[key][0] for key in found)
    st.caption(
        f"Signals found: {signals}." if found else "No known signal found.",
        help="Shaded: windows at both ends; the student sees the composition of each. Underlined: matches of known "
        "signal patterns, which the student sees too; not every match is a signal. Point at a residue for its parts.",
    )


def _piece(stretch: Stretch) -> str:
    notes = [*([stretch.window] if stretch.window else []), *(SIGNALS[key][0] for key in stretch.signals)]
    shade = "" if stretch.window is None else _SHADES[stretch.window]
    classes = " ".join([*([shade] if shade else []), *(["signal"] if stretch.signals else [])])
    where = f"from residue {stretch.start}" + (f": {'; '.join(notes)}" if notes else "")
    return f'<span class="{classes}" title="{html.escape(where)}">{html.escape(stretch.text)}</span>'
