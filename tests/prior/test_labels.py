"""What a teacher's statement counts for, in labels."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig, SamplerConfig, StudentConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import effective_labels, stack_priors
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.draws import sample
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.students.linear import SPEC
from mtbkd_core.tasks import synthetic
from tests.prior.draws import normal


def test_at_temperature_1_the_nominal_number_is_the_effective_one(generator: torch.Generator) -> None:
    prior = PriorConfig(strength=0.5, concentration=6.0, temperature=1.0)
    torch.testing.assert_close(
        effective_labels(normal(generator, 2, 7, 4), prior), torch.full((2,), 3.0, dtype=torch.float64)
    )


def test_a_confident_teacher_counts_for_more_where_it_is_softened() -> None:
    logits = torch.tensor([[[6.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]], dtype=torch.float64)
    prior = PriorConfig(strength=1.0, concentration=4.0, temperature=2.0)
    sharp, flat = effective_labels(logits, prior).tolist()
    p, t = (torch.softmax(logits[0, 0] / temperature, 0) for temperature in (1.0, 2.0))
    assert sharp == pytest.approx(float((1 - t.square().sum()) / (1 - p.square().sum())))
    assert flat == pytest.approx(1.0)


def test_rows_on_which_a_teacher_says_nothing_do_not_count() -> None:
    logits = torch.tensor([[[3.0, 0.0, 1.0], [0.0, 0.0, 0.0]]])
    silent = logits.clone()
    silent[0, 1] = -math.inf
    prior = PriorConfig(temperature=2.0)
    assert effective_labels(silent, prior).tolist() == pytest.approx(effective_labels(logits[:, :1], prior).tolist())


def mean_width(target: LogPosterior) -> float:
    """Of the 95 % intervals of a sampled posterior, at the points that it was made from."""
    settings = SamplerConfig(chains=8, draws=60, thinning=8, burn_in=100, warm_start_steps=200, friction=1.0)
    random = Randomness.seeded(0)
    start = random.normal((settings.chains, target.student.n_parameters))
    position = watched(warm_start(target, start, settings, random), lambda step: None)
    (kept,) = sample(target, position, settings, random, lambda step: None)
    p: Tensor = target.student.probabilities(target.student.weight_scale * kept.positions.flatten(0, 1), target.x)
    ends = p.quantile(torch.tensor([0.025, 0.975]), dim=0)
    return float((ends[1] - ends[0]).mean())


def test_the_predicted_ratio_of_widths_is_the_sampled_one() -> None:
    """sqrt(1 + effective labels), predicted from the logits alone: 3.0 here."""
    x, labels = synthetic.draw(400, 0.0, [0])
    logits = synthetic.truth_logits(x, 0.0)[None]
    soft = PriorConfig(strength=1.0, concentration=24.0, temperature=2.0)
    wanted = soft.model_copy(update={"strength": 8 / float(effective_labels(logits, soft)[0])})
    student = SPEC.build(StudentConfig(kind="linear", weight_scale=5.0), 2, 3, None)
    with torch.no_grad():
        alone = mean_width(LogPosterior(student, x, labels, None))
        taught = mean_width(LogPosterior(student, x, labels, stack_priors(logits, [wanted])))
    assert wanted.labels < 8
    assert alone / taught == pytest.approx(3.0, rel=0.12)
