"""What the descriptors see of one sequence: the windows at its ends, and the sorting signals that it has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtbkd_core.proteins.descriptors import SIGNALS, WINDOWS


@dataclass(frozen=True)
class Stretch:
    """Neighbouring residues that are marked alike.

    Attributes:
        text: the residues.
        start: the first one's place, from 1.
        window: title of the window that they lie in; None outside of all, where they count in the whole alone.
        signals: short names, as in `SIGNALS`, of the signals that they are part of.
    """

    text: str
    start: int
    window: str | None
    signals: tuple[str, ...]


def signals_of(sequence: str) -> dict[str, list[tuple[int, int]]]:
    """Short name -> (start, stop) from 0 of each place where a signal is found; only those that are there."""
    found = {name: [match.span() for match in re.finditer(pattern, sequence)] for name, (_, pattern) in SIGNALS.items()}
    return {name: places for name, places in found.items() if places}


def stretches(sequence: str) -> list[Stretch]:
    """The sequence in pieces, from start to end; together they are all of it.

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
    first = 0
    for place in range(1, len(sequence) + 1):
        if place < len(sequence) and (windows[place], signals[place]) == (windows[first], signals[first]):
            continue
        pieces.append(Stretch(sequence[first:place], first + 1, windows[first], signals[first]))
        first = place
    return pieces
