"""What looks at small files that would grow, and whole reads of them, take.

usage: python -m tests.imports.memory FOLDER [NAME ...]
"""

import gzip
import json
import os
import re
import resource
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import openpyxl
import pyarrow as pa

from mtbkd_core import UserError
from mtbkd_core.images.pictures import read_pictures
from mtbkd_core.imports.preview import preview
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.table import Table
from mtbkd_core.imports.teacher_outputs import read_teacher

MIB = 2**20
_SHEETS = b"application/vnd.openxmlformats-officedocument.spreadsheetml"


def gz(folder: Path, name: str, content: bytes, times: int, first: bytes = b"") -> Path:
    """A gzip file that holds some bytes, and others so often, the latter in members of their own."""
    path = folder / f"{name}.csv.gz"
    path.write_bytes((gzip.compress(first, mtime=0) if first else b"") + gzip.compress(content, mtime=0) * times)
    return path


def long_header(folder: Path) -> Path:
    """NPY that says that its header has 400 MiB, as a file with a hole."""
    path = folder / "header.npy"
    path.write_bytes(b"\x93NUMPY\x02\x00" + (400 * MIB).to_bytes(4, "little"))
    os.truncate(path, 401 * MIB)
    return path


def long_texts(folder: Path) -> Path:
    """HDF5 with three ids of ten million letters each, none of them written."""
    path = folder / "ids.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros((30, 2))
        file.create_dataset("ids", (30,), "S10000000", chunks=(1,), compression="gzip")
    return path


def shared_texts(folder: Path) -> Path:
    """HDF5 with one text of a million letters among short ones."""
    path = folder / "texts.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros((2_000, 2))
        file["ids"] = ["x" * 10**6 if row == 1 else f"P{row}" for row in range(2_000)]
    return path


def wide_sheet(folder: Path) -> Path:
    """Excel with a single cell far to the right in each row."""
    path, book = folder / "wide.xlsx", openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for _ in range(1_500):
        sheet.append([None] * 5_900 + [1])
    book.save(path)
    return path


def large_chunk(folder: Path, name: str, chunk: tuple[int, int]) -> Path:
    """HDF5 with 60 x 3 numbers, in one chunk of which a gigabyte comes."""
    path, packer, block = folder / f"{name}.h5", zlib.compressobj(9), bytes(16 * MIB)
    content = b"".join(packer.compress(block) for _ in range(64)) + packer.flush()
    with h5py.File(path, "w") as file:
        numbers = file.create_dataset("x", (60, 3), "f8", maxshape=(None, None), chunks=chunk, compression="gzip")
        numbers.id.write_direct_chunk((0, 0), content)
    return path


def packed_sheet(folder: Path, name: str, **parts: tuple[str, str, int]) -> Path:
    """Excel in whose parts something comes many times: part -> (what stands there, what comes in its place, times)."""
    path, book = folder / f"{name}.xlsx", openpyxl.Workbook()
    book.active.append((1.0, 2.0))
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        content = {part: archive.read(part) for part in archive.namelist()}
    about = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%b.sharedStrings+xml"/></Types>' % _SHEETS
    content["[Content_Types].xml"] = content["[Content_Types].xml"].replace(b"</Types>", about)
    content["xl/sharedStrings.xml"] = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"></sst>'
    for part, (pattern, each, times) in parts.items():
        file = next(file for file in content if file.endswith(f"{part}.xml"))
        before, after = re.split(pattern, content[file].decode(), maxsplit=1)
        content[file] = (before + each * times + after).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, written in content.items():
            archive.writestr(file, written)
    return path


