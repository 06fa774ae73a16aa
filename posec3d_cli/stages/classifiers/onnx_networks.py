"""The networks of a classifier on ONNX Runtime: one file that holds all of them, see `posec3d_cli.export`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posec3d_cli.errors import BadCard, DeviceError
from posec3d_cli.runtime.onnx import answer, open_session
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.types import Floats

CHANNEL_AXIS = {"heatmaps": 1, "joints": 4}
"""Of a batch, (B, K, T, H, W) or (B, M, T, 17, C), the axis of `in_channels`."""
AXES = 5


class OnnxNetworks:
    """Networks of one architecture on ONNX Runtime.

    Args:
        file: a model that reads one float tensor, a batch of what `reads` names, and returns the logits: `(B, O)` of
            one network, or `(B, networks, O)`.
        reads: "heatmaps" or "joints".
        outputs: O, the labels of the card.
        device: "cpu" or "cuda[:N]".
        precision: "auto" or "fp32".

    Raises:
        BadCard: it is another model.
        DeviceError: the precision is another.
        StageUnavailable: ONNX Runtime does not run on the device.
    """

    precision = "fp32"

    def __init__(self, file: Path, reads: str, outputs: int, *, device: str = "cpu", precision: str = "auto") -> None:
        if precision not in ("auto", self.precision):
            raise DeviceError(f"ONNX Runtime runs {file} in fp32, got the precision {precision!r}")
        if reads not in CHANNEL_AXIS:
            raise BadCard(
                f"{file}: ONNX models of classifiers that read {reads} are not supported", hint="give the weights files"
            )
        self._file = file
        self._session = open_session(file, stage="onnx", device=device)
        self.device = device
        found = [(one.type, list(one.shape)) for one in self._session.get_inputs()]
        if len(found) != 1 or found[0][0] != "tensor(float)" or len(found[0][1]) != AXES:
            named = " and ".join(f"{kind} {shape}" for kind, shape in found) or "nothing"
            raise BadCard(f"{file} must read one float tensor of {AXES} axes, {reads}, but reads {named}")
        self._input = self._session.get_inputs()[0].name
        channels = found[0][1][CHANNEL_AXIS[reads]]
        if not isinstance(channels, int):
            raise BadCard(f"{file} must say how many channels it reads: axis {CHANNEL_AXIS[reads]} of {found[0][1]}")
        self.in_channels = channels
        shape = list(self._session.get_outputs()[0].shape)
        if len(shape) not in (2, 3) or shape[-1] != outputs:
            raise BadCard(
                f"{file} must return logits of {outputs} labels, but returns {shape}",
                hint="labels.txt must hold one line per output, in the order of training",
            )
        self._lanes = ThreadLanes(device=device)

    def logits(self, *views: Floats) -> Floats:
        """B views -> `(networks, B, O)` float32.

        Raises:
            BadCard: the model does not read views of this shape.
        """
        [batch] = views
        parts = np.array_split(batch, min(self._lanes.count, len(batch)))
        logits = np.concatenate(self._lanes.map(self._run, parts))
        one_network = logits.ndim == 2
        return np.asarray(logits[None] if one_network else logits.swapaxes(0, 1), np.float32)

    def _run(self, views: Floats) -> Floats:
        logits: Floats = answer(self._session, {self._input: np.ascontiguousarray(views)}, self._file)[0]
        return logits
