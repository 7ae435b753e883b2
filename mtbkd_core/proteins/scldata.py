"""The proteins of the package p-scldata: sequences from UniProt and where in the cell each is found.

Only its files are read, its code is never run. Source: D. Ouso, SCL2205 (UniProtKB, release 2022_05), MIT licence.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mtbkd_core.common.files import content_hash, read_json
from mtbkd_core.common.once import once
from mtbkd_core.common.progress import UserError

REQUIREMENT = "p-scldata==2025.6.0"
#: Single locations, the most frequent first.
LOCATIONS = (
    "Membrane",
    "Nucleus",
    "Secreted",
    "Cytoplasm",
    "Mitochondrion",
    "Plastid",
    "ER",
    "Cell projection",
    "Peroxisome",
)
#: Between the locations of a protein that has several.
SEVERAL = ";"
#: The package's parts. Of equal sequences the first in this order is kept, so that no test protein is in another part.
_PARTS = {"trn": "train", "evl": "eval", "tst": "test"}


@dataclass(frozen=True)
class Protein:
    """A protein.

    Attributes:
        row: its place in the package's table, from 0.
        accession: in UniProt.
        sequence: amino acids' letters, in capitals.
        location: one of `LOCATIONS`, or several with ";" between them.
        part: "train", "eval" or "test": the package's own split, homology reduced across parts.
    """

    row: int
    accession: str
    sequence: str
    location: str
    part: str


def folder() -> Path | None:
    """Where the package's files lie; None where it is not installed."""
    spec = find_spec("scldata")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data"


def missing() -> str | None:
    """One line that says how to install the package; None where it is there."""
    if folder() is None:
        return f"proteins: the package p-scldata is not installed; install it with: pip install {REQUIREMENT}"
    return None


@once
def proteins() -> tuple[Protein, ...]:
    """Every protein once, in the package's order within the parts train, eval and test.

    Raises:
        UserError: the package is not there, or its files are not as expected.
    """
    place = folder()
    if place is None:
        raise UserError(missing() or "")
    return read(place)


@once
def digest() -> str:
    """Changes whenever a protein, its location or its part does; errors as `proteins`."""
    return content_hash(*(field for each in proteins() for field in (each.sequence, each.location, each.part)))


def read(place: Path) -> tuple[Protein, ...]:
    """The proteins of a folder with scl2205.csv, labels.json and splits.json; of equal sequences, the first.

    Raises:
        UserError: a file that is not there or is not as expected.
    """
    names = read_json(place / "labels.json").get("index_to_label")
    splits = read_json(place / "splits.json")
    table = place / "scl2205.csv"
    try:
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{table}: cannot be read ({error.strerror})") from None
    if not isinstance(names, Mapping) or not all(isinstance(splits.get(key), list) for key in _PARTS):
        raise UserError(f"{place}: not the files of {REQUIREMENT}: labels.json or splits.json lacks what is expected")
    found: dict[str, Protein] = {}
    for key, part in _PARTS.items():
        for row in splits[key]:
            try:
                values = rows[row]
                each = Protein(row, values["entry"], values["seq"], names[values["scl"]], part)
            except (IndexError, KeyError, TypeError) as error:
                raise UserError(f"{table}: row {row}: not as in {REQUIREMENT} ({error})") from None
            found.setdefault(each.sequence, each)
    return tuple(found.values())
