"""Controls that edit one setting of the draft: each has its help; every value goes through `build_config`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import streamlit as st

from mtbkd_core.config.parse import settings
from pages.ui import link


def value_of(name: str) -> Any:
    """The draft's value of a setting by its dotted name."""
    value: Any = link.draft()
    for part in name.split("."):
        value = getattr(value, part)
    return value


def forget_on_another_page(page: str) -> None:
    """Let every control take its value from the draft anew once the page has changed.

    A control with the same key on two pages is two widgets to Streamlit: the second would begin at its own default,
    though the session still holds the first one's value.
    """
    if st.session_state.get("page") != page:
        st.session_state.page = page
        for key in [key for key in st.session_state if str(key).startswith("set:")]:
            del st.session_state[key]


def _seeded(name: str, value: Any) -> str:
    """The widget's key, holding the draft's value: the draft is the truth, whatever page or link it came from."""
    key = f"set:{name}"
    if st.session_state.get(key, _seeded) != value:
        st.session_state[key] = value
    return key


def _take(name: str, to_setting: Callable[[Any], Any]) -> None:
    link.change([(name, to_setting(st.session_state[f"set:{name}"]))])


def slider(name: str, label: str, low: float, high: float, step: float, *, unit: str = "", more_help: str = "") -> None:
    """A slider; it widens where the draft's value lies beyond its ends."""
    value = value_of(name)
    whole = isinstance(value, int) and isinstance(step, int)
    number = int if whole else float
    key = _seeded(name, number(value))
    st.slider(
        label,
        number(min(low, value)),
        number(max(high, value)),
        step=number(step),
        key=key,
        help=f"{settings()[name].help} {more_help}".strip() + (f" Unit: {unit}." if unit else ""),
        on_change=_take,
        args=(name, number),
    )


def number(name: str, label: str, low: float, high: float, step: float = 1, *, unit: str = "") -> None:
    """A number field; as a slider, it widens where the draft's value lies beyond its limits."""
    value = value_of(name)
    kind = int if isinstance(value, int) else float
    key = _seeded(name, kind(value))
    st.number_input(
        label,
        kind(min(low, value)),
        kind(max(high, value)),
        step=kind(step),
        key=key,
        help=settings()[name].help + (f" Unit: {unit}." if unit else ""),
        on_change=_take,
        args=(name, kind),
        format=None if kind is int else "%g",
    )


def switch(name: str, label: str) -> None:
    """A switch for a setting that is on or off."""
    key = _seeded(name, bool(value_of(name)))
    st.toggle(label, key=key, help=settings()[name].help, on_change=_take, args=(name, bool))


def text(name: str, label: str, placeholder: str) -> None:
    """A text field for a setting that is a list, or that may be left to the program (an empty field)."""
    value = value_of(name)
    listed = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).removesuffix(".0")
    shown = "" if value is None else listed
    key = _seeded(name, shown)
    st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        help=settings()[name].help,
        on_change=_take,
        args=(name, lambda entered: entered),
    )


def choice(name: str, label: str, options: Sequence[StrEnum], titles: dict[str, str]) -> None:
    """One of an enum's members, each with its line of help."""
    key = _seeded(name, value_of(name))
    lines = "\n".join(f"- **{titles[option]}**: {option.help}" for option in options)  # type: ignore[attr-defined]
    st.segmented_control(
        label,
        list(options),
        required=True,
        format_func=lambda option: titles[option],
        key=key,
        help=f"{settings()[name].help}\n\n{lines}",
        on_change=_take,
        args=(name, str),
    )


def per_teacher(
    name: str, label: str, titles: Sequence[str], low: float, high: float, step: float, *, neutral: float = 1.0
) -> None:
    """One slider a teacher for a setting with one number each; all at `neutral`: the setting is left alone."""
    count = len(titles)
    values = list(value_of(name) or (neutral,) * count)
    for index, title in enumerate(titles):
        key = _seeded(f"{name}:{index}", float(values[index]))
        st.slider(
            f"{label}: {title}",
            float(min(low, values[index])),
            float(max(high, values[index])),
            step=float(step),
            key=key,
            help=settings()[name].help,
            on_change=_take_one,
            args=(name, index, count, neutral),
        )


def _take_one(name: str, index: int, count: int, neutral: float) -> None:
    values = list(value_of(name) or (neutral,) * count)
    values[index] = float(st.session_state[f"set:{name}:{index}"])
    link.change([(name, None if all(value == neutral for value in values) else values)])
