"""A protein language model's outputs as features: mean over the residues, kept under the home folder.

An optional extra (`pip install .[embeddings]`). The model is one that transformers' `EsmModel` reads, from a folder, or
by its name from the hub. Weights are read as safetensors alone: nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash, expanded
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.proteins.feature_cache import cached_features

#: Residues, special tokens and padding counted, that go through the model at once.
BATCH_TOKENS = 8_192
#: Weights that hidden states do not go through: a model may lack them, and they then differ from one load to the next.
_UNUSED = ("contact_head.", "pooler.")
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
        on_progress: called after each batch.
        where: the place of a sequence for an error message, by its index from 0.
    Returns:
        [N, H] float32; from the home folder where the same model embedded the same sequences before.
    Raises:
        UserError: transformers is not installed, the model is no ESM, lacks a weight or has no safetensors weights, or
            a sequence is too long for it.
        Cancelled: `should_stop` returned true.
    """
    tokenizer, network = _load(model)
    _check_lengths(sequences, network, model, where)
    shape = (len(sequences), network.config.hidden_size)

    def compute() -> Tensor:
        features = torch.empty(shape)
        done = 0
        for batch in batches([len(sequence) for sequence in sequences]):
            stop_if(should_stop)
            features[batch] = _mean_states(tokenizer, network, [sequences[index] for index in batch])
            done += len(batch)
            if on_progress is not None:
                line = f"Embedding {done:,} of {len(sequences):,} sequences"
                on_progress(Progress(Phase.TEACHERS, done, len(sequences), done / len(sequences), line))
        return features

    return cached_features(_digest(tokenizer, network, sequences), shape, compute)


def _mean_states(tokenizer: Any, network: Any, sequences: list[str]) -> Tensor:
    tokens = tokenizer(sequences, padding=True, return_tensors="pt", return_special_tokens_mask=True)
    special = tokens.pop("special_tokens_mask")
    residues = (tokens["attention_mask"] * (1 - special))[..., None]
    states = network(**tokens).last_hidden_state
    mean: Tensor = ((states * residues).sum(1) / residues.sum(1)).float()
    return mean


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices of sequences of similar length, longest first; a padded batch holds at most `tokens` tokens.

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
        found: Any = EsmModel.from_pretrained(
            source, use_safetensors=True, add_pooling_layer=False, output_loading_info=True
        )
    except Exception as error:  # OSError, ValueError, errors of the hub's own
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"model: {model!r} cannot be read as an ESM model with safetensors weights ({reason})"
        ) from None
    network, loaded = found
    if network.config.model_type != "esm":
        raise UserError(f"model: {model!r} is of the kind {network.config.model_type!r}, expected an ESM model ('esm')")
    # transformers fills in random numbers for what is missing
    missing = sorted(name for name in loaded["missing_keys"] if _is_used(name, network.config))
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise UserError(f"model: {model!r} lacks the weight {missing[0]}{more}, expected all that an ESM model needs")
    return tokenizer, network.eval().float()


def _is_used(weight: str, config: Any) -> bool:
    """Whether hidden states depend on a weight of the file, by its name; what follows from the sizes is not one."""
    idle = (*_UNUSED, "embeddings.position_embeddings.") if _is_rotary(config) else _UNUSED
    return not weight.startswith(idle) and not weight.endswith(("inv_freq", "position_ids"))


def _is_rotary(config: Any) -> bool:
    return getattr(config, "position_embedding_type", "") == "rotary"


def _check_lengths(sequences: Sequence[str], network: Any, model: str, where: Callable[[int], str]) -> None:
    config = network.config
    if _is_rotary(config):
        return
    most = config.max_position_embeddings - config.pad_token_id - 3
    for index, sequence in enumerate(sequences):
        if len(sequence) > most:
            raise UserError(f"{where(index)}: {len(sequence):,} residues, {model} takes at most {most:,}")


def _digest(tokenizer: Any, network: Any, sequences: Sequence[str]) -> str:
    """Of all that features follow from: a folder or a name may later hold another model."""
    weights = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if _is_used(name, network.config):
            weights.update(name.encode())
            weights.update(value.detach().contiguous().view(torch.uint8).numpy().tobytes() if value.ndim else b"")
    words = repr((sorted(tokenizer.get_vocab().items()), sorted(tokenizer.special_tokens_map.items())))
    settings = {name: value for name, value in network.config.to_dict().items() if name != "_name_or_path"}
    about = json.dumps(settings, sort_keys=True, default=str)
    return content_hash(str(EMBEDDING_VERSION), weights.hexdigest(), about, words, *sequences)
