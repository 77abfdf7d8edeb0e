"""A traced network as an ONNX model, which both ONNX Runtime and OpenVINO read. Quantised, if ranges are given.

The graph is written node by node from the list of operations: that takes milliseconds, with new weights too.
Quantisation (Jacob et al. 2018, arXiv:1712.05877): inputs of the layers named are rounded to 8 bits with one scale for
the whole tensor, their weights with one for each output channel; what adds up stays in floating point.
"""
from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn

from learners.engines.trace import Trace

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 8      # of the file format; older libraries read it too
INPUT = "observation"
OUTPUTS = ("logits", "value")
OUTPUT_AXES = (("N", "A"), ("N",))
ELEMENTWISE: dict[Any, str] = {
    torch.relu: "Relu", torch.relu_: "Relu", nn.functional.relu: "Relu", "relu": "Relu", torch.tanh: "Tanh",
    "tanh": "Tanh", torch.sigmoid: "Sigmoid", "sigmoid": "Sigmoid", operator.neg: "Neg",
    operator.add: "Add", torch.add: "Add", operator.sub: "Sub", torch.sub: "Sub",
    operator.mul: "Mul", torch.mul: "Mul", operator.truediv: "Div", operator.eq: "Equal", torch.matmul: "MatMul",
}

Range = tuple[float, float]


def onnx_model(
    trace: Trace, shape: tuple[int, ...], dtype: np.dtype[Any], quantised: Mapping[fx.Node, Range] | None = None
) -> bytes:
    """A serialised ONNX model with the network's present weights, for observations `[N, *shape]`.

    quantised: layers that compute in 8 bits, and the range of the input of each. Raises ValueError for an operation
    that is not known here.
    """
    return _Writer(trace, quantised or {}).model(shape, dtype)


