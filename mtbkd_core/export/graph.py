"""A graph of ONNX operations, written step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.common.progress import UserError

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

#: Of the operators; onnxruntime has read it since 1.12 (2022).
OPSET, _IR = 17, 8
#: A file of the format holds no more.
MOST_BYTES = 2**31 - 2**20


class Graph:
    """Operations so far; a value in it is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, value: Tensor | NDArray[Any] | float | Sequence[int]) -> str:
        """A constant; a number is float32, whole numbers in a list are int64, and an array keeps its type.

        Raises:
            UserError: with it the file would be too large.
        """
        from onnx import numpy_helper

        if isinstance(value, Tensor):
            array = value.detach().cpu().contiguous().numpy()
        elif isinstance(value, np.ndarray):
            array = value
        else:
            array = np.asarray(value, np.float32 if isinstance(value, float) else np.int64)
        if array.nbytes + sum(len(each.raw_data) for each in self._constants) > MOST_BYTES:
            raise UserError("draws: the network would take more than 2 GB, which an ONNX file cannot hold; take fewer")
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """An operation on values; returns the name of its output, `output` where that is given."""
        from onnx import helper

        name = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def top(self, values: str, count: int, *, axis: int, largest: bool = True) -> tuple[str, str]:
        """The `count` largest or smallest values along an axis, the extreme one first, and their places."""
        from onnx import helper

        names = [f"topk_{len(self._nodes)}", f"places_{len(self._nodes)}"]
        node = helper.make_node("TopK", [values, self.constant([count])], names, axis=axis, largest=int(largest))
        self._nodes.append(node)
        return names[0], names[1]

    def double(self, values: str) -> str:
        """Values as float64."""
        from onnx import TensorProto

        return self.op("Cast", values, to=TensorProto.DOUBLE)

    def single(self, values: str) -> str:
        """Values as float32."""
        from onnx import TensorProto

        return self.op("Cast", values, to=TensorProto.FLOAT)

    def silu(self, units: str) -> str:
        """The student's nonlinearity."""
        return self.op("Mul", units, self.op("Sigmoid", units))

    def model(
        self,
        inputs: Mapping[str, Sequence[str | int]],
        outputs: Mapping[str, tuple[type[np.generic], Sequence[str | int]]],
        *,
        about: Mapping[str, str],
    ) -> bytes:
        """The whole graph as the content of a file, checked against the format.

        Args:
            inputs: name -> shape, float32 each; a name in a shape is a size that may change.
            outputs: name -> type and shape.
            about: saved beside the graph.
        """
        from onnx import checker, helper

        def value(name: str, kind: Any, shape: Sequence[str | int]) -> Any:
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), list(shape))

        graph = helper.make_graph(
            self._nodes,
            "student",
            [value(name, np.float32, shape) for name, shape in inputs.items()],
            [value(name, kind, shape) for name, (kind, shape) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph, producer_name="mtbkd-explorer", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR
        )
        helper.set_model_props(model, dict(about))
        checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content
