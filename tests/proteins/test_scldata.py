"""The package's files: read by name, each sequence once, refused in one line."""

import json
from pathlib import Path

import pytest

from mtbkd_core import UserError
from mtbkd_core.proteins.scldata import digest, proteins, read

ROWS = [("P1", "MKV", "7"), ("P2", "MAA", "3"), ("P3", "MKV", "3"), ("P4", "MAA", "7"), ("P5", "MCC", "1")]


def write(folder: Path, splits: dict[str, list[int]], labels: dict[str, str]) -> None:
    lines = ["entry,seq,scl", *(",".join(row) for row in ROWS)]
    (folder / "scl2205.csv").write_text("\n".join(lines) + "\n")
    (folder / "splits.json").write_text(json.dumps(splits))
    (folder / "labels.json").write_text(json.dumps({"index_to_label": labels}))


SPLITS = {"trn": [0], "evl": [3], "tst": [1, 2, 4]}
LABELS = {"7": "Nucleus", "3": "ER", "1": "Cytoplasm;Nucleus"}


def test_a_test_protein_that_stands_in_another_part_is_dropped_and_locations_go_by_name(tmp_path: Path) -> None:
    write(tmp_path, SPLITS, LABELS)
    found = read(tmp_path)
    assert [(each.accession, each.location, each.part) for each in found] == [
        ("P1", "Nucleus", "train"),
        ("P4", "Nucleus", "eval"),
        ("P5", "Cytoplasm;Nucleus", "test"),
    ]
    assert [each.row for each in found] == [0, 3, 4]


def test_the_whole_package_has_what_its_description_promises() -> None:
    found = proteins()
    assert len(found) == 19_074 - 110
    assert len({each.sequence for each in found}) == len(found)
    assert sum(each.part == "test" for each in found) == 2_631 - 19 - 2
    assert len(digest()) == 16


@pytest.mark.parametrize(
    ("splits", "labels", "part"),
    [
        ({"trn": [9], "evl": [], "tst": []}, LABELS, "row 9"),
        (SPLITS, {"7": "Nucleus"}, "row 3|row 1"),
        ({"trn": [0]}, LABELS, "splits.json lacks"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, splits: dict[str, list[int]], labels: dict[str, str], part: str
) -> None:
    write(tmp_path, splits, labels)
    with pytest.raises(UserError, match=part) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