class _Writer:
    """An ONNX graph under construction. A traced operation's output is called `/` and its name."""

    def __init__(self, trace: Trace, quantised: Mapping[fx.Node, Range]) -> None:
        import onnx

        self._onnx = onnx
        self._trace = trace
        self._ranges = quantised
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._names: dict[fx.Node, str] = {}
        self._rounded: dict[str, str] = {}      # tensor -> what is left of it in 8 bits

    def model(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
        helper = self._onnx.helper
        for node in self._trace.nodes:
            self._names[node] = self._operation(node)
        for end, name in zip(self._trace.ends, OUTPUTS, strict=True):
            self._add("Identity", name, self._names[end])
        number = self._onnx.TensorProto.FLOAT
        source = helper.make_tensor_value_info(INPUT, helper.np_dtype_to_tensor_dtype(dtype), ["N", *shape])
        outputs = [helper.make_tensor_value_info(name, number, axes)
                   for name, axes in zip(OUTPUTS, OUTPUT_AXES, strict=True)]
        graph = helper.make_graph(self._nodes, "network", [source], outputs, self._constants)
        opsets = [helper.make_opsetid("", OPSET)]
        return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())

    def _add(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def _constant(self, name: str, array: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        # not ascontiguousarray, which makes a vector of a scalar
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(array, dtype, order="C"), name))
        return name

    def _operation(self, node: fx.Node) -> str:
        name = f"/{node.name}"
        if node.op == "placeholder":
            return INPUT
        if node.op == "get_attr":
            array = operator.attrgetter(str(node.target))(self._trace.module).detach().numpy()
            return self._constant(name, array, array.dtype)
        if node in self._trace.layers:
            return self._layer(node, name)
        if node in self._trace.norms:
            norm = self._trace.norms[node]
            parts = [self._constant(f"{name}.{what}", getattr(norm, what).detach().numpy(), np.float32)
                     for what in ("weight", "bias")]
            return self._add("LayerNormalization", name, self._names[node.all_input_nodes[0]], *parts,
                             axis=-len(norm.normalized_shape), epsilon=norm.eps)
        if node.target is nn.functional.scaled_dot_product_attention:
            query, key, value = (self._names[one] for one in node.all_input_nodes)
            return self._attention(name, query, key, value, cast(float, node.kwargs["scale"]))
        if node.target in ELEMENTWISE:
            operands = [
                self._names[one] if isinstance(one, fx.Node) else self._constant(f"{name}.{place}", one, np.float32)
                for place, one in enumerate(node.args) if isinstance(one, fx.Node | float | int)
            ]
            return self._add(ELEMENTWISE[node.target], name, *operands)
        return self._reshaping(node, name)

    def _reshaping(self, node: fx.Node, name: str) -> str:
        kind = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        (first, *rest) = node.args
        source = self._names[first] if isinstance(first, fx.Node) else ""
        match kind, rest:
            case "to", [torch.float32]:
                return self._add("Cast", name, source, to=self._onnx.TensorProto.FLOAT)
            case "flatten", [1]:
                return self._add("Flatten", name, source, axis=1)
            case "flatten", [2]:
                return self._add("Reshape", name, source, self._constant(f"{name}.shape", [0, 0, -1], np.int64))
            case ("view" | "reshape"), shape if 0 not in shape:
                return self._add("Reshape", name, source, self._constant(f"{name}.shape", np.array(shape), np.int64))
            case "permute", order:
                return self._add("Transpose", name, source, perm=order)
            case "cat", [int(axis)]:
                return self._add("Concat", name, *(self._names[one] for one in node.all_input_nodes), axis=axis)
            case "index_select", [int(axis), fx.Node() as index]:
                return self._add("Gather", name, source, self._names[index], axis=axis)
            case "sum", [int(axis)]:
                of = self._constant(f"{name}.axis", [axis], np.int64)
                return self._add("ReduceSum", name, source, of, keepdims=0)
            case "mean", [tuple(axes)]:
                return self._add("ReduceMean", name, source, axes=list(axes), keepdims=0)
            case "squeeze", [int(axis)]:
                return self._add("Squeeze", name, source, self._constant(f"{name}.axis", [axis], np.int64))
            case "softmax", [int(axis)]:
                return self._add("Softmax", name, source, axis=axis)
            case "unbind", [int()]:
                return source       # what follows takes parts of it
            case "getitem", [int(part)] if isinstance(first, fx.Node) and first.target == "unbind":
                return self._add("Gather", name, source, self._constant(f"{name}.at", part, np.int64),
                                 axis=first.args[1])
            case "getitem", [(rows, (int() | slice()) as columns)] if rows == slice(None):
                return self._columns(name, source, columns)
        raise ValueError(f"the network's operation {kind!r} with {rest} has no counterpart in ONNX here")

    def _attention(self, name: str, query: str, key: str, value: str, scale: float) -> str:
        """`softmax(scale query key^T) value`, of `[N, heads, T, d]` each."""
        turned = self._add("Transpose", f"{name}.turned", key, perm=[0, 1, 3, 2])
        product = self._add("MatMul", f"{name}.product", query, turned)
        scaled = self._add("Mul", f"{name}.scaled", product, self._constant(f"{name}.scale", scale, np.float32))
        return self._add("MatMul", name, self._add("Softmax", f"{name}.share", scaled, axis=-1), value)

    def _columns(self, name: str, source: str, columns: int | slice) -> str:
        """`source[:, columns]`."""
        if isinstance(columns, int):
            return self._add("Gather", name, source, self._constant(f"{name}.at", columns, np.int64), axis=1)
        stop = np.iinfo(np.int64).max if columns.stop is None else columns.stop
        limits = {"start": columns.start or 0, "stop": stop, "axis": 1, "step": columns.step or 1}
        constants = [self._constant(f"{name}.{what}", [limit], np.int64) for what, limit in limits.items()]
        return self._add("Slice", name, source, *constants)

    def _layer(self, node: fx.Node, name: str) -> str:
        layer = self._trace.layers[node]
        source = self._names[node.all_input_nodes[0]]
        weight = layer.weight.detach().numpy()
        if node in self._ranges:
            source = self._round(source, self._ranges[node])
            weights = self._round_weight(f"{name}.weight", weight)
        else:
            weights = self._constant(f"{name}.weight", weight, np.float32)
        bias = [] if layer.bias is None else [self._constant(f"{name}.bias", layer.bias.detach().numpy(), np.float32)]
        if isinstance(layer, nn.Linear):
            return self._add("Gemm", name, source, weights, *bias, transB=1)
        padding = [int(cells) for cells in layer.padding]
        return self._add("Conv", name, source, weights, *bias, pads=padding * 2, strides=list(layer.stride),
                         dilations=list(layer.dilation), group=layer.groups)

    def _round(self, source: str, span: Range) -> str:
        """A tensor in 8 bits and back; layers that read the same tensor share it."""
        if source not in self._rounded:
            low, high = span
            dtype, steps = (np.uint8, 255) if low >= 0 else (np.int8, 127)
            scale = self._constant(f"{source}.scale", max(-low, high, 1e-12) / steps, np.float32)
            zero = self._constant(f"{source}.zero", 0, dtype)
            rounded = self._add("QuantizeLinear", f"{source}.rounded", source, scale, zero)
            self._rounded[source] = self._add("DequantizeLinear", f"{source}.back", rounded, scale, zero)
        return self._rounded[source]

    def _round_weight(self, name: str, weight: npt.NDArray[np.float32]) -> str:
        largest = np.abs(weight).reshape(len(weight), -1).max(1)
        scale = np.maximum(largest, np.float32(1e-12)) / 127
        rounded = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))
        return self._add(
            "DequantizeLinear", name, self._constant(f"{name}.rounded", rounded, np.int8),
            self._constant(f"{name}.scale", scale, np.float32),
            self._constant(f"{name}.zero", np.zeros(len(weight)), np.int8), axis=0,
        )
