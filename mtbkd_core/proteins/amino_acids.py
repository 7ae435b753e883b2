"""The twenty amino acids: letters, hydropathy, charge, and classes of similar ones."""

from __future__ import annotations

import numpy as np

#: One-letter codes in alphabetical order; a residue's index is its place here.
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
#: Letters that stand for no single amino acid, and for the two rare ones: allowed, and counted as no residue of the
#: twenty (IUPAC-IUB, 1984).
OTHER_LETTERS = "BJOUXZ"

_ORDER = "ARNDCQEGHILKMFPSTWYV"
# fmt: off
#: Kyte and Doolittle, J. Mol. Biol. 157, 1982.
HYDROPATHY = dict(zip(_ORDER, (
    1.8, -4.5, -3.5, -3.5, 2.5, -3.5, -3.5, -0.4, -3.2, 4.5, 3.8, -3.9, 1.9, 2.8, -1.6, -0.8, -0.7, -0.9, -1.3, 4.2,
), strict=True))
#: Eisenberg et al., Nature 299, 1982: the consensus scale, for the hydrophobic moment.
CONSENSUS = dict(zip(_ORDER, (
    0.62, -2.53, -0.78, -0.90, 0.29, -0.85, -0.74, 0.48, -0.40, 1.38,
    1.06, -1.50, 0.64, 1.19, 0.12, -0.18, -0.05, 0.81, 0.26, 1.08,
), strict=True))
# fmt: on
#: Charge at neutral pH; histidine counts a tenth.
CHARGE = {"K": 1.0, "R": 1.0, "H": 0.1, "D": -1.0, "E": -1.0}
#: Residues alike in size, polarity and charge: small, aliphatic, aromatic, polar, positive, negative, and two alone.
CLASSES = ("AGST", "ILMV", "FWY", "HNQ", "KR", "DE", "P", "C")


def scale(values: dict[str, float]) -> np.ndarray:
    """[21] values by residue index, the last for the other letters; 0 where a residue has no value."""
    return np.array([values.get(letter, 0.0) for letter in AMINO_ACIDS] + [0.0], dtype=np.float32)


def encode(sequence: str) -> np.ndarray:
    """Residue indices [L] of a sequence in capitals, 20 for the other letters.

    Raises:
        ValueError: the sequence is empty or has a letter that is no amino acid's.
    """
    if not sequence:
        raise ValueError("the sequence is empty")
    codes = _INDEX[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
    if (codes < 0).any():
        place = int((codes < 0).argmax())
        raise ValueError(f"residue {place + 1} is {sequence[place]!r}, which is no amino acid's letter")
    return codes


_INDEX = np.full(256, -1, dtype=np.int64)
_INDEX[[ord(letter) for letter in AMINO_ACIDS]] = np.arange(len(AMINO_ACIDS))
_INDEX[[ord(letter) for letter in OTHER_LETTERS]] = len(AMINO_ACIDS)
