"""What a file is, by its first bytes: how it is read, or what it is called where it is not read, and the way out."""

from __future__ import annotations

import re
import zipfile
from enum import StrEnum
from pathlib import Path

from mtbkd_core.common.progress import UserError

_LOOK = 600
_ARRAYS_ARE = "npz (numpy.savez) or safetensors"
_MATLAB = f"a Matlab file: save its numbers as CSV or {_ARRAYS_ARE}"
_JSON, _XML = "JSON: save it as CSV or Parquet (pandas: to_csv, to_parquet)", "XML: save it as CSV"
#: How files begin that are not read -> what they are, and what to do.
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (xls): save it as xlsx or CSV",
    b"ARROW1": "an Arrow or Feather file: save it as Parquet",
    b"FEA1": "a Feather file: save it as Parquet",
    b"Obj\x01": "an Avro file: save it as CSV or Parquet",
    b"SIMPLE  =": f"a FITS file: save its numbers as CSV or {_ARRAYS_ARE}",
    b"\x04\x22\x4d\x18": "an LZ4 archive: unpack it, or use gzip",
    b"SQLite format 3": "an SQLite database: save the table as CSV or Parquet",
    b"BZh": "a bzip2 archive: unpack it, or use gzip",
    b"\xfd7zXZ": "an xz archive: unpack it, or use gzip",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive: unpack it, or use gzip",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"%PDF": "a PDF document: save its table as CSV",
    b"\x89PNG": "a picture (PNG): pictures are imported as a folder",
    b"\xff\xd8\xff": "a picture (JPEG): pictures are imported as a folder",
    b"GIF8": "a picture (GIF): pictures are imported as a folder",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"{": _JSON,
    b"<?xml": _XML,
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself: fetch it with git lfs pull",
}


#: A pickle of each protocol: its mark; or a list, a dict, or an object of a module that is often in one.
_PICKLE = re.compile(
    rb"\x80[\x02-\x05]|\(*(?:\([ld]p\d+\n|[\]}]q\x00|"
    rb"c(?:numpy|copy_?reg|__builtin__|builtins|collections|torch|pandas|scipy|sklearn)[\w.]*\n)"
)

#: Likewise, where more than the first letters tells.
_REFUSED_LIKE = {
    rb"\s*<(!doctype\s+)?(html|head|body)\b": "a web page: was the file itself downloaded?",
    rb"\s*<!doctype": _XML,
    rb"\s*<[a-z][\w.:-]*(\s[^<>\n]*)?/?>([^\n,;\t|]*>)?\s*(\n|\Z)": _XML,
    rb"\s*\[(\s*[\[{]|\s*\n)": _JSON,
    rb"X\n\0\0\0[\x02\x03]|[AB]\n[23]\n|RD[ABX][23]\n": "an R data file: save it as CSV (write.csv)",
    rb"MATLAB [57]\.": _MATLAB,
    rb"[\x00\x0a\x14\x1e\x28\x32]\0{3}.{3}\0.{3}\0[\x00\x01]\0{3}[\x01-\x40]\0{3}[A-Za-z]": _MATLAB,
    rb"[\x69-\x73][\x01\x02]\x01\0|<stata_dta>": "a Stata file: save it as CSV (export delimited) or Parquet",
    rb"\$FL[23]@\(#\)": "an SPSS file: save it as CSV or Parquet",
    rb"\0{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}": "a SAS file: save it as CSV or Parquet",
    rb"x[\x01\x9c\xda]": f"a zlib stream, such as joblib's, which may hold a pickle: save its numbers as {_ARRAYS_ARE}",
    rb"\xff{4}..\0\0": "an Arrow stream: save it as Parquet",
    rb"ORC.*[\x00-\x08]": "an ORC file: save it as Parquet",
    rb"PARE.*[\x00-\x08]": "Parquet that is encrypted: save it without",
    rb"CDF[\x01\x02\x05]": "a NetCDF file: save its numbers as CSV or HDF5",
    rb"\x08[\x01-\x20][\x12\x1a\x3a]": "a model (ONNX): a teacher's outputs are needed, such as its logits as CSV",
    rb"(\x5c\x01|\x1c\x02)\0\0": f"a NIfTI file: save its numbers as {_ARRAYS_ARE}",
    rb"II\*\0|MM\0\*|BM.{4}\0{4}|RIFF....WEBP": "a picture (TIFF, BMP, WebP): pictures are imported as a folder",
    rb".{128}DICM": "a picture (DICOM): save it as PNG; pictures are imported as a folder",
    rb"\0\0\0.ftyp": "a picture or a film (HEIC, MP4): pictures are imported as a folder, as PNG or JPEG",
    rb"\0+\Z": "zeros alone where it begins, as of a copy that broke off: copy it again",
}


