"""The networks of a classifier on torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from posec3d_cli.nets import build_network
from posec3d_cli.nets.checkpoints import check_state, fold_batch_norms, load_state_dict
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.runtime.device import resolve_precision
from posec3d_cli.types import Floats


class TorchNetworks:
    """Networks of one architecture on torch.

    Args:
        modules: at least one; they are taken over: moved, put in evaluation mode, and their batch norms are folded in.
        device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
        precision: "auto", "fp32" or "bf16"; of the backbone, for the head is always fp32.

    Raises:
        DeviceError: the device cannot run in this precision.
    """

    def __init__(self, modules: Sequence[Recognizer], *, device: str = "cpu", precision: str = "auto") -> None:
        self.device = device
        self.precision = resolve_precision(precision, device)
        self.in_channels = modules[0].in_channels
        self._device = torch.device(device)
        self._dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self._layout = torch.contiguous_format if self._device.type == "mps" else modules[0].layout
        for module in modules:
            module.eval().requires_grad_(False)
            fold_batch_norms(module)
            module.backbone.to(self._device, self._dtype, memory_format=self._layout)  # type: ignore[call-overload]
            module.cls_head.to(self._device)
        self.modules = tuple(modules)

    @torch.inference_mode()
    def logits(self, *views: Floats) -> Floats:
        """B views -> `(networks, B, O)` float32; a network of several heads counts as so many networks."""
        inputs = [torch.from_numpy(array).to(self._device, self._dtype) for array in views]
        inputs = [array.contiguous(memory_format=self._layout) for array in inputs]
        answers = []
        for one in self.modules:
            logits = one.logits([features.float() for features in one.features(*inputs)])
            answers.append(logits[None] if logits.ndim == 2 else logits.swapaxes(0, 1))
        joined: Floats = torch.cat(answers).cpu().numpy()
        return joined


def load_networks(
    name: str, weights: Iterable[Path], architecture: str, outputs: int, options: Mapping[str, Any]
) -> list[Recognizer]:
    """Load the networks of a model, one for each of its weights files.

    Args:
        name: of the model, for messages.
        weights: the files; weights stored in half precision are widened to float32.
        architecture: the name of the network.
        outputs: O, the outputs of each.
        options: of the network.

    Raises:
        BadCard: there is no such network, or it has no such option.
        WeightsMismatch: the tensors of a file are not those of the network.
    """
    networks = []
    for path in weights:
        # On the meta device, because the fresh weights would be thrown away: nothing is drawn or allocated.
        with torch.device("meta"):
            network = build_network(architecture, outputs, options)
        state = {
            key: tensor.float() if tensor.is_floating_point() else tensor
            for key, tensor in load_state_dict(path).items()
        }
        check_state(network, state, name=f"{name}: {path}")
        network.load_state_dict(state, assign=True)
        networks.append(network)
    return networks
