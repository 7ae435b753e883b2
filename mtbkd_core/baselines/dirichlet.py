"""Ensemble distribution distillation: a student that emits a Dirichlet over class probabilities.

The student's logits f give the Dirichlet's parameters 1 + exp(f / T), T the distillation temperature; the prediction is
softmax(f). The labels count through the prediction. The teachers count through a proxy: a Dirichlet near their tempered
probabilities at each example, which the student's comes near in reverse KL divergence. The proxy was published for many
classes; with few, too, its validation NLL was the lower one here, because the likelihood of the teachers'
probabilities, the first published objective, has no upper bound and its fits ran away.

Sources: Malinin, Mlodozeniec and Gales, "Ensemble distribution distillation", ICLR 2020 (EnD2); Ryabinin, Malinin and
Gales, "Scaling ensemble distribution distillation to many classes with proxy targets", NeurIPS 2021 (the proxy).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem, distillation_grid
from mtbkd_core.baselines.fitting import Settings, column

#: Share of the uniform distribution that is mixed in, so that a logarithm stays finite.
_SMOOTH = 1e-4
#: The largest logit of a Dirichlet's parameter, and the largest sum of a proxy's.
_LARGEST, _SUREST = 12.0, 1e4


def proxy_loss(scaled: Tensor, mean: Tensor, total: Tensor) -> Tensor:
    """The reverse KL divergence from the proxy, over the proxy's sum.

    E[-sum_c mean_c log p_c] + KL(Dirichlet(alpha) || Dirichlet(1)) / total, with alpha = 1 + exp(scaled).

    Args:
        scaled: [..., N, C].
        mean, total: [N, C] and [N], of `proxy`.
    Returns:
        [..., N].
    """
    alpha = 1 + scaled.exp()
    whole, classes = alpha.sum(-1, keepdim=True), scaled.shape[-1]
    log_p = torch.digamma(alpha) - torch.digamma(whole)
    from_uniform = (
        torch.lgamma(whole[..., 0])
        - torch.lgamma(alpha).sum(-1)
        - torch.lgamma(whole.new_tensor(float(classes)))
        + ((alpha - 1) * log_p).sum(-1)
    )
    return -(mean * log_p).sum(-1) + from_uniform / total


def proxy(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The mean [N, C] and the sum of parameters [N] of a Dirichlet near probabilities [K, N, C].

    The sum is (C - 1) / (2 sum_c mean_c (log mean_c - mean over k of log p_kc)), from Stirling's formula.
    """
    mean = probabilities.mean(0)
    spread = (mean * (mean.log() - probabilities.log().mean(0))).sum(-1)
    total = (mean.shape[-1] - 1) / (2 * spread.clamp_min(torch.finfo(mean.dtype).eps))
    return mean, total.clamp(1, _SUREST)


def dirichlet_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """A network whose logits are a Dirichlet's; [S, M, C]."""
    temperature, labels, classes = problem.config.prior.temperature, problem.labels, problem.task.n_classes
    p = (problem.data.teacher_logits / temperature).softmax(-1)
    p = (1 - _SMOOTH) * p + _SMOOTH / classes
    weight = column(settings, "weight", p)
    mean, total = proxy(p)

    def pull(logits: Tensor, rows: Tensor | slice) -> Tensor:
        with torch.enable_grad():
            leaf = logits.detach().requires_grad_()
            scaled = (leaf / temperature).clamp(-_LARGEST, _LARGEST)
            loss = proxy_loss(scaled, mean[rows], total[rows])
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return labels(logits, rows) - weight * gradient

    return problem.fit(pull, settings).probabilities(problem.task.x_test)


BASELINES = (
    Baseline(
        "end2",
        "EnD2",
        "One network that gives a Dirichlet near the teachers' probabilities, by proxy targets.",
        distillation_grid,
        dirichlet_distillation,
        fits=2.0,
        scaled=True,
        available=lambda problem: bool(problem.data.teacher_logits.isfinite().all()),
        reason="it needs teachers that know all classes",
    ),
)
