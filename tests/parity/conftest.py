"""The published code beside ours: `make parity` makes the environment that these comparisons need.

Outside of it they are not even collected. `published` is a fixture that every comparison asks for: it readies the
published packages for import and hands out random weights that are the same at every call.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

NEEDED = ("mmengine", "mmcv", "mmdet", "mmpose", "mmaction")
collect_ignore_glob = [] if all(find_spec(name) for name in NEEDED) else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the published packages themselves warn about is not ours to mend."""
    for item in items:
        if "tests/parity/" in item.nodeid:
            item.add_marker(pytest.mark.parity)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture(scope="session")
def published() -> Callable[[str], ModuleType]:
    """Imports a module of mmdet, mmpose or mmaction by its name, the stand-ins that they need in place."""
    from posec3d_cli.openmmlab.preparation import prepare

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stage in ("mmdet", "mmpose"):
            prepare(stage)
        stand_in_for_torchvision()
        stand_in_for_mmaction()

    def load(name: str) -> ModuleType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)

    return load


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


_DIFFERENCES: list[str] = []


@pytest.fixture(scope="session")
def record_difference() -> Callable[..., None]:
    """Takes note of the largest difference of a comparison, for the list at the end of the run."""
    return lambda what, largest, unit="": _DIFFERENCES.append(f"{what}: {float(largest):.2g} {unit}".rstrip())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was compared and by how much it differs at most."""
    if _DIFFERENCES:
        terminalreporter.section("largest differences from the published code")
        for line in _DIFFERENCES:
            terminalreporter.write_line(line)
