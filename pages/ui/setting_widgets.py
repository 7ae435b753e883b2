"""Controls that edit one setting of the draft: described in `config/`, checked by `build_config`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from mtbkd_core.config import parse
from mtbkd_core.config.choices import Choice
from mtbkd_core.config.fields import Setting
from mtbkd_core.config.parse import settings
from pages.ui import link
from pages.ui.glossary import explained
from pages.ui.words import plain

#: Settings by their dotted names, and their new values.
Changes = Sequence[tuple[str, Any]]


def value_of(name: str) -> Any:
    """The draft's value of a setting by its dotted name."""
    return parse.value_of(link.draft(), name)


def forget_on_another_page(page: str) -> None:
    """Let every control take its value from the draft anew once the page has changed.

    A control with the same key on two pages is two widgets to Streamlit: the second would begin at its own default,
    though the session still holds the first one's value.
    """
    if st.session_state.get("page") != page:
        st.session_state.page = page
        for key in [key for key in st.session_state if str(key).startswith("set:")]:
            del st.session_state[key]


def seeded(name: str, value: Any) -> str:
    """The widget's key, holding the draft's value: the draft is the truth, whatever page or link it came from."""
    key = f"set:{name}"
    if st.session_state.get(key, seeded) != value:
        st.session_state[key] = value
    return key


def control(name: str, **exceptions: Any) -> None:
    """The control that suits a setting's value; nothing where the setting does not matter under the draft.

    Args:
        exceptions: what differs here from the setting's description, for the control that is drawn.
    """
    if not settings()[name].matters(link.draft()):
        return
    if settings()[name].placeholder:
        return text(name, **exceptions)
    value = value_of(name)
    kinds = {Choice: choice, bool: switch, int: number, float: number}
    next(draw for kind, draw in kinds.items() if isinstance(value, kind))(name, **exceptions)


def slider(name: str, *, high: float | None = None, beside: Callable[[], Changes] = list) -> None:
    """A slider over the setting's range; it widens where the draft's value lies beyond.

    Args:
        high: an upper end in place of the setting's.
        beside: what else changes with it.
    """
    about, value = settings()[name], value_of(name)
    kind = type(value)
    st.slider(
        about.label,
        kind(min(about.low, value)),
        kind(max(about.high if high is None else high, value)),
        step=kind(about.step),
        key=seeded(name, value),
        help=_help(about),
        on_change=_take,
        args=(name, kind, beside),
    )


def number(name: str, *, label: str | None = None, high: float | None = None, step: float | None = None) -> None:
    """A number field; as a slider, it widens where the draft's value lies beyond its limits."""
    about, value = settings()[name], value_of(name)
    kind = type(value)
    st.number_input(
        label or about.title,
        kind(min(about.low, value)),
        kind(max(about.high if high is None else high, value)),
        step=kind(step or about.step),
        key=seeded(name, value),
        help=_help(about),
        on_change=_take,
        args=(name, kind),
        format=None if kind is int else "%g",
    )


def switch(name: str) -> None:
    """A switch for a setting that is on or off."""
    about = settings()[name]
    st.toggle(about.title, key=seeded(name, value_of(name)), help=_help(about), on_change=_take, args=(name, bool))


def text(name: str, *, label: str | None = None, placeholder: str | None = None) -> None:
    """A text field for a setting that is a list, or that may be left to the program (an empty field)."""
    about, value = settings()[name], value_of(name)
    listed = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).removesuffix(".0")
    st.text_input(
        label or about.title,
        key=seeded(name, "" if value is None else listed),
        placeholder=placeholder or about.placeholder,
        help=_help(about),
        on_change=_take,
        args=(name, str),
    )


def choice(name: str, *, options: Sequence[Choice] | None = None) -> None:
    """One of a setting's kinds, each with its line of help; `options` where not all of them can be chosen."""
    about, value = settings()[name], value_of(name)
    kind = type(value)
    offered = list(kind if options is None else options)
    st.segmented_control(
        about.title,
        offered,
        required=True,
        format_func=lambda option: kind(option).title,  # a member, or its value as text
        key=seeded(name, value),
        help="\n".join([f"{_help(about)}\n", *(f"- **{option.title}**: {option.help}" for option in offered)]),
        on_change=_take,
        args=(name, str),
    )


def per_teacher(name: str, titles: Sequence[str], *, neutral: float = 1.0) -> None:
    """One slider a teacher for a setting with one number each; all at `neutral`: the setting is left alone."""
    about = settings()[name]
    values = _numbers(name, len(titles), neutral)
    for index, (title, value) in enumerate(zip(titles, values, strict=True)):
        st.slider(
            f"{about.title}: {plain(title)}",
            float(min(about.low, value)),
            float(max(about.high, value)),
            step=float(about.step),
            key=seeded(f"{name}:{index}", float(value)),
            help=_help(about),
            on_change=_take_one,
            args=(name, index, len(titles), neutral),
        )


def _help(about: Setting) -> str:
    return explained(about.title, about.help + (f" Unit: {about.unit}." if about.unit else ""))


def _take(name: str, to_setting: Callable[[Any], Any], beside: Callable[[], Changes] = list) -> None:
    link.change([(name, to_setting(st.session_state[f"set:{name}"])), *beside()])


def _numbers(name: str, count: int, neutral: float) -> list[float]:
    return list(value_of(name) or [neutral for _ in range(count)])


def _take_one(name: str, index: int, count: int, neutral: float) -> None:
    values = _numbers(name, count, neutral)
    values[index] = float(st.session_state[f"set:{name}:{index}"])
    link.change([(name, None if all(value == neutral for value in values) else values)])
