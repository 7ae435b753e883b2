"""The teacher-informed mixture prior: entropy weights, the mixture, and both from a configuration.

Source: Fang, Chen, Cai, Ma and Zhong, "Multi-Teacher Knowledge Distillation via Teacher-Informed Mixture Priors",
arXiv 2605.27967. K teachers, N examples, C classes; leading axes (chains) broadcast everywhere.
"""

from mtbkd_core.prior.density import label_pull, log_mixture_prior, pulls, responsibilities
from mtbkd_core.prior.from_config import prior_logits, stack_priors, weights_under
from mtbkd_core.prior.labels import effective_labels
from mtbkd_core.prior.mixture import MixturePrior
from mtbkd_core.prior.partial import mean_of_teachers, named_classes, probabilities
from mtbkd_core.prior.weights import entropies, entropy_weights

__all__ = [
    "MixturePrior",
    "effective_labels",
    "entropies",
    "entropy_weights",
    "label_pull",
    "log_mixture_prior",
    "mean_of_teachers",
    "named_classes",
    "prior_logits",
    "probabilities",
    "pulls",
    "responsibilities",
    "stack_priors",
    "weights_under",
]
