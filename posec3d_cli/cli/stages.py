"""`posec3d stages`: which code is installed for each stage of the pipeline."""

from __future__ import annotations

from dataclasses import asdict

from posec3d_cli.cli.options import JsonOption
from posec3d_cli.cli.render import print_json, print_table
from posec3d_cli.registry import GROUPS, available


def stages(json: JsonOption = False) -> None:
    """List the installed stages and their packages."""
    entries = [entry for kind in GROUPS for entry in available(kind).values()]
    if json:
        return print_json([asdict(entry) for entry in entries])
    rows = [[entry.kind, entry.name, f"{entry.package} {entry.version}", entry.target] for entry in entries]
    print_table(["kind", "stage", "package", "class"], rows)
