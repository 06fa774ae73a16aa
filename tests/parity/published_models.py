"""Models of the published packages with random weights, and their checkpoints in the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posec3d_cli.types import Frame
from posec3d_cli.video import open_video


def randomise(model, look):
    """Random weights, the same at every call, whose activations neither vanish nor explode: every layer matters.

    Args:
        model: a network in evaluation mode.
        look: has the model look at an image, whose statistics the batch norms take over.
    """
    import torch

    chance = torch.Generator().manual_seed(7)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    for module in norms:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over what is seen
        module.train()
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and "running" not in name and tensor.ndim >= 2:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=chance)
        elif tensor.is_floating_point() and "running" not in name and name.endswith("weight"):
            tensor.uniform_(0.8, 1.2, generator=chance)
    look(model)
    return model.eval()


def save_as_published(model, path: Path, **meta) -> Path:
    """A checkpoint as training leaves it: the tensors below "state_dict", beside them what was trained on."""
    import torch

    torch.save({"meta": meta, "state_dict": model.state_dict()}, path)
    return path


def images(shared: Path, count: int = 3, name: str = "three_people_exercising.avi") -> list[Frame]:
    """Frames of a real clip, spread over it."""
    with open_video(shared / "videos" / name) as video:
        return list(video.read(np.linspace(0, video.info.frame_count - 1, count).astype(np.int64).tolist()))


def blue_first(frame: Frame) -> np.ndarray:
    """The picture as OpenCV reads it."""
    return np.ascontiguousarray(frame.pixels[..., ::-1])
