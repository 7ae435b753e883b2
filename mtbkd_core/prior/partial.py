"""Teachers that know only some of the classes: what their components are densities of, and their gradients.

**What the mixture is a density of.** log m_i enters the log joint as a function of the student's tempered probabilities
q_i = softmax(f_i / T): it is a factor on theta beside the Gaussian prior, and no density is carried over from theta,
the logits or centred logits to q. So no Jacobian enters. (Where the same mixture is written as a density of centred
logits, the Jacobian prod_c q_ic multiplies every component alike: weights and responsibilities are what they were.) For
weights and responsibilities to mean something, all components of an example have to be densities of the same thing with
respect to the same measure: here of q_i, on the simplex of all C classes, with respect to dq_1 ... dq_(C-1).

**A teacher that knows the classes S**, C_S = |S| >= 2, states t^S, which sums to 1 over S. It speaks of the conditional
probabilities q^S = q_S / s with s = sum of q over S, and of nothing else. Change q to (s, q^S, q^R), R the other
classes: dq = s^(C_S - 1) (1 - s)^(C - C_S - 1) ds dq^S dq^R. So under the uniform density (C-1)! these three are
independent: s has a Beta(C_S, C - C_S) density, q^S the uniform density (C_S - 1)! and q^R (C - C_S - 1)!. The
component leaves s and q^R as they are under the uniform density, and gives q^S the teacher's Dirichlet:

    f(q) = (C-1)! Dirichlet_S(q^S; 1 + lambda t^S) / (C_S - 1)!

It integrates to 1, S = all classes gives the ordinary component, and

    log f = log Gamma(C) - log Gamma(C_S) + log Gamma(C_S + lambda) - sum_S log Gamma(1 + lambda t_c)
            + lambda sum_S t_c (log q_c - log s).

With log q_c - log s = f_c / T - log sum_S exp(f / T), its gradient on the logits is (lambda / T) (t^S - q^S) on S and 0
elsewhere. Entropies of teachers that know different numbers of classes are compared as H log(C) / log(C_S), which is
log C for one that knows nothing about its classes. A teacher that abstains at an example (of fewer than two classes
there is nothing to say) is left out of every sum there; where all abstain, the mixture is 1.

**A teacher with a tail** states t_c on its leading classes A and t_R of the n others together: a density of
(q_A, q_R = 1 - sum of q over A), aggregated in the same way. Under the uniform density these have Dirichlet
parameters (1, ..., 1, n), and q^R is independent and uniform:

    f(q) = (C-1)! prod_A q_c^(lambda t_c) q_R^(lambda t_R) / Z,
    Z = Gamma(C) / Gamma(C + lambda) prod_A Gamma(1 + lambda t_c) Gamma(n + lambda t_R) / Gamma(n),

with the gradient (lambda / T) (t - q), where t_R counts at a class of the tail as t_R q_c / q_R. n = 1 gives the
ordinary component. A tail's mass is spread evenly over its classes before logits are divided by a temperature.

Sources: Fang et al., arXiv 2605.27967 (the mixture); Aitchison, "The statistical analysis of compositional data", 1986
(subcompositions); Connor and Mosimann, JASA 1969 (neutrality: conditional and aggregated shares are independent).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Spoken:
    """What each teacher speaks of.

    Attributes:
        logits: [..., K, N, C], finite; a tail's mass is spread over its classes.
        known: [..., K, N, C], the classes that are named one by one; none where a teacher abstains.
        tail: [..., K, N, C], the classes of which the sum alone is stated.
    """

    logits: Tensor
    known: Tensor
    tail: Tensor

    @property
    def cells(self) -> Tensor:
        """[..., K, N], of how many numbers a statement consists; 0: the teacher abstains."""
        return self.known.sum(-1) + self.tail.any(-1)

    @property
    def over(self) -> Tensor:
        """[..., K, N, C], the classes whose sum a component divides by; all where a teacher abstains."""
        return self.known | self.tail | (self.cells == 0)[..., None]

    def shares(self, divisor: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities at logits / divisor: [..., K, N, C], 0 where a class is not named, and a tail's [..., K, N]."""
        p = (self.logits / divisor).masked_fill(~self.over, -torch.inf).softmax(-1)
        return p * self.known, (p * self.tail).sum(-1)

    def log_normaliser(self, shares: Tensor, tail_share: Tensor, concentration: Tensor) -> Tensor:
        """[..., K, N], log of the factor that makes each component integrate to 1; concentration [..., 1, 1]."""
        classes, rest = self.known.new_full((), self.known.shape[-1], dtype=shares.dtype), self.tail.sum(-1)
        over = self.over.sum(-1).to(shares)
        aggregated = torch.lgamma(rest + concentration * tail_share) - torch.lgamma(rest.to(shares))
        return (
            torch.lgamma(classes)
            - torch.lgamma(over)
            + torch.lgamma(over + concentration)
            - torch.lgamma(1 + concentration[..., None] * shares).sum(-1)
            - torch.where(rest > 0, aggregated, 0.0)
        )


