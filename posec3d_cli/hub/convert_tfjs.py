"""Turn a TensorFlow.js graph model into an ONNX model, with numpy and onnx alone.

Covers the operators that MoveNet's graphs use; another operator is refused by name. Feature maps are NHWC in
TensorFlow and NCHW in ONNX: convolutions and resizes work on NCHW, everything else on NHWC, and transposes stand
only where the two meet.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from posec3d_cli.errors import BadCard

_OPSET = 18
_IR_VERSION = 10  # the newest that ONNX Runtime 1.20 reads
_ELEMENTWISE = {"AddV2": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "FloorDiv": "Div"}
_UNARY = {"Sigmoid": "Sigmoid", "Sqrt": "Sqrt", "Identity": "Identity"}
_DTYPES = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT32}


def read_weights(topology: dict[str, Any], blob: bytes) -> dict[str, NDArray[Any]]:
    """The graph's constants by node name; tensors stored as float16 come back as float32."""
    weights: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in (entry for group in topology["weightsManifest"] for entry in group["weights"]):
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(blob, stored, count, offset).reshape(entry["shape"])
        weights[entry["name"]] = values.astype(entry["dtype"])
        offset += count * stored.itemsize
    if offset != len(blob):
        raise BadCard(f"the graph's manifest describes {offset} bytes of weights, the file holds {len(blob)}")
    return weights


def convert(topology_file: Path, weights_file: Path, *, start: str, image_size: int, outputs: Sequence[str]) -> bytes:
    """The part of a graph between one node and some others, as a serialised ONNX model.

    Args:
        topology_file: the `.json` of a TensorFlow.js graph model.
        weights_file: its single `.bin`.
        start: the node whose output the model takes as its input, float32 NHWC `(N, S, S, 3)`, 0 to 255.
        image_size: S in pixels.
        outputs: the nodes to return; feature maps come out NHWC, as in the graph.

    Raises:
        BadCard: an operator that is not known here, or weights that do not fit the manifest.
    """
    topology = json.loads(topology_file.read_text())
    graph = _Graph(topology, read_weights(topology, weights_file.read_bytes()))
    return graph.convert(start, image_size, outputs)


