"""The features of a table's rows: descriptors of sequences, a protein model's outputs, or numbers from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports.matrix import LARGEST, check_size, read_matrix
from mtbkd_core.imports.order import check_order, first_missing
from mtbkd_core.imports.reading import Places, TextTable, count_of, is_number, no_number, number
from mtbkd_core.proteins.features import described


def from_sequences(
    table: TextTable, column: str, model: str | None, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> Tensor:
    """Features [N, F] of a column of sequences: the descriptors, or where a model is named its mean-pooled outputs.

    Raises:
        UserError: a model that cannot be loaded, or a sequence that is too long for it.
        Cancelled: `should_stop` said so.
    """
    sequences = table.columns[column]
    if model is None:
        return described(sequences, on_progress, should_stop)
    from mtbkd_core.proteins.embeddings import embed

    return embed(
        sequences,
        model,
        on_progress=on_progress,
        should_stop=should_stop,
        where=lambda row: table.places.at(row, column),
    )


def from_columns(path: Path, table: TextTable, columns: Sequence[str]) -> Tensor:
    """Features [N, F] from columns of numbers of a table that was read from `path`.

    Raises:
        UserError: a cell that is no finite number, one line.
    """
    values = np.empty((len(table), len(columns)), dtype=np.float32)
    for index, column in enumerate(columns):
        for row, text in enumerate(table.columns[column]):
            value = number(text) if is_number(text) else np.nan
            if not abs(value) <= LARGEST:
                expected = "a finite number, at most 1e30 in size" if is_number(text) else "a number"
                raise UserError(f"{table.places.at(row, column)}: {no_number(path, text, expected)}")
            values[row, index] = value
    return torch.from_numpy(values)


def from_file(
    path: Path,
    table: Places,
    rows: int,
    accessions: Sequence[str] | None,
    accession: str | None,
    index: Sequence[str] | None = None,
) -> tuple[Tensor, tuple[str, ...]]:
    """Features [N, F] from a file of embeddings, and notes; errors as `read_matrix`, `check_size` and `check_order`."""
    matrix = read_matrix(path, rows, accession)
    check_size(matrix, rows, table.file, first_missing(matrix, accessions, table))
    notes = [*matrix.notes, *check_order(matrix, accessions, table, accession, index)]
    notes.append(f"{path.name}: {count_of(matrix.values.shape[1], 'feature')} a row")
    return torch.from_numpy(matrix.values.astype(np.float32)), tuple(notes)
