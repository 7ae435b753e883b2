"""How every network that teaches is trained: seeded, by AdamW, and resumable after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import torch
from torch import Tensor, nn

from mtbkd_core.common.files import make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.teachers.base import SpecialistRecipe

_MOMENTS = ("exp_avg", "exp_avg_sq")


class Control(TypedDict, total=False):
    """What every training takes; it raises a `UserError` for the checkpoint, and `Cancelled`.

    Attributes:
        checkpoint: where to resume where it exists, written after every epoch; None: nothing is kept.
        on_epoch: called with the number of epochs done and in all.
        should_stop: called before every batch.
    """

    checkpoint: Path | None
    on_epoch: Callable[[int, int], None] | None
    should_stop: ShouldStop | None


def progress_of(
    on_progress: OnProgress | None, title: str, place: int, count: int, unit: str = "epoch"
) -> Callable[[int, int], None]:
    """`Control.on_epoch` of the teacher at `place` of `count` that are trained one after another."""

    def report(done: int, of: int) -> None:
        if on_progress is not None:
            message = f"Training teacher {place + 1} of {count}: {title}, {unit} {done} of {of}"
            on_progress(Progress(Phase.TEACHERS, done, of, (place + done / of) / count, message))

    return report


def sees(recipe: SpecialistRecipe, labels: Tensor, generator: torch.Generator) -> Tensor:
    """[N] booleans: which of the examples with labels [N] a specialist is trained on."""
    expert = torch.isin(labels, torch.tensor(recipe.classes))
    return expert | (torch.rand(len(labels), generator=generator) < recipe.leak_fraction)


@torch.no_grad()
def initialise(layers: Iterable[nn.Module], generator: torch.Generator) -> None:
    """Draw the weights of linear and convolutional layers for ReLUs (He et al., 2015); biases are 0."""
    for layer in layers:
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def fit(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    batches: Callable[[], Sequence[Tensor]],
    *,
    epochs: int,
    learning_rate: Callable[[int, int, int], float],
    weight_decay: float,
    generator: torch.Generator,
    gradient_norm: float | None = None,
    **control: Unpack[Control],
) -> None:
    """Train a network in place, on the processor.

    Args:
        loss: of a batch of indices.
        batches: draws the batches of an epoch.
        learning_rate: of an epoch, the number of a batch in it, and the number of batches an epoch.
        generator: of all random numbers of the training; the checkpoint keeps its state.
        gradient_norm: longer gradients are shortened to this norm; None: none are.
        control: see `Control`.
    """
    checkpoint, on_epoch = control.get("checkpoint"), control.get("on_epoch")
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=weight_decay, foreach=True)
    first = 0
    if checkpoint is not None and checkpoint.exists():
        first = _resume(checkpoint, network, optimiser, generator)
    for epoch in range(first, epochs):
        drawn = batches()
        for number, batch in enumerate(drawn):
            stop_if(control.get("should_stop"))
            optimiser.param_groups[0]["lr"] = learning_rate(epoch, number, len(drawn))
            optimiser.zero_grad()
            loss(batch).backward()
            if gradient_norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), gradient_norm)
            optimiser.step()
        if checkpoint is not None:
            _save(checkpoint, epoch + 1, network, optimiser, generator)
        if on_epoch is not None:
            on_epoch(epoch + 1, epochs)


def _save(
    path: Path, epochs: int, network: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> None:
    tensors = dict(network.state_dict())
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": state[name] for name in _MOMENTS}
        tensors["steps"] = state["step"]
    make_folder(path.parent)
    write_tensors(path, tensors | {"epochs": torch.tensor(epochs), "generator": generator.get_state()})


def _resume(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> int:
    """Restore the state after the last whole epoch; the number of epochs done."""
    try:
        tensors = read_tensors(path)
        parameters = {name: tensors[name] for name in network.state_dict()}
        state = {
            place: {name: tensors[f"optimiser.{place}.{name}"] for name in _MOMENTS}
            | {"step": tensors["steps"].clone()}
            for place in range(len(parameters))
        }
        epochs = int(tensors["epochs"])
        network.load_state_dict(parameters)
        generator.set_state(tensors["generator"])
    except (UserError, KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"{path}: training cannot be resumed from it ({error}); delete it to start anew") from None
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    return epochs
