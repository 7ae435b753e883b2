"""Results that no run made: as little as can be saved and loaded again."""

from dataclasses import fields

import torch

from mtbkd_core.evaluation.predictions import Predictions, PredictionsOnTest, PredictionsOnTraining


def made_up_predictions(generator: torch.Generator | None = None) -> Predictions:
    """Random numbers of 7 examples and 3 classes in every place."""
    names = [f"test.{field.name}" for field in fields(PredictionsOnTest)]
    names += [f"train.{field.name}" for field in fields(PredictionsOnTraining)]
    tensors = {name: torch.rand(7, 3, generator=generator) for name in (*names, "trace.log_joint")}
    tensors |= {
        f"shift.far.off.{name}": torch.rand(7, generator=generator) for name in ("mean", "low", "high", "doubt")
    }
    return Predictions.from_tensors(tensors | {"test.labels": torch.arange(7) % 3, "train.labels": torch.arange(7)})
