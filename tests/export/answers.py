"""What an exported network answers beside the run."""

import numpy as np
from torch import Tensor

from mtbkd_core.evaluation.predictive import Predictive
from mtbkd_core.export.runtime import Runtime

NUMBERS = ("mean", "low", "high", "deviance", "epistemic")


def answers(content: bytes, raw: Tensor) -> dict[str, np.ndarray]:
    return Runtime(content).run(raw.numpy())


def assert_same(found: dict[str, np.ndarray], wanted: Predictive) -> None:
    for name in NUMBERS:
        np.testing.assert_allclose(found[name], getattr(wanted, name).numpy(), rtol=0, atol=1e-5, err_msg=name)
    # a class at the edge of its set may fall on either side by rounding
    assert (found["set"] != wanted.prediction_set.numpy()).mean() < 1e-3
