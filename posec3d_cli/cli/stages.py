"""`posec3d stages`: which code is installed for each part that can be swapped or added to."""

from __future__ import annotations

from dataclasses import asdict

from posec3d_cli.cli.options import JsonOption
from posec3d_cli.cli.render import print_json, print_table
from posec3d_cli.registry import REGISTRIES


def stages(json: JsonOption = False) -> None:
    """List the installed parts and their packages.

    These are stages, networks, pose formats and outputs.
    """
    entries = [entry for registry in REGISTRIES for entry in registry.entries().values()]
    if json:
        return print_json([asdict(entry) for entry in entries])
    rows = [[entry.kind, entry.name, f"{entry.package} {entry.version}", entry.target] for entry in entries]
    print_table(["kind", "name", "package", "target"], rows)
