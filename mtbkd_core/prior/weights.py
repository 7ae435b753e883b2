"""Entropy weights: how much each teacher counts at each example.

Source: Fang et al., arXiv 2605.27967. A weight rule is a formula and an entry of `RULES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.prior.partial import spoken

Scalar = float | Sequence[float] | Tensor


#: Entropies [..., K, N] of the teachers (0 where one is left out), base weights [..., K, 1 or N] that sum to 1, and the
#: softmin temperature [..., 1, 1] -> weights, not negative and up to a constant; all 0 stands for the base weights.
Formula = Callable[[Tensor, Tensor, Tensor], Tensor]


def _inverse_entropy(entropy: Tensor, base: Tensor, softmin_temperature: Tensor) -> Tensor:
    total = entropy.sum(-2, keepdim=True)
    share = torch.where(total > 0, entropy / total.clamp_min(torch.finfo(entropy.dtype).tiny), 0.0)
    return base * (1 - share).clamp_min(0)


def _softmin(entropy: Tensor, base: Tensor, softmin_temperature: Tensor) -> Tensor:
    if not (softmin_temperature > 0).all():
        raise ValueError(f"softmin_temperature must be positive, got {softmin_temperature.flatten().tolist()}")
    # measured from the most certain teacher that counts, so that a tiny temperature has a limit and no NaN
    least = torch.where(base > 0, entropy, torch.inf).amin(-2, keepdim=True)
    return (base.log() - (entropy - least).clamp_min(0) / softmin_temperature).softmax(-2)


def _fixed(entropy: Tensor, base: Tensor, softmin_temperature: Tensor) -> Tensor:
    return base.expand(torch.broadcast_shapes(base.shape, entropy.shape))


RULES: Mapping[WeightRule, Formula] = {
    WeightRule.INVERSE_ENTROPY: _inverse_entropy,
    WeightRule.SOFTMIN: _softmin,
    WeightRule.FIXED: _fixed,
}


def entropies(teacher_logits: Tensor, entropy_temperature: Scalar = 1.0, tail: Tensor | None = None) -> Tensor:
    """Entropy of each teacher's probabilities at each example.

    Teachers that know different numbers of classes are compared by H log(C) / log(number of classes known), where a
    tail counts as one class.

    Args:
        teacher_logits: [K, N, C]; -inf: a class that the teacher does not know there.
        entropy_temperature: a number or [..., K]; logits are divided by it first.
        tail: see `partial.spoken`.
    Returns:
        [..., K, N], in nats; 0 where a teacher abstains.
    Raises:
        ValueError: no teacher, a logit that is NaN or +inf, a temperature that is not positive, or temperatures that
            are not one for each teacher.
    """
    if teacher_logits.ndim != 3 or teacher_logits.shape[0] == 0:
        raise ValueError(f"teacher_logits must be [K, N, C] with K >= 1, got shape {tuple(teacher_logits.shape)}")
    some = spoken(teacher_logits, tail)
    teacher_logits = floating(teacher_logits)
    temperature = like(entropy_temperature, teacher_logits)
    if temperature.ndim and temperature.shape[-1] != teacher_logits.shape[0]:
        raise ValueError(
            f"entropy_temperature must be a number or one for each of the {teacher_logits.shape[0]} teachers, "
            f"got shape {tuple(temperature.shape)}"
        )
    if not (torch.isfinite(temperature) & (temperature > 0)).all():
        raise ValueError(f"entropy_temperature must be positive and finite, got {entropy_temperature}")
    divisor = temperature[..., None, None]
    if some is None:
        log_p = (teacher_logits / divisor).log_softmax(-1)
        return -(log_p.exp() * log_p).sum(-1)
    shares, tail_share = some.shares(divisor)
    found = torch.special.entr(shares).sum(-1) + torch.special.entr(tail_share)
    cells = some.cells.clamp_min(2).to(found)
    compared: Tensor = found * torch.full_like(cells, teacher_logits.shape[-1]).log() / cells.log()
    return compared


def entropy_weights(
    teacher_logits: Tensor,
    *,
    rule: WeightRule | str = WeightRule.INVERSE_ENTROPY,
    base: Scalar | None = None,
    entropy_temperature: Scalar = 1.0,
    softmin_temperature: Scalar = 1.0,
    active: Tensor | None = None,
    sharpness: Scalar | None = None,
    tail: Tensor | None = None,
) -> Tensor:
    """Weight of each teacher at each example; a more certain teacher counts more.

    With H_ki the entropy of teacher k at example i and rho_k its base weight:

    * `inverse_entropy` (the paper's): w_ki proportional to rho_k (1 - H_ki / sum_j H_ji);
    * `softmin`: w_ki proportional to rho_k exp(-H_ki / softmin_temperature);
    * `fixed`: w_ki = rho_k.

    Where a rule gives every teacher zero (a single teacher, say), its limit holds: the base weights. A teacher that
    abstains at an example, for it knows fewer than two classes there, is left out of every sum.

    Args:
        teacher_logits: [K, N, C]; -inf: a class that the teacher does not know there.
        rule: one of `WeightRule`.
        base: [..., K] base weights, non-negative, rescaled to sum to 1; None: all equal.
        entropy_temperature: a number or [..., K], see `entropies`.
        softmin_temperature: a number or [...], in nats; only `softmin` uses it. Infinity gives the base weights.
        active: [..., K] booleans; a teacher that is not active is left out altogether, its entropy too.
        sharpness: the former name of `softmin_temperature`.
        tail: see `partial.spoken`.
    Returns:
        [..., K, N], non-negative, sums to 1 over K; 0 where all teachers with a base weight abstain.
    Raises:
        ValueError: as `entropies`; a base weight that is negative or not finite; base weights that are all zero; a
            softmin temperature that is not positive; an unknown rule; leading axes that do not broadcast.
    """
    if sharpness is not None:
        warnings.warn("sharpness is now called softmin_temperature", FutureWarning, stacklevel=2)
        softmin_temperature = sharpness
    entropy = entropies(teacher_logits, entropy_temperature, tail)
    some, count = spoken(teacher_logits, tail), teacher_logits.shape[0]
    rho = _one_per_teacher("base", entropy.new_ones(count) if base is None else like(base, entropy), count)
    if not (torch.isfinite(rho) & (rho >= 0)).all():
        raise ValueError(f"base weights must be finite and not negative, got {base}")
    mask = _one_per_teacher("active", entropy.new_ones(count) if active is None else active.to(entropy), count)
    beta = like(softmin_temperature, entropy)
    check_leading(
        entropy_temperature=entropy.shape[:-2],
        base=rho.shape[:-1],
        active=mask.shape[:-1],
        softmin_temperature=beta.shape,
    )
    rho = _normalised(rho * mask, None if some is None else some.cells > 0)
    weight = RULES[WeightRule(rule)](entropy * mask[..., None], rho, beta[..., None, None])
    total = weight.sum(-2, keepdim=True)
    return torch.where(total > 0, weight / total.clamp_min(torch.finfo(weight.dtype).tiny), rho)


def _normalised(rho: Tensor, speaks: Tensor | None) -> Tensor:
    """Base weights [..., K] as a `Formula` takes them, of those that speak [K, N] at an example; None: all do."""
    if not (rho.sum(-1) > 0).all():
        raise ValueError(f"at least one base weight of an active teacher must be positive, got {rho.tolist()}")
    rho = (rho / rho.sum(-1, keepdim=True))[..., None]
    if speaks is None:
        return rho
    rho = rho * speaks
    return rho / rho.sum(-2, keepdim=True).clamp_min(torch.finfo(rho.dtype).tiny)


def _one_per_teacher(name: str, values: Tensor, count: int) -> Tensor:
    if values.ndim == 0 or values.shape[-1] != count:
        raise ValueError(f"{name} must hold one number for each of the {count} teachers, got {list(values.shape)}")
    return values


def like(value: Scalar, other: Tensor) -> Tensor:
    """The value as a tensor of the other's dtype, on its device."""
    return torch.as_tensor(value, dtype=other.dtype, device=other.device)


def floating(logits: Tensor) -> Tensor:
    """The same in a floating dtype: settings beside whole numbers would lose their fractions."""
    return logits if logits.is_floating_point() else logits.to(torch.get_default_dtype())


def check_leading(**shapes: Sequence[int]) -> None:
    """Raise ValueError where leading axes do not broadcast."""
    try:
        torch.broadcast_shapes(*(tuple(shape) for shape in shapes.values()))
    except RuntimeError:
        given = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ValueError(f"leading axes do not broadcast: {given}") from None
