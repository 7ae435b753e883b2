"""The teacher-informed Dirichlet mixture prior: its log density, responsibilities and closed gradient.

Components of teachers that know only some classes are derived in `mtbkd_core.prior.partial`. Where all teachers know
all classes nothing of that is worked out. Source: Fang et al., arXiv 2605.27967.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from mtbkd_core.prior.partial import compared, spoken
from mtbkd_core.prior.weights import Scalar, floating, like

#: Axes of what a mixture holds, those of chains apart; the others have none.
_AXES = {"targets": 3, "log_offsets": 2, "over": 3, "tail": 3, "tail_targets": 2, "places": 3}
#: From so many classes for each that a component is over, `compact` leaves out the others.
_FEW_OF = 4


@dataclass(frozen=True)
class MixturePrior:
    """The mixture prior of N examples, with everything that does not depend on the student worked out once.

    The density of the student's tempered probabilities q_i is sum_k w_ki Dirichlet(q_i; 1 + lambda t_ki), t_ki the
    teacher's tempered probabilities: component k has its mode at the teacher. Settings with a leading axis [S] differ
    by chain.

    Attributes:
        targets: [..., K, N, C], t_ki; 0 at a class that the teacher does not name.
        log_offsets: [..., K, N], log w_ki plus the component's log normalising constant.
        concentration, temperature, strength: [...], lambda, T and alpha.
        over: [..., K, N, C], whether a component is over a class; None: all are over all.
        tail, tail_targets: [..., K, N, C] and [..., K, N], as `compared` takes them; None: no teacher has a tail.
        places: [..., K, N, c], the classes that `targets` and `over` are of, which then are [..., K, N, c]; None: all.
    """

    targets: Tensor
    log_offsets: Tensor
    concentration: Tensor
    temperature: Tensor
    strength: Tensor
    over: Tensor | None = None
    tail: Tensor | None = None
    tail_targets: Tensor | None = None
    places: Tensor | None = None

    @classmethod
    def build(
        cls,
        teacher_logits: Tensor,
        weights: Tensor,
        *,
        concentration: Scalar = 5.0,
        temperature: Scalar = 2.0,
        strength: Scalar = 1.0,
        tail: Tensor | None = None,
    ) -> Self:
        """Work out targets and constants.

        Args:
            teacher_logits: [K, N, C] or [..., K, N, C]; -inf: a class that the teacher does not know. A teacher that
                knows fewer than two of an example abstains there.
            weights: [..., K, N], non-negative; a teacher with weight 0 has no effect.
            concentration, temperature, strength: a number or [...] (one for each chain).
            tail: see `partial.spoken`.
        Raises:
            ValueError: a concentration or temperature that is not positive, a negative strength, logits that are NaN or
                +inf, weights that are negative, not finite, of another shape, or not 0 where a teacher abstains.
        """
        teacher_logits = floating(teacher_logits)
        lam, temp, alpha = (like(value, teacher_logits) for value in (concentration, temperature, strength))
        for name, value in (("concentration", lam), ("temperature", temp)):
            if not (torch.isfinite(value) & (value > 0)).all():
                raise ValueError(f"{name} must be positive and finite, got {value.tolist()}")
        if not (torch.isfinite(alpha) & (alpha >= 0)).all():
            raise ValueError(f"strength must be finite and not negative, got {alpha.tolist()}")
        some = spoken(teacher_logits, tail)
        if teacher_logits.ndim < 3 or weights.shape[-2:] != teacher_logits.shape[-3:-1]:
            raise ValueError(
                "teacher_logits must be [..., K, N, C] and weights [..., K, N], "
                f"got shapes {tuple(teacher_logits.shape)} and {tuple(weights.shape)}"
            )
        if not (torch.isfinite(weights) & (weights >= 0)).all() or (some is None and not (weights.sum(-2) > 0).all()):
            raise ValueError("weights must be finite, not negative, and not all zero at an example")
        divisor, wide = temp[..., None, None, None], lam[..., None, None]
        if some is None:
            targets = _examples_last((teacher_logits / divisor).softmax(-1))
            classes = teacher_logits.shape[-1]
            normaliser = torch.lgamma(classes + wide) - torch.lgamma(1 + wide[..., None] * targets).sum(-1)
            return cls(targets, weights.log() + normaliser, lam, temp, alpha)
        if bool((weights * (some.cells == 0) > 0).any()):
            raise ValueError("weights must be 0 where a teacher abstains")
        targets, tail_targets = some.shares(divisor)
        offsets = weights.log() + some.log_normaliser(targets, tail_targets, wide)
        mixture = cls(_examples_last(targets), offsets, lam, temp, alpha, _examples_last(some.over))
        if not some.tail.any():
            return mixture
        together = _examples_last(some.tail | ~some.tail.any(-1, keepdim=True))
        return replace(mixture, tail=together, tail_targets=tail_targets)

    def select(self, index: Tensor | slice) -> MixturePrior:
        """The prior of some of the examples: a minibatch's `index` [B], or a range."""
        chosen: dict[str, Any] = {
            name: values[..., index, :] if _AXES[name] == 3 else values[..., index]
            for name, values in vars(self).items()
            if name in _AXES and values is not None
        }
        return replace(self, **chosen)

    @classmethod
    def stack(cls, priors: Sequence[Self], chains: int) -> Self:
        """The prior of `chains` chains for each of several priors that have no chain axis and equal shapes.

        What is equal in all of them stays without a chain axis.
        """

        def together(name: str) -> Tensor | None:
            given = [getattr(prior, name) for prior in priors]
            if all(each is None for each in given):
                return None
            values = [
                prior._all_named(name) if each is None else each for prior, each in zip(priors, given, strict=True)
            ]
            if all(torch.equal(values[0], other) for other in values[1:]):
                return values[0]
            stacked = torch.stack(values).repeat_interleave(chains, 0)
            return _examples_last(stacked) if _AXES.get(name) == 3 else stacked

        stacked: dict[str, Any] = {field.name: together(field.name) for field in fields(cls)}
        return cls(**stacked)

    def _all_named(self, name: str) -> Tensor:
        """`over`, `tail` or `tail_targets` of teachers that all know all classes."""
        if name == "tail_targets":
            return torch.zeros_like(self.log_offsets)
        return torch.ones_like(self.targets, dtype=torch.bool)

    def of_chains(self, chains: Tensor | slice) -> MixturePrior:
        """The prior of some of the chains, by index or range."""
        tensors = {name: each for name, each in vars(self).items() if isinstance(each, Tensor)}
        own: dict[str, Any] = {name: each[chains] for name, each in tensors.items() if each.ndim > _AXES.get(name, 0)}
        return replace(self, **own)

    def compact(self) -> MixturePrior:
        """The same where components are over a few of many classes, as leading ones are: with these classes alone."""
        if self.over is None or self.tail is not None:
            return self
        heard = (self.log_offsets > -torch.inf)[..., None]
        targets, every = torch.broadcast_tensors(self.targets, self.over & heard)
        count = max(2, int(every.sum(-1).max()))
        if _FEW_OF * count > every.shape[-1]:
            return self
        places = every.to(torch.uint8).topk(count, -1).indices
        over = every.gather(-1, places) | ~heard  # a softmax over nothing is NaN
        own = {"targets": targets.gather(-1, places), "over": over, "places": places}
        return replace(self, **{name: _examples_last(values) for name, values in own.items()})

    def at_all_classes(self, values: Tensor, classes: int) -> Tensor:
        """[..., K, N, C] of values at the classes that components are over; as they are where these are all."""
        if self.places is None:
            return values
        whole = values.new_zeros(*values.shape[:-1], classes)
        return whole.scatter_(-1, self.places.expand(values.shape), values)

    def terms(self, student_logits: Tensor) -> tuple[Tensor, Tensor]:
        """The terms of log m_i at student logits [..., N, C], and what teachers' targets are compared with.

        Returns:
            log( w_ki f_k(q_i) ), [..., K, N], -inf where a teacher abstains; and q_i [..., N, C], or, where not all
            teachers know all classes, for each teacher what `compared` gives, [..., K, N, C].
        """
        return self.terms_of_shifted(student_logits - student_logits.amax(-1, keepdim=True))

    def terms_of_shifted(self, shifted: Tensor) -> tuple[Tensor, Tensor]:
        """`terms`, for logits with a largest one of 0 at each example."""
        if self.over is not None:
            every = shifted[..., None, :, :]
            if self.places is not None:
                leading = torch.broadcast_shapes(every.shape[:-1], self.places.shape[:-1])
                every = every.expand(*leading, -1).gather(-1, self.places.expand(*leading, -1))
            scaled = every / self.temperature[..., None, None, None]
            cross, own = compared(scaled, self.targets, self.over, self.tail, self.tail_targets)
            return torch.addcmul(self.log_offsets, self.concentration[..., None, None], cross), own
        scaled = shifted / self.temperature[..., None, None]
        exp = scaled.exp()
        total = exp.sum(-1, keepdim=True)
        # sum_c t_c log q_c = sum_c t_c f_c / T - log sum_c exp(f_c / T), since the targets sum to 1
        cross = (self.targets * scaled[..., None, :, :]).sum(-1) - total.log().transpose(-1, -2)
        return torch.addcmul(self.log_offsets, self.concentration[..., None, None], cross), exp / total

    def shares(self, terms: Tensor) -> Tensor:
        """Responsibilities [..., K, N] from `terms`; 0 where all teachers abstain."""
        return terms.softmax(-2) if self.over is None else _heard(terms).softmax(-2).where(terms > -torch.inf, 0.0)

    def log_density(self, terms: Tensor) -> Tensor:
        """Log m_i [..., N] from `terms`; 0 where all teachers abstain."""
        return (
            terms.logsumexp(-2) if self.over is None else _heard(terms).logsumexp(-2).where(_any(terms)[..., 0, :], 0.0)
        )

    def gradient(self, terms: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From `terms`: log m_i [..., N], responsibilities [..., K, N], and d(alpha log m_i)/d logits [..., N, C].

        The gradient is closed: sum_k alpha (lambda / T) r_ki (t_ki - q_i). Of a mixture that is `compact` it is
        [..., K, N, c], for `add_pull`.
        """
        if self.over is not None:
            share = self.shares(terms)
            drawn_to = share[..., None] * (self.targets - q)
            if self.places is not None:
                return self.log_density(terms), share, drawn_to.mul_(self.pull_scale[..., None, None, None])
            drawn_to = drawn_to.sum(-3)
            return self.log_density(terms), share, drawn_to.mul_(self.pull_scale[..., None, None])
        highest = terms.amax(-2, keepdim=True)
        share = (terms - highest).exp_()
        total = share.sum(-2, keepdim=True)
        share.div_(total)
        # classes before examples, so that products and sums run over contiguous memory
        drawn_to = (share[..., None, :] * self.targets.transpose(-1, -2)).sum(-3).transpose(-1, -2)
        pulled = drawn_to.sub_(q)
        return (total.log() + highest)[..., 0, :], share, pulled.mul_(self.pull_scale[..., None, None])

    def add_pull(self, gradient: Tensor, pull: Tensor) -> None:
        """Add what `gradient` gives to a gradient on the logits [..., N, C], in place."""
        if self.places is None:
            gradient.add_(pull)
            return
        for own, places in zip(pull.unbind(-3), self.places.unbind(-3), strict=True):
            gradient.scatter_add_(-1, places.expand(own.shape), own)

    @property
    def pull_scale(self) -> Tensor:
        """[...], alpha lambda / T: the weight of a teacher's full disagreement on the logits."""
        return self.strength * self.concentration / self.temperature

    def pulls(self, share: Tensor, q: Tensor) -> Tensor:
        """[..., K, N, C], each teacher's term of the gradient on the logits: alpha (lambda / T) r_ki (t_ki - q_i).

        Of a mixture that is `compact` [..., K, N, c].
        """
        own = q[..., None, :, :] if self.over is None else q
        return self.pull_scale[..., None, None, None] * share[..., None] * (self.targets - own)


def _any(terms: Tensor) -> Tensor:
    """[..., 1, N], whether a teacher of weight speaks."""
    return (terms > -torch.inf).any(-2, keepdim=True)


def _heard(terms: Tensor) -> Tensor:
    """The terms, finite where all teachers abstain: what is worked out there is not used."""
    return torch.where(_any(terms), terms, 0.0)


def _examples_last(values: Tensor) -> Tensor:
    """The same [..., N, C] with examples contiguous in memory, as the student's logits are: fast elementwise work."""
    return values.transpose(-1, -2).contiguous().transpose(-1, -2)