def spoken(teacher_logits: Tensor, tail: Tensor | None = None) -> Spoken | None:
    """What teachers speak of; None where each names every class of every example.

    Args:
        teacher_logits: [..., K, N, C]; -inf: a class that the teacher does not know there.
        tail: [..., K, N], log of the mass that its -inf classes have together, on the scale of the logits; -inf: it
            says nothing about them. None: no teacher does.
    Raises:
        ValueError: a logit or a tail that is NaN or +inf.
    """
    named = torch.isfinite(teacher_logits)
    if named.all():
        return None
    for name, values in (("teacher_logits", teacher_logits), ("tail", tail)):
        if values is not None and bool((values.isnan() | values.isposinf()).any()):
            raise ValueError(f"{name} must be finite, or -inf where nothing is known; they hold NaN or +inf")
    filled, together = teacher_logits.masked_fill(~named, 0.0), torch.zeros_like(named)
    if tail is not None:
        together = ~named & torch.isfinite(tail)[..., None]
        evenly = tail - (~named).sum(-1).clamp_min(1).to(tail).log()
        filled = torch.where(together, evenly[..., None].to(filled), filled)
    speaks = (named.sum(-1) + together.any(-1) >= 2)[..., None]
    return Spoken(filled, named & speaks, together & speaks)


def probabilities(teacher_logits: Tensor) -> Tensor:
    """What teachers say of each class, [..., K, N, C]: softmax of their logits, NaN at a class that one does not know.

    Where a teacher knows fewer than two classes, all are NaN: it abstains.
    """
    some = spoken(teacher_logits)
    return teacher_logits.softmax(-1) if some is None else some.shares(torch.ones(()))[0].where(some.known, torch.nan)


def mean_of_teachers(said: Tensor, weights: Tensor | None = None) -> Tensor:
    """The mean of probabilities [K, N, C] as `probabilities` gives them, under weights [K, N]; None: equal ones.

    A class has the weighted mean over the teachers that know it, and these means are rescaled to sum to 1.

    Returns:
        [N, C]; NaN at a class that no teacher of weight knows.
    """
    known = ~said.isnan()
    if known.all():
        return said.mean(0) if weights is None else (weights[..., None] * said).sum(0)
    counted = known if weights is None else weights[..., None] * known
    mean = (counted * said.nan_to_num(0.0)).sum(0) / counted.sum(0)  # 0 / 0 where nobody knows the class
    return mean / mean.nansum(-1, keepdim=True)


def named_classes(teacher_logits: Tensor, labels: Tensor | None = None) -> Tensor:
    """The class that each teacher names, [K, N] from logits [K, N, C].

    It is -1 where the teacher abstains and, with labels [N], where it does not know the label.
    """
    some, named = spoken(teacher_logits), teacher_logits.argmax(-1)
    if some is None:
        return named
    knows = some.cells > 0 if labels is None else some.known.gather(-1, labels.expand(named.shape)[..., None])[..., 0]
    return named.where(knows, -1)


def apart(teacher_logits: Tensor, together: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Logits and tail, as `spoken` takes them, of logits [..., K, N, C] that spread the tails' masses evenly.

    Args:
        together: [..., K, N, C], the classes of which the sum alone is stated; None: no teacher has a tail.
    """
    if together is None:
        return teacher_logits, None
    tail = teacher_logits.masked_fill(~together, -torch.inf).logsumexp(-1)
    return teacher_logits.masked_fill(together, -torch.inf), tail


def compared(
    scaled: Tensor, targets: Tensor, over: Tensor, tail: Tensor | None, tail_targets: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What each component says of a student, as a function of its logits over T.

    Args:
        scaled: [..., K or 1, N, C], f / T.
        targets: [..., K, N, C], t, 0 where a class is not named.
        over: [..., K, N, C], see `Spoken.over`.
        tail, tail_targets: [..., K, N, C], never empty at an example, and t_R [..., K, N]; None: no teacher has a tail.
    Returns:
        sum_c t_c log q^S_c, with a tail's term, [..., K, N]; and [..., K, N, C], by which its gradient is
        (t - that) / T: the student's probabilities among the classes in `over`, less a tail's t_R q_c / q_R.
    """
    log_total, own = _among(scaled, over)
    cross = (targets * scaled).sum(-1) - log_total
    if tail is not None and tail_targets is not None:
        log_rest, shares = _among(scaled, tail)
        cross = cross + tail_targets * log_rest
        own = own - tail_targets[..., None] * shares
    return cross, own


def _among(scaled: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Log sum exp [...] and softmax [..., C] over some of the classes; the others' are 0."""
    kept = torch.where(classes, scaled, -torch.inf)
    highest = kept.amax(-1, keepdim=True)
    exp = (kept - highest).exp()
    total = exp.sum(-1, keepdim=True)
    return (total.log() + highest)[..., 0], exp / total
