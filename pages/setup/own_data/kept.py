"""Files and choices of this page, which a visit to another page does not lose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.words import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

#: Endings of files that hold a table, and of those that hold numbers.
FILES = ["csv", "tsv", "txt", "dat", "gz", "parquet", "xlsx", "fasta", "fa"]
NUMBERS = [*FILES, "npy", "npz", "safetensors", "h5", "hdf5"]
_PAGE = "own_data"
_FILES = "own:kept"
#: What the page asks for by other widgets than uploads and buttons, whose values Streamlit forgets on another page.
_CHOICES = "own:choice:"


def choices_stay(page: str) -> None:
    """Keep what was chosen while another page is shown."""
    if page != _PAGE:
        for key in [str(key) for key in st.session_state if str(key).startswith(_CHOICES)]:
            st.session_state[key] = st.session_state[key]


def one_file(label: str, kinds: Sequence[str], key: str, help: str) -> UploadedFile | None:
    """An upload, or the one from before the visit to another page."""
    files = _files(label, kinds, key, help, several=False)
    return files[0] if files else None


def files(label: str, kinds: Sequence[str], key: str, help: str) -> list[UploadedFile]:
    """Several uploads, as `one_file`."""
    return _files(label, kinds, key, help, several=True)


def _files(label: str, kinds: Sequence[str], key: str, help: str, *, several: bool) -> list[UploadedFile]:
    kept: dict[str, list[UploadedFile]] = st.session_state.setdefault(_FILES, {})

    def take() -> None:
        kept[key] = _as_list(st.session_state[key])

    now = st.file_uploader(label, kinds, accept_multiple_files=several, key=key, help=help, on_change=take)
    if now:
        kept[key] = _as_list(now)
    elif kept.get(key):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("From before: " + ", ".join(plain(file.name) for file in kept[key]))
            st.button(
                "Remove",
                key=f"own:remove:{key}",
                type="tertiary",
                icon=":material/close:",
                help="Takes the files of this field out of the form.",
                on_click=kept.pop,
                args=(key,),
            )
    return kept.get(key, [])


def _as_list(value: Any) -> list[UploadedFile]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
