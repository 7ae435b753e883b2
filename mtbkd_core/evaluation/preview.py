"""Preview of a prior before any student is trained: its predictions, and how hard it would pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.models import PER_TEACHER, PriorConfig
from mtbkd_core.prior import calibrated, entropy_weights, label_pull, pulls

_NUMBERS = ("strength", "concentration", "temperature", "softmin_temperature")


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
    varied = torch.as_tensor(list(values), dtype=teacher_logits.dtype)
    settings = _varied(prior, varied, len(teacher_logits), name, teacher)
    temperatures = settings["entropy_temperatures"]
    weights = entropy_weights(
        teacher_logits,
        rule=prior.rule,
        base=settings["base_weights"],
        entropy_temperature=temperatures,
        softmin_temperature=settings["softmin_temperature"],
    )
    untrained = torch.zeros(len(varied), *teacher_logits.shape[1:], dtype=teacher_logits.dtype)
    pulled = pulls(
        untrained,
        calibrated(teacher_logits, temperatures) if prior.calibrated_teachers else teacher_logits,
        weights,
        concentration=settings["concentration"],
        temperature=settings["temperature"],
        strength=settings["strength"],
    )
    label = label_pull(untrained[0], labels)
    return Effect(varied, pulled.norm(dim=-1).mean(-1), float(label.norm(dim=-1).mean()))


def _varied(prior: PriorConfig, values: Tensor, teachers: int, name: str, teacher: int | None) -> dict[str, Tensor]:
    """Each setting at each of V values of one of them: [V], or [V, K] with a number for each teacher."""
    settings = {name: torch.full_like(values, getattr(prior, name)) for name in _NUMBERS}
    for each in PER_TEACHER:
        numbers = getattr(prior, each) or (1.0,) * teachers
        settings[each] = torch.tensor(numbers, dtype=values.dtype).repeat(len(values), 1)
    if name not in settings:
        raise ValueError(f"name: got {name!r}, allowed: {', '.join(settings)}")
    if name not in PER_TEACHER:
        settings[name] = values
    elif teacher is None:
        raise ValueError(f"{name} has one number for each teacher: a teacher is needed")
    else:
        settings[name][:, teacher] = values
    return settings
