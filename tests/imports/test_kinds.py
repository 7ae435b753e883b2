"""Files of other kinds than CSV with commas: each holds the same table, or is refused by its name; bombs stay small."""

import gzip
import io
import pickle
import zlib
from pathlib import Path

import h5py
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from pyarrow import orc
from safetensors.numpy import save_file

from mtbkd_core import UserError
from mtbkd_core.imports import parquet
from mtbkd_core.imports.number_file import open_numbers
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.table import Table
from tests.imports.files import table_of

LINES = "a,b,label\n0.5,1.5,Außen\n-2,3,Golgi\n"
NUMBERS = np.array([[0.5, 1.5], [-2.0, 3.0], [4.0, 0.25]])
IDS = ["P3", "P1", "P2"]


def proteins() -> Table:
    return table_of("entry", ["P1", "P2", "P3"])


def _excel(path: Path) -> None:
    book = openpyxl.Workbook()
    for line in (["a", "b", "label"], [0.5, 1.5, "Außen"], [-2, 3, "Golgi"], [None, None, None]):
        book.active.append(line)
    book.save(path)


WAYS = {
    "semicolons and decimal commas": lambda path: path.write_text("a;b;label\n0,5;1,5;Außen\n-2;3;Golgi\n"),
    "tabs": lambda path: path.write_text(LINES.replace(",", "\t")),
    "bars": lambda path: path.write_text(LINES.replace(",", "|")),
    "blanks": lambda path: path.write_text("  a   b label\n 0.5 1.5  Außen\n-2 3\tGolgi\n"),
    "numpy's header": lambda path: path.write_text("# a b label\n0.5 1.5 Außen\n-2 3 Golgi\n"),
    "remarks": lambda path: path.write_text("# made by us\n# on Monday, at noon\n" + LINES),
    "a line that names the separator": lambda path: path.write_text("sep=;\n" + LINES.replace(",", ";")),
    "UTF-8 with a mark": lambda path: path.write_text(LINES, encoding="utf-8-sig"),
    "UTF-16": lambda path: path.write_text(LINES, encoding="utf-16"),
    "UTF-16 without a mark": lambda path: path.write_text(LINES, encoding="utf-16-le"),
    "UTF-16 of another order": lambda path: path.write_text(LINES, encoding="utf-16-be"),
    "UTF-32": lambda path: path.write_text(LINES, encoding="utf-32"),
    "UTF-32 without a mark": lambda path: path.write_text(LINES, encoding="utf-32-be"),
    "Windows-1252": lambda path: path.write_text(LINES, encoding="cp1252"),
    "lines of Windows": lambda path: path.write_bytes(LINES.replace("\n", "\r\n").encode()),
    "empty columns and rows at the end": lambda path: path.write_text(
        "a,b,label,,\n0.5,1.5,Außen,,\n-2,3,Golgi,,\n,,,,\n"
    ),
    "gzip": lambda path: path.write_bytes(gzip.compress(LINES.encode(), mtime=0)),
    "Parquet": lambda path: pd.DataFrame({"a": [0.5, -2], "b": [1.5, 3], "label": ["Außen", "Golgi"]}).to_parquet(path),
    "Excel": _excel,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_read_in_every_way_that_people_write_it(tmp_path: Path, way: str) -> None:
    WAYS[way](tmp_path / "t.any")
    table = read_table(tmp_path / "t.any")
    assert table.names == ("a", "b", "label")
    assert table.numbers(["a", "b"]).tolist() == [[0.5, 1.5], [-2, 3]]
    assert table.texts("label") == ["Außen", "Golgi"]


@pytest.mark.parametrize("way", ["semicolons and decimal commas", "UTF-16", "Windows-1252", "blanks", "remarks"])
def test_what_was_understood_of_a_file_is_said(tmp_path: Path, way: str) -> None:
    WAYS[way](tmp_path / "t.any")
    assert read_table(tmp_path / "t.any").notes


def test_columns_with_decimal_commas_beside_decimal_points_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b\n0,5;1.5\n1,5;2.5\n")
    assert "look whether it parts thousands" in read_table(tmp_path / "t.csv").notes[0]


def test_damaged_utf_8_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a,é\n1,".encode() + b"\xe9\n")
    with pytest.raises(UserError, match="line 2 holds another encoding"):
        read_table(tmp_path / "t.csv")


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name, row in zip(IDS, NUMBERS, strict=True):
            file[name] = row.astype(np.float16)
        file["P9"] = np.zeros(2)


def _hdf5_matrix(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["embeddings"], file["entry"] = NUMBERS, IDS


NAMED = {
    "m.npz": lambda path: np.savez(path, embeddings=NUMBERS, entry=np.array(IDS)),
    "vectors.h5": _hdf5,
    "matrix.h5": _hdf5_matrix,
    "m.parquet": lambda path: pd.DataFrame({"entry": IDS, "x": list(NUMBERS)}).to_parquet(path),
    "m.csv": lambda path: pd.DataFrame(NUMBERS).assign(entry=IDS).to_csv(path, index=False),
}


@pytest.mark.parametrize("name", NAMED)
def test_rows_with_names_are_joined_by_them(tmp_path: Path, name: str) -> None:
    NAMED[name](tmp_path / name)
    opened = open_numbers(tmp_path / name, proteins())
    assert opened.in_order(opened.values()).tolist() == NUMBERS[[1, 2, 0]].tolist()


def test_vectors_by_name_need_a_table_with_the_names(tmp_path: Path) -> None:
    _hdf5(tmp_path / "v.h5")
    with pytest.raises(UserError, match=r"names its rows, such as 'P1'; no column of t\.csv"):
        open_numbers(tmp_path / "v.h5", table_of("entry", ["Q1", "Q2"]))


def test_a_matrix_for_each_protein_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "v.h5", "w") as file:
        for length, name in enumerate(IDS, 5):
            file[name] = np.zeros((length, 4))
    with pytest.raises(UserError, match=r"3 matrices by name, such as 'P1' \[6, 4\].*average over the residues first$"):
        read_table(tmp_path / "v.h5")


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = NUMBERS
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "x")
    with pytest.raises(UserError, match=r"^m\.h5: holds no array$"):
        read_table(tmp_path / "m.h5")


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors", "h5"])
def test_an_array_is_taken_by_its_key_or_as_the_only_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    both = {"logits": NUMBERS, "more": NUMBERS[:, ::-1].astype(">f4")}
    if suffix == "npy":
        np.save(path, NUMBERS)
    elif suffix == "npz":
        np.savez(path, **both)
    elif suffix == "safetensors":
        save_file({name: np.ascontiguousarray(values, dtype=np.float32) for name, values in both.items()}, path)
    else:
        with h5py.File(path, "w") as file:
            for name, values in both.items():
                file[name] = values
    if suffix == "npy":
        assert read_table(path).numbers(["1", "2"]).tolist() == NUMBERS.tolist()
        return
    with pytest.raises(UserError, match=r"holds 2 arrays, expected one .* as m\.\w+:logits$"):
        read_table(path)
    assert read_table(tmp_path / f"m.{suffix}:more").numbers(["1", "2"]).tolist() == NUMBERS[:, ::-1].tolist()
    with pytest.raises(UserError, match="has no array 'none'; it has 'logits'"):
        read_table(tmp_path / f"m.{suffix}:none")


