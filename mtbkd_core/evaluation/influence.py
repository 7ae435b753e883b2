"""Influence of each teacher on the student: responsibilities and pulls, averaged over the posterior.

The gradient of the log joint in the logits is a sum of a pull from the label and one from each teacher
(`mtbkd_core.prior`), so its posterior mean splits exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.prior import MixturePrior, label_pull
from mtbkd_core.students.base import Student, element_budget

#: Numbers that the logits of all draws may hold; examples are taken in pieces accordingly.
_MOST_NUMBERS = 2**26


@dataclass(frozen=True)
class Influence:
    """Posterior means at N examples.

    Attributes:
        responsibilities: [K, N], each component's share of the mixture density at the student's prediction; sums to 1
            over K, or to 0 where all teachers abstain.
        pulls: [K, N, C], each teacher's pull on the logits, in nats per unit of logit.
        label_pull: [N, C], the label's pull; None without labels (test examples).
    """

    responsibilities: Tensor
    pulls: Tensor
    label_pull: Tensor | None


def influence(
    logits: Tensor, mixture: MixturePrior, labels: Tensor | None = None, *, memory: int | None = None
) -> Influence:
    """Average responsibilities and pulls over posterior draws.

    Args:
        logits: [D, N, C], the student's logits at the mixture's N examples, one row per draw; where the prior's
            settings differ by chain, [D, S, N, C].
        mixture: the prior at the same examples.
        labels: [N], if the student learned from them.
        memory: how many numbers an intermediate may hold; draws are taken in pieces accordingly. None: as many as suit
            the device.
    """
    per_draw = logits[0].numel() * mixture.targets.shape[-3]
    pieces = logits.split(max(1, (memory or element_budget(logits.device)) // per_draw))
    mixture = mixture.compact()
    share = pulled = torch.zeros(())
    label: Tensor | None = None
    for piece in pieces:
        terms, q = mixture.terms(piece)
        responsibility = mixture.shares(terms)
        share = share + responsibility.sum(0)
        pulled = pulled + mixture.pulls(responsibility, q).sum(0)
        if labels is not None:
            part = label_pull(piece, labels).sum(0)
            label = part if label is None else label + part
    count = len(logits)
    pulls = mixture.at_all_classes(pulled / count, logits.shape[-1])
    return Influence(share / count, pulls, None if label is None else label / count)


def influence_of(
    student: Student, draws: Tensor, x: Tensor, mixture: MixturePrior, labels: Tensor | None = None
) -> tuple[Influence, Tensor]:
    """`influence` of draws [D, P] at examples [N, F], and what they predict in the mean [N, C]."""
    rows = max(1, _MOST_NUMBERS // (len(draws) * student.sizes[-1]))
    found, means = list[Influence](), list[Tensor]()
    for start in range(0, len(x), rows):
        piece = slice(start, start + rows)
        logits = _logits(student, draws, x[piece])
        found.append(influence(logits, mixture.select(piece), None if labels is None else labels[piece]))
        means.append(logits.softmax(-1).mean(0))
    pulls = [each.label_pull for each in found if each.label_pull is not None]
    whole = Influence(
        torch.cat([each.responsibilities for each in found], -1),
        torch.cat([each.pulls for each in found], -2),
        torch.cat(pulls) if pulls else None,
    )
    return whole, torch.cat(means)


def _logits(student: Student, theta: Tensor, x: Tensor) -> Tensor:
    """Logits [D, N, C] of draws [D, P], in pieces that suit the device."""
    rows = max(1, element_budget(theta.device) // (len(x) * max(student.sizes[1:])))
    return torch.cat([student.logits(part, x) for part in theta.split(rows)])
