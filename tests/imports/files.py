"""A small table of made-up proteins with two teachers, as files."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtbkd_core.imports.spec import Files, TableSpec

CLASSES = ("Cytoplasm", "Nucleus", "Golgi")
#: Each class has letters that are frequent in it.
LETTERS = ("DEGS", "KRPN", "LVFW")
ROWS = 36


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
