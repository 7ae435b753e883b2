"""Fixed features as ONNX operations, as `students.features` works them out. N inputs, P places of a patch."""

from __future__ import annotations

import torch
from torch.nn.functional import adaptive_avg_pool2d

from mtbkd_core.config.choices import PATCH
from mtbkd_core.export.graph import Graph
from mtbkd_core.students.features import CONTRAST, ZONES, Features, KernelFeatures, PatchFeatures


def add_features(graph: Graph, x: str, features: Features | None) -> str:
    """Features [N, F'] of inputs [N, F]; None: the inputs themselves."""
    if features is None:
        return x
    return _patches(graph, x, features) if isinstance(features, PatchFeatures) else _kernel(graph, x, features)


def numbers_per_input(features: Features | None) -> int:
    """Numbers that an input has in the largest intermediate."""
    if isinstance(features, PatchFeatures):
        rows, columns = features.places
        return rows * columns * len(features.centres)
    return 0 if features is None else len(features.landmarks)


def _patches(graph: Graph, x: str, features: PatchFeatures) -> str:
    pictures = graph.op("Reshape", x, graph.constant([-1, 1, *features.shape.tolist()]))
    each_pixel = torch.eye(PATCH**2).reshape(PATCH**2, 1, PATCH, PATCH)
    cut = graph.op(
        "Conv", pictures, graph.constant(each_pixel), kernel_shape=[PATCH] * 2, strides=[features.stride] * 2
    )
    rows, columns = features.places
    patches = graph.op(
        "Transpose", graph.op("Reshape", cut, graph.constant([-1, PATCH**2, rows * columns])), perm=[0, 2, 1]
    )
    centred = graph.op("Sub", patches, graph.op("ReduceMean", patches, axes=[-1], keepdims=1))
    variance = graph.op("ReduceMean", graph.op("Mul", centred, centred), axes=[-1], keepdims=1)
    contrast = graph.op("Sqrt", graph.op("Add", variance, graph.constant(CONTRAST)))
    normal = graph.op("Sub", graph.op("Div", centred, contrast), graph.constant(features.mean))
    white = graph.op("MatMul", normal, graph.constant(features.whitening))
    distance = graph.op("Sqrt", _squared_distances(graph, white, features.centres))
    nearer = graph.op("Sub", graph.op("ReduceMean", distance, axes=[-1], keepdims=1), distance)
    active = graph.op("Relu", nearer)
    # each zone's mean over its places, which overlap where they do not divide the side
    pooling = adaptive_avg_pool2d(torch.eye(rows * columns).reshape(-1, 1, rows, columns), ZONES).flatten(1).T
    zones = graph.op("Transpose", graph.op("MatMul", graph.constant(pooling), active), perm=[0, 2, 1])
    flat = graph.op("Reshape", zones, graph.constant([-1, len(features.offset)]))
    reduced = graph.op(
        "MatMul", graph.op("Sub", flat, graph.constant(features.offset)), graph.constant(features.components)
    )
    return graph.op("Div", reduced, graph.constant(features.scale))


def _kernel(graph: Graph, x: str, features: KernelFeatures) -> str:
    squared = _squared_distances(graph, graph.double(x), features.landmarks.double())
    scaled = graph.op("Div", squared, graph.constant(torch.tensor(-features.n_inputs, dtype=torch.float64)))
    raw = graph.op("MatMul", graph.op("Exp", scaled), graph.constant(features.normalisation.double()))
    return graph.single(graph.op("Sub", raw, graph.constant(features.offset.double())))


def _squared_distances(graph: Graph, x: str, centres: torch.Tensor) -> str:
    """[..., L] of points [..., F] from centres [L, F]: |x|^2 + |c|^2 - 2 x c, not below 0."""
    own = graph.op("ReduceSum", graph.op("Mul", x, x), graph.constant([-1]), keepdims=1)
    products = graph.op("MatMul", x, graph.constant(-2 * centres.T))
    both = graph.op("Add", graph.op("Add", products, graph.constant(centres.square().sum(1))), own)
    return graph.op("Max", both, graph.constant(centres.new_zeros(())))
