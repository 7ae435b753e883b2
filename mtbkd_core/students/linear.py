"""The linear student, multinomial logistic regression: a dense network without a hidden layer."""

from __future__ import annotations

from mtbkd_core.students.base import StudentSpec
from mtbkd_core.students.mlp import DenseStudent

SPEC = StudentSpec(
    lambda config, features, classes, image_shape: DenseStudent((features, classes), config.weight_scale)
)
