"""The methods that MT-BKD is held against, on the same student, data and seeds, and the paired comparison.

Posteriors, each the mean over its draws:

* `no_teacher`: the same posterior without the mixture prior;
* `teacher:<name>`: the same posterior with that teacher alone (single-teacher BKD).

Networks, fitted to the labels and to soft targets with one weight between the two. Each is reported as one network and,
as `<name>_ensemble`, as the mean of as many networks as there are chains, so that nothing wins by averaging alone:

* `mean_kd`: classic distillation from the mean of the teachers' tempered probabilities, on the student as it is
  configured, with a weight of the soft targets found on the digits' validation data, or on the task's own (`WEIGHTS`);
* `mean_kd_tuned`: the same, with that weight, the prior standard deviation of the weights and how the teachers are
  heard chosen in its favour on the task's own validation data, for the tasks where that was done (`TUNED`);
* `ebkd`, `ca_mkd`: as mean_kd, the mean weighted at each example, by the teachers' entropies or by their losses;
* `mc_dropout`: mean_kd with dropout, kept up in prediction;
* `laplace`: mean_kd with a last-layer Laplace approximation, where the matrix that it takes is not too large.

And `deep_ensemble`: the anchored warm start of MT-BKD's own run, one network a chain, averaged before any is sampled.

Sources: Fang et al., ICML 2024 (BKD); Hinton, Vinyals and Dean, arXiv 1503.02531 (classic distillation); the others' in
their files.
"""

from mtbkd_core.baselines.about import About, about, left_out
from mtbkd_core.baselines.classic import (
    MEAN_WEIGHT,
    TUNED,
    WEIGHTS,
    confidence_aware_distillation,
    confidence_weights,
    entropy_weighted_distillation,
    mean_distillation,
)
from mtbkd_core.baselines.dropout import dropout_distillation
from mtbkd_core.baselines.laplace import laplace_distillation
from mtbkd_core.studies.comparison import (
    HIGHER_IS_BETTER,
    Comparison,
    Difference,
    Row,
    Verdict,
    compare,
    paired_difference,
    tabulate,
    verdict,
)

__all__ = [
    "HIGHER_IS_BETTER",
    "MEAN_WEIGHT",
    "TUNED",
    "WEIGHTS",
    "About",
    "Comparison",
    "Difference",
    "Row",
    "Verdict",
    "about",
    "compare",
    "confidence_aware_distillation",
    "confidence_weights",
    "dropout_distillation",
    "entropy_weighted_distillation",
    "laplace_distillation",
    "left_out",
    "mean_distillation",
    "paired_difference",
    "tabulate",
    "verdict",
]
