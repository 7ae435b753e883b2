"""How much of a file is ever read: every reader keeps to these, before it takes the memory."""

from __future__ import annotations

from mtbkd_core.common.progress import UserError

#: Bytes on the disk and unpacked, rows, columns, cells of numbers.
MAX_BYTES, MAX_UNPACKED = 512 * 2**20, 768 * 2**20
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 100_000, 6_000, 2**25


def check_size(file: str, rows: int, columns: int, unpacked: int = 0) -> None:
    """Refuse more rows, columns, cells or unpacked bytes than are allowed, in one line."""
    if rows > MAX_ROWS:
        raise UserError(f"{file}: more than {MAX_ROWS:,} rows, which is the most that is allowed")
    if columns > MAX_COLUMNS:
        raise UserError(f"{file}: {columns:,} columns, allowed: at most {MAX_COLUMNS:,}")
    if rows * columns > MAX_CELLS:
        raise UserError(f"{file}: {rows:,} rows of {columns:,} columns, allowed: at most {MAX_CELLS:,} cells")
    if unpacked > MAX_UNPACKED:
        raise UserError(f"{file}: more than {MAX_UNPACKED // 2**20} MiB once it is unpacked")


def one_line(error: BaseException, most: int = 120) -> str:
    """What a library says of a file, short and in one line."""
    return " ".join(str(error).split())[:most] or type(error).__name__
