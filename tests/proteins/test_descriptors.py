import math

import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.proteins.amino_acids import AMINO_ACIDS, encode
from mtbkd_core.proteins.descriptors import describe, names, reach

#: Human calreticulin's start and end: a signal peptide, an acidic tail and KDEL.
CALRETICULIN = "MLLSVPLLLGLLGLAVAEPAVYFKEQFLDGDGWTSRWIESKHKSDFGKFVLSSGKFYGDEEKDKGLQTSQDAEDKDDEEEDEEDKEEDEEEDVPGQAKDEL"


def of(sequence: str) -> dict[str, float]:
    return dict(zip(names(), describe([sequence])[0].tolist(), strict=True))


def test_every_column_has_a_name_and_is_finite():
    shape = describe([CALRETICULIN, "M", "AX"])
    assert shape.shape == (3, len(names()))
    assert shape.isfinite().all()
    assert all(names().values())


def test_shares_of_a_short_sequence_by_hand():
    found = of("MKKA")
    assert (found["share-K"], found["share-M"], found["share-A"], found["share-W"]) == (0.5, 0.25, 0.25, 0)
    assert found["length"] == pytest.approx(math.log(4))
    assert found["charge"] == pytest.approx(0.5)
    assert found["hydropathy"] == pytest.approx((1.9 - 3.9 - 3.9 + 1.8) / 4)
    assert found["entropy"] == pytest.approx(1.5 * math.log(2))
    assert found["pair-KR-KR"] == pytest.approx(1 / 3)
    assert found["pair-KR-AGST"] == pytest.approx(1 / 3)
    assert sum(value for name, value in found.items() if name.startswith("pair-")) == pytest.approx(1)


def test_windows_see_their_own_stretch():
    found = of("A" * 15 + "C" * 15 + "D" * 30 + "E" * 35 + "F" * 15)
    own = {"start-15": "A", "start-30": "C", "start-60": "D", "end-50": "E", "end-15": "F"}
    for window, letter in own.items():
        assert found[f"{window}-{letter}"] == 1
        assert sum(found[f"{window}-{other}"] for other in AMINO_ACIDS) == pytest.approx(1)


def test_a_secreted_start_and_a_retained_end_are_found():
    found = of(CALRETICULIN)
    assert found["signal-kdel"] == 1
    assert found["signal-core"] > 2.5
    assert found["signal-place"] < 10
    assert found["acidic-most"] > 0.8


@pytest.mark.parametrize(
    ("signal", "documented", "with_it", "without"),
    [
        ("kdel", "K/R/H/Q/S/A-D/E/N/Q-E-L", ["MAAAKDEL", "MRNEL"], ["MAAAKDELA", "MRTEL"]),
        ("skl", "S/A/C/P-K/R/H/S-L/M/I", ["MAAASKL", "MPSI"], ["MAAASKLA", "MPSV"]),
        ("nls", "K-K/R-x-K/R", ["MAAPKKARAA"], ["MAAPKAKAKVAA"]),
        (
            "nls-two",
            "K/R-K/R-x10-12-K/R and two more K/R in the next two or three",
            ["MKRPAATKKAGQAKKKK", "KR" + "A" * 10 + "KAKK"],
            ["MKRPAATKKAGQA", "KR" + "A" * 10 + "KAAKK"],
        ),
        ("caax", "C-A/V/I/L/M-A/V/I/L/M-x", ["MAAACVLS", "MCAMX"], ["MAAACVLSA", "MCAFX"]),
        ("myristoyl", "M-G-x3-S/T", ["MGNAASAA"], ["MAGNAASAA"]),
        (
            "pts2",
            "R-L/V/I/Q-x5-H/Q-L/A/F from one of the first 31",
            ["MRQAAAAAQF", "A" * 30 + "RLAAAAAHL"],
            ["MAARLAAAAAAAA", "A" * 31 + "RLAAAAAHL"],
        ),
        ("kkxx", "KKxx or KxKxx", ["MAAAKKAA"], ["MAAAAAKA"]),
        ("twin-arginine", "R-R-x-F/L from one of the first 61", ["MRRAF", "A" * 60 + "RRAL"], ["A" * 61 + "RRAL"]),
        ("a-x-a", "A/V/S/G-x-A/G in residues 15 to 35", ["L" * 14 + "GLG", "L" * 32 + "SLA"], ["L" * 33 + "SLA"]),
    ],
)
def test_a_signal_is_found_where_its_description_has_it_and_only_there(signal, documented, with_it, without):
    assert documented in names()[f"signal-{signal}"]
    assert [of(sequence)[f"signal-{signal}"] for sequence in with_it] == [1] * len(with_it)
    assert [of(sequence)[f"signal-{signal}"] for sequence in without] == [0] * len(without)


def test_a_sequence_with_nothing_of_a_window_is_taken_whole():
    assert of("M" * 15 + "A" * 15)["start-60-A"] == 0.5
    assert of("M" * 15 + "A" * 16)["start-60-A"] == 1


def test_membrane_helices_are_counted_apart():
    loop, helix = "D" * 40, "L" * 19
    assert of(loop + helix + loop + helix + loop)["membrane-count"] == 2
    assert of(helix + loop)["membrane-inside"] == 0


def test_a_helix_with_two_faces_has_the_greater_moment():
    two_faces, mixed = "MLRRLLRRLLRRLLRRLLRR", "MLLLLLLLLLRRRRRRRRRR"
    assert of(two_faces)["start-moment"] > 1.5 * of(mixed)["start-moment"]


def test_other_letters_count_as_no_residue():
    assert encode("AXU").tolist() == [0, 20, 20]
    assert of("AXUA")["share-A"] == 0.5


@pytest.mark.parametrize(("sequence", "line"), [("", "empty"), ("MAk", "residue 3 is 'k'"), ("MA*", "residue 3")])
def test_what_is_no_sequence_is_refused_by_number(sequence, line):
    with pytest.raises(UserError, match=line):
        describe(["MA", sequence])


def test_the_order_of_sequences_is_kept():
    both = describe(["MKKA", CALRETICULIN])
    assert torch.equal(both[1], describe([CALRETICULIN])[0])


def test_descriptors_designed_for_a_purpose_reach_further_than_shares_in_windows():
    width = dict(zip(names(), reach().tolist(), strict=True))
    assert (width["start-moment"], width["signal-kdel"], width["share-K"]) == (2.0, 2.0, 1.0)
    assert width["start-15-R"] == width["end-50-L"] == pytest.approx(0.7)
    assert width["pair-KR-P"] == 0.5
