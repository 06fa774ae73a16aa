"""Readies mmdet, mmpose and mmaction2 for import beside today's torch and NumPy."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType

import numpy as np


def ready() -> None:
    """Put the stand-ins that the published packages need in place."""
    from posec3d_cli.stages.openmmlab.compat import prepare_packages

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stage in ("mmdet", "mmpose"):
            prepare_packages(stage)
        stand_in_for_torchvision()
        stand_in_for_mmaction()


def load(name: str) -> ModuleType:
    """A module of theirs, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def stand_in_for_torchvision() -> None:
    """`mmpose.apis` imports one name of it, for drawing; it does not load beside a torch of another build."""
    try:
        importlib.import_module("torchvision.transforms")
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        package, transforms = ModuleType("torchvision"), ModuleType("torchvision.transforms")
        transforms.ToPILImage = package.transforms = transforms
        sys.modules |= {"torchvision": package, "torchvision.transforms": transforms}


def stand_in_for_mmaction() -> None:
    """Its wheel lacks the folder of one localizer, and it was written for NumPy 1."""
    np.Inf = np.inf
    name = "mmaction.models.localizers.drn"
    for part in (name, f"{name}.drn"):
        sys.modules[part] = ModuleType(part)
    sys.modules[f"{name}.drn"].DRN = None
