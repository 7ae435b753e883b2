"""Shipped outputs: what is written is read; a file that is torn, changed or unknown is refused in one line."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core import UserError
from mtbkd_core.common.files import write_tensors
from mtbkd_core.teachers import shipped

ORIGIN = shipped.Origin("Somebody, 1998", "MIT", "rows of the table")


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return {
        "index": torch.tensor([4, 7, 2], dtype=torch.int32),
        "one": torch.tensor([[0.5, 1.0], [2.0, -1.0], [0.25, 0.0]], dtype=torch.float16),
        "two": torch.zeros(3, 2, dtype=torch.float16),
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "DATA", tmp_path / "data")
    return tmp_path / "data"


def test_what_is_written_is_read_and_the_manifest_has_its_origin(tensors: dict[str, Tensor], folder: Path) -> None:
    shipped.write("toys", tensors, ORIGIN)
    found = shipped.read("toys")
    assert found["one"].tolist() == [[0.5, 1.0], [2.0, -1.0], [0.25, 0.0]]
    assert found["one"].dtype is torch.float32
    assert found["index"].tolist() == [4, 7, 2]
    assert found["index"].dtype is torch.int64
    entry = json.loads((folder / "manifest.json").read_text())["toys-teachers.safetensors"]
    assert (entry["source"], entry["licence"], entry["rebuild"]) == (
        "Somebody, 1998",
        "MIT",
        "python -m mtbkd_core rebuild toys",
    )
    assert entry["made_with"]["torch"] == torch.__version__
    assert entry["sha256"] == shipped.digest("toys")


def test_a_second_file_leaves_the_first_one_s_entry_alone(tensors: dict[str, Tensor]) -> None:
    shipped.write("toys", tensors, ORIGIN)
    before = shipped.digest("toys")
    shipped.write("games", {**tensors, "two": torch.ones(3, 2)}, ORIGIN)
    assert shipped.digest("toys") == before != shipped.digest("games")


def test_a_file_that_is_not_the_manifest_s_is_refused(tensors: dict[str, Tensor]) -> None:
    path = shipped.write("toys", tensors, ORIGIN)
    write_tensors(path, {**tensors, "two": torch.ones(3, 2, dtype=torch.float16)})
    with pytest.raises(UserError, match=r"toys-teachers.safetensors: sha256 is .*, the manifest says"):
        shipped.read("toys")


def test_a_file_of_other_shapes_than_promised_is_refused(tensors: dict[str, Tensor], folder: Path) -> None:
    shipped.write("toys", tensors, ORIGIN)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace("3,\n", "4,\n"))
    with pytest.raises(UserError, match=r"'two': \[3, 2\].*the manifest says.*'two': \[4, 2\]"):
        shipped.read("toys")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("index", torch.tensor([4, 4, 2]), "different whole numbers"),
        ("index", torch.tensor([4.0, 7.0, 2.0]), "different whole numbers"),
        ("two", torch.zeros(2, 2), r"needs logits \[3, C\]"),
        ("two", torch.full((3, 2), torch.nan), "two holds a value that is not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_not_written(
    tensors: dict[str, Tensor], folder: Path, name: str, value: Tensor, line: str
) -> None:
    with pytest.raises(UserError, match=line):
        shipped.write("toys", {**tensors, name: value}, ORIGIN)
    assert not folder.exists()


def test_a_missing_file_is_refused_with_its_path_and_the_command_that_makes_it(folder: Path) -> None:
    with pytest.raises(UserError, match=r"toys-teachers.safetensors: not there.*rebuild toys --write"):
        shipped.read("toys")


def test_a_file_that_the_manifest_does_not_know_is_refused(tensors: dict[str, Tensor], folder: Path) -> None:
    shipped.write("toys", tensors, ORIGIN)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match=r"manifest.json: has no sha256 and shapes of toys-teachers.safetensors"):
        shipped.read("toys")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"one": torch.tensor([[0.5, 1.0], [2.5, -1.0], [0.25, 0.0]])}, [("one", 1, 6, 0.5)]),
        ({"three": torch.zeros(3, 2)}, [("three", 6, 6, float("inf"))]),
        ({"index": torch.tensor([4, 7, 3])}, [(name, 6, 6, float("inf")) for name in ("one", "two")]),
    ],
    ids=["equal", "one logit", "a teacher of one side", "other rows"],
)
def test_differences_are_counted_for_each_teacher(
    tensors: dict[str, Tensor], change: dict[str, Tensor], found: list[tuple[str, int, int, float]]
) -> None:
    assert shipped.differences(tensors, tensors | change) == [shipped.Difference(*each) for each in found]
