"""Packages with an entry point, laid down as pip would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, package: str, group: str, name: str, target: str, modules: Mapping[str, str]) -> None:
    """Put a package of version 1.2 into a folder that is on `sys.path`."""
    metadata = folder / f"{package.replace('-', '_')}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
