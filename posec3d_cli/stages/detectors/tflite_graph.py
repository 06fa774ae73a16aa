"""Take the post-processing out of a TensorFlow Lite detector, to be done by `tflite_postprocess`.

TensorFlow's op decodes, compares and sorts every anchor, whatever its score: a quarter to a third of the time of the
small detectors, and megabytes of memory that are asked for and given back for each image.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from posec3d_cli.stages.detectors.tflite_postprocess import Postprocess, Quantization

_OP = b"TFLite_Detection_PostProcess"
_OUTPUTS, _OPERATORS = 8, 10  # fields of a SubGraph in TensorFlow Lite's schema
_NUMBER = struct.Struct("<i")  # of a tensor, and of how many follow
_OFFSET = struct.Struct("<I")


def without_postprocessing(model: bytes) -> tuple[bytes, Postprocess | None]:
    """The model up to its last op, and what that does.

    The model returned has two outputs, the encoded boxes and the class scores, in the numbers that the network computes
    with: ops that only turn 8-bit numbers into floats are taken out too.

    Returns:
        The model as it is, and None, where it does not end in the op, or the op suppresses boxes class by class or
        gives several classes to a box, as no published EfficientDet-Lite has it. So with what is no model at all.
    """
    from ai_edge_litert import schema_py_generated as schema

    if not schema.Model.ModelBufferHasIdentifier(model, 0):
        return model, None
    try:
        return _split(model, schema) or (model, None)
    except Exception:  # a damaged file has any of a dozen errors, and LiteRT says that it is damaged
        return model, None


def _split(model: bytes, schema: Any) -> tuple[bytes, Postprocess] | None:
    from flatbuffers import flexbuffers

    whole = schema.Model.GetRootAs(model, 0)
    graph = whole.Subgraphs(0)
    last = graph.OperatorsLength() - 1
    op = graph.Operators(last)
    if whole.OperatorCodes(op.OpcodeIndex()).CustomCode() != _OP:
        return None
    settings = flexbuffers.Loads(bytes(op.CustomOptionsAsNumpy()))
    if settings.get("use_regular_nms") or settings["max_classes_per_detection"] != 1:
        return None
    outputs, dropped = op.InputsAsNumpy()[:2].tolist(), {last}
    for number in range(last):
        maker = graph.Operators(number)
        is_float = whole.OperatorCodes(maker.OpcodeIndex()).BuiltinCode() == schema.BuiltinOperator.DEQUANTIZE
        if is_float and maker.Outputs(0) in outputs:
            outputs[outputs.index(maker.Outputs(0))] = maker.Inputs(0)
            dropped.add(number)
    anchors = whole.Buffers(graph.Tensors(op.Inputs(2)).Buffer()).DataAsNumpy().view(np.float32).reshape(-1, 4)
    boxes, scores = (_quantization(graph.Tensors(tensor)) for tensor in outputs)
    made = Postprocess(
        anchors=anchors.astype(np.float64),
        scales=tuple(float(settings[f"{name}_scale"]) for name in "yxhw"),
        iou=float(settings["nms_iou_threshold"]),
        most=int(settings["max_detections"]),
        boxes=boxes,
        scores=scores,
    )
    return _cut(bytearray(model), graph, outputs, dropped), made


def _quantization(tensor: Any) -> Quantization:
    stated = tensor.Quantization()
    if stated is None or not stated.ScaleLength():
        return Quantization()
    return Quantization(float(stated.Scale(0)), int(stated.ZeroPoint(0)))


def _cut(model: bytearray, graph: Any, outputs: list[int], dropped: set[int]) -> bytes:
    """A list's length stands before its items, and an operator is an offset from its item."""
    place = graph._tab.Vector(graph._tab.Offset(_OUTPUTS))
    _NUMBER.pack_into(model, place - _NUMBER.size, len(outputs))
    for number, tensor in enumerate(outputs):
        _NUMBER.pack_into(model, place + number * _NUMBER.size, tensor)
    place = graph._tab.Vector(graph._tab.Offset(_OPERATORS))
    items = [place + number * _OFFSET.size for number in range(graph.OperatorsLength())]
    kept = [item + _OFFSET.unpack_from(model, item)[0] for number, item in enumerate(items) if number not in dropped]
    _NUMBER.pack_into(model, place - _NUMBER.size, len(kept))
    for item, operator in zip(items, kept, strict=False):
        _OFFSET.pack_into(model, item, operator - item)
    return bytes(model)
