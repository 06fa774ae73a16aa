"""Limits of processors and memory that a container, or another control group of Linux, sets for this process.

Both versions are read: `cpu.max`, `memory.max` and `memory.high` of version 2, `cpu.cfs_quota_us` and
`memory.limit_in_bytes` of version 1, each of the own group and of all above it, as far as these can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self")
_UNLIMITED = 1 << 60  # version 1 spells "no limit" as the largest number of pages


@dataclass(frozen=True)
class Limits:
    """The processors and memory that this process may use.

    Attributes:
        processors: their time, as a number that may be a fraction; None where it is not limited.
        memory: bytes that are free below the tightest limit; None where it is not limited.
    """

    processors: float | None = None
    memory: int | None = None


def limits(proc: Path = PROC) -> Limits:
    """The limits that hold now; none where there are no control groups, as on other systems.

    Args:
        proc: the process's own folder in `/proc`.
    """
    processors: list[float] = []
    memory: list[int] = []
    for folder in _folders(proc):
        processors += _quota(folder)
        memory += _room(folder)
    return Limits(min(processors, default=None), min(memory, default=None))


def _folders(proc: Path) -> Iterator[Path]:
    """The folders of the groups that the process is in, and of those above them up to what is mounted."""
    groups = [line.split(":", 2) for line in _lines(proc / "cgroup")]
    for line in _lines(proc / "mountinfo"):
        mounted, _, described = line.partition(" - ")
        fields, (kind, *more) = mounted.split(), described.split() or [""]
        if kind not in ("cgroup", "cgroup2") or len(fields) < 5:
            continue
        options = more[-1] if more else ""
        root, place = PurePosixPath(_unescaped(fields[3])), Path(_unescaped(fields[4]))
        for number, controllers, path in (group for group in groups if len(group) == 3):
            known = number == "0" if kind == "cgroup2" else set(controllers.split(",")) & set(options.split(","))
            if not known:
                continue
            group = PurePosixPath(path)
            # Seen from inside a container without a namespace of its own, the path may be the host's.
            below = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath()
            folder = place / below
            while folder != place:
                yield folder
                folder = folder.parent
            yield place


def _quota(folder: Path) -> list[float]:
    """The processors that a group may use, where it is limited."""
    words = _words(folder / "cpu.max")
    if not words:
        words = [*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")]
    # "max", or -1 in version 1, is no limit.
    if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
        return [int(words[0]) / int(words[1])]
    return []


def _room(folder: Path) -> list[int]:
    """The bytes that are left to a group, where it is limited: files that are only cached make room."""
    rooms = []
    for limit, usage, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.high", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        allowed = "".join(_words(folder / limit)[:1])
        if not allowed.isdecimal() or int(allowed) >= _UNLIMITED:
            continue
        used = int("".join(_words(folder / usage)[:1]) or 0)
        words = (line.split() for line in _lines(folder / "memory.stat"))
        dropped = sum(int(value) for name, value in (pair for pair in words if len(pair) == 2) if name == cached)
        rooms.append(max(0, int(allowed) - max(0, used - dropped)))
    return rooms


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _words(file: Path) -> list[str]:
    return " ".join(_lines(file)).split()


def _unescaped(text: str) -> str:
    """A path of mountinfo, where blanks and the like are octal numbers."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
