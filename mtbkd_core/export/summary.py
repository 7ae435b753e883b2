"""What a posterior says of an input, as ONNX operations: the numbers of `evaluation.predictive`, by the same formulas.

D draws, N inputs, C classes.
"""

from __future__ import annotations

import numpy as np
import torch

from mtbkd_core.evaluation.predictive import quantile_places
from mtbkd_core.evaluation.sets import LEVEL, ROUNDING
from mtbkd_core.export.graph import Graph

#: name -> type and shape of each output of a posterior.
OUTPUTS: dict[str, tuple[type[np.generic], tuple[str | int, ...]]] = {
    "mean": (np.float32, ("N", "C")),
    "low": (np.float32, ("N", "C")),
    "high": (np.float32, ("N", "C")),
    "deviance": (np.float32, ("N",)),
    "epistemic": (np.float32, ("N",)),
    "set": (np.bool_, ("N", "C")),
}
#: What each is, for people.
MEANINGS = {
    "mean": "posterior mean of each class's probability",
    "low": "lower end of the equal-tailed 95 % credible interval of each class's probability",
    "high": "upper end of the same interval",
    "deviance": "E[-2 sum p log p] in nats, the uncertainty of the answer: for finding errors",
    "epistemic": "mutual information between answer and student in nats: for finding inputs unlike the training data",
    "set": "the smallest set of classes whose mean probabilities reach 95 %",
}
#: Those of a single network, which has no intervals and no epistemic part.
OUTPUTS_OF_ONE = {name: OUTPUTS[name] for name in ("mean", "deviance", "set")}


def add_outputs(graph: Graph, probabilities: str, draws: int, classes: int) -> None:
    """Every output of `OUTPUTS` from probabilities [D, C, N]."""
    mean = _add_mean(graph, probabilities, classes)
    low, high = _interval(graph, probabilities, draws)
    graph.op("Transpose", low, perm=[1, 0], output="low")
    graph.op("Transpose", high, perm=[1, 0], output="high")
    aleatoric = graph.op("ReduceMean", _entropy(graph, probabilities, 1), axes=[0], keepdims=0)
    graph.op("Mul", aleatoric, graph.constant(2.0), output="deviance")
    apart = graph.op("Sub", _entropy(graph, mean, 1), aleatoric)
    graph.op("Max", apart, graph.constant(0.0), output="epistemic")


def add_outputs_of_one(graph: Graph, probabilities: str, classes: int) -> None:
    """Every output of `OUTPUTS_OF_ONE` from one network's probabilities [1, C, N]."""
    mean = _add_mean(graph, probabilities, classes)
    graph.op("Mul", _entropy(graph, mean, 1), graph.constant(2.0), output="deviance")


def _add_mean(graph: Graph, probabilities: str, classes: int) -> str:
    """The outputs "mean" and "set"; returns the mean [N, C]."""
    mean = graph.op(
        "Transpose", graph.op("ReduceMean", probabilities, axes=[0], keepdims=0), perm=[1, 0], output="mean"
    )
    # as `sets.credible_sets`: a class is in the set if those before it do not reach the level
    ordered, place = graph.top(mean, classes, axis=1)
    before = graph.op("Sub", graph.op("CumSum", ordered, graph.constant(np.asarray(1, np.int64))), ordered)
    inside = graph.op("Less", before, graph.constant(LEVEL - ROUNDING))
    none = graph.op("And", inside, graph.constant(np.zeros(1, np.bool_)))
    graph.op("ScatterElements", none, place, inside, axis=1, output="set")
    return mean


def _interval(graph: Graph, probabilities: str, draws: int) -> tuple[str, str]:
    """Equal-tailed quantiles [C, N] each, linearly interpolated: as `predictive.equal_tailed`."""

    def quantile(share: float, largest: bool) -> str:
        below, above, part = quantile_places(share, draws)
        # the extreme draws alone are sorted, from the nearer end
        count = draws - below if largest else above + 1
        values, _ = graph.top(probabilities, count, axis=0, largest=largest)
        ranks = [draws - 1 - rank if largest else rank for rank in (below, above)]
        first, second = (graph.op("Gather", values, graph.constant(np.asarray(r, np.int64)), axis=0) for r in ranks)
        return graph.op("Add", first, graph.op("Mul", graph.op("Sub", second, first), graph.constant(float(part))))

    return quantile((1 - LEVEL) / 2, False), quantile((1 + LEVEL) / 2, True)


def _entropy(graph: Graph, probabilities: str, axis: int) -> str:
    """Entropy over an axis, in nats; 0 log 0 is 0."""
    above_zero = graph.op("Max", probabilities, graph.constant(torch.finfo(torch.float32).tiny))
    parts = graph.op("Mul", probabilities, graph.op("Log", above_zero))
    return graph.op("Neg", graph.op("ReduceSum", parts, graph.constant([axis]), keepdims=0))