#: Name -> the file that is made.
FILES: dict[str, Callable[[Path], Path]] = {
    "blanks": lambda folder: gz(folder, "blanks", b"1 x\n" * 2**18, 120),
    "empty lines": lambda folder: gz(folder, "lines", b"\n" * MIB, 60, b"," * 5_999 + b"\n"),
    "short FASTA": lambda folder: gz(folder, "fasta", b">a\nM\n" * 2**18, 60),
    "long FASTA": lambda folder: gz(folder, "long", b"M" * MIB, 60, b">a\n"),
    "Windows-1252": lambda folder: gz(folder, "cp1252", b"a,b,\xe4\n" * 2**17, 40),
    "a header in quotes": lambda folder: gz(folder, "quotes", b'"x\n"' + b"," * (MIB - 8) + b"\n", 4),
    "a long header of NPY": long_header,
    "ids of HDF5": long_texts,
    "texts of HDF5": shared_texts,
    "a wide sheet": wide_sheet,
    "a large chunk of HDF5": lambda folder: large_chunk(folder, "chunk", (2**17, 1_000)),
    "a chunk of HDF5 that grows": lambda folder: large_chunk(folder, "grows", (60, 3)),
    "styles of Excel": lambda folder: packed_sheet(folder, "xf", styles=("(?=</cellXfs>)", "<xf/>", 2**20)),
    "rows of Excel": lambda folder: packed_sheet(folder, "rows", sheet1=("(?=</sheetData>)", "<row/>", 2**23)),
    "texts of Excel": lambda folder: packed_sheet(
        folder, "texts", sharedStrings=("(?=</sst>)", "<si><t>a</t></si>", 2**21)
    ),
    "one text in all cells of Excel": lambda folder: packed_sheet(
        folder,
        "text",
        sharedStrings=("(?=</sst>)", "<si><t>" + "a" * MIB + "</t></si>", 1),
        sheet1=("(?=</sheetData>)", '<row><c t="s"><v>0</v></c></row>', 2_000),
    ),
}


def large_teacher(folder: Path) -> Callable[[], object]:
    """A teacher of 32,000 rows and 1,000 classes."""
    rng, (rows, classes) = np.random.default_rng(0), (32_000, 1_000)
    np.save(folder / "teacher.npy", rng.normal(size=(rows, classes)).astype(np.float32))
    table = Table("t", ("x",), pa.table({"x": np.zeros(rows)}))
    return lambda: read_teacher(
        folder / "teacher.npy", table, np.arange(rows) % classes, list(map(str, range(classes)))
    )


def packed_pictures(folder: Path) -> Callable[[], object]:
    """MedMNIST's NPZ of 80,000 pictures with colours, in a file of 230 KB."""
    shape = (80_000, 32, 32, 3)
    arrays = {"images": np.zeros(shape, np.uint8), "labels": np.arange(80_000)[:, None] % 10}
    few = {f"test_{what}": values[:100] for what, values in arrays.items()}
    (folder / "pictures").mkdir(exist_ok=True)
    np.savez_compressed(folder / "pictures" / "p.npz", **few, **{f"train_{what}": v for what, v in arrays.items()})
    return lambda: read_pictures(folder / "pictures")


#: Name -> what makes files, and gives what reads all of them.
ALL: dict[str, Callable[[Path], Callable[[], object]]] = {
    "a large teacher": large_teacher,
    "pictures in NPZ": packed_pictures,
}


def taken(ask: Callable[[], object]) -> tuple[float, float, str]:
    """MiB by which a process of its own grows, seconds, and the refusal."""
    out, into = os.pipe()
    if not os.fork():
        before, began, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), ""
        try:
            ask()
        except UserError as error:
            said = str(error)
        except BaseException as error:
            said = f"BUG {error!r}"
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(into, json.dumps([round(grown), round(time.perf_counter() - began, 2), said[:300]]).encode())
        os._exit(0)
    os.close(into)
    os.wait()
    with os.fdopen(out) as pipe:
        grown, seconds, said = json.loads(pipe.read() or '[0, 0, "BUG died"]')
    return grown, seconds, said


def main(folder: Path, names: list[str]) -> None:
    """A line for each file and way: its name, "look" or "whole", and what it took."""
    for name in names or [*FILES, *ALL]:
        if name in ALL:
            print(json.dumps([name, "whole", *taken(ALL[name](folder))]), flush=True)
            continue
        path = FILES[name](folder)
        for way, ask in {"look": lambda path=path: preview(path), "whole": lambda path=path: read_table(path)}.items():
            print(json.dumps([name, way, *taken(ask)]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
