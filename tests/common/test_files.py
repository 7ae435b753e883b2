"""The home folder, and files that a reader never sees half written, full disks and forbidden folders included."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from mtbkd_core.common.files import (
    content_hash,
    expanded,
    home,
    read_json,
    read_tensors,
    write_atomically,
    write_tensors,
)
from mtbkd_core.common.progress import UserError


def no_room(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("given", "expected"), [("{}/not/yet", "not/yet"), ("~/data", "data"), ("", ".local/share/mtbkd-explorer")]
)
def test_home_is_the_variables_folder_or_the_platforms_and_is_made(
    given: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("MTBKD_HOME", given.format(tmp_path))
    assert home() == tmp_path / expected
    assert list(home().iterdir()) == []


@pytest.mark.parametrize("name", ["~nobody-here/x", "/tmp/" + 5_000 * "x", "/tmp/a\0b"])
def test_what_can_be_no_path_is_one_short_line(name: str) -> None:
    with pytest.raises(UserError, match=r"^folder: .* can be no path") as caught:
        expanded(name, "folder")
    assert len(str(caught.value)) < 220
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("~nobody-here/x", "^MTBKD_HOME: '~nobody-here/x' can be no path"),
        ("{}/file", "cannot be written.*set MTBKD_HOME"),
    ],
)
def test_a_home_that_can_be_no_folder_is_refused_in_one_line(
    given: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MTBKD_HOME", given.format(tmp_path))
    with pytest.raises(UserError, match=line) as caught:
        home()
    assert "\n" not in str(caught.value)


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere, so the refusal is simulated where a probe file is opened."""

    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setenv("MTBKD_HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)
    with pytest.raises(UserError, match="Permission denied"):
        home()


def test_what_is_written_is_read_back_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_atomically(path, "old")
    write_atomically(path, "newer, with é")
    assert path.read_text(encoding="utf-8") == "newer, with é"
    write_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["note.txt"]


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.txt"
    write_atomically(path, "old")
    monkeypatch.setattr(step, no_room)
    with pytest.raises(UserError, match=r"note\.txt: cannot be written \(No space left on device\)"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_the_file_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (done.append(name), real(*a))[1])
    write_atomically(tmp_path / "note.txt", "text")
    assert done == ["fsync", "replace"]


def test_a_write_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        write_atomically(tmp_path / "nowhere" / "note.txt", "text")


def test_tensors_come_back_as_they_were(tmp_path: Path) -> None:
    whole = torch.arange(12.0).view(3, 4)
    tensors = {
        "float": whole,
        "half": whole.to(torch.float16),
        "bytes": torch.tensor([0, 255], dtype=torch.uint8),
        "long": torch.tensor([2**40]),
        "transposed": whole.t(),
        "expanded": torch.ones(1).expand(5),
        "empty": torch.zeros(0, 3),
        "with gradient": torch.ones(2, requires_grad=True),
    }
    write_tensors(tmp_path / "t.safetensors", tensors, {"format": "1"})
    back = read_tensors(tmp_path / "t.safetensors")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(back[name], tensor.detach())
        assert back[name].dtype == tensor.dtype
    np.testing.assert_array_equal(load_file(tmp_path / "t.safetensors")["transposed"], whole.t().numpy())


@pytest.mark.parametrize("keep", [0, 4, 60, -1])
def test_a_torn_tensor_file_is_refused_in_one_line(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"a": torch.arange(100.0)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"t\.safetensors: cannot be read") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_tensor_file_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "pickle")
    for name, line in (("none", "not there"), (".", "cannot be read"), ("pickle", "cannot be read")):
        with pytest.raises(UserError, match=line):
            read_tensors(tmp_path / name)


@pytest.mark.parametrize(("text", "line"), [(None, "not there"), ("{", "cannot be read"), ("[]", "holds no object")])
def test_what_is_no_json_object_is_refused(text: str | None, line: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=rf"t\.json: .*{line}"):
        read_json(path)


def test_equal_content_has_equal_hashes_and_every_part_counts() -> None:
    assert content_hash("a", b"bc") == content_hash(b"a", "bc")
    assert len(content_hash()) == 16
    hashes = [
        content_hash(*parts) for parts in ((), ("",), ("abc",), ("ab", "c"), ("a", "bc"), ("c", "ab"), ("abc", ""))
    ]
    assert len(set(hashes)) == len(hashes)
