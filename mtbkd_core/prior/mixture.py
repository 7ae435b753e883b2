"""The teacher-informed Dirichlet mixture prior: its log density, responsibilities and closed gradient.

Source: Fang et al., arXiv 2605.27967.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.prior.weights import Scalar, check_leading, floating, like


@dataclass(frozen=True)
class MixturePrior:
    """The mixture prior of N examples, with everything that does not depend on the student worked out once.

    The density of the student's tempered probabilities q_i is sum_k w_ki Dirichlet(q_i; 1 + lambda t_ki), t_ki the
    teacher's tempered probabilities: component k has its mode at the teacher. Settings with a leading axis [S] differ
    by chain.

    Attributes:
        targets: [..., K, N, C], t_ki.
        log_offsets: [..., K, N], log w_ki plus the Dirichlet's log normalising constant.
        concentration, temperature, strength: [...], lambda, T and alpha.
    """

    targets: Tensor
    log_offsets: Tensor
    concentration: Tensor
    temperature: Tensor
    strength: Tensor

    @classmethod
    def build(
        cls,
        teacher_logits: Tensor,
        weights: Tensor,
        *,
        concentration: Scalar = 5.0,
        temperature: Scalar = 2.0,
        strength: Scalar = 1.0,
    ) -> Self:
        """Work out targets and constants.

        Args:
            teacher_logits: [K, N, C] or [..., K, N, C], finite.
            weights: [..., K, N], non-negative; a teacher with weight 0 has no effect.
            concentration, temperature, strength: a number or [...] (one for each chain).
        Raises:
            ValueError: a concentration or temperature that is not positive, a negative strength, logits that are not
                finite, weights that are negative, not finite or of another shape.
        """
        teacher_logits = floating(teacher_logits)
        lam, temp, alpha = (like(value, teacher_logits) for value in (concentration, temperature, strength))
        for name, value in (("concentration", lam), ("temperature", temp)):
            if not (torch.isfinite(value) & (value > 0)).all():
                raise ValueError(f"{name} must be positive and finite, got {value.tolist()}")
        if not (torch.isfinite(alpha) & (alpha >= 0)).all():
            raise ValueError(f"strength must be finite and not negative, got {alpha.tolist()}")
        if not torch.isfinite(teacher_logits).all():
            raise ValueError("teacher_logits must be finite; they hold NaN or infinity")
        if teacher_logits.ndim < 3 or weights.shape[-2:] != teacher_logits.shape[-3:-1]:
            raise ValueError(
                "teacher_logits must be [..., K, N, C] and weights [..., K, N], "
                f"got shapes {tuple(teacher_logits.shape)} and {tuple(weights.shape)}"
            )
        if not (torch.isfinite(weights) & (weights >= 0)).all() or not (weights.sum(-2) > 0).all():
            raise ValueError("weights must be finite, not negative, and not all zero at an example")
        targets = _examples_last((teacher_logits / temp[..., None, None, None]).softmax(-1))
        wide = lam[..., None, None]
        classes = teacher_logits.shape[-1]
        normaliser = torch.lgamma(classes + wide) - torch.lgamma(1 + wide[..., None] * targets).sum(-1)
        return cls(targets, weights.log() + normaliser, lam, temp, alpha)

    def select(self, index: Tensor | slice) -> MixturePrior:
        """The prior of some of the examples: a minibatch's `index` [B], or a range."""
        return replace(self, targets=self.targets[..., index, :], log_offsets=self.log_offsets[..., index])

    @classmethod
    def stack(cls, priors: Sequence[Self], chains: int) -> Self:
        """The prior of `chains` chains for each of several priors that have no chain axis and equal shapes.

        What is equal in all of them stays without a chain axis.
        """

        def together(name: str) -> Tensor:
            values: list[Tensor] = [getattr(prior, name) for prior in priors]
            if all(torch.equal(values[0], other) for other in values[1:]):
                return values[0]
            stacked = torch.stack(values).repeat_interleave(chains, 0)
            return _examples_last(stacked) if name == "targets" else stacked

        return cls(*(together(field.name) for field in fields(cls)))

    def of_chains(self, chains: Tensor | slice) -> MixturePrior:
        """The prior of some of the chains, by index or range."""
        dimensions = {"targets": 3, "log_offsets": 2}
        own = {name: value for name, value in vars(self).items() if value.ndim > dimensions.get(name, 0)}
        return replace(self, **{name: value[chains] for name, value in own.items()})

    def terms(self, student_logits: Tensor) -> tuple[Tensor, Tensor]:
        """log( w_ki Dirichlet_k(q_i) ) [..., K, N] and q_i [..., N, C], for student logits [..., N, C]."""
        return self.terms_of_shifted(student_logits - student_logits.amax(-1, keepdim=True))

    def terms_of_shifted(self, shifted: Tensor) -> tuple[Tensor, Tensor]:
        """`terms`, for logits with a largest one of 0 at each example."""
        scaled = shifted / self.temperature[..., None, None]
        exp = scaled.exp()
        total = exp.sum(-1, keepdim=True)
        # sum_c t_c log q_c = sum_c t_c f_c / T - log sum_c exp(f_c / T), since the targets sum to 1
        cross = (self.targets * scaled[..., None, :, :]).sum(-1) - total.log().transpose(-1, -2)
        return torch.addcmul(self.log_offsets, self.concentration[..., None, None], cross), exp / total

    def gradient(self, terms: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From `terms`: log m_i [..., N], responsibilities [..., K, N], and d(alpha log m_i)/d logits [..., N, C].

        The gradient is closed: sum_k alpha (lambda / T) r_ki (t_ki - q_i).
        """
        highest = terms.amax(-2, keepdim=True)
        share = (terms - highest).exp_()
        total = share.sum(-2, keepdim=True)
        share.div_(total)
        # classes before examples, so that products and sums run over contiguous memory
        drawn_to = (share[..., None, :] * self.targets.transpose(-1, -2)).sum(-3).transpose(-1, -2)
        pulled = drawn_to.sub_(q)
        return (total.log() + highest)[..., 0, :], share, pulled.mul_(self.pull_scale[..., None, None])

    @property
    def pull_scale(self) -> Tensor:
        """[...], alpha lambda / T: the weight of a teacher's full disagreement on the logits."""
        return self.strength * self.concentration / self.temperature

    def pulls(self, share: Tensor, q: Tensor) -> Tensor:
        """[..., K, N, C], each teacher's term of the gradient on the logits: alpha (lambda / T) r_ki (t_ki - q_i)."""
        return self.pull_scale[..., None, None, None] * share[..., None] * (self.targets - q[..., None, :, :])


def _examples_last(values: Tensor) -> Tensor:
    """The same [..., N, C] with examples contiguous in memory, as the student's logits are: fast elementwise work."""
    return values.transpose(-1, -2).contiguous().transpose(-1, -2)


def _checked(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    concentration: Scalar,
    temperature: Scalar,
    strength: Scalar = 1.0,
) -> tuple[MixturePrior, Tensor]:
    """The mixture, and the student's logits, which fit it; errors as `log_mixture_prior`."""
    settings = {"concentration": concentration, "temperature": temperature, "strength": strength}
    check_leading(
        student_logits=student_logits.shape[:-2],
        teacher_logits=teacher_logits.shape[:-3],
        weights=weights.shape[:-2],
        **{name: torch.as_tensor(value).shape for name, value in settings.items()},
    )
    mixture, wanted = MixturePrior.build(teacher_logits, weights, **settings), teacher_logits.shape[-2:]
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
) -> Tensor:
    """Log density of the teacher-informed mixture prior at the student's tempered probabilities.

    log m_i = logsumexp_k( log w_ki + log Dirichlet(q_i; 1 + lambda t_ki) ), normalising constants included.

    Args:
        student_logits: [..., N, C].
        teacher_logits: [K, N, C] or [..., K, N, C].
        weights: [K, N] or [..., K, N], as `entropy_weights` gives them.
        concentration: lambda, a number or one for each leading index.
        temperature: T, likewise.
    Returns:
        [..., N], log m_i in nats.
    Raises:
        ValueError: see `MixturePrior.build`; student logits of other examples or classes than the teachers'; leading
            axes that do not broadcast.
        UserError: a student logit that is not finite.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature)
    return mixture.terms(logits)[0].logsumexp(-2)


def responsibilities(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    *,
    concentration: Scalar = 5.0,
    temperature: Scalar = 2.0,
) -> Tensor:
    """Each teacher's share of the mixture at the student: r_ki = w_ki Dir_k / sum_j w_ji Dir_j.

    Arguments and errors as `log_mixture_prior`.

    Returns:
        [..., K, N], sums to 1 over K.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature)
    return mixture.terms(logits)[0].softmax(-2)


def pulls(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor,
    *,
    concentration: Scalar = 5.0,
    temperature: Scalar = 2.0,
    strength: Scalar = 1.0,
) -> Tensor:
    """Each teacher's share of the gradient of the log joint on the student's logits.

    alpha (lambda / T) r_ki (t_ki - q_i); summed over k it is the gradient of alpha log m_i. Other arguments and errors
    as `log_mixture_prior`.

    Returns:
        [..., K, N, C], nats per unit of logit.
    """
    mixture, logits = _checked(student_logits, teacher_logits, weights, concentration, temperature, strength)
    terms, q = mixture.terms(logits)
    return mixture.pulls(terms.softmax(-2), q)


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
