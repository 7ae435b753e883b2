"""What is marked in a sequence: the windows and the signals, where they are."""

from mtbkd_core.proteins.annotation import signals_of, stretches


def test_the_pieces_are_the_whole_sequence_and_windows_lie_at_both_ends() -> None:
    sequence = "M" + "A" * 198 + "A"
    pieces = stretches(sequence)
    assert "".join(piece.text for piece in pieces) == sequence
    lengths: dict[str | None, int] = {}
    for piece in pieces:
        lengths[piece.window] = lengths.get(piece.window, 0) + len(piece.text)
    assert lengths == {
        "first 15 residues": 15,
        "residues 16 to 30": 15,
        "residues 31 to 60": 30,
        None: 90,
        "residues 50 to 16 from the end": 35,
        "last 15 residues": 15,
    }
    assert [piece.start for piece in pieces][:2] == [1, 16]


def test_a_retention_signal_is_found_at_the_end_alone() -> None:
    assert signals_of("M" + "G" * 80 + "KDEL")["kdel"] == [(81, 85)]
    assert "kdel" not in signals_of("M" + "G" * 80 + "KDELG")
    pieces = stretches("M" + "G" * 80 + "KDEL")
    assert [(piece.text, piece.start) for piece in pieces if "kdel" in piece.signals] == [("KDEL", 82)]


def test_a_short_sequence_is_marked_without_loss() -> None:
    assert "".join(piece.text for piece in stretches("MKV")) == "MKV"
    assert {piece.window for piece in stretches("MKV")} == {"first 15 residues"}
