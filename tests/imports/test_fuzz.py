"""Mutated files and odd cells are read or refused in short lines; benchmarks/fuzz.py does many more."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from mtbkd_core import UserError
from mtbkd_core.imports.labels import read_labels
from mtbkd_core.imports.reading import read_table
from tests.imports.files import table_of

T = TypeVar("T")
CASES = 160
QUICKLY = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[str, bytes]]:
    return fuzz.sound_files()


def answer(ask: Callable[[], T]) -> T | None:
    """What a call gives; None where it refuses, in one line."""
    try:
        return ask()
    except UserError as error:
        problem = str(error)
    assert len(problem.splitlines()) == 1
    return None


def test_sound_files_of_every_kind_are_read(tmp_path: Path, files: dict[str, tuple[str, bytes]]) -> None:
    for chosen in files:
        assert fuzz.try_pair(tmp_path, chosen, files, lambda content: content) == "read", chosen


@pytest.mark.filterwarnings("ignore")  # the libraries' own, of files that are broken
def test_mutated_files_and_settings_are_read_or_refused(tmp_path: Path, files: dict[str, tuple[str, bytes]]) -> None:
    outcomes = [fuzz.try_case(tmp_path, case, 1, files) for case in range(CASES)]
    assert set(outcomes) == {"read", "refused"}


@QUICKLY
@given(st.lists(st.text(max_size=6), min_size=3, max_size=12), st.booleans())
def test_any_labels_have_a_class_or_none_or_are_refused(labels: list[str], unlabelled: bool) -> None:
    read = answer(lambda: read_labels(table_of("y", labels), "y", None, unlabelled=unlabelled))
    if read is None:
        return
    assert len(set(read.names)) == len(read.names) >= 2
    least = -1 if unlabelled or read.problems else 0
    assert np.isin(read.indices, range(least, len(read.names))).all()


@QUICKLY
@given(st.text(max_size=200))
def test_any_text_is_a_table_or_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, newline="", errors="replace")
    table = answer(lambda: read_table(path))
    assert table is None or all(len(table.texts(name)) == len(table) for name in table.names)
