"""What a person changed of the plane by hand: points added, moved and removed, and the shapes of its teachers.

The text is the playground's own (`mtbkd_core/browser/state.js`): parts joined by "_". "p" and five characters a point:
each coordinate in hundredths from -2.6 on, as two digits of base 36, and the class. "e" and seven characters a change:
the place of a drawn point in base 36, and the point, or "-----" where it is removed. "t", a teacher's place and its
numbers, each after a "*".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import FEWEST_LABELLED

BOUND = 2.6
MOST_POINTS = 300
#: teacher -> its numbers. An expert knows the points with direction . x above -reach: direction in degrees, reach.
#: The noisy one's noise, and the factor of the wrong one's logits, which make it surer than the truth.
SHAPES: Mapping[str, tuple[float, ...]] = {
    "north": (90.0, 0.3),
    "south-west": (210.0, 0.3),
    "south-east": (330.0, 0.3),
    "noisy": (1.0,),
    "confidently-wrong": (2.0,),
}
_LIMITS = {"noisy": ((0.0, 3.0),), "confidently-wrong": ((0.2, 5.0),)}
_LIMITS_OF_EXPERT = ((0.0, 360.0), (-1.0, 3.0))
_HUNDREDTHS, _GONE = 100, "-----"
_POINT = r"[0-9a-z]{4}[0-2]"
_PARTS = re.compile(rf"p(?:{_POINT})+|e(?:[0-9a-z]{{2}}(?:{_POINT}|{_GONE}))+|t\d(?:\*-?\d+(?:\.\d+)?)+")

Point = tuple[float, float, int]


@dataclass(frozen=True)
class PlaneChanges:
    """Changes of the plane.

    Attributes:
        added: points, each of two inputs and a class.
        edits: place of a drawn point -> the point in its stead, or None where it is removed. One beyond the last drawn
            point changes nothing.
        shapes: those of the teachers that differ from `SHAPES`.
    """

    added: tuple[Point, ...] = ()
    edits: Mapping[int, Point | None] = field(default_factory=dict)
    shapes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def applied(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Drawn points [N, 2] and their labels [N] with the changes: those that are left, in order, then those added.

        Raises:
            UserError: too few are left.
        """
        kept = [number for number in range(len(x)) if self.edits.get(number, ()) is not None]
        x, labels = x.clone(), labels.clone()
        for number, point in self.edits.items():
            if point is not None and number < len(x):
                x[number], labels[number] = torch.tensor(point[:2]).to(x), point[2]
        if len(kept) + len(self.added) < FEWEST_LABELLED:
            raise UserError(
                f"data.changes: {len(kept) + len(self.added)} points left; allowed: {FEWEST_LABELLED} or more"
            )
        more = torch.tensor([point[:2] for point in self.added]).to(x).reshape(-1, 2)
        classes = torch.tensor([point[2] for point in self.added]).to(labels)
        return torch.cat([x[kept], more]), torch.cat([labels[kept], classes])

    @property
    def points(self) -> list[Any]:
        """What determines the points, for a fingerprint; empty where they are as drawn."""
        return [list(self.added), sorted(self.edits.items())] if self.added or self.edits else []

    def in_words(self, titles: Mapping[str, str]) -> str:
        """What was changed, such as "2 points added, 1 removed, North expert changed"; "none" where nothing was.

        Args:
            titles: of the teachers, by name.
        """
        gone = sum(point is None for point in self.edits.values())
        counts = {"added": len(self.added), "moved or relabelled": len(self.edits) - gone, "removed": gone}
        parts = [f"{count} {what}" for what, count in counts.items() if count]
        if parts:
            noun = "point" if parts[0].startswith("1 ") else "points"
            parts[0] = parts[0].replace(" ", f" {noun} ", 1)
        if self.shapes:
            parts.append(f"{' and '.join(titles.get(name, name) for name in self.shapes)} changed")
        return ", ".join(parts) or "none"


def parse(text: str) -> PlaneChanges:
    """The changes that a text says.

    Raises:
        UserError: a part that says nothing, a point outside the plane, too many of them, a number that is not allowed.
    """
    added: list[Point] = []
    edits: dict[int, Point | None] = {}
    shapes: dict[str, tuple[float, ...]] = {}
    for part in filter(None, text.split("_")):
        if not _PARTS.fullmatch(part):
            raise UserError(f"data.changes: got {part[:40]!r}, which is no change of the plane")
        if part[0] == "p":
            added += [_point(piece) for piece in _pieces(part, 5)]
        elif part[0] == "e":
            edits |= {int(piece[:2], 36): _changed(piece[2:]) for piece in _pieces(part, 7)}
        else:
            shapes |= _shape(part)
    if max(len(added), len(edits)) > MOST_POINTS:
        raise UserError(f"data.changes: {max(len(added), len(edits))} points; allowed: at most {MOST_POINTS} of a kind")
    return PlaneChanges(tuple(added), edits, shapes)


def _pieces(part: str, width: int) -> list[str]:
    return [part[at : at + width] for at in range(1, len(part), width)]


def _point(piece: str) -> Point:
    """Five characters as a point; a `UserError` where it lies outside the plane."""
    x, y = (int(piece[at : at + 2], 36) / _HUNDREDTHS - BOUND for at in (0, 2))
    if max(x, y) > BOUND + 0.5 / _HUNDREDTHS:
        raise UserError(f"data.changes: the point {piece!r} lies outside the plane")
    return round(x, 2), round(y, 2), int(piece[4])


def _changed(piece: str) -> Point | None:
    return None if piece == _GONE else _point(piece)


def _shape(part: str) -> dict[str, tuple[float, ...]]:
    """A teacher and its numbers; nothing where they are those that it has anyway."""
    place, *texts = part[1:].split("*")
    if int(place) >= len(SHAPES):
        raise UserError(f"data.changes: got {part[:40]!r}; the plane has {len(SHAPES)} teachers")
    name = list(SHAPES)[int(place)]
    limits = _LIMITS.get(name, _LIMITS_OF_EXPERT)
    values = tuple(float(text) for text in texts)
    if len(values) != len(limits) or not all(
        low <= value <= high for value, (low, high) in zip(values, limits, strict=False)
    ):
        allowed = " and ".join(f"{low:g} to {high:g}" for low, high in limits)
        raise UserError(f"data.changes: got {part[:40]!r}; allowed for {name}: {allowed}")
    return {} if values == SHAPES[name] else {name: values}
