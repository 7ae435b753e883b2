"""A student's size and time beside its teachers', in a sentence: what it saves, and where it saves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mtbkd_core.export.draws import bytes_text

#: A time or a size within this factor of another is not told from it: times on a busy machine differ that much.
_ALIKE = 1.25


def beside_teachers(size: int | None, one: float | None, teachers: Sequence[tuple[int | None, float | None]]) -> str:
    """How a student's bytes and milliseconds for one input stand to its teachers'; "" where neither is known.

    Args:
        teachers: bytes and milliseconds of each; what is not known is left out.
    """
    sizes = [each for each, _ in teachers if each is not None]
    times = [each for _, each in teachers if each is not None]
    parts = [
        _beside("The file is", ("larger", "smaller"), size, sizes, bytes_text),
        _beside("For one input it is", ("slower", "faster"), one, times, _milliseconds),
    ]
    if len(teachers) > 1 and size and one and sizes and times and size > _ALIKE * sum(sizes) and one > sum(times):
        parts.append("Beside all its teachers together it saves neither size nor time.")
    return " ".join(part for part in parts if part)


def _beside(
    begin: str, words: tuple[str, str], own: float | None, others: Sequence[float], text: Callable[[float], str]
) -> str:
    if own is None or not others:
        return ""
    more, less = words
    least, most, together = min(others), max(others), sum(others)
    whom = "its teacher" if len(others) == 1 else f"each of its {len(others)} teachers"
    against = f"{text(own)} against {text(most) if least == most else f'{text(least)} to {text(most)}'}"
    above = sum(own > _ALIKE * each for each in others)
    if own > _ALIKE * most:
        said = f"{more} than {whom}"
    elif own * _ALIKE < least:
        said = f"{less} than {whom}"
    elif above:
        said = f"{more} than {above} of its {len(others)} teachers"
    else:
        said = f"not clearly {more} than {'its teacher' if len(others) == 1 else 'any of its teachers'}"
    said += f": {against}"
    if len(others) > 1:
        said += f" ({text(together)} for all together)"
    return f"{begin} {said}."


def _milliseconds(value: float) -> str:
    return f"{value:.2g} ms" if value < 10 else f"{value:,.0f} ms"
