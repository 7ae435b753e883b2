"""One network that stands for the posterior: expectation distillation.

A network of the student's own kind is fitted to the posterior's mean probabilities on the training inputs, labelled or
not, and on inputs between them, where the posterior is asked as well. Source: Korattikara, Rathod, Murphy and Welling,
"Bayesian dark knowledge", NeurIPS 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior
from mtbkd_core.result import Result
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import climb
from mtbkd_core.tasks.base import Task

#: Weight of the posterior against the prior on the weights; steps of Adam; inputs in all; those of a step.
WEIGHT, STEPS, ROWS, BATCH = 30.0, 1500, 8000, 500


@torch.no_grad()
def distil_single(result: Result, task: Task, *, should_stop: ShouldStop | None = None) -> Tensor:
    """[1, 1, P], parameters of a network near the posterior's mean.

    Args:
        should_stop: asked at every step.
    Raises:
        Cancelled: `should_stop` was true.
    """
    random = Randomness.seeded(result.config.seed)
    training = task.training_set(result.config.data.teachers, result.config.n_unlabelled_used)
    x = _inputs(result.student_inputs(training.x), random)
    student, draws = result.student, result.reported.flatten(0, 1)
    mean = torch.cat([student.probabilities(draws, part).mean(0) for part in x.split(500)])
    logits = mean.clamp_min(torch.finfo(mean.dtype).tiny).log()[None]
    soft = MixturePrior.build(logits, torch.ones(1, len(x)), concentration=WEIGHT, temperature=1.0)
    target = LogPosterior(student, x, torch.full((len(x),), -1), soft)
    start = result.draws[:1, -1] / student.weight_scale
    batch = BATCH if len(x) > BATCH else None
    end = watched(climb(target, start, STEPS, batch, random), lambda step: stop_if(should_stop))
    return (student.weight_scale * end)[None]


def _inputs(x: Tensor, random: Randomness) -> Tensor:
    """Training inputs [N, F], and points on the lines between pairs of them."""
    more = max(0, ROWS - len(x))
    first, second = (x[(random.uniform((more,)) * len(x)).long()] for _ in range(2))
    return torch.cat([x, torch.lerp(first, second, 0.5 * random.uniform((more, 1)))])
