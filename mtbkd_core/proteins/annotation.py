"""Annotation of one sequence: the windows of the descriptors at its ends, and the sorting signals in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from mtbkd_core.proteins.descriptors import SIGNALS, WINDOWS


@dataclass(frozen=True)
class Stretch:
    """Neighbouring residues with the same annotation.

    Attributes:
        text: the residues.
        start: position of the first one, from 1.
        window: title of the window that they lie in; None outside of all windows.
        signals: short names, as in `SIGNALS`, of the signals that they are part of.
    """

    text: str
    start: int
    window: str | None
    signals: tuple[str, ...]


def signals_of(sequence: str) -> dict[str, list[tuple[int, int]]]:
    """Short name -> (start, stop) from 0 of each match of a signal; only signals that are found."""
    found = {name: [match.span() for match in re.finditer(pattern, sequence)] for name, (_, pattern) in SIGNALS.items()}
    return {name: places for name, places in found.items() if places}


def stretches(sequence: str) -> list[Stretch]:
    """The whole sequence in pieces, from start to end.

    Where windows overlap, as in a sequence shorter than both ends, the first of `WINDOWS` counts.
    """
    places = range(len(sequence))
    windows: list[str | None] = [None] * len(sequence)
    for window in reversed(WINDOWS):
        for place in places[window.start : window.stop]:
            windows[place] = window.title
    signals: list[tuple[str, ...]] = [()] * len(sequence)
    for name, spans in signals_of(sequence).items():
        for start, stop in spans:
            for place in range(start, stop):
                if name not in signals[place]:
                    signals[place] += (name,)
    pieces = []
    for (window, names), residues in groupby(places, key=lambda place: (windows[place], signals[place])):
        own = list(residues)
        pieces.append(Stretch(sequence[own[0] : own[-1] + 1], own[0] + 1, window, names))
    return pieces
