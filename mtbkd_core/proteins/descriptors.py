"""The inputs of a small student: numbers that are computed from a protein's sequence alone, documented one by one.

Where a protein goes is written into it: a hydrophobic start sends it into the secretory path, a positive amphipathic
one to the mitochondrion, KDEL at the end keeps it in the endoplasmic reticulum, SKL takes it to the peroxisome.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.proteins.amino_acids import AMINO_ACIDS, CHARGE, CLASSES, CONSENSUS, HYDROPATHY, encode, scale

#: Raise it when `describe` changes what it computes: cached features are then computed anew.
DESCRIPTORS_VERSION = 1


@dataclass(frozen=True)
class Window:
    """A stretch of the sequence whose composition is counted.

    Attributes:
        start, stop: residues, counted from 0, from the end where negative.
    """

    name: str
    title: str
    start: int
    stop: int | None

    def of(self, codes: np.ndarray) -> np.ndarray:
        """The residues that the sequence has in the window; all of them where it has none."""
        part = codes[self.start : self.stop]
        return part if len(part) else codes


WINDOWS = (
    Window("start-15", "first 15 residues", 0, 15),
    Window("start-30", "residues 16 to 30", 15, 30),
    Window("start-60", "residues 31 to 60", 30, 60),
    Window("end-15", "last 15 residues", -15, None),
    Window("end-50", "residues 50 to 16 from the end", -50, -15),
)

#: Known sorting signals, by regular expression on the whole sequence.
SIGNALS: dict[str, tuple[str, str]] = {
    "kdel": (
        "K/R/H/Q/S/A-D/E/N/Q-E-L, such as KDEL, at the end: stays in the endoplasmic reticulum",
        r"[KRHQSA][DENQ]EL$",
    ),
    "kkxx": ("KKxx or KxKxx at the end: returns to the endoplasmic reticulum", r"K.?K..$"),
    "skl": ("S/A/C/P-K/R/H/S-L/M/I, such as SKL, at the end: peroxisome (PTS1)", r"[SACP][KRHS][LMI]$"),
    "pts2": (
        "R-L/V/I/Q-x5-H/Q-L/A/F from one of the first 31 residues: peroxisome (PTS2)",
        r"^.{0,30}R[LVIQ].{5}[HQ][LAF]",
    ),
    "nls": ("K-K/R-x-K/R: nucleus, one part", r"K[KR].[KR]"),
    "nls-two": (
        "K/R-K/R-x10-12-K/R and two more K/R in the next two or three: nucleus, two parts",
        r"[KR]{2}.{10,12}(?=[KR]{3}|[KR]{2}.[KR]|[KR].[KR]{2})",
    ),
    "caax": ("C-A/V/I/L/M-A/V/I/L/M-x at the end: lipid anchor to a membrane", r"C[AVILM]{2}.$"),
    "myristoyl": ("M-G-x3-S/T at the start: lipid anchor to a membrane", r"^MG...[ST]"),
    "twin-arginine": ("R-R-x-F/L from one of the first 61 residues: thylakoid", r"^.{0,60}RR.[FL]"),
    "a-x-a": ("A/V/S/G-x-A/G in residues 15 to 35: cut by the signal peptidase", r"^.{14,32}[AVSG].[AG]"),
}

_HYDROPATHY, _CHARGE, _CONSENSUS = scale(HYDROPATHY), scale(CHARGE), scale(CONSENSUS)
_CLASS_OF = np.array([next(i for i, c in enumerate(CLASSES) if a in c) for a in AMINO_ACIDS] + [len(CLASSES)])
_MEMBRANE, _HELIX = 19, 18
_PLAIN: dict[str, str] = {
    "length": "log of the number of residues",
    "hydropathy": "mean hydropathy (Kyte-Doolittle)",
    "charge": "net charge a residue at neutral pH",
    "charged": "share of charged residues",
    "entropy": "entropy of the composition, in nats: low in repeats",
    "membrane-most": f"highest mean hydropathy of {_MEMBRANE} residues: a membrane helix is above 1.6",
    "membrane-count": f"stretches of {_MEMBRANE} residues with mean hydropathy above 1.6: membrane helices",
    "membrane-inside": "the same without the first 35 residues: helices beside a signal peptide",
    "signal-core": "highest mean hydropathy of 8 among the first 30 residues: core of a signal peptide",
    "signal-place": "where that core lies, in residues",
    "signal-charge": "net charge before that core",
    "tail-core": "highest mean hydropathy of 15 among the last 40 residues: tail anchor",
    "start-charge": "net charge of the first 25 residues",
    "start-acid": "acidic residues among the first 40: rare in what goes to mitochondria and plastids",
    "start-hydroxyl": "serine and threonine among the first 50: many in what goes to plastids",
    "start-moment": f"highest hydrophobic moment of {_HELIX} of the first 40: amphipathic helix, mitochondrion",
    "end-charge": "net charge of the last 25 residues",
    "nglyc": "sequons N-x-S/T (x not P) a hundred residues: sites of glycosylation",
    "cysteine-pairs": "cysteines less than 15 residues apart, a hundred residues: disulphide bonds outside the cell",
    "basic-most": "most of K and R in 10 residues: nucleus",
    "acidic-most": "most of D and E in 15 residues",
    "disorder": "highest share of polar, charged, G, P and S in 40 residues: no fixed structure",
    "glutamine-most": "most of Q and N in 20 residues: transcription factors",
}
_POLAR = np.isin(np.arange(21), [AMINO_ACIDS.index(letter) for letter in "DEKRQNGPSTH"])


def describe(sequences: Sequence[str]) -> Tensor:
    """Descriptors of proteins.

    Args:
        sequences: M sequences of amino acids' letters, in capitals.
    Returns:
        [M, F] float32, one column for each of `names()`; not standardised.
    Raises:
        UserError: a sequence that is empty or has a letter that is no amino acid's.
    """
    rows = np.empty((len(sequences), len(names())), dtype=np.float32)
    for number, sequence in enumerate(sequences):
        try:
            codes = encode(sequence)
        except ValueError as error:
            raise UserError(f"sequence {number + 1}: {error}") from None
        rows[number] = np.concatenate([part(sequence, codes) for part in _PARTS])
    return torch.from_numpy(rows)


@cache
def names() -> dict[str, str]:
    """Every descriptor: short name -> what it is, in the order of the columns of `describe`."""
    letters = [(letter, letter) for letter in AMINO_ACIDS]
    whole = {f"share-{key}": f"share of {letter} in the whole sequence" for key, letter in letters}
    windows = {
        f"{window.name}-{letter}": f"share of {letter} in the {window.title}"
        for window in WINDOWS
        for letter in AMINO_ACIDS
    }
    pairs = {
        f"pair-{first}-{second}": f"share of neighbours with one of {first} before one of {second}"
        for first in CLASSES
        for second in CLASSES
    }
    return {**_PLAIN, **{f"signal-{k}": v[0] for k, v in SIGNALS.items()}, **whole, **windows, **pairs}


@cache
def reach() -> Tensor:
    """[F], the standard deviation of each descriptor as an input: those designed for a purpose count more.

    Many shares of single residues in short windows are mostly noise, and a student with few labels would learn it; see
    `mtbkd_core.tasks.inputs.Standardisation`. Settled on the validation proteins of the task `proteins`.
    """
    return torch.tensor([width for part, width in zip(_counts(), _REACH, strict=True) for _ in range(part)])


def _composition(codes: np.ndarray) -> np.ndarray:
    """[20] shares of the amino acids."""
    return np.bincount(codes, minlength=21)[:20] / len(codes)


def _sliding(values: np.ndarray, width: int) -> np.ndarray:
    """Means of all stretches of so many residues; of the whole where it is shorter."""
    width = min(width, len(values))
    sums = np.concatenate([[0.0], values.cumsum(dtype=np.float64)])
    means: np.ndarray = (sums[width:] - sums[:-width]) / width
    return means


def _stretches(means: np.ndarray, threshold: float, width: int) -> int:
    """How many stretches of `width` that do not overlap have a mean above a threshold, taken from the start."""
    count, place = 0, 0
    above = np.flatnonzero(means > threshold)
    while len(above := above[above >= place]):
        count, place = count + 1, int(above[0]) + width
    return count


def _moment(codes: np.ndarray) -> float:
    """Highest hydrophobic moment of an alpha helix, 100 degrees a residue (Eisenberg et al., 1982)."""
    turn = np.exp(1j * np.deg2rad(100) * np.arange(len(codes)))
    values = _CONSENSUS[codes] * turn
    return float(np.hypot(_sliding(values.real, _HELIX), _sliding(values.imag, _HELIX)).max())


def _plain(sequence: str, codes: np.ndarray) -> list[float]:
    hydropathy, charge = _HYDROPATHY[codes], _CHARGE[codes]
    shares = _composition(codes)
    known = shares[shares > 0]
    membrane = _sliding(hydropathy, _MEMBRANE)
    core = _sliding(hydropathy[:30], 8)
    place = int(core.argmax())
    start = codes[:40]
    length = len(codes)
    cysteine = np.flatnonzero(codes == AMINO_ACIDS.index("C"))
    return [
        np.log(length),
        hydropathy.mean(),
        charge.mean(),
        (np.abs(charge) == 1).mean(),
        -(known * np.log(known)).sum(),
        membrane.max(),
        _stretches(membrane, 1.6, _MEMBRANE),
        _stretches(membrane[35:], 1.6, _MEMBRANE),
        core.max(),
        place,
        charge[:place].sum(),
        _sliding(hydropathy[-40:], 15).max(),
        charge[:25].sum(),
        (_CLASS_OF[start] == CLASSES.index("DE")).sum(),
        np.isin(codes[:50], [AMINO_ACIDS.index("S"), AMINO_ACIDS.index("T")]).sum(),
        _moment(start),
        charge[-25:].sum(),
        100 * len(re.findall(r"N(?=[^P][ST])", sequence)) / length,
        100 * (np.diff(cysteine) < 15).sum() / length,
        _sliding(_CLASS_OF[codes] == CLASSES.index("KR"), 10).max(),
        _sliding(_CLASS_OF[codes] == CLASSES.index("DE"), 15).max(),
        _sliding(_POLAR[codes], 40).max(),
        _sliding(np.isin(codes, [AMINO_ACIDS.index("Q"), AMINO_ACIDS.index("N")]), 20).max(),
    ]


_PATTERNS = {name: re.compile(pattern) for name, (_, pattern) in SIGNALS.items()}


def _signals(sequence: str, codes: np.ndarray) -> list[float]:
    return [float(len(pattern.findall(sequence))) ** 0.5 for pattern in _PATTERNS.values()]


def _pairs(sequence: str, codes: np.ndarray) -> np.ndarray:
    count = len(CLASSES) + 1
    classes = _CLASS_OF[codes]
    table = np.bincount(classes[:-1] * count + classes[1:], minlength=count * count).reshape(count, count)
    return (table[:-1, :-1] / max(1, len(codes) - 1)).ravel()


#: Of the plain ones, the signals, shares in the whole, shares in windows, and neighbours.
_REACH = (2.0, 2.0, 1.0, 0.7, 0.5)


def _counts() -> tuple[int, ...]:
    """How many descriptors each of `_PARTS` gives."""
    letters, classes = len(AMINO_ACIDS), len(CLASSES)
    return len(_PLAIN), len(SIGNALS), letters, letters * len(WINDOWS), classes**2


_PARTS: tuple[Callable[[str, np.ndarray], Sequence[float] | np.ndarray], ...] = (
    _plain,
    _signals,
    lambda sequence, codes: _composition(codes),
    lambda sequence, codes: np.concatenate([_composition(window.of(codes)) for window in WINDOWS]),
    _pairs,
)