def test_fasta_is_a_table_of_ids_descriptions_and_sequences(tmp_path: Path) -> None:
    (tmp_path / "t.fasta").write_text(">sp|P1|A_HUMAN Nucleus\nMKT\nAYI\n\n>P2 Golgi body\nMK*\n")
    table = read_table(tmp_path / "t.fasta")
    assert {name: table.texts(name) for name in table.names} == {
        "id": ["sp|P1|A_HUMAN", "P2"],
        "description": ["Nucleus", "Golgi body"],
        "sequence": ["MKTAYI", "MK"],
    }


@pytest.mark.parametrize(
    "how",
    [
        {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (2, 2)},
        {"compression": "lzf"},
        {"chunks": (2, 1)},
        {"fletcher32": True, "chunks": (3, 2)},
    ],
)
def test_hdf5_is_read_in_chunks_that_are_packed_as_h5py_packs_them(tmp_path: Path, how: dict[str, object]) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("x", data=NUMBERS, **how)
    assert read_table(tmp_path / "m.h5").numbers(["1", "2"]).tolist() == NUMBERS.tolist()


def test_hdf5_that_is_packed_in_another_way_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.create_dataset("x", data=NUMBERS, scaleoffset=2)
    with pytest.raises(UserError, match="compressed in a way that is not read: save it with compression='gzip'"):
        read_table(tmp_path / "m.h5")


