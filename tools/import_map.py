"""Count the rooms of the package, the imports between them, the upward ones and the circles.

    python tools/import_map.py

A room is a folder directly below the package, or a file that lies loose there. Imports inside functions, and those for
type checkers only, count like any other. `ROOMS` is the order of the house: importing a later room is upward.
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "posec3d_cli"
ROOMS = (
    "__init__", "errors", "schema", "labels", "skeletons", "types", "registry", "files", "tracking", "config",
    "sampling", "answers", "results", "timeline", "transforms", "nets", "hub", "runtime", "video", "sources",
    "pose_files", "stages", "extraction", "recognition", "pipeline", "output", "export", "batch", "annotations",
    "datasets", "evaluation", "reports", "training", "review", "live", "testing", "cli",
)  # fmt: skip
"""Lowest first."""

Arrows = dict[str, set[str]]


def module_of(file: Path, package: Path) -> str:
    """The dotted name of a file."""
    parts = (package.name, *file.relative_to(package).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_between_files(package: Path = PACKAGE) -> Arrows:
    """Each module of the package with the modules of the package that it imports, wherever the import stands."""
    modules = {module_of(file, package): file for file in sorted(package.rglob("*.py"))}
    return {module: _imported(file, modules) - {module} for module, file in modules.items()}


def _imported(file: Path, modules: dict[str, Path]) -> set[str]:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {name if name in modules else str(node.module) for name in inner.values()}
    return imported & modules.keys()


def room_of(module: str) -> str:
    """The folder below the package, or the loose file, that a module belongs to."""
    return (*module.split(".")[1:], "__init__")[0]


def imports_between_rooms(files: Arrows) -> Arrows:
    """The imports from room to room."""
    rooms: Arrows = {room: set() for room in sorted({room_of(module) for module in files})}
    for module, others in files.items():
        rooms[room_of(module)] |= {room_of(other) for other in others} - {room_of(module)}
    return rooms


def upward(rooms: Arrows) -> list[tuple[str, str]]:
    """The imports of a room that is later in `ROOMS`, or missing there."""
    level = {room: number for number, room in enumerate(ROOMS)}
    return sorted((a, b) for a in rooms for b in rooms[a] if level.get(b, len(ROOMS)) >= level.get(a, -1))


def circles(arrows: Arrows) -> list[list[str]]:
    """Import circles: sets of files or rooms of which each reaches all others."""
    reached = {name: _reach(arrows, name) for name in arrows}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in arrows}
    return sorted(sorted(group) for group in groups if group)


def levels(rooms: Arrows) -> int:
    """The length of the longest chain of imports from room to room."""
    level = dict.fromkeys(rooms, 1)
    for name in list(rooms) * len(rooms):
        level[name] = 1 + max((level[b] for b in rooms[name] if name not in _reach(rooms, b)), default=0)
    return max(level.values())


def _reach(arrows: Arrows, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += arrows[name]
    return seen


def main() -> None:
    """Print the counts."""
    files = imports_between_files()
    rooms = imports_between_rooms(files)
    loose = len(list(PACKAGE.glob("*.py")))
    print(f"files {len(files)}, loose at the root {loose}, rooms {len(rooms)}")
    print(f"imports between rooms {sum(map(len, rooms.values()))}, levels {levels(rooms)}")
    print(f"upward imports {upward(rooms)}")
    print(f"circles of rooms {circles(rooms)}, of files {circles(files)}")


if __name__ == "__main__":
    main()
