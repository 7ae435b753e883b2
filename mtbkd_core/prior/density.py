"""The mixture prior as functions of logits: its log density, responsibilities, and each teacher's pull.

The functions check what they are given; samplers use `MixturePrior`, which works out once what no student changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.prior.mixture import MixturePrior
from mtbkd_core.prior.weights import Scalar, check_leading, floating


def _checked(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    concentration: Scalar,
    temperature: Scalar,
    strength: Scalar = 1.0,
    tail: Tensor | None = None,
) -> tuple[MixturePrior, Tensor]:
    """The mixture, and the student's logits, which fit it; errors as `log_mixture_prior`."""
    settings = {"concentration": concentration, "temperature": temperature, "strength": strength}
    check_leading(
        student_logits=student_logits.shape[:-2],
        teacher_logits=teacher_logits.shape[:-3],
        weights=weights.shape[:-2],
        **{name: torch.as_tensor(value).shape for name, value in settings.items()},
    )
    mixture, wanted = MixturePrior.build(teacher_logits, weights, tail=tail, **settings), teacher_logits.shape[-2:]
    if student_logits.shape[-2:] != wanted:
        raise ValueError(
            f"student_logits must be [..., {wanted[0]}, {wanted[1]}] as teacher_logits are, "
            f"got shape {tuple(student_logits.shape)}"
        )
    check_student(student_logits)
    return mixture, floating(student_logits)


def check_student(logits: Tensor) -> None:
    """Refuse student logits that are not finite; probabilities of them would be NaN.

    Raises:
        UserError: one is NaN or infinite.
    """
    wrong = int((~torch.isfinite(logits)).sum())
    if wrong:
        raise UserError(f"student_logits: {wrong} of {logits.numel()} are NaN or infinite, needs finite numbers")


def log_mixture_prior(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    *,
    concentration: Scalar = 5.0,
    temperature: Scalar = 2.0,
    tail: Tensor | None = None,
) -> Tensor:
    """Log density of the teacher-informed mixture prior at the student's tempered probabilities.

    log m_i = logsumexp_k( log w_ki + log f_ki(q_i) ), normalising constants included; f_ki is Dirichlet(q_i; 1 + lambda
    t_ki), or what `mtbkd_core.prior.partial` derives for a teacher that does not know all classes.

    Args:
        student_logits: [..., N, C].
        teacher_logits: [K, N, C] or [..., K, N, C]; -inf: a class that the teacher does not know there.
        weights: [K, N] or [..., K, N], as `entropy_weights` gives them.
        concentration: lambda, a number or one for each leading index.
        temperature: T, likewise.
        tail: [K, N], log of the mass that a teacher's -inf classes have together, on the scale of its logits; -inf, or
            None: it says nothing about them.
    Returns:
        [..., N], log m_i in nats; 0 where all teachers abstain.
    Raises:
        ValueError: see `MixturePrior.build`; student logits of other examples or classes than the teachers'; leading
            axes that do not broadcast.
        UserError: a student logit that is not finite.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature, tail=tail)
    return mixture.log_density(mixture.terms(logits)[0])


def responsibilities(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    *,
    concentration: Scalar = 5.0,
    temperature: Scalar = 2.0,
    tail: Tensor | None = None,
) -> Tensor:
    """Each teacher's share of the mixture at the student: r_ki = w_ki f_ki / sum_j w_ji f_ji.

    Arguments and errors as `log_mixture_prior`.

    Returns:
        [..., K, N], sums to 1 over K; 0 where all abstain.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature, tail=tail)
    return mixture.shares(mixture.terms(logits)[0])


def pulls(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    *,
    concentration: Scalar = 5.0,
    temperature: Scalar = 2.0,
    strength: Scalar = 1.0,
    tail: Tensor | None = None,
) -> Tensor:
    """Each teacher's share of the gradient of the log joint on the student's logits.

    alpha (lambda / T) r_ki (t_ki - q_i), or, of a teacher that knows the classes S, (t_ki - q_i^S) on S and 0
    elsewhere; summed over k it is the gradient of alpha log m_i. Other arguments and errors as `log_mixture_prior`.

    Returns:
        [..., K, N, C], nats per unit of logit.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature, strength, tail)
    terms, q = mixture.terms(logits)
    return mixture.pulls(mixture.shares(terms), q)


def label_pull(student_logits: Tensor, labels: Tensor) -> Tensor:
    """The label's pull: onehot(y_i) - p_i, the gradient of log p_i[y_i] on the logits.

    Args:
        student_logits: [..., N, C].
        labels: [N], int64.
    Returns:
        [..., N, C], nats per unit of logit.
    Raises:
        UserError: a student logit that is not finite.
    """
    check_student(student_logits)
    onehot = torch.nn.functional.one_hot(labels, student_logits.shape[-1]).to(student_logits.dtype)
    return onehot - student_logits.softmax(-1)
