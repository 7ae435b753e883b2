"""Preview of a prior before any student is trained: its predictions, and how hard it would pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mtbkd_core.config.models import PER_TEACHER, PriorConfig
from mtbkd_core.prior import label_pull, mean_of_teachers, probabilities, stack_priors


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
    """The weighted mean of the teachers' tempered probabilities, sum_k w_ki softmax(z_ki / T); see `mean_of_teachers`.

    This is the prediction of the prior alone: each component's mode, weighted as the components are.

    Args:
        teacher_logits: [K, N, C].
        weights: [K, N].
        temperature: T.
    Returns:
        [N, C].
    """
    return mean_of_teachers(probabilities(teacher_logits / temperature), weights)


def effect(
    prior: PriorConfig,
    teacher_logits: Tensor,
    labels: Tensor,
    name: str,
    values: Sequence[float],
    teacher: int | None = None,
    together: Tensor | None = None,
) -> Effect:
    """Vary one setting of the prior, and hold the others.

    Args:
        prior: the configuration.
        teacher_logits, together: [K, N, C], see `TrainingSet`.
        labels: [N].
        name: of a setting of the prior that is a number, or one for each teacher.
        values: of the setting.
        teacher: the teacher with the varied number, where the setting has one for each teacher.
    Raises:
        ValueError: a name that is none, a setting without its teacher, or a value that is not allowed.
    """
    priors = [_varied(prior, len(teacher_logits), name, value, teacher) for value in values]
    mixture = stack_priors(teacher_logits, priors, together=together)
    untrained = teacher_logits.new_zeros(len(priors), *teacher_logits.shape[1:])
    terms, q = mixture.terms(untrained)
    pulled = mixture.pulls(mixture.shares(terms), q)
    label = label_pull(untrained[0], labels)
    return Effect(untrained.new_tensor(values), pulled.norm(dim=-1).mean(-1), float(label.norm(dim=-1).mean()))


def _varied(prior: PriorConfig, teachers: int, name: str, value: float, teacher: int | None) -> PriorConfig:
    """The same settings but for one number."""
    if name not in PriorConfig.model_fields:
        raise ValueError(f"name: got {name!r}, allowed: {', '.join(PriorConfig.model_fields)}")
    if name not in PER_TEACHER:
        return prior.model_copy(update={name: value})
    if teacher is None:
        raise ValueError(f"{name} has one number for each teacher: a teacher is needed")
    numbers = list(getattr(prior, name) or (1.0,) * teachers)
    numbers[teacher] = value
    return prior.model_copy(update={name: tuple(numbers)})
