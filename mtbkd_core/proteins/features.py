"""Descriptors that are worked out once: kept under the home folder by a hash of the sequences."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash, home, make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.proteins.descriptors import DESCRIPTORS_VERSION, describe, names

_log = logging.getLogger(__name__)
_AT_ONCE = 100


def described(
    sequences: Sequence[str], on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> Tensor:
    """What `describe` gives, [M, F], from the cache or worked out now and put there.

    A cached file that cannot be used is said in the log and replaced.

    Args:
        on_progress: told how far it is where there is something to work out; a millisecond or two a sequence.
    Raises:
        UserError: as `describe`; or the home folder cannot be written.
        Cancelled: `should_stop` said so.
    """
    digest = content_hash(str(DESCRIPTORS_VERSION), *names(), *sequences)
    path = home() / "features" / f"{digest}.safetensors"
    if path.exists():
        try:
            found = read_tensors(path).get("features")
            if found is not None and found.shape == (len(sequences), len(names())):
                return found
            problem = "it holds something else"
        except UserError as error:
            problem = str(error)
        _log.warning("cached descriptors %s cannot be used and are worked out anew: %s", path.name, problem)
    parts = [torch.empty(0, len(names()))]
    for start in range(0, len(sequences), _AT_ONCE):
        stop_if(should_stop)
        parts.append(_describe_from(sequences, start))
        if on_progress is not None:
            done = min(start + _AT_ONCE, len(sequences))
            message = f"Describing proteins: {done} of {len(sequences)}"
            on_progress(Progress(Phase.TEACHERS, done, len(sequences), done / len(sequences), message))
    features = torch.cat(parts)
    make_folder(path.parent)
    write_tensors(path, {"features": features})
    return features


def _describe_from(sequences: Sequence[str], start: int) -> Tensor:
    try:
        return describe(sequences[start : start + _AT_ONCE])
    except UserError:
        return describe(sequences)  # whose error counts the sequences from the first
