"""IDX files: read as they are, and refused in one line where they are not what their header says."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mtbkd_core import UserError
from mtbkd_core.images import idx
from mtbkd_core.images.idx import read_idx

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])


def zipped(content: bytes) -> bytes:
    """`content`, compressed without the time of day: it is part of tests' names, which every worker has to agree on."""
    return gzip.compress(content, mtime=0)


def put(folder: Path, content: bytes) -> Path:
    (folder / "images").write_bytes(content)
    return folder / "images"


@pytest.mark.parametrize("content", [IMAGES, zipped(IMAGES)], ids=["plain", "gzipped"])
def test_the_values_have_the_shape_that_the_header_says(tmp_path: Path, content: bytes) -> None:
    found = read_idx(put(tmp_path, content), 3)
    assert found.tolist() == [[[1, 2, 3]], [[4, 5, 255]]]
    assert found.dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (IMAGES[:-1], "holds 5 values and is truncated; its header says 2 x 1 x 3"),
        (zipped(IMAGES[:-1]), "holds 5 values and is truncated"),
        (zipped(IMAGES)[:-10], "truncated"),
        (IMAGES + b"\0", "goes on after the 2 x 1 x 3 values"),
        (zipped(IMAGES + b"\0"), "goes on after the 2 x 1 x 3 values"),
        (IMAGES[:9], "ends within its header, after 9 of 16 bytes"),
        (b"", "begins with nothing"),
        (b"\x89PNG\r\n\x1a\n", "begins with 89 50 4e 47, an IDX file .* with 00 00 08 03"),
        (bytes([0, 0, 13, 3]) + IMAGES[4:], "begins with 00 00 0d 03"),
        (bytes([0, 0, 8, 3]) + bytes(12), "header says 0 x 0 x 0 values"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "header says 4,294,967,295 x .* allowed: from 1 to"),
        (b"\x1f\x8bnonsense and more of it", "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_in_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    path = put(tmp_path, content)
    with pytest.raises(UserError, match=line) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_labels_are_not_taken_for_images(tmp_path: Path) -> None:
    labels = put(tmp_path, bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    assert read_idx(labels, 1).tolist() == [7, 9]
    with pytest.raises(UserError, match="begins with 00 00 08 01, an IDX file of unsigned bytes with 3 axes"):
        read_idx(labels, 3)
    with pytest.raises(UserError, match="nowhere: cannot be read"):
        read_idx(tmp_path / "nowhere", 1)


def test_no_more_is_decompressed_than_the_header_says_and_one_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a few kilobytes can decompress to gigabytes."""
    asked: list[int] = []
    real = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int = -1) -> bytes:
        asked.append(size)
        return real(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(UserError, match="goes on after"):
        read_idx(put(tmp_path, zipped(IMAGES + bytes(10**6))), 3)
    assert sum(asked) == len(IMAGES) + 1
    assert min(asked) > 0


def test_a_header_may_not_ask_for_more_than_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MOST_GREY", 5)
    with pytest.raises(UserError, match="header says 2 x 1 x 3 values, allowed: from 1 to 5"):
        read_idx(put(tmp_path, IMAGES), 3)
