"""Making the OpenMMLab packages importable as they install today: what is missing, and stand-ins for what does not load.

Nothing happens when this module is imported; the stages call `prepare` when they are made.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec

from posec3d_cli.errors import StageUnavailable

PACKAGES = {"mmengine": "mmengine", "mmcv": "mmcv-lite", "mmdet": "mmdet", "mmpose": "mmpose"}
"""What must be installed, as it is imported and as it is called where it comes from."""

INSTALL = 'pip install "posec3d-cli[openmmlab]"'
_LAST_PYTHON = (3, 11)


def missing(*names: str) -> list[str]:
    """Those of these packages that are not installed; nothing is imported."""
    return [PACKAGES[name] for name in names if find_spec(name) is None]


def prepare(stage: str, *names: str) -> None:
    """Have these packages ready to import.

    Raises:
        StageUnavailable: one is not installed, or does not import.
    """
    absent = missing(*names)
    if absent:
        raise StageUnavailable(
            f"the stage {stage!r} needs {', '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not installed",
            hint=INSTALL + ("" if sys.version_info[:2] <= _LAST_PYTHON else ", with Python 3.11: they have no newer"),
        )
    try:
        use_operators()
        use_coco_tools()
        for name in names:
            importlib.import_module(name)
    except (ImportError, AssertionError) as error:  # each asserts that the versions of the others suit it
        raise StageUnavailable(f"the stage {stage!r} cannot import its packages: {error}", hint=INSTALL) from error


def use_operators() -> bool:
    """Put our operators where mmcv looks for its compiled ones, unless these are there; whether ours are used."""
    from posec3d_cli.openmmlab.operators import MODULE, Operators

    try:
        return isinstance(importlib.import_module(MODULE), Operators)
    except ImportError:
        module = Operators()
        sys.modules[MODULE] = module
        importlib.import_module("mmcv")._ext = module
        return True


def use_coco_tools() -> None:
    """Let pycocotools stand in for xtcocotools, whose modules are the same, where that does not load.

    Its binaries are built for NumPy 1. mmpose imports it with its data sets, and predicts without it.
    """
    try:
        importlib.import_module("xtcocotools.mask")
    except (ImportError, ValueError):
        for name in ("", ".mask", ".coco", ".cocoeval"):
            sys.modules[f"xtcocotools{name}"] = importlib.import_module(f"pycocotools{name}")
