"""Small data as files: a table of made-up proteins with two teachers, and a set of images."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.table import Table
from mtbkd_core.tasks.images import Sizes
from tests.tasks.test_images import idx

CLASSES = ("Cytoplasm", "Nucleus", "Golgi")
#: Each class has letters that are frequent in it.
LETTERS = ("DEGS", "KRPN", "LVFW")
ROWS = 36
#: Of a set of images: for the student, for validation and for testing.
SIZES = Sizes(student=36, validation=12, test=20)


def labels() -> np.ndarray:
    return np.arange(ROWS) % len(CLASSES)


def sequences(seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return ["M" + "".join(random.choice(list(LETTERS[label] + "AT"), 40)) for label in labels()]


def logits(seed: int = 1, sharpness: float = 3.0) -> np.ndarray:
    """Of a teacher that mostly names the label; [36, 3], rounded as a file would hold them."""
    noise = np.random.default_rng(seed).normal(size=(ROWS, len(CLASSES)))
    return np.round(sharpness * np.eye(len(CLASSES))[labels()] + noise, 4)


def softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - values.max(1, keepdims=True))
    shares: np.ndarray = shifted / shifted.sum(1, keepdims=True)
    return shares


def table_of(column: str, texts: Sequence[object]) -> Table:
    """A table t.csv of one column, as if it had been read."""
    return Table("t.csv", (column,), pa.table({column: [str(text) for text in texts]}), 2)


def write_csv(path: Path, header: Sequence[object] | None, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([header] if header is not None else [])
        writer.writerows(rows)
    return path


def write_table(path: Path, seed: int = 0, **changes: dict[int, str]) -> Path:
    """The table; `Sequence={3: "acd"}` changes the row at place 3."""
    columns = {
        "ACC": [f"P{index:05}" for index in range(ROWS)],
        **{name: [str(int(label == index)) for label in labels()] for index, name in enumerate(CLASSES)},
        "Sequence": sequences(seed),
        "Label": [str(label) for label in labels()],
    }
    for name, cells in changes.items():
        for row, text in cells.items():
            columns[name][row] = text
    return write_csv(path, list(columns), list(zip(*columns.values(), strict=True)))


def write_files(folder: Path) -> Files:
    """The table and two teachers: `good` without a header, `fair` as probabilities with one."""
    return Files(
        write_table(folder / "train.csv"),
        {
            "good": write_csv(folder / "good.csv", None, logits().tolist()),
            "fair": write_csv(folder / "fair.csv", [0, 1, 2], softmax(logits(2, 1.5)).tolist()),
        },
    )


def spec_of(files: Files) -> TableSpec:
    return TableSpec(files, "Label", "Sequence", classes=CLASSES)


def check(spec: TableSpec) -> Checked:
    return check_table("mine", spec)


def changed(files: Files, name: str, **changes: dict[int, str]) -> Files:
    return replace(files, table=write_table(files.table.with_name(name), **changes))


def write_images(folder: Path, classes: int = 4, side: tuple[int, int] = (8, 10)) -> Path:
    """120 and 40 random pictures in the files of emnist-digits; the first pixel of the second row is the label."""
    random = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 120), ("test", 40)):
        images = random.integers(0, 256, (count, *side)).astype(np.uint8)
        images[:, 1, 0] = np.arange(count) % classes
        write_idx(folder, f"{part}-images-idx3", images)
        write_idx(folder, f"{part}-labels-idx1", images[:, 1, 0])
    return folder


def write_idx(folder: Path, kind: str, values: np.ndarray) -> None:
    (folder / f"emnist-digits-{kind}-ubyte").write_bytes(idx(values.astype(np.uint8)))
