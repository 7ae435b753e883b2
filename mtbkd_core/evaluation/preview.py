"""Preview of a prior before any student is trained: its predictions, and how hard it would pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.posterior import calibrated
from mtbkd_core.prior import entropy_weights, label_pull, pulls


@dataclass(frozen=True)
class Effect:
    """How hard an untrained student, which gives all classes equal probability, is pulled at each value of a setting.

    Attributes:
        values: [V], the setting's values.
        teachers: [V, K], the length (Euclidean norm) of each teacher's pull, mean over examples, in nats per unit of
            logit.
        label: the length of the label's pull, likewise; it depends on no setting.
    """

    values: Tensor
    teachers: Tensor
    label: float


def mixture_probabilities(teacher_logits: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """The weighted mean of the teachers' tempered probabilities, sum_k w_ki softmax(z_ki / T).

    This is the prediction of the prior alone: each component's mode, weighted as the components are.

    Args:
        teacher_logits: [K, N, C].
        weights: [K, N].
        temperature: T.
    Returns:
        [N, C].
    """
    return (weights[..., None] * (teacher_logits / temperature).softmax(-1)).sum(0)


def effect(
    prior: PriorConfig,
    teacher_logits: Tensor,
    labels: Tensor,
    name: str,
    values: Sequence[float],
    teacher: int | None = None,
) -> Effect:
    """Vary one setting of the prior, and hold the others.

    All values are worked out at once, along the chain axis.

    Args:
        prior: the configuration.
        teacher_logits: [K, N, C].
        labels: [N].
        name: strength, concentration, temperature, softmin_temperature, base_weights or entropy_temperatures.
        values: of the setting.
        teacher: the teacher with the varied number, where the setting has one for each teacher.
    Raises:
        ValueError: a name that is none of these, or a value that is not allowed.
    """
    count, examples, classes = teacher_logits.shape
    varied = torch.as_tensor(list(values), dtype=teacher_logits.dtype)
    settings: dict[str, Tensor] = {
        "strength": torch.full_like(varied, prior.strength),
        "concentration": torch.full_like(varied, prior.concentration),
        "temperature": torch.full_like(varied, prior.temperature),
        "softmin_temperature": torch.full_like(varied, prior.softmin_temperature),
        "base_weights": torch.tensor(_numbers(prior.base_weights, count)).repeat(len(varied), 1).to(varied),
        "entropy_temperatures": torch.tensor(_numbers(prior.entropy_temperatures, count))
        .repeat(len(varied), 1)
        .to(varied),
    }
    if name not in settings:
        raise ValueError(f"name: got {name!r}, allowed: {', '.join(settings)}")
    if settings[name].ndim == 2:
        if teacher is None:
            raise ValueError(f"{name} has one number for each teacher: a teacher is needed")
        settings[name][:, teacher] = varied
    else:
        settings[name] = varied
    weights = entropy_weights(
        teacher_logits,
        rule=prior.rule,
        base=settings["base_weights"],
        entropy_temperature=settings["entropy_temperatures"],
        sharpness=settings["softmin_temperature"],
    )
    divisors = settings["entropy_temperatures"]
    logits = calibrated(teacher_logits, divisors) if prior.calibrated_teachers else teacher_logits
    untrained = torch.zeros(len(varied), examples, classes, dtype=teacher_logits.dtype)
    pulled = pulls(
        untrained,
        logits,
        weights,
        concentration=settings["concentration"],
        temperature=settings["temperature"],
        strength=settings["strength"],
    )
    label = label_pull(untrained[0], labels)
    return Effect(varied, pulled.norm(dim=-1).mean(-1), float(label.norm(dim=-1).mean()))


def _numbers(given: Sequence[float] | None, count: int) -> list[float]:
    return [1.0] * count if given is None else list(given)
