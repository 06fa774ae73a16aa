"""The check of networks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from posec3d_cli.nets import READS
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.testing.rules import require, same

_CLASSES = 3


def check_network(network: type[Recognizer], *, frames: int = 16, size: int = 32, tolerance: float = 1e-4) -> None:
    """Check a network, with its default options and fresh weights.

    Args:
        network: the class.
        frames: T of the batches.
        size: H and W of heatmaps; frames are four times as large, and beside heatmaps a quarter as many.
        tolerance: largest difference between equal logits.

    Raises:
        StageMismatch: it breaks the contract.
    """
    require(isinstance(network, type) and issubclass(network, Recognizer), "a network is a subclass of Recognizer")
    reads = getattr(network, "reads", None)
    require(reads in READS, f"a network has a class attribute reads, one of {', '.join(READS)}, got {reads!r}")
    parameters = list(inspect.signature(network).parameters)
    require(parameters[:1] == ["num_classes"], f"the first argument must be num_classes, got {parameters[:1]}")
    require("in_channels" in parameters, "in_channels must be an option of the network")
    make: Callable[..., Recognizer] = network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = make(_CLASSES).eval()
        batch = _batch(reads, made.in_channels, frames, size)
        count = len(batch[0])
        narrow = make(_CLASSES, in_channels=2)
    require(narrow.in_channels == 2, f"in_channels must be what was asked for, 2, got {narrow.in_channels}")
    with torch.inference_mode():
        before = [one.clone() for one in batch]
        logits = made(*batch)
        wanted = (count, len(made.heads), _CLASSES) if made.heads else (count, _CLASSES)
        shape = tuple(logits.shape)
        require(shape == wanted, f"logits must have shape {wanted}, got {shape}")
        require(bool(torch.isfinite(logits).all()), "logits must be finite")
        unchanged = all(torch.equal(one, other) for one, other in zip(batch, before, strict=True))
        require(unchanged, "forward must not change its input")
        _alike(made.logits(made.features(*batch)), logits, tolerance, "logits of the backbone and the head")
        alone = [made(*(one[[number]] for one in batch)) for number in range(count)]
        _alike(torch.cat(alone), logits, tolerance, "logits one by one")
        with torch.device("meta"):
            empty = make(_CLASSES)
        empty.load_state_dict(made.state_dict(), assign=True)
        _alike(empty.eval()(*batch), logits, tolerance, "logits of a network that was given the weights")
    made.train()(*batch).sum().backward()
    still = [name for name, values in made.named_parameters() if values.requires_grad and values.grad is None]
    require(not still, f"every parameter must take part in the logits, {still[0] if still else ''} does not")


def _batch(reads: str | None, channels: int, frames: int, size: int) -> tuple[Tensor, ...]:
    heatmaps = (2, channels, frames, size, size)
    shapes = {
        "heatmaps": [heatmaps],
        "joints": [(2, 1, frames, len(COCO_17.joints), channels)],
        "rgb": [(2, channels, frames // 4, 4 * size, 4 * size)],
        "rgb+heatmaps": [(2, 3, frames // 4, 4 * size, 4 * size), heatmaps],
    }
    chance = np.random.default_rng(1)
    return tuple(torch.from_numpy(chance.random(shape, np.float32)) for shape in shapes[str(reads)])


def _alike(logits: Tensor, others: Tensor, tolerance: float, name: str) -> None:
    same(logits.numpy(), others.numpy(), tolerance, name)