def test_a_row_of_a_sheet_far_below_the_others_is_not_left_out(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.cell(row=400_000, column=1, value=1.0)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(UserError, match="more than 100,000 rows"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize(
    "first", ["CDF", "PARENT", "RDX", "MATLAB", "ORC", "Objects", "RIFF", "x^2", "<b>x</b>", "[a]"]
)
def test_a_table_whose_first_column_has_a_name_as_of_another_kind_is_read(tmp_path: Path, first: str) -> None:
    (tmp_path / "t.csv").write_text(f"{first},b\n1,2\n")
    assert read_table(tmp_path / "t.csv").names == (first, "b")


def _matlab_4() -> bytes:
    written = io.BytesIO()
    scipy.io.savemat(written, {"z": NUMBERS}, format="4")
    return written.getvalue()


def _arrow_stream() -> bytes:
    written, table = io.BytesIO(), pa.table({"a": [0.5]})
    with pa.ipc.new_stream(written, table.schema) as stream:
        stream.write_table(table)
    return written.getvalue()


def _orc() -> bytes:
    written = io.BytesIO()
    orc.write_table(pa.table({"a": [0.5, 1.5]}), written)
    return written.getvalue()


def _stata(version: int) -> bytes:
    written = io.BytesIO()
    pd.DataFrame({"a": [0.5, 1.5]}).to_stata(written, version=version)  # type: ignore[arg-type]
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.pkl", pickle.dumps([1.0, 2.0], 0), "is a Python pickle, which is never opened"),
        ("m.pkl", pickle.dumps({"a": 1.0}, 0), "is a Python pickle"),
        ("m.pkl", pickle.dumps(NUMBERS, 0), "is a Python pickle"),
        ("m.pkl", pickle.dumps([NUMBERS], 1), "is a Python pickle"),
        ("m.npy.gz", gzip.compress(b"\x93NUMPY\x01\x00" + bytes(90), mtime=0), "is NPY in a gzip archive: unpack it"),
        ("m.pkl", pickle.dumps([1.0]), "is a Python pickle, which is never opened"),
        ("m.npy", b"", "the file is empty"),
        ("m.xls", b"\xd0\xcf\x11\xe0" + bytes(90), "is an old Excel file"),
        ("m.feather", b"ARROW1" + bytes(90), "is an Arrow or Feather file: save it as Parquet"),
        ("m.json", b'{"a": [1, 2]}', "is JSON"),
        ("m.csv", b"<!DOCTYPE html><html>", "is a web page"),
        ("m.csv", b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        ("m.gz", gzip.compress(pickle.dumps([1.0]), mtime=0), "is a Python pickle"),
        ("m.gz", gzip.compress(LINES.encode(), mtime=0)[:-12], "cannot be read as gzip"),
        ("m.safetensors", b"\xff" * 30, "cannot be read as safetensors"),
        ("m.rds", b"X\n\0\0\0\x03\0\x04\x02\x01" + bytes(90), r"is an R data file: save it as CSV \(write.csv\)"),
        ("m.rds", gzip.compress(b"X\n\0\0\0\x02" + bytes(90), mtime=0), "is an R data file"),
        ("m.rda", gzip.compress(b"RDX3\nX\n" + bytes(90), mtime=0), "is an R data file"),
        ("m.mat", b"MATLAB 7.3 MAT-file, Platform: GLNXA64", "is a Matlab file"),
        ("m.mat", _matlab_4(), "is a Matlab file"),
        ("m.joblib", zlib.compress(b"numbers"), "is a zlib stream, such as joblib's, which may hold a pickle"),
        ("m.arrow", _arrow_stream(), "is an Arrow stream: save it as Parquet"),
        ("m.orc", _orc(), "is an ORC file: save it as Parquet"),
        ("m.dta", _stata(114), "is a Stata file"),
        ("m.dta", _stata(118), "is a Stata file"),
        ("m.sav", b"$FL2@(#) SPSS DATA FILE" + bytes(90), "is an SPSS file"),
        ("m.avro", b"Obj\x01" + bytes(range(90)), "is an Avro file"),
        ("m.lz4", b"\x04\x22\x4d\x18" + bytes(range(90)), "is an LZ4 archive: unpack it"),
        ("m.onnx", b"\x08\x07\x12\x07pytorch" + bytes(range(90)), r"is a model \(ONNX\)"),
        ("m.nii", b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "is a NIfTI file"),
        ("m.tif", b"II*\0" + bytes(90), r"is a picture \(TIFF"),
        ("m.bmp", b"BM\x9a\0\0\0" + bytes(90), r"is a picture \(TIFF, BMP"),
        ("m.csv", bytes(3_000), "is zeros alone where it begins"),
        ("m.json", b'[\n {"a": 1}\n]', "is JSON"),
        ("m.json", b"[\n  [\n    0.5,\n    1.5\n  ]\n]", "is JSON"),
        ("m.json", b"[\n  0.5,\n  1.5\n]", "is JSON"),
        ("m.xml", b"<root>\n<a>1</a>\n</root>", "is XML"),
        ("m.xml", b"<root><a>1</a></root>", "is XML"),
        ("m.csv", b"\n<HTML><body>404", "is a web page"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"^{name}: {words}"):
        read_table(tmp_path / name)


def test_an_array_of_objects_is_refused_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "m.npy").write_bytes(
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128)
    )
    with pytest.raises(UserError, match="holds Python objects"):
        read_table(tmp_path / "m.npy")


def test_an_array_of_objects_that_may_name_the_rows_is_refused_with_the_way_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", e=NUMBERS, entry=np.array(IDS, dtype=object))
    way = r"array 'entry' holds Python objects, .* may name the rows: save it as text, such as entry\.astype\(str\)"
    with pytest.raises(UserError, match=way):
        open_numbers(tmp_path / "m.npz", proteins())
    np.savez(tmp_path / "m.npz", e=NUMBERS, entry=np.array(IDS), about=np.array({"seed": 0}, dtype=object))
    file = open_numbers(tmp_path / "m.npz", proteins())
    assert file.joined is not None
    assert "'about' []" in file.notes[0]


def _repeated_text(path: Path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), pa.array(["x" * 10**6]))
    pq.write_table(pa.table({"a": words}), path, compression="zstd", store_schema=False)


def _long_list(path: Path) -> None:
    values = pa.array(np.zeros(MANY))
    pq.write_table(pa.table({"a": pa.ListArray.from_arrays(pa.array([0, MANY], pa.int32()), values)}), path)


MANY = 2**20
BOMBS = {
    "text.parquet": _repeated_text,
    "list.parquet": _long_list,
    "wide.npz": lambda path: np.savez_compressed(path, np.zeros((90_000, 900), np.int8)),
    "text.csv.gz": lambda path: path.write_bytes(gzip.compress(b" " * 2**20, 1, mtime=0) * 800),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_grow_beyond_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    BOMBS[name](tmp_path / name)
    monkeypatch.setattr(parquet, "MAX_CELLS", MANY - 1)
    with pytest.raises(UserError, match=r"MiB once it is unpacked|allowed: at most [\d,]+( cells)?$"):
        read_table(tmp_path / name)


def test_parquet_in_very_many_groups_of_rows_is_refused(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({f"c{place}": np.zeros(3_000) for place in range(50)}), tmp_path / "m.parquet", row_group_size=1
    )
    with pytest.raises(UserError, match=r"is in 3,000 groups of rows: write it in fewer"):
        read_table(tmp_path / "m.parquet")
