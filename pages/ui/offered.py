"""A file of the chosen run to download."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui.chosen_run import Chosen


def offer(
    chosen: Chosen,
    label: str,
    content: bytes | str | Callable[[], bytes],
    ending: str,
    mime: str,
    *,
    key: str,
    icon: str,
    help: str,
    primary: bool = False,
) -> None:
    """The button. The file is called by the run and `ending`; the page is not run again.

    Args:
        content: what is in the file; a function is called when somebody asks for it.
        primary: whether the button stands out.
    """
    st.download_button(
        label,
        content,
        f"mtbkd-{chosen.view.id.replace(':', '-')}{ending}",
        mime,
        key=key,
        type="primary" if primary else "secondary",
        icon=icon,
        on_click="ignore",
        help=help,
    )
