"""Students as ONNX operations: all draws of a layer are one batched product.

D draws, N inputs, F features, C classes.
"""

from __future__ import annotations

from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.export.graph import Graph
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.tasks.inputs import FURTHEST, Standardisation


def add_standardisation(graph: Graph, x: str, standardisation: Standardisation | None) -> str:
    """Standardised inputs [N, F] of raw ones, as `Standardisation.apply`, in float64 as there."""
    if standardisation is None:
        return x
    centred = graph.op("Sub", graph.double(x), graph.constant(standardisation.mean))
    scaled = graph.op("Mul", centred, graph.constant(standardisation.scale))
    cut = graph.op("Clip", graph.single(scaled), graph.constant(-FURTHEST), graph.constant(FURTHEST))
    if standardisation.reach is None:
        return cut
    return graph.op("Mul", cut, graph.constant(standardisation.reach.float()))


def add_probabilities(graph: Graph, x: str, student: Student, theta: Tensor) -> str:
    """Class probabilities [D, C, N] of parameters [D, P] at inputs [N, F].

    Raises:
        UserError: a kind of student that has no export, or more parameters than a file holds.
    """
    if isinstance(student, ConvolutionalStudent):
        units = _convolutions(graph, x, student, theta)
    elif isinstance(student, DenseStudent):
        units = _dense(graph, x, student, theta)
    else:
        raise UserError(f"student.kind: {type(student).__name__} cannot be exported")
    return graph.op("Softmax", _product(graph, units, *student.layers(theta)[-1]), axis=1)


def _product(graph: Graph, units: str, weight: Tensor, bias: Tensor) -> str:
    """[D, out, N] of units [in, N] or [D, in, N] by weights [D, out, in] and biases [D, out, 1]."""
    return graph.op("Add", graph.op("MatMul", graph.constant(weight), units), graph.constant(bias))


def _dense(graph: Graph, x: str, student: DenseStudent, theta: Tensor) -> str:
    """As `DenseStudent.last_units`, examples last."""
    units = graph.op("Transpose", x, perm=[1, 0])
    for weight, bias in student.layers(theta)[:-1]:
        units = graph.silu(_product(graph, units, weight, bias))
    return units


def _convolutions(graph: Graph, x: str, student: ConvolutionalStudent, theta: Tensor) -> str:
    """As `ConvolutionalStudent.last_units`, examples last: every draw is a group of a grouped convolution."""
    draws = len(theta)
    units = graph.op("Reshape", x, graph.constant([-1, 1, *student.image_shape]))
    for level, ((weight, bias), (kernel, stride)) in enumerate(
        zip(student.layers(theta)[:-1], student.kernels, strict=True)
    ):
        filters = weight.reshape(draws * weight.shape[1], -1, kernel, kernel)
        convolved = graph.op(
            "Conv",
            units,
            graph.constant(filters),
            graph.constant(bias.flatten()),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=draws if level else 1,
        )
        units = graph.silu(convolved)
    flat = graph.op("Reshape", units, graph.constant([-1, draws, student.sizes[-2]]))
    return graph.op("Transpose", flat, perm=[1, 2, 0])
