"""Tiny ONNX models whose answers can be worked out by hand."""

from __future__ import annotations

import threading

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, helper, numpy_helper


def write_model(path, text):
    """Save a model given in ONNX's own text form: a graph, without its head."""
    onnx.save(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}'), path)
    return path


def write_constants(path, *outputs, shape):
    """A model that answers the same, whatever it is shown: a float tensor of this shape."""
    nodes = [helper.make_node("Identity", [f"stored_{k}"], [f"output_{k}"]) for k in range(len(outputs))]
    stored = [numpy_helper.from_array(np.asarray(value), f"stored_{k}") for k, value in enumerate(outputs)]
    declared = [helper.make_tensor_value_info(f"output_{k}", one.data_type, None) for k, one in enumerate(stored)]
    seen = helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "constants", [seen], declared, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def write_dets(path, boxes, probes, labels, *, size):
    """A detector of fixed boxes (x1, y1, x2, y2) that scores each by one value of its input (channel, row, column)."""
    count = len(boxes)

    def listed(values):
        return ", ".join(str(value) for value in np.ravel(values))

    where = [[0, *probe] for probe in probes]
    return write_model(
        path,
        f"""dets (float[1, 3, {size[1]}, {size[0]}] input) => (float[1, {count}, 5] dets, int64[1, {count}] labels) {{
            boxes = Constant <value = float[1, {count}, 4] {{{listed(boxes)}}}> ()
            where = Constant <value = int64[1, {count}, 4] {{{listed(where)}}}> ()
            labels = Constant <value = int64[1, {count}] {{{listed(labels)}}}> ()
            last = Constant <value = int64[1] {{2}}> ()
            values = GatherND (input, where)
            scores = Unsqueeze (values, last)
            dets = Concat <axis = 2> (boxes, scores)
        }}""",
    )


def write_simcc(path, *, size, joints=17, batch="N"):
    """A pose model of two cells to a pixel that finds all joints where its input is brightest."""
    width, height = size
    return write_model(
        path,
        f"""simcc (float[{batch}, 3, {height}, {width}] input)
            => (float[{batch}, {joints}, {2 * width}] simcc_x, float[{batch}, {joints}, {2 * height}] simcc_y) {{
            last = Constant <value = int64[1] {{2}}> ()
            row = ReduceMax <axes = [1, 2], keepdims = 0> (input)
            row_once = Unsqueeze (row, last)
            row_twice = Concat <axis = 2> (row_once, row_once)
            row_shape = Constant <value = int64[3] {{0, 1, {2 * width}}}> ()
            row_cells = Reshape (row_twice, row_shape)
            row_joints = Constant <value = int64[3] {{1, {joints}, {2 * width}}}> ()
            simcc_x = Expand (row_cells, row_joints)
            column = ReduceMax <axes = [1, 3], keepdims = 0> (input)
            column_once = Unsqueeze (column, last)
            column_twice = Concat <axis = 2> (column_once, column_once)
            column_shape = Constant <value = int64[3] {{0, 1, {2 * height}}}> ()
            column_cells = Reshape (column_twice, column_shape)
            column_joints = Constant <value = int64[3] {{1, {joints}, {2 * height}}}> ()
            simcc_y = Expand (column_cells, column_joints)
        }}""",
    )


def write_heatmaps(path, *, size, joints=17, batch="N"):
    """A pose model whose heatmaps, a quarter of the size of its input, are the mean brightness of 4 x 4 pixels."""
    width, height = size
    return write_model(
        path,
        f"""heatmaps (float[{batch}, 3, {height}, {width}] input)
            => (float[{batch}, {joints}, {height // 4}, {width // 4}] maps) {{
            grey = ReduceMean <axes = [1], keepdims = 1> (input)
            small = AveragePool <kernel_shape = [4, 4], strides = [4, 4]> (grey)
            shape = Constant <value = int64[4] {{1, {joints}, 1, 1}}> ()
            maps = Expand (small, shape)
        }}""",
    )


class Meeting:
    """A session each of whose calls waits until so many are under way."""

    def __init__(self, session, count):
        self.session, self.barrier = session, threading.Barrier(count, timeout=10)

    def run(self, *given):
        self.barrier.wait()
        return self.session.run(*given)