class Kind(StrEnum):
    """The kinds of file that are read."""

    TEXT = "CSV"
    GZIP = "gzip"
    PARQUET = "Parquet"
    NPY = "NPY"
    NPZ = "NPZ"
    SAFETENSORS = "safetensors"
    HDF5 = "HDF5"
    EXCEL = "Excel"
    FASTA = "FASTA"


_ZIP = b"PK\x03\x04"
_KINDS = {
    b"\x1f\x8b": Kind.GZIP,
    b"PAR1": Kind.PARQUET,
    b"\x93NUMPY": Kind.NPY,
    b"\x89HDF\r\n\x1a\n": Kind.HDF5,
}
#: Those that hold arrays, which may have names.
ARRAYS = (Kind.NPY, Kind.NPZ, Kind.SAFETENSORS, Kind.HDF5)


def file_and_key(path: Path) -> tuple[Path, str]:
    """A file, and the array in it that is meant where a person wrote file:array; an empty key else."""
    name, colon, key = path.name.rpartition(":")
    if colon and name and not path.exists() and path.with_name(name).exists():
        return path.with_name(name), key
    return path, ""


def first_bytes(path: Path, count: int = _LOOK) -> bytes:
    """The first bytes of a file.

    Raises:
        UserError: it is not there, empty, or cannot be read; the line names it as the person did, with its folder.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(count)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not begins:
        raise UserError(f"{path.name}: the file is empty")
    return begins


def kind_of(path: Path) -> Kind:
    """The kind of a file; refuses one that is not read, in one line that says what it is. Errors as `first_bytes`."""
    begins = first_bytes(path)
    if begins.startswith(_ZIP):
        return _kind_of_zip(path)
    if path.suffix.lower() == ".safetensors":
        return Kind.SAFETENSORS
    return _kind_by(path.name, begins)


def kind_in_gzip(file: str, begins: bytes) -> Kind:
    """The kind of the text in an archive, by its first bytes; refuses what is no text."""
    kind = "a zip archive (such as NPZ)" if begins.startswith(_ZIP) else _kind_by(file, begins)
    if kind not in (Kind.TEXT, Kind.FASTA):
        raise UserError(f"{file}: is {kind} in a gzip archive: unpack it (gunzip)")
    return Kind(kind)


def _kind_by(file: str, begins: bytes) -> Kind:
    """The kind of a file by its first bytes alone; refuses what is not read."""
    if kind := next((kind for start, kind in _KINDS.items() if begins.startswith(start)), None):
        return kind
    if begins[8:9] == b"{" and b'"dtype"' in begins:
        return Kind.SAFETENSORS
    _refuse_foreign(file, begins[:_LOOK])
    return Kind.FASTA if begins.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b">" else Kind.TEXT


def _refuse_foreign(file: str, begins: bytes) -> None:
    """Refuse what is not read, by how it begins."""
    text = begins.removeprefix(b"\xef\xbb\xbf").lstrip()
    for start, words in _REFUSED.items():
        if text.startswith(start):
            raise UserError(f"{file}: is {words}")
    for pattern, words in _REFUSED_LIKE.items():
        if re.match(pattern, begins.removeprefix(b"\xef\xbb\xbf"), re.DOTALL | re.IGNORECASE):
            raise UserError(f"{file}: is {words}")
    if _PICKLE.match(begins):
        words = "a Python pickle, which is never opened, for it can run code: save its numbers as"
        raise UserError(f"{file}: is {words} {_ARRAYS_ARE}")
    if begins[257:262] == b"ustar":
        raise UserError(f"{file}: is a tar archive: unpack it")


def _kind_of_zip(path: Path) -> Kind:
    """NPZ and xlsx are zip archives, and so are PyTorch's files."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception as error:  # zipfile raises whatever its parts raise
        kind = "NPZ" if path.suffix.lower() == ".npz" else "a zip archive"
        raise UserError(f"{path.name}: cannot be read as {kind} ({type(error).__name__}: {error})"[:200]) from None
    if any(name.endswith("data.pkl") for name in names):
        raise UserError(
            f"{path.name}: is a PyTorch pickle, which is never opened, for it can run code: save its tensor as "
            "safetensors (safetensors.torch.save_file) or npz (numpy.savez)"
        )
    if any(name.startswith("xl/") for name in names):
        return Kind.EXCEL
    if path.suffix.lower() == ".npz" or (names and all(name.endswith(".npy") for name in names)):
        return Kind.NPZ
    raise UserError(f"{path.name}: is a zip archive: unpack it")
