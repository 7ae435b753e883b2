"""The log joint of a student given labels and teachers, and its exact gradient.

log joint = sum_i [ log p_i[y_i] + alpha log m_i ] - ||theta - anchor||^2 / (2 sigma^2), with log m_i the mixture prior
and anchor 0, except in a warm start. The gradient on the logits is closed (see `prior`), so one vector-Jacobian product
through the student is all that a step costs.

Samplers see whitened coordinates u = theta / sigma, in which the Gaussian prior is standard normal: one step size then
fits every layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from mtbkd_core.common.parallel import together
from mtbkd_core.prior.mixture import MixturePrior
from mtbkd_core.students.base import Student

#: Examples are taken in pieces that make no intermediate larger than so many numbers: what does not fit the processor's
#: cache costs more than twice as much for twice the size.
_MOST_NUMBERS = 2**19
#: From so many multiplications of a forward pass on, half of the chains go to another thread: with less, threads
#: wait for one another as long as they work. More shares than two were slower, for products of fewer chains are.
_LEAST_WORK_TO_SHARE = 2 * 10**7


@dataclass(frozen=True)
class Density:
    """A target's value at whitened positions [S, P].

    Attributes:
        log_joint: [S], in nats, up to the Gaussian prior's constant.
        gradient: [S, P], with respect to the whitened position.
        teacher_share: [S, K], mean responsibility of each teacher; None without teachers.
    """

    log_joint: Tensor
    gradient: Tensor
    teacher_share: Tensor | None = None


@dataclass(frozen=True)
class LogPosterior:
    """The target of every sampler: call it with whitened positions [S, P] and, for a minibatch, example indices [B].

    Attributes:
        student: the network.
        x, labels: [N, F] and [N]; or [S, N, F] and [S, N], where every chain has data of its own (and no minibatches).
            A label of -1 is none: such an example has the teachers' term alone.
        mixture: the teachers' prior at the N examples; None: no distillation.
        anchor: [S, P] whitened centre of the Gaussian prior; None: zero.
        seen: [S, N], 1 where a chain learns from an example, else 0: neither its label nor its teachers count there;
            None: every chain learns from all.
    """

    student: Student
    x: Tensor
    labels: Tensor
    mixture: MixturePrior | None
    anchor: Tensor | None = None
    seen: Tensor | None = None

    def anchored(self, anchor: Tensor) -> LogPosterior:
        """The same target with the Gaussian prior centred on `anchor`: the warm start's objective."""
        return replace(self, anchor=anchor)

    def of_chains(self, chains: Tensor | slice) -> LogPosterior:
        """The target of some of the chains, by index."""
        own = self.x.ndim == 3
        return replace(
            self,
            x=self.x[chains] if own else self.x,
            labels=self.labels[chains] if own else self.labels,
            mixture=None if self.mixture is None else self.mixture.of_chains(chains),
            anchor=None if self.anchor is None else self.anchor[chains],
            seen=None if self.seen is None else self.seen[chains],
        )

    @cached_property
    def _inputs(self) -> Tensor:
        """`x` with examples contiguous: a product with rows of few inputs costs four times as much."""
        return self.x.mT.contiguous().mT

    @cached_property
    def _onehot(self) -> Tensor:
        """[N, C] or, with data per chain, [S, N, C]; examples contiguous as in the student's logits."""
        onehot = torch.nn.functional.one_hot(self.labels.clamp_min(0), self.student.sizes[-1]).to(self.x.dtype)
        if self._labelled is not None:
            onehot = onehot * self._labelled
        return onehot.transpose(-1, -2).contiguous().transpose(-1, -2)

    @cached_property
    def _labelled(self) -> Tensor | None:
        """[N, 1] or, with data per chain, [S, N, 1]: 1 where an example has a label, else 0; None where all have."""
        known = self.labels >= 0
        return None if bool(known.all()) else known[..., None].to(self.x.dtype)

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        """Log joint, gradient and teachers' shares; sums over a minibatch are rescaled by N / B."""
        count = self.labels.shape[-1] if batch is None else len(batch)
        theta = self.student.weight_scale * position
        halves = self._halves(len(position), count)
        if len(halves) == 1:
            log_data, gradient, share = self._of_chains(theta, self._prior, self.seen, batch)
        else:
            prior, seen = self._prior, self.seen
            found = together(
                [
                    partial(
                        self._of_chains,
                        theta[chains],
                        None if prior is None else prior.of_chains(chains),
                        None if seen is None else seen[chains],
                        batch,
                    )
                    for chains in halves
                ]
            )
            log_data, gradient = torch.cat([each[0] for each in found]), torch.cat([each[1] for each in found])
            shares = [each[2] for each in found if each[2] is not None]
            share = torch.cat(shares) if shares else None
        scale = self.labels.shape[-1] / count
        offset = position if self.anchor is None else position - self.anchor
        return Density(
            scale * log_data - 0.5 * offset.square().sum(-1),
            gradient.mul_(scale * self.student.weight_scale).sub_(offset),
            None if share is None else share / count,
        )

    def _halves(self, chains: int, count: int) -> list[slice]:
        """Which chains are computed side by side; by the sizes alone, so that no result depends on the machine."""
        if chains == 1 or self.x.ndim == 3 or self.x.device.type != "cpu":
            return [slice(None)]
        worthwhile = chains * count * self.student.multiply_adds >= _LEAST_WORK_TO_SHARE
        return _pieces(chains, -(-chains // 2)) if worthwhile else [slice(None)]

    def _of_chains(
        self, theta: Tensor, mixture: MixturePrior | None, seen: Tensor | None, batch: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Sums over all examples or a minibatch for some chains, their prior and what they see, as `_of_examples`."""
        count = self.labels.shape[-1] if batch is None else len(batch)
        rows = max(1, _MOST_NUMBERS // (len(theta) * self._numbers_per_example))
        parts = [batch] if count <= rows else _pieces(count, rows) if batch is None else list(batch.split(rows))
        log_data, gradient, share = self._of_examples(theta, mixture, seen, parts[0])
        for part in parts[1:]:
            more_log, more_gradient, more_share = self._of_examples(theta, mixture, seen, part)
            log_data, gradient = log_data + more_log, gradient.add_(more_gradient)
            share = None if share is None or more_share is None else share + more_share
        return log_data, gradient, share

    @cached_property
    def _prior(self) -> MixturePrior | None:
        """The teachers' prior as it is worked out fastest."""
        return None if self.mixture is None else self.mixture.compact()

    @cached_property
    def _numbers_per_example(self) -> int:
        """Of the largest intermediate, for one chain."""
        teachers = 1 if self.mixture is None else self.mixture.targets.shape[-3]
        return max(*self.student.sizes[1:], teachers * self.student.sizes[-1])

    def _of_examples(
        self,
        theta: Tensor,
        mixture: MixturePrior | None,
        seen: Tensor | None,
        index: Tensor | slice | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Sums over some examples, None meaning all: log data term [S], its gradient on theta, responsibilities."""
        x, onehot, labelled = self._inputs, self._onehot, self._labelled
        if index is not None:
            x, onehot = x[..., index, :], onehot[..., index, :]
            labelled = labelled[..., index, :] if labelled is not None else None
            mixture = mixture.select(index) if mixture is not None else None
            seen = seen[..., index] if seen is not None else None

        logits, pullback = self.student.vjp(theta, x)
        shifted = logits - logits.amax(-1, keepdim=True)
        p = shifted.exp()
        total = p.sum(-1, keepdim=True)
        log_total = total.log()
        p = p.div_(total)
        if labelled is not None:
            log_total, p = log_total * labelled, p.mul_(labelled)
        terms = shifted * onehot
        if seen is None:
            log_likelihood = terms.sum((-2, -1)) - log_total.sum((-2, -1))
        else:
            log_likelihood = ((terms.sum(-1) - log_total[..., 0]) * seen).sum(-1)
        gradient = torch.sub(onehot, p, out=p)

        log_data, share = log_likelihood, None
        if mixture is not None:
            log_m, responsibility, pull = mixture.gradient(*mixture.terms_of_shifted(shifted))
            if seen is not None:
                log_m, responsibility = log_m * seen, responsibility * seen[..., None, :]
            log_data = log_likelihood + mixture.strength * log_m.sum(-1)
            mixture.add_pull(gradient, pull)
            share = responsibility.sum(-1)
        if seen is not None:
            gradient.mul_(seen[..., None])
        return log_data, pullback(gradient), share


def _pieces(count: int, rows: int) -> list[slice]:
    return [slice(start, start + rows) for start in range(0, count, rows)]
