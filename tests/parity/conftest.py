"""The published code beside ours: `make parity` makes the environment that these comparisons need.

Outside of it they are not even collected. `published` is a fixture that every comparison asks for: it readies the
published packages for import and hands out random weights that are the same at every call.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

import pytest
from stand_ins import load, ready

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
    ready()
    return load


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