class _Graph:
    def __init__(self, topology: dict[str, Any], weights: dict[str, NDArray[Any]]) -> None:
        self.sources = {node["name"]: node for node in topology["modelTopology"]["node"]}
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.done: dict[str, str] = {}  # graph name -> ONNX value, NHWC
        self.channels_first: dict[str, str] = {}  # graph name -> ONNX value, NCHW

    def convert(self, start: str, image_size: int, outputs: Sequence[str]) -> bytes:
        self.done[start] = "images"
        finals = [self.value(name) for name in outputs]
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                "movenet",
                [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", image_size, image_size, 3])],
                [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in finals],
                self.initializers,
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
        )
        return bytes(model.SerializeToString())

    def value(self, name: str) -> str:
        """The ONNX value of a graph output in the graph's own layout, emitting what it needs first."""
        if name not in self.done:
            if name in self.channels_first:
                self.done[name] = self.emit("Transpose", [self.channels_first[name]], f"{name}/nhwc", perm=[0, 2, 3, 1])
            else:
                self.emit_node(name)
                return self.value(name)
        return self.done[name]

    def value_channels_first(self, name: str) -> str:
        """The same for a feature map in NCHW."""
        if name not in self.channels_first:
            if name not in self.done:
                self.emit_node(name)
            if name not in self.channels_first:
                source = self.value(name)
                self.channels_first[name] = self.emit("Transpose", [source], f"{name}/nchw", perm=[0, 3, 1, 2])
        return self.channels_first[name]

    def emit(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: NDArray[Any], name: str) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def emit_node(self, name: str) -> None:
        node_name, _, _ = name.partition(":")
        node = self.sources[node_name]
        operator, inputs = node["op"], node.get("input", [])
        if operator == "Const":
            self.done[name] = self.constant(self.weights[name], name)
        elif operator in ("_FusedConv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"):
            self.channels_first[name] = self.convolution(node)
        elif operator == "ResizeBilinear":
            self.channels_first[name] = self.resize(node)
        elif operator == "Sigmoid":
            self.channels_first_or_not(node)
        elif operator in _ELEMENTWISE:
            self.elementwise(node)
        elif operator in _UNARY:
            self.done[name] = self.emit(_UNARY[operator], [self.value(inputs[0])], name)
        else:
            self.tail(node)

    def convolution(self, node: dict[str, Any]) -> str:
        name, attributes = node["name"], node["attr"]
        depthwise = "Depthwise" in node["op"]
        source, kernel_name, *bias_name = node["input"]
        kernel = self.weights[kernel_name]  # (h, w, in, out) or, depthwise, (h, w, in, multiplier)
        height, width, channels, out = kernel.shape
        if depthwise:
            kernel = kernel.reshape(height, width, 1, channels * out)
        inputs = [
            self.value_channels_first(source),
            self.constant(kernel.transpose(3, 2, 0, 1), f"{name}/kernel"),
            *(self.constant(self.weights[bias], f"{name}/bias") for bias in bias_name),
        ]
        padding = base64.b64decode(attributes["padding"]["s"]).decode()
        result = self.emit(
            "Conv",
            inputs,
            f"{name}/conv",
            auto_pad={"SAME": "SAME_UPPER", "VALID": "VALID"}[padding],
            strides=[int(step) for step in attributes["strides"]["list"]["i"][1:3]],
            kernel_shape=[height, width],
            group=channels if depthwise else 1,
        )
        fused = attributes.get("fused_ops", {}).get("list", {}).get("s", [])
        for step in (base64.b64decode(text).decode() for text in fused):
            if step == "Relu":
                result = self.emit("Relu", [result], f"{name}/relu")
            elif step == "Relu6":
                bounds = [self.constant(np.array(value, np.float32), f"{name}/relu6/{value}") for value in (0, 6)]
                result = self.emit("Clip", [result, *bounds], f"{name}/relu6")
            elif step != "BiasAdd":
                raise BadCard(f"the graph fuses the operator {step!r}, which cannot be converted")
        return result

    def resize(self, node: dict[str, Any]) -> str:
        name, attributes = node["name"], node["attr"]
        if not attributes["half_pixel_centers"]["b"]:
            raise BadCard(f"{name} resizes without half-pixel centres, which cannot be converted")
        sizes = self.constant(self.weights[node["input"][1]].astype(np.int64), f"{name}/sizes")
        source = self.value_channels_first(node["input"][0])
        settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", "axes": [2, 3]}
        return self.emit("Resize", [source, "", "", sizes], f"{name}/resize", **settings)

    def channels_first_or_not(self, node: dict[str, Any]) -> None:
        name, source = node["name"], node["input"][0]
        self.channels_first[name] = self.emit("Sigmoid", [self.value_channels_first(source)], name)

    def elementwise(self, node: dict[str, Any]) -> None:
        name, (left, right) = node["name"], node["input"]
        operator = _ELEMENTWISE[node["op"]]
        for source in (left, right):
            if all(source not in known for known in (self.weights, self.done, self.channels_first)):
                self.emit_node(source)
        if left in self.channels_first and right in self.channels_first:
            sources = [self.channels_first[left], self.channels_first[right]]
            self.channels_first[name] = self.emit(operator, sources, name)
        else:
            self.done[name] = self.emit(operator, [self.operand(left), self.operand(right)], name)

    def operand(self, source: str) -> str:
        """As `value`; a constant that is the same for every channel is one number.

        ONNX Runtime takes ten times as long for a row of three as for a number, and images have three channels.
        """
        values = self.weights.get(source)
        if values is None or values.shape[-1:] != (values.size,) or np.ptp(values) != 0:
            return self.value(source)
        name = f"{source}/number"
        if name not in self.done:
            self.done[name] = self.constant(values.reshape(-1)[0], name)
        return self.done[name]

    def tail(self, node: dict[str, Any]) -> None:
        """The small operators of MoveNet's own decoding, on tensors without a layout."""
        name, operator, attributes = node["name"], node["op"], node.get("attr", {})
        inputs = node.get("input", [])
        if operator in ("Reshape", "ExpandDims"):
            shape = self.constant(self.weights[inputs[1]].astype(np.int64).reshape(-1), f"{name}/shape")
            onnx_operator = "Reshape" if operator == "Reshape" else "Unsqueeze"
            self.done[name] = self.emit(onnx_operator, [self.value(inputs[0]), shape], name)
        elif operator == "Cast":
            kind = _DTYPES[attributes["DstT"]["type"]]
            self.done[name] = self.emit("Cast", [self.value(inputs[0])], name, to=kind)
        elif operator == "ArgMax":
            axis = int(self.weights[inputs[1]])
            index = self.emit("ArgMax", [self.value(inputs[0])], f"{name}/int64", axis=axis, keepdims=0)
            self.done[name] = self.emit("Cast", [index], name, to=TensorProto.INT32)
        elif operator == "GatherNd":
            index = self.emit("Cast", [self.value(inputs[1])], f"{name}/index", to=TensorProto.INT64)
            self.done[name] = self.emit("GatherND", [self.value(inputs[0]), index], name)
        elif operator == "SquaredDifference":
            difference = self.emit("Sub", [self.value(source) for source in inputs], f"{name}/difference")
            self.done[name] = self.emit("Mul", [difference, difference], name)
        elif operator == "ConcatV2":
            axis = int(self.weights[inputs[-1]])
            self.done[name] = self.emit("Concat", [self.value(source) for source in inputs[:-1]], name, axis=axis)
        elif operator == "Pack":
            axis = int(attributes["axis"]["i"])
            where = self.constant(np.array([axis], np.int64), f"{name}/axis")
            parts = [
                self.emit("Unsqueeze", [self.value(source), where], f"{name}/{number}")
                for number, source in enumerate(inputs)
            ]
            self.done[name] = self.emit("Concat", parts, name, axis=axis)
        elif operator == "Unpack":
            axis, count = int(attributes["axis"]["i"]), int(attributes["num"]["i"])
            source = self.value(inputs[0])
            for number in range(count):
                index = self.constant(np.array(number, np.int64), f"{name}/{number}/index")
                key = name if number == 0 else f"{name}:{number}"
                self.done[key] = self.emit("Gather", [source, index], f"{name}/{number}", axis=axis)
        else:
            raise BadCard(f"the graph holds the operator {operator!r}, which cannot be converted")
