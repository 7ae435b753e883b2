"""Networks that read residues: their input, and that padding changes nothing."""

from dataclasses import replace

import numpy as np
import torch

from mtbkd_core.teachers.sequence_networks import Reader, SequenceNetwork, batch_of, codes_of

READER = Reader(head=6, tail=4, channels=(8, 8), width=3)


def test_the_middle_of_a_long_sequence_is_left_out_and_a_short_one_is_read_whole() -> None:
    assert len(codes_of("ACDEFGHIKL", READER)) == 10
    long = codes_of("ACDEFG" + "W" * 30 + "TVWY", READER)
    np.testing.assert_array_equal(long, [0, 1, 2, 3, 4, 5, 21, 16, 17, 18, 19])


def test_a_reader_without_a_head_reads_everything() -> None:
    long = "ACDEFG" + "W" * 3_000 + "TVWY"
    np.testing.assert_array_equal(codes_of(long, replace(READER, head=None)), codes_of(long, Reader(3_010, 0)))
    assert len(codes_of(long, Reader(None))) == 3_010


def test_padding_does_not_change_the_logits() -> None:
    network = SequenceNetwork(READER, 2, torch.Generator().manual_seed(0)).eval()
    codes = [codes_of(each, READER) for each in ("MKV", "MKVLAAGIVG")]
    with torch.no_grad():
        together = network(batch_of(codes))
        alone = torch.cat([network(batch_of([each])) for each in codes])
    assert together.shape == alone.shape == (2, 2)
    torch.testing.assert_close(together[1], alone[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[0], alone[0], atol=1e-5, rtol=1e-4)
