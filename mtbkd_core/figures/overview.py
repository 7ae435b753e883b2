"""The method in one picture, as drawings with the page's ink and the teachers' hues."""

from __future__ import annotations

from math import exp

from mtbkd_core.figures.theme import PALETTE

_TEACHERS = (("Teacher A", -1.15, 0.62), ("Teacher B", 1.0, 0.55), ("Teacher C", 0.15, 0.8))
_GRID = [-3 + 6 * index / 60 for index in range(61)]
_WIDTH, _HEIGHT = 240, 170


def _bump(centre: float, width: float, height: float = 1.0) -> list[float]:
    return [height * exp(-0.5 * ((x - centre) / width) ** 2) for x in _GRID]


def _path(values: list[float], left: float, base: float, width: float, height: float, *, closed: bool) -> str:
    step = width / (len(values) - 1)
    points = " L".join(f"{left + index * step:.1f} {base - height * value:.1f}" for index, value in enumerate(values))
    return f"M{points}" + (f" L{left + width} {base} L{left} {base} Z" if closed else "")


def _teachers() -> str:
    parts = []
    for row, (name, centre, width) in enumerate(_TEACHERS):
        top, shade = 8 + 54 * row, PALETTE[row]
        parts.append(
            f'<rect x="8" y="{top}" width="200" height="44" rx="8" fill="{shade}" fill-opacity="0.1"/>'
            f'<circle cx="28" cy="{top + 22}" r="6" fill="{shade}"/>'
            f'<text x="44" y="{top + 26.5}" font-size="15" fill="currentColor">{name}</text>'
            f'<path d="{_path(_bump(centre, width), 124, top + 36, 72, 28, closed=True)}" fill="{shade}" '
            'fill-opacity="0.4"/>'
        )
    return "".join(parts)


def _prior() -> str:
    heap = [sum(values) for values in zip(*(_bump(centre, width, 0.5) for _, centre, width in _TEACHERS), strict=True)]
    parts = [
        f'<path d="{_path(_bump(centre, width, 0.5), 8, 150, 200, 125, closed=True)}" fill="{PALETTE[row]}" '
        f'fill-opacity="0.22" stroke="{PALETTE[row]}" stroke-width="1.4"/>'
        for row, (_, centre, width) in enumerate(_TEACHERS)
    ]
    parts.append(
        f'<path d="{_path(heap, 8, 150, 200, 125, closed=False)}" fill="none" stroke="currentColor" '
        'stroke-width="2.2"/>'
    )
    return "".join(parts) + _FLOOR


def _posterior() -> str:
    shapes = ((-0.2, 0.8), (0.22, 1.05), (0.01, 0.92), (0.35, 0.72), (-0.08, 1.12), (0.13, 1.2))
    parts = [
        f'<path d="{_path(_bump(centre, 0.55 + 0.04 * row, height), 8, 150, 200, 108, closed=False)}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.45" stroke-width="1.5"/>'
        for row, (centre, height) in enumerate(shapes)
    ]
    return "".join(parts) + _FLOOR


def _uncertainty() -> str:
    parts = []
    for row, (label, low, high, middle) in enumerate(
        (("3", 0.5, 0.9, 0.74), ("5", 0.07, 0.4, 0.2), ("8", 0.02, 0.13, 0.06))
    ):
        y = 34 + 50 * row
        parts.append(
            f'<text x="10" y="{y + 5}" font-size="15" font-weight="600" fill="currentColor">{label}</text>'
            f'<path d="M34 {y} h180" stroke="currentColor" stroke-opacity="0.15"/>'
            f'<path d="M{34 + 180 * low:.0f} {y} H{34 + 180 * high:.0f}" stroke="currentColor" stroke-opacity="0.4" '
            'stroke-width="10" stroke-linecap="round"/>'
            f'<circle cx="{34 + 180 * middle:.0f}" cy="{y}" r="6" fill="currentColor"/>'
        )
    return "".join(parts)


_FLOOR = '<path d="M8 150 h200" stroke="currentColor" stroke-opacity="0.3"/>'
_ARROW = (
    '<path d="M217 85 h18 m-6 -6 l6 6 l-6 6" fill="none" stroke="currentColor" stroke-opacity="0.5" stroke-width="1.6" '
    'stroke-linecap="round" stroke-linejoin="round"/>'
)


def method_picture() -> str:
    """Teachers, mixture prior, posterior over students, uncertainty: four drawings that wrap on a narrow page."""
    panels = (
        ("Teachers", "each an expert in a part", _teachers() + _ARROW),
        ("Prior", "weighted by certainty", _prior() + _ARROW),
        ("Posterior", "many small students, not one", _posterior() + _ARROW),
        ("Uncertainty", "every answer with its interval", _uncertainty()),
    )
    drawn = "".join(
        f'<div style="padding:.25rem .5rem"><div style="font-weight:650">{title}</div>'
        f'<svg role="img" aria-label="{title}: {line}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'style="width:100%;height:auto;display:block;margin:.35rem 0 .1rem">{picture}</svg>'
        f'<div style="font-size:.85rem;opacity:.7">{line}</div></div>'
        for title, line, picture in panels
    )
    return (
        f'<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(9.3rem,1fr));gap:.75rem">{drawn}</div>'
    )
