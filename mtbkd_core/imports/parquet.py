"""Reading Parquet within a budget of bytes: repeated text stays a dictionary until its length is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute, types
from pyarrow.parquet import ParquetFile

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import MAX_CELLS, check_size, one_line
from mtbkd_core.imports.table import Table, check_there, unique_names

#: Rows that are read at once; few where one value of text can be written as a change of the one before.
_ROWS, _FEW_ROWS = 8_192, 16
_THRIFT = 2**24
#: Pieces of columns, each of which takes its time, however small.
_MOST_CHUNKS = 2**17


def read(path: Path, wanted: Sequence[str] | None, most_rows: int | None) -> Table:
    """Some columns of a Parquet file; errors as `reading.read_table`.

    What the file says of itself is checked first, then every batch: the text that it would take as text, the numbers in
    its lists.
    """
    try:
        with ParquetFile(path, **_limits()) as file:
            about = file.metadata
            check_size(path.name, about.num_rows, len(file.schema_arrow.names))
            names = unique_names(path.name, file.schema_arrow.names, "its schema")
            check_there(path.name, names, wanted or ())
            chosen = list(names if wanted is None else dict.fromkeys(wanted))
            few = _check_claims(path.name, file, chosen)
            texts = [name for name in chosen if _is_text(file.schema_arrow.field(name).type)]
        if not chosen:
            return Table(path.name, names, pa.table({}))
        with ParquetFile(path, read_dictionary=texts, **_limits()) as file:
            return Table(path.name, names, _batches(path.name, file, chosen, most_rows, few))
    except (UserError, MemoryError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(f"{path.name}: cannot be read as Parquet ({one_line(error)})") from None


def plain_columns(path: Path) -> list[str]:
    """Columns of text or of whole numbers; errors as `read`."""
    read(path, [], None)
    with ParquetFile(path, **_limits()) as file:
        return [field.name for field in file.schema_arrow if _is_text(field.type) or types.is_integer(field.type)]


def _limits() -> dict[str, object]:
    return {
        "thrift_string_size_limit": _THRIFT,
        "thrift_container_size_limit": _THRIFT,
        "pre_buffer": False,
        "memory_map": True,
    }


def _check_claims(name: str, file: ParquetFile, chosen: Sequence[str]) -> bool:
    """Refuse columns that are no text or numbers, or too large by the file's word; whether to read few rows."""
    for column in chosen:
        kind = file.schema_arrow.field(column).type
        inner = kind.value_type if _is_list(kind) or types.is_dictionary(kind) else kind
        readable = types.is_integer(inner) or types.is_floating(inner) or (not _is_list(kind) and _is_plain(inner))
        if not readable:
            raise UserError(f"{name}: column {column!r} holds {str(kind)[:40]}, expected text or numbers")
    few, unpacked, values, wanted = False, 0, 0, set(chosen)
    groups, columns = file.metadata.num_row_groups, file.metadata.num_columns
    if groups * columns > _MOST_CHUNKS:
        raise UserError(f"{name}: is in {groups:,} groups of rows: write it in fewer (pandas and pyarrow make one)")
    for group in map(file.metadata.row_group, range(groups)):
        for chunk in map(group.column, range(columns)):
            if chunk.path_in_schema.split(".")[0] in wanted:
                unpacked += chunk.total_uncompressed_size
                values += chunk.num_values
                few = few or any(encoding.startswith("DELTA_BYTE") for encoding in chunk.encodings)
    check_size(name, 0, 0, unpacked)
    if values > MAX_CELLS:
        raise UserError(f"{name}: {values:,} values, allowed: at most {MAX_CELLS:,}")
    return few


def _batches(name: str, file: ParquetFile, chosen: list[str], most_rows: int | None, few: bool) -> pa.Table:
    """The columns, read a few rows at a time within a budget."""
    size, rows, batches = 0, 0, []
    for batch in file.iter_batches(
        min(_FEW_ROWS if few else _ROWS, most_rows or _ROWS), columns=chosen, use_threads=False
    ):
        size += sum(map(_size_of, batch.columns))
        check_size(name, rows, 0, size)
        columns = [_plain(column) for column in batch.columns]
        batches.append(pa.RecordBatch.from_arrays(columns, batch.schema.names))
        rows += batch.num_rows
        if most_rows is not None and rows >= most_rows:
            break
    if not batches:
        return file.schema_arrow.empty_table().select(chosen)
    return pa.Table.from_batches(batches).select(chosen)


def _is_list(kind: pa.DataType) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(inner) or types.is_large_string(inner) or types.is_binary(inner))


def _is_plain(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(
        types.is_boolean(kind) or types.is_decimal(kind) or types.is_temporal(kind) or types.is_null(kind)
    )


def _size_of(column: pa.Array) -> int:
    """Bytes that a column takes once text is no dictionary any more."""
    if not types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = compute.binary_length(column.dictionary).fill_null(0)
    counts = np.bincount(column.indices.drop_null().to_numpy(zero_copy_only=False), minlength=len(lengths))
    return int(counts @ lengths.to_numpy(zero_copy_only=False).astype(np.int64)) + 4 * len(column)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if types.is_dictionary(column.type) else column
