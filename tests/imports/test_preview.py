"""The first rows of a table, and what its columns probably are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.imports.preview import preview, teacher_name
from tests.imports.files import CLASSES, write_table
from tests.imports.test_reading import broken_parquet


def test_columns_are_found_by_their_names_and_cells(tmp_path: Path) -> None:
    seen = preview(write_table(tmp_path / "t.csv"))
    assert (seen.label, seen.sequence, seen.accession, seen.classes) == ("Label", "Sequence", "ACC", CLASSES)
    assert len(seen.head["ACC"]) == 20


@pytest.mark.parametrize("seed", range(8))
def test_classes_are_the_longest_run_of_columns_with_one_1_in_each_row(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.integers(0, 2, (3, 12))
    place = random.integers(0, 8)
    cells[:, place : place + 4] = np.eye(4, dtype=int)[random.integers(0, 4, 3)]
    names = [f"c{number}" for number in range(12)]
    pd.DataFrame(cells, columns=names).to_csv(tmp_path / "t.csv", index=False)
    spans = [(start, end) for start in range(12) for end in range(start + 2, 13)]
    start, end = max(
        (span for span in spans if (cells[:, span[0] : span[1]].sum(1) == 1).all()), key=lambda span: span[1] - span[0]
    )
    assert preview(tmp_path / "t.csv").classes == tuple(names[start:end])


def test_columns_that_cannot_be_read_hide_no_others(tmp_path: Path) -> None:
    seen = preview(broken_parquet(tmp_path))
    assert seen.numbers == ("a",)
    assert seen.head["b"] == ["…", "…"]


def test_a_teacher_has_the_name_of_its_file() -> None:
    assert [teacher_name(name) for name in ("esm2_650m_logits.csv", "ProtT5.npz", "_.csv")] == [
        "esm2-650m",
        "prott5",
        "teacher",
    ]
