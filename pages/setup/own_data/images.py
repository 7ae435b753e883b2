"""Your own data, images: a folder of IDX files is checked and made a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.catalog import adding
from mtbkd_core.catalog.adding_images import LONGEST_TITLE, import_images
from mtbkd_core.catalog.settings import change_task
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.spec import suggest_name
from pages.setup.own_data import checked
from pages.ui import link, navigation, owner
from pages.ui.jobs import training
from pages.ui.words import plain


def draw() -> None:
    """The form, and the task that it makes."""
    left, right = st.columns(2, gap="large")
    with left:
        folder = st.text_input(
            "Folder",
            key="own:images:folder",
            placeholder="/data/mnist",
            help="A folder on the machine that runs the app: with four IDX files, as MNIST, KMNIST, EMNIST and "
            "Fashion-MNIST have them; with MedMNIST's NPZ; or with a folder of pictures for each class, below train "
            "and test or by themselves. IDX files are not copied.",
        )
        prefix = st.text_input(
            "Prefix",
            key="own:images:prefix",
            placeholder="emnist-digits",
            help="How the names of its files begin. Needed only where the folder holds several sets, as EMNIST's does.",
        )
        transposed = st.toggle(
            "Turn the pictures",
            key="own:images:transposed",
            help="Mirrors each picture along its diagonal: EMNIST's lie on their side.",
        )
    with right:
        title = st.text_input(
            "Title",
            key="own:images:title",
            max_chars=LONGEST_TITLE,
            placeholder="My images",
            help="The task's name on the pages. Links use a short name made from the title.",
        )
        classes = st.text_input(
            "Classes",
            key="own:images:classes",
            placeholder="0, 1, 2, …",
            help="Names in the order of the labels, with commas between them. A name that holds a comma stands in "
            "double quotes. Empty: the labels' numbers.",
        )
    name = suggest_name(title)
    replaces = checked.may_replace(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        pressed = st.button(
            "Replace the task" if replaces else "Add this task",
            type="primary",
            icon=":material/add:",
            key="own:images:add",
            disabled=not (folder.strip() and name),
            help="Checks the files, chooses the task, and begins to train its teachers on this machine. Each "
            "takes minutes, once.",
        )
        checked.say_name(name, replaces, "Needs a folder, and a title with a letter or a digit.")
    if pressed:
        names = classes if classes.strip() else None
        about = {"title": title.strip(), "transposed": transposed, "prefix": prefix.strip(), "replaces": replaces}
        _add(name, folder.strip(), names, about)


def _add(name: str, folder: str, classes: str | None, about: dict[str, Any]) -> None:
    """Make the task, choose it, and begin to train its teachers; a problem is one line."""
    try:
        names = split_names(classes) if classes is not None else None
        with st.spinner("Checking the images…"):
            import_images(name, Path(folder), class_names=names, **about)
        adding.claim(name, owner.me())
        link.replace(change_task(link.draft(), name))
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return
    training.launch(name)
    st.switch_page(navigation.page("teachers"))
