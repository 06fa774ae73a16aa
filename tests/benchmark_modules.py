"""The modules of a folder of `benchmarks`, which lie beside each other and in no package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest


@contextmanager
def imported(folder: str, names: Sequence[str]) -> Iterator[dict[str, ModuleType]]:
    """The modules by their names; afterwards nobody else finds them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks" / folder))
        yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)
