"""The ONNX file of a student: from raw inputs "x" [N, F] to what the posterior, or one network, says of them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtbkd_core.export.features import add_features
from mtbkd_core.export.graph import Graph
from mtbkd_core.export.network import add_probabilities, add_standardisation
from mtbkd_core.export.summary import OUTPUTS, OUTPUTS_OF_ONE, add_outputs, add_outputs_of_one
from mtbkd_core.students.base import Student
from mtbkd_core.students.features import Features
from mtbkd_core.tasks.inputs import Standardisation

INPUT = "x"


def build_model(
    student: Student,
    draws: Tensor,
    standardisation: Standardisation | None = None,
    features: Features | None = None,
    *,
    single: bool = False,
    about: Mapping[str, str] | None = None,
) -> bytes:
    """The file's content.

    Args:
        student: the network.
        draws: [S, D, P] parameters, all of which are in the file.
        standardisation: from raw inputs to the task's; None: they are the same.
        features: from the task's inputs to the student's; None: they are the same.
        single: the one draw is a network of its own: it has no intervals and no epistemic part.
        about: what is saved beside the graph.
    Raises:
        UserError: a student that has no export, or a file of more than 2 GB.
    """
    graph, theta = Graph(), draws.flatten(0, 1).float()
    x = add_features(graph, add_standardisation(graph, INPUT, standardisation), features)
    probabilities = add_probabilities(graph, x, student, theta)
    classes = student.sizes[-1]
    if single:
        add_outputs_of_one(graph, probabilities, classes)
    else:
        add_outputs(graph, probabilities, len(theta), classes)
    outputs = {
        name: (kind, [classes if size == "C" else size for size in shape])
        for name, (kind, shape) in (OUTPUTS_OF_ONE if single else OUTPUTS).items()
    }
    return graph.model(
        {INPUT: ["N", student.sizes[0] if features is None else features.n_inputs]}, outputs, about=about or {}
    )
