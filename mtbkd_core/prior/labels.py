"""What a teacher's statement counts for, in labels.

The second derivative of a label's term log p_i[y_i] in the student's logits is -(diag p_i - p_i p_i'), whatever the
label; that of a teacher's term alpha log Dirichlet(q_i; 1 + lambda t_i) is -(alpha lambda / T^2) (diag q_i - q_i q_i'),
with q_i = t_i where the student agrees with the teacher. Their ratio is a number of labels. (The method's published
code has it at 0.025; Fang et al., arXiv 2605.27967.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.prior.from_config import prior_logits


def effective_labels(teacher_logits: Tensor, prior: PriorConfig) -> Tensor:
    """How many labels each teacher's statements count for where the student agrees with it.

    This is `PriorConfig.labels`, the nominal number, times sum_i tr(diag t_i - t_i t_i') / sum_i tr(diag p_i - p_i
    p_i') with t_i = softmax(z_i / T) and p_i = softmax(z_i), for a teacher that has all of the mixture's weight. It
    says how much narrower a posterior becomes: with one teacher that is right and a weak weight prior, by about
    sqrt(1 + effective labels).

    Args:
        teacher_logits: [K, N, C]; -inf: a class that the teacher does not know there. A row without a finite logit says
            nothing and does not count.
        prior: the setting; the strength is a number.
    Returns:
        [K]; infinite for a teacher that is as good as certain everywhere, 0 for one that abstains everywhere.
    Raises:
        ValueError: the strength is still to be chosen.
    """
    logits = prior_logits(teacher_logits, prior).double()
    heard = torch.isfinite(logits).any(-1)
    logits = torch.where(heard[..., None], logits, 0.0)
    softened, plain = (_spread(part.softmax(-1)).mul(heard).sum(-1) for part in (logits / prior.temperature, logits))
    return torch.where(heard.any(-1), prior.labels * softened / plain, 0.0)


def _spread(p: Tensor) -> Tensor:
    """tr(diag p - p p'), [..., N]."""
    return (p * (1 - p)).sum(-1)
