"""Convolutional networks on a protein's residues: the whole sequence, or its two ends alone.

Training is seeded and resumable after every epoch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Unpack

import numpy as np
import torch
from torch import Tensor, nn

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.proteins.amino_acids import AMINO_ACIDS, encode
from mtbkd_core.teachers.training import Control, fit, initialise

#: Raise it when `train` or `logits_of` changes what it computes.
TRAINING_VERSION = 1
#: Residues are 0 to 20; then the gap between the two ends of a sequence that was cut, and padding.
_GAP, _PADDING = len(AMINO_ACIDS) + 1, len(AMINO_ACIDS) + 2
#: Length in residues over which the input that marks the ends decays.
_FADE = 30.0
_EMBEDDED, _HIDDEN, _TINY = 24, 128, 1e-6


@dataclass(frozen=True)
class Reader:
    """How a network reads a sequence, and how it is trained.

    Attributes:
        head, tail: residues that are read at the start and at the end; a sequence no longer than both is read whole.
            Without a head, every sequence is read whole.
        channels: of each convolution; after all but the last, every two places become one.
        width: residues under a convolution.
        dropout: share of the pooled numbers that is left out in training.
        epochs, batch_size, learning_rate, weight_decay: of AdamW under one cycle of the learning rate.
    """

    head: int | None
    tail: int = 0
    channels: tuple[int, ...] = (64, 96, 128)
    width: int = 7
    dropout: float = 0.3
    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2


class SequenceNetwork(nn.Module):
    """Embedded residues with the distance from both ends, convolutions, maximum and mean over the residues, classes.

    Args:
        reader: see there.
        n_classes: C.
        generator: of the weights; None: they stay uninitialised, for a network that is loaded.
    """

    def __init__(self, reader: Reader, n_classes: int, generator: torch.Generator | None) -> None:
        super().__init__()
        sizes = (_EMBEDDED + 2, *reader.channels)
        with torch.device("meta"):  # torch's own initialisation would draw from the global random numbers
            self.embedding = nn.Embedding(_PADDING + 1, _EMBEDDED)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(before, after, reader.width, padding=reader.width // 2) for before, after in pairwise(sizes)
            )
            self.gains = nn.ParameterList(torch.empty(size, 1) for size in reader.channels)
            self.hidden = nn.Linear(2 * sizes[-1], _HIDDEN)
            self.classes = nn.Linear(_HIDDEN, n_classes)
        self.dropout = reader.dropout
        self.to_empty(device="cpu")
        if generator is not None:
            self._start(generator)

    def forward(self, codes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Logits [B, C] of codes [B, L] as `batch_of` gives them; with a generator, with dropout."""
        residue = codes != _PADDING
        lengths = residue.sum(1, keepdim=True)
        place = torch.arange(codes.shape[1])[None]
        ends = torch.stack([torch.exp(-place / _FADE).expand(len(codes), -1), torch.exp((place - lengths) / _FADE)], 1)
        mask = residue[:, None].to(ends)
        values = torch.cat([self.embedding(codes).transpose(1, 2), ends], 1) * mask
        for number, (convolution, gain) in enumerate(zip(self.convolutions, self.gains, strict=True)):
            if number:
                values, mask = nn.functional.max_pool1d(values, 2, ceil_mode=True), mask[:, :, ::2]
            values = convolution(values)
            # each place is normalised alone, so that padding does not count
            values = torch.relu(values * gain * (values.square().mean(1, keepdim=True) + _TINY).rsqrt()) * mask
        # values are not negative, so a masked one is never the highest
        pooled = torch.cat([values.amax(2), values.sum(2) / mask.sum(2)], 1)
        hidden = torch.relu(self.hidden(self._drop_out(pooled, generator)))
        logits: Tensor = self.classes(self._drop_out(hidden, generator))
        return logits

    def _drop_out(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None:
            return values
        kept = torch.rand(values.shape, generator=generator) >= self.dropout
        return values * kept / (1 - self.dropout)

    @torch.no_grad()
    def _start(self, generator: torch.Generator) -> None:
        nn.init.normal_(self.embedding.weight, std=0.5, generator=generator)
        initialise((*self.convolutions, self.hidden, self.classes), generator)
        for gain in self.gains:
            nn.init.ones_(gain)


def codes_of(sequence: str, reader: Reader) -> np.ndarray:
    """The input of a network: residue indices [L], with a gap where the middle is left out."""
    codes = encode(sequence)
    if reader.head is None or len(codes) <= reader.head + reader.tail:
        return codes
    return np.concatenate([codes[: reader.head], [_GAP], codes[len(codes) - reader.tail :]])


def batch_of(codes: Sequence[np.ndarray]) -> Tensor:
    """[B, L] of B codes, padded to the longest."""
    longest = max(len(each) for each in codes)
    batch = np.full((len(codes), longest), _PADDING, dtype=np.int64)
    for row, each in zip(batch, codes, strict=True):
        row[: len(each)] = each
    return torch.from_numpy(batch)


def reader_hash(reader: Reader, data_hash: str, seed: int) -> str:
    """Digest of everything that makes a network: reader, data, seed, training code and torch."""
    return content_hash(json.dumps(asdict(reader)), data_hash, str(seed), str(TRAINING_VERSION), torch.__version__)


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    reader: Reader,
    sequences: Sequence[str],
    labels: Sequence[int],
    n_classes: int,
    *,
    seed: int,
    **control: Unpack[Control],
) -> SequenceNetwork:
    """Train a network on the processor with N sequences and labels; see `Control`."""
    codes = [codes_of(each, reader) for each in sequences]
    lengths = torch.tensor([float(len(each)) for each in codes])
    targets = torch.tensor(labels)
    generator = torch.Generator().manual_seed(seed)
    network = SequenceNetwork(reader, n_classes, generator)

    def loss(batch: Tensor) -> Tensor:
        logits = network(batch_of([codes[row] for row in batch]), generator)
        return nn.functional.cross_entropy(logits, targets[batch])

    def learning_rate(epoch: int, number: int, batches: int) -> float:
        return reader.learning_rate * _cycle((epoch * batches + number) / (reader.epochs * batches))

    fit(
        network,
        loss,
        lambda: _batches(lengths, reader.batch_size, generator),
        epochs=reader.epochs,
        learning_rate=learning_rate,
        weight_decay=reader.weight_decay,
        generator=generator,
        gradient_norm=1.0,
        **control,
    )
    return network.eval()


def logits_of(
    network: SequenceNetwork,
    reader: Reader,
    sequences: Sequence[str],
    batch_size: int = 64,
    should_stop: ShouldStop | None = None,
) -> Tensor:
    """Logits [M, C] of a trained network on M sequences."""
    codes = [codes_of(each, reader) for each in sequences]
    # batches of similar length need little padding
    order = sorted(range(len(codes)), key=lambda row: len(codes[row]))
    logits = torch.empty(len(codes), network.classes.out_features)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            stop_if(should_stop)
            rows = order[start : start + batch_size]
            logits[rows] = network(batch_of([codes[row] for row in rows]))
    return logits


def _cycle(share: float) -> float:
    """Learning rate as a part of its highest: up over the first tenth, then down like a cosine."""
    return share / 0.1 if share < 0.1 else 0.5 * (1 + math.cos(math.pi * (share - 0.1) / 0.9))


def _batches(lengths: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
    """Rows in random batches of like lengths [N]."""
    blurred = lengths * torch.empty(len(lengths)).uniform_(0.8, 1.25, generator=generator)
    batches = blurred.argsort(stable=True).split(size)
    return [batches[place] for place in torch.randperm(len(batches), generator=generator).tolist()]
