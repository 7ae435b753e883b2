"""A protein language model's outputs as features: mean over the residues, kept under the home folder.

An optional extra (`pip install .[embeddings]`). The model is one that transformers' `EsmModel` reads, from a folder, or
by its name from the hub. Weights are read as safetensors alone: nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.files import content_hash, expanded, home, read_tensors, write_tensors
from mtbkd_core.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if

_log = logging.getLogger(__name__)

#: Residues, special tokens and padding counted, that go through the model at once.
BATCH_TOKENS = 8_192
#: Raise it when `embed` changes what it computes: what is kept is then worked out anew.
EMBEDDING_VERSION = 1


@torch.no_grad()
def embed(
    sequences: Sequence[str],
    model: str,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    where: Callable[[int], str] = lambda index: f"sequence {index + 1}",
) -> Tensor:
    """The model's last hidden states, averaged over a sequence's residues, special tokens left out.

    Args:
        sequences: N amino acid chains in capitals, none longer than the model takes.
        model: a folder; or, where there is none of that name, a name on the hub.
        on_progress: told after each batch.
        where: a sequence's place for people, by its place from 0.
    Returns:
        [N, H] float32; from the home folder where the same model was asked about the same sequences.
    Raises:
        UserError: transformers is not installed, the model cannot be read or has no safetensors weights, or a sequence
            is too long for it.
        Cancelled: `should_stop` said so.
    """
    tokenizer, network = _load(model)
    path = home() / "features" / f"{_digest(network, sequences)}.safetensors"
    if path.exists():
        try:
            return read_tensors(path)["features"]
        except (UserError, KeyError) as error:
            _log.warning("kept features %s cannot be used and are worked out anew: %s", path.name, error)
    _check_lengths(sequences, network, model, where)
    features = torch.empty(len(sequences), network.config.hidden_size)
    done = 0
    for batch in batches([len(sequence) for sequence in sequences]):
        stop_if(should_stop)
        tokens = tokenizer(
            [sequences[index] for index in batch], padding=True, return_tensors="pt", return_special_tokens_mask=True
        )
        special = tokens.pop("special_tokens_mask")
        residues = (tokens["attention_mask"] * (1 - special))[..., None]
        states = network(**tokens).last_hidden_state
        features[batch] = ((states * residues).sum(1) / residues.sum(1)).float()
        done += len(batch)
        if on_progress is not None:
            line = f"Embedding {done:,} of {len(sequences):,} sequences"
            on_progress(Progress(Phase.TEACHERS, done, len(sequences), done / len(sequences), line))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot be made ({error.strerror})") from None
    write_tensors(path, {"features": features})
    return features


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices of sequences of like length, longest first, so that a batch, padded, holds at most so many tokens.

    A sequence that is longer than that is a batch of its own.
    """
    found: list[list[int]] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if found and longest * (len(found[-1]) + 1) <= tokens:
            found[-1].append(index)
        else:
            found.append([index])
            longest = lengths[index] + 2  # the model's start and end
    return found


def _load(model: str) -> tuple[Any, Any]:
    try:
        from transformers import EsmModel, EsmTokenizer
    except ImportError:
        raise UserError(
            "model: needs the package transformers, which is not installed: pip install '.[embeddings]'"
        ) from None
    place = expanded(model, "model")
    source = str(place) if place.is_dir() else model
    try:
        tokenizer = EsmTokenizer.from_pretrained(source)
        network = EsmModel.from_pretrained(source, use_safetensors=True, add_pooling_layer=False)
    except Exception as error:  # transformers raises what its many parts raise: OSError, ValueError, its hub's own
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"model: {model!r} cannot be read as an ESM model with safetensors weights ({reason})"
        ) from None
    return tokenizer, network.eval().float()


def _check_lengths(sequences: Sequence[str], network: Any, model: str, where: Callable[[int], str]) -> None:
    config = network.config
    if getattr(config, "position_embedding_type", "") == "rotary":
        return
    most = config.max_position_embeddings - config.pad_token_id - 3
    for index, sequence in enumerate(sequences):
        if len(sequence) > most:
            raise UserError(f"{where(index)}: {len(sequence):,} residues, {model} takes at most {most:,}")


def _digest(network: Any, sequences: Sequence[str]) -> str:
    """Of the weights themselves, for a folder or a name may hold others tomorrow, and of the sequences."""
    weights = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        weights.update(name.encode())
        weights.update(value.detach().contiguous().view(torch.uint8).numpy().tobytes() if value.ndim else b"")
    return content_hash(str(EMBEDDING_VERSION), weights.hexdigest(), *sequences)
