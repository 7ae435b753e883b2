"""Whose a visitor's runs are: the browser's key, or who has logged in; nobody's where one person has the server.

Folders hold a hash of it, so who reads them cannot pass for an owner.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mtbkd_core.common import owners
from mtbkd_core.common.files import content_hash
from mtbkd_core.runs.job import V
from pages.ui import visitor


def me() -> str | None:
    """Who the visitor is; None where one person has the server to himself.

    That is a server on 127.0.0.1 that is asked from there and no proxy, where nobody logs in.
    """
    user = st.user.to_dict()
    named = user.get("is_logged_in") or st.get_option("server.trustedUserHeaders")
    if named and (name := user.get("sub") or user.get("email")):
        return content_hash("login", str(user.get("iss", "")), str(name))
    if "is_logged_in" not in user and visitor.is_local(st.context.headers.to_dict()):
        return None
    key = visitor.key_in(st.context.cookies.to_dict())
    if key is None:  # a browser that takes no cookies: for as long as the page is open
        key = st.session_state.setdefault("owner_key", visitor.new_key())
    return content_hash("browser", key)


def is_mine(view: V) -> bool:
    """Whether the visitor has launched a job, or has the server to himself."""
    return (by := me()) is None or by in view.owners


def is_shared(view: V) -> bool:
    """Whether a job of the visitor's has other owners, too."""
    return me() in view.owners and len(view.owners) > 1


def may_change(view: V) -> bool:
    """Whether the visitor may stop or rename a job."""
    return owners.may_change(view.owners, me())


def listed(views: Sequence[V], asked: str | None = None) -> list[V]:
    """One's own jobs first, then the one that a link asks for, and others' where the visitor wants to see them."""
    if (by := me()) is None:
        return list(views)
    mine = [view for view in views if by in view.owners]
    others = [view for view in views if by not in view.owners]
    st.session_state.there_are_others = bool(others) or st.session_state.get("there_are_others", False)
    everything = st.session_state.get("set:others", False)
    return mine + [view for view in others if everything or view.id == asked]


def draw() -> None:
    """What a server that several people use asks of each: whether to list others' jobs, and to log in where that is."""
    if st.session_state.get("there_are_others"):
        st.toggle(
            "List others' runs",
            key="set:others",
            help="Runs and studies that other people on this server launched are listed after yours. You can look at "
            "them, and launch the same settings yourself; only their owners stop, rename and delete them.",
        )
    user = st.user.to_dict()
    if user.get("is_logged_in"):
        st.button("Log out", type="tertiary", icon=":material/logout:", help="Leave this server.", on_click=st.logout)
    elif "is_logged_in" in user:
        st.button("Log in", type="tertiary", icon=":material/login:", help="Find your runs again.", on_click=st.login)
