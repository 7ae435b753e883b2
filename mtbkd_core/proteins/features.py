"""Descriptors of many proteins: in parts, with progress, and cached."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.proteins.descriptors import DESCRIPTORS_VERSION, describe, names
from mtbkd_core.proteins.feature_cache import cached_features

_AT_ONCE = 100


def cached_descriptors(
    sequences: Sequence[str], on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Tensor:
    """The descriptors of `describe`, [M, F], from the cache or computed now: a millisecond or two a sequence.

    Raises:
        UserError: as `describe`; or the home folder cannot be written.
        Cancelled: `should_stop` returned true.
    """

    def compute() -> Tensor:
        parts = [torch.empty(0, len(names()))]
        for start in range(0, len(sequences), _AT_ONCE):
            stop_if(should_stop)
            parts.append(_describe_from(sequences, start))
            if on_progress is not None:
                done = min(start + _AT_ONCE, len(sequences))
                message = f"Describing proteins: {done} of {len(sequences)}"
                on_progress(Progress(Phase.TEACHERS, done, len(sequences), done / len(sequences), message))
        return torch.cat(parts)

    digest = content_hash(str(DESCRIPTORS_VERSION), *names(), *sequences)
    return cached_features(digest, (len(sequences), len(names())), compute)


def _describe_from(sequences: Sequence[str], start: int) -> Tensor:
    try:
        return describe(sequences[start : start + _AT_ONCE])
    except UserError:
        return describe(sequences)  # its error counts the sequences from the first
