"""The public names: what `import posec3d_cli` offers, costs and documents."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import posec3d_cli

REPOSITORY = Path(__file__).resolve().parent.parent
NAMES = [name for name in posec3d_cli.__all__ if name != "__version__"]
ALSO_PUBLIC = (
    "posec3d_cli",
    "posec3d_cli.errors",
    "posec3d_cli.schema",
    "posec3d_cli.testing",
    "posec3d_cli.stages.protocols",
)
"""The modules that docs/api.md calls public."""


def api_page():
    """`tools/api_page.py`, which writes docs/api.md."""
    found = importlib.util.spec_from_file_location("api_page", REPOSITORY / "tools" / "api_page.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_leads_to_something_with_a_docstring(name):
    value = getattr(posec3d_cli, name)
    assert (inspect.getdoc(value) or "").strip()
    assert getattr(value, "__name__", name) == name


def test_importing_the_package_imports_nothing_else():
    program = (
        "import sys; before = set(sys.modules); import posec3d_cli; import posec3d_cli.errors; "
        "new = {name for name in set(sys.modules) - before if name.split('.')[0] not in sys.stdlib_module_names}; "
        "print(sorted(new)); posec3d_cli.PoseC3DError; print('numpy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["['posec3d_cli', 'posec3d_cli.errors']", "False"]


def test_the_public_names_are_listed_and_another_name_is_an_attribute_error():
    assert dir(posec3d_cli) == sorted(posec3d_cli.__all__)
    with pytest.raises(AttributeError, match="module 'posec3d_cli' has no attribute 'Pipelin'"):
        posec3d_cli.Pipelin  # noqa: B018
    program = "from posec3d_cli import *; print(Pipeline.__name__, COCO_17.name)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["Pipeline", posec3d_cli.COCO_17.name]


def test_type_checkers_are_told_the_same_names_from_the_same_modules():
    stub = ast.parse((REPOSITORY / "posec3d_cli" / "__init__.pyi").read_text(encoding="utf-8"))
    told = {alias.asname: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == {name: f"posec3d_cli.{module}" for name, module in posec3d_cli._MODULES.items()}


def test_the_page_of_public_names_is_made_of_the_docstrings():
    written = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == api_page().page(), "run `python tools/api_page.py`"
    for name in NAMES:
        assert f"### `{name}`" in written, f"tools/api_page.py puts {name} into no group"
        if callable(getattr(posec3d_cli, name)):
            first = inspect.getdoc(getattr(posec3d_cli, name)).splitlines()[0]
            assert first in written


@pytest.mark.parametrize("program", sorted((REPOSITORY / "examples").glob("*.py")), ids=lambda program: program.name)
def test_examples_use_public_names_only(program):
    tree = ast.parse(program.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "posec3d_cli":
            assert node.module in ALSO_PUBLIC
            public = importlib.import_module(node.module)
            named = {alias.name for alias in node.names}
            assert named <= set(getattr(public, "__all__", dir(public)))
