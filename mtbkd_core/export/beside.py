"""A student's size and time beside its teachers', in a sentence: what it saves, and where it saves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mtbkd_core.export.draws import bytes_text

#: A time or a size within this factor of another is not told from it: times on a busy machine differ that much.
_ALIKE = 1.25


#: Bytes, and milliseconds for one input and for a thousand; None where they are not known.
Sized = tuple[float | None, float | None, float | None]


def beside_teachers(own: Sized, teachers: Sequence[Sized]) -> str:
    """How a student's size and time stand to its teachers'; "" where neither is known.

    The time is that of one input, or of a thousand where the former is known of no teacher.
    """
    sizes, ones, thousands = (_known([each[place] for each in teachers]) for place in range(3))
    size, one, thousand = own
    begin, time, times = ("For one input", one, ones) if ones else ("For 1,000 inputs", thousand, thousands)
    parts = [
        _beside("The file is", ("larger", "smaller"), size, sizes, bytes_text),
        _beside(f"{begin} it is", ("slower", "faster"), time, times, _milliseconds),
    ]
    if len(teachers) > 1 and all(
        each is not None and others and each > _ALIKE * sum(others) for each, others in ((size, sizes), (time, times))
    ):
        parts.append("Beside all its teachers together it saves neither size nor time.")
    return " ".join(part for part in parts if part)


def _known(values: Sequence[float | None]) -> list[float]:
    return [each for each in values if each is not None]


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
