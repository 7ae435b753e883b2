"""Networks that read residues: what they see, that filling up changes nothing, and that training goes on exactly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core.common.progress import Cancelled
from mtbkd_core.teachers.sequence_networks import Reader, SequenceNetwork, batch_of, codes_of, logits_of, train

READER = Reader(head=6, tail=4, channels=(8, 8), width=3, epochs=3, batch_size=8, learning_rate=1e-2)
SEQUENCES = [("MKKRL" if row % 2 else "MDDEG") + "ACDEFGHIKLMNPQRSTVWY"[: 3 + row % 11] for row in range(40)]
LABELS = [row % 2 for row in range(40)]


def test_the_middle_of_a_long_sequence_is_left_out_and_a_short_one_is_read_whole() -> None:
    assert len(codes_of("ACDEFGHIKL", READER)) == 10
    long = codes_of("ACDEFG" + "W" * 30 + "TVWY", READER)
    np.testing.assert_array_equal(long, [0, 1, 2, 3, 4, 5, 21, 16, 17, 18, 19])


def test_a_reader_without_a_head_reads_everything() -> None:
    long = "ACDEFG" + "W" * 3_000 + "TVWY"
    np.testing.assert_array_equal(codes_of(long, replace(READER, head=None)), codes_of(long, Reader(3_010, 0)))
    assert len(codes_of(long, Reader(None))) == 3_010


def test_a_sequence_is_judged_alike_whatever_it_is_filled_up_to() -> None:
    network = SequenceNetwork(READER, 2, torch.Generator().manual_seed(0)).eval()
    codes = [codes_of(each, READER) for each in ("MKV", "MKVLAAGIVG")]
    with torch.no_grad():
        together = network(batch_of(codes))
        alone = torch.cat([network(batch_of([each])) for each in codes])
    assert together.shape == alone.shape == (2, 2)
    torch.testing.assert_close(together[1], alone[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[0], alone[0], atol=1e-5, rtol=1e-4)


def test_a_network_learns_what_the_start_of_a_sequence_logits_of() -> None:
    network = train(replace(READER, epochs=12), SEQUENCES, LABELS, 2, seed=0)
    assert (logits_of(network, READER, SEQUENCES).argmax(1) == torch.tensor(LABELS)).float().mean() > 0.95


def test_training_that_was_broken_off_goes_on_to_the_same_network(tmp_path: Path) -> None:
    whole = logits_of(train(READER, SEQUENCES, LABELS, 2, seed=0), READER, SEQUENCES)
    place = tmp_path / "new" / "teacher.safetensors"
    asked = iter([False] * 8)  # five batches an epoch: stopped in the second
    with pytest.raises(Cancelled):
        train(READER, SEQUENCES, LABELS, 2, seed=0, checkpoint=place, should_stop=lambda: next(asked, True))
    epochs: list[int] = []
    resumed = train(
        READER, SEQUENCES, LABELS, 2, seed=0, checkpoint=place, on_epoch=lambda done, _: epochs.append(done)
    )
    assert epochs == [2, 3]
    assert torch.equal(logits_of(resumed, READER, SEQUENCES), whole)


def test_training_leaves_everybodys_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    train(READER, SEQUENCES[:8], LABELS[:8], 2, seed=0)
    assert torch.equal(before, torch.get_rng_state())
