"""Importing the OpenMMLab packages as they install today: missing packages, substitutes for those that do not load.

Nothing happens when this module is imported; the stages call `prepare_packages` when they are made.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from posec3d_cli.errors import StageUnavailable
from posec3d_cli.runtime.installation import how_to_add

NEEDS = {
    "mmdet": {"mmengine": "mmengine", "mmcv": "mmcv-lite", "mmdet": "mmdet"},
    "mmpose": {"mmengine": "mmengine", "mmcv": "mmcv-lite", "mmpose": "mmpose"},
}
"""The packages that each stage needs: import names and distribution names."""

EXTRA = "openmmlab"
_LAST_PYTHON = (3, 11)  # there are no binaries of xtcocotools for newer ones, and mmengine calls what 3.14 lacks


def missing(stage: str) -> list[str]:
    """The packages that a stage needs and that are not installed; none is imported."""
    return [package for name, package in NEEDS[stage].items() if find_spec(name) is None]


def how_to_install() -> str:
    """The install command, and the Python version that it needs where this Python is newer."""
    newer = sys.version_info[:2] > _LAST_PYTHON
    remark = " in an environment of Python 3.11: some of them are not made for newer ones" if newer else ""
    return how_to_add(EXTRA) + remark


def prepare_packages(stage: str) -> None:
    """Prepare the packages of a stage for import.

    Raises:
        StageUnavailable: one is not installed, or does not import.
    """
    absent = missing(stage)
    if absent:
        raise StageUnavailable(
            f"the stage {stage!r} needs {', '.join(absent)}, which {'is' if len(absent) == 1 else 'are'} not installed",
            hint=how_to_install(),
        )
    try:
        with quiet():
            use_operators()
            use_coco_tools()
            for name in NEEDS[stage]:
                importlib.import_module(name)
    except (ImportError, AssertionError) as error:  # each asserts that the versions of the others suit it
        raise StageUnavailable(
            f"the stage {stage!r} cannot import its packages: {error}", hint=how_to_install()
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """A context without warnings: these packages call much that torch deprecates, and no user can change that."""
    with warnings.catch_warnings(action="ignore"):
        yield


def use_operators() -> None:
    """Put our operators where mmcv looks for its compiled ones, unless these can be imported."""
    from posec3d_cli.stages.openmmlab.mmcv_ops import MODULE, Operators

    try:
        importlib.import_module(MODULE)
    except ImportError:
        sys.modules[MODULE] = vars(importlib.import_module("mmcv"))["_ext"] = Operators()


def use_coco_tools() -> None:
    """Use pycocotools in place of xtcocotools, whose modules are the same, where that does not load.

    Its binaries are built for NumPy 1. mmpose imports it with its data sets, and predicts without it.
    """
    try:
        importlib.import_module("xtcocotools.mask")
    except (ImportError, ValueError):
        for name in ("", ".mask", ".coco", ".cocoeval"):
            sys.modules[f"xtcocotools{name}"] = importlib.import_module(f"pycocotools{name}")


def versions(stage: str) -> str:
    """The installed packages of a stage and the source of its operators, in a few words; none is imported."""
    named = [f"{name} {metadata.version(name)}" for name in NEEDS[stage] if name != "mmcv"]
    spec = find_spec("mmcv")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    compiled = any(folder.glob("_ext*.so")) or any(folder.glob("_ext*.pyd"))
    return f"{', '.join(named)}; {'operators compiled with mmcv' if compiled else 'operators of our own for mmcv'}"
