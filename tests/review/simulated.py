"""Models whose truth is known: a result in which the true probabilities of every test example are given."""

from types import SimpleNamespace
from typing import Any

import torch

from mtbkd_core import RunConfig
from mtbkd_core.evaluation.metrics import Diagnostics, Metrics
from mtbkd_core.evaluation.predictive import ByChain, summarise
from mtbkd_core.evaluation.score_rows import score_posterior
from mtbkd_core.evaluation.scores import posterior_scores
from mtbkd_core.evaluation.sets import measured_rows

CLASSES, CHAINS, DRAWS = 4, 4, 8


def simulated(seed: int, count: int = 400, *, sharper: float = 1.0, errors: bool = False) -> Any:
    """What `review` reads of a result, for a student that knows the truth but for a temperature.

    Args:
        sharper: the student's log probabilities are the truth's times this; 1 is exact calibration.
        errors: whether scores have their errors, which takes longer.
    """
    generator = torch.Generator().manual_seed(seed)
    truth = (3 * torch.randn(count, CLASSES, generator=generator)).softmax(-1)
    labels = torch.multinomial(truth, 1, generator=generator)[:, 0]
    noise = 0.02 * torch.randn(CHAINS, DRAWS, count, CLASSES, generator=generator)
    draws = (sharper * truth.log() + noise).softmax(-1)
    predictive, rows = summarise(draws), measured_rows(count, 0)
    chains = ByChain.of(draws)
    scores = (
        score_posterior(predictive, labels, chains, rows).scores if errors else posterior_scores(predictive, labels)
    )
    test = SimpleNamespace(
        **vars(predictive), labels=labels, draws=draws, responsibilities=torch.rand(2, count, generator=generator)
    )
    metrics = Metrics(student=scores.dump(), diagnostics=Diagnostics(r_hat=1.0, r_hat_p95=1.01, r_hat_log_joint=1.02))
    return SimpleNamespace(
        predictions=SimpleNamespace(test=test),
        metrics=metrics,
        config=RunConfig(data={"teachers": ("a", "b")}),
        environment={"class_names": [f"class {label}" for label in range(CLASSES)]},
        draws=torch.zeros(CHAINS, DRAWS, 10),
    )


def true_accuracy(sharper: float = 1.0, *, count: int = 200_000) -> float:
    """The accuracy on infinitely many examples."""
    generator = torch.Generator().manual_seed(99)
    return float((3 * torch.randn(count, CLASSES, generator=generator)).softmax(-1).amax(-1).mean())
