"""Image sets on the disk: where they are looked for, how they are downloaded, and which of their files is which."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pooch
import pytest

from mtbkd_core import Progress, UserError
from mtbkd_core.images.files import ImageFiles, find_file
from mtbkd_core.tasks.fashion import FILES


def test_a_downloaded_set_counts_once_all_of_its_files_are_there(own_home: Path) -> None:
    files = replace(FILES, installed=None)
    files.fetched().mkdir(parents=True)
    for name in list(FILES.sha256)[:3]:
        (files.fetched() / name).touch()
    assert files.folder() is None
    (files.fetched() / list(FILES.sha256)[3]).touch()
    assert files.folder() == files.fetched()


def test_a_systems_folder_counts_with_all_of_its_files_and_is_not_downloaded_again(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MTBKD_FASHION_FOLDER", raising=False)
    monkeypatch.setattr("pooch.retrieve", None)
    files = replace(FILES, installed=tmp_path)
    for name in FILES.sha256:
        assert files.folder() is None
        assert files.can_fetch()
        (tmp_path / name).touch()
    assert not files.can_fetch()
    assert files.fetch() == files.folder() == tmp_path
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("MTBKD_FASHION_FOLDER", str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"empty: needs one file .*train-images.* of train data, has none$"):
        files.fetch()


def test_a_download_is_checked_and_reports_the_file_it_is_at(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"train-labels-idx1-ubyte": b"labels", "t10k-labels-idx1-ubyte": b"more"}

    class Shelf:
        def __init__(self, **settings: object) -> None: ...

        def __call__(self, url: str, output_file: str, pooch: object) -> None:
            Path(output_file).write_bytes(content[url.rsplit("/", 1)[1]])

    monkeypatch.setattr(pooch, "HTTPDownloader", Shelf)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    files = ImageFiles("toys", "MTBKD_TOYS_FOLDER", url="http://shelf/", sha256=digests)
    reports: list[Progress] = []
    folder = files.fetch(reports.append)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
    assert [progress.message.split()[1] for progress in reports] == list(content)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(b"torn")
    assert (files.fetch() / "t10k-labels-idx1-ubyte").read_bytes() == b"more"
    wrong = replace(files, name="wrong", sha256={**digests, "t10k-labels-idx1-ubyte": "0" * 64})
    with pytest.raises(UserError, match=r"^http://shelf/t10k-labels-idx1-ubyte: cannot be downloaded"):
        wrong.fetch()


def test_files_are_found_by_what_all_such_sets_call_them(tmp_path: Path) -> None:
    for name in ("emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits-test-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    assert find_file(tmp_path, "train", 3).name.startswith("emnist-digits-train")
    assert find_file(tmp_path, "test", 3).name.startswith("emnist-digits-test")
    (tmp_path / "t10k-images.idx3-ubyte").touch()
    with pytest.raises(UserError, match=r"needs one file .* of test data, has emnist-.*, t10k-images"):
        find_file(tmp_path, "test", 3)
    with pytest.raises(UserError, match=r"has none$"):
        find_file(tmp_path, "train", 1)


def test_of_a_file_that_is_there_zipped_and_not_the_one_that_is_not_is_read(tmp_path: Path) -> None:
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    assert find_file(tmp_path, "train", 3).name == "train-images-idx3-ubyte"
    assert find_file(tmp_path, "test", 3).name == "t10k-images-idx3-ubyte.gz"
