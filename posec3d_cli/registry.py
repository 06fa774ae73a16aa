"""Registries of stages, networks, pose formats and table formats, by entry points.

Those of this package are found in the same way as those of others, so that a new one is a file and a line in
`pyproject.toml`. Listing imports nothing. How a package adds one: docs/plugins.md.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from posec3d_cli.errors import PoseC3DError, StageError, StageUnavailable, UnknownStage, did_you_mean

OURS = "posec3d-cli"
"""The distribution that this package is."""
# Where a package is installed under another name than it is imported by.
_PACKAGE_OF_MODULE = {"ai_edge_litert": "ai-edge-litert", "cv2": "opencv-python", "decord": "decord2"}
T = TypeVar("T")


class PluginWarning(UserWarning):
    """A plugin cannot be used and is ignored."""


@dataclass(frozen=True)
class Entry:
    """One entry of a registry, not imported yet.

    Attributes:
        kind: "detector", "pose", "builder" or "classifier", which are stages; "network", "pose format" or "output".
        name: what a model card or a suffix calls it.
        package: the distribution that offers it.
        version: of that distribution.
        target: "module:object".
    """

    kind: str
    name: str
    package: str
    version: str
    target: str

    @property
    def built_in(self) -> bool:
        """Whether this package offers it."""
        return self.package == OURS


class Registry(Generic[T]):
    """A registry of one kind of things that installed packages offer.

    Args:
        group: of the entry points.
        kind: what messages call one of them.
    """

    def __init__(self, group: str, kind: str) -> None:
        self.group = group
        self.kind = kind

    def entries(self) -> dict[str, Entry]:
        """All of them by name, in order of name; nothing is imported.

        Raises:
            StageError: two packages offer the same name, or there is none at all.
        """
        found: dict[str, Entry] = {}
        for point, package, version in _offered(self.group, _search_path()):
            entry = Entry(self.kind.removesuffix(" stage"), point.name, package, version, point.value)
            other = found.setdefault(entry.name, entry)
            if other != entry:
                raise StageError(
                    f"two packages offer a {self.kind} called {entry.name!r}: "
                    f"{other.package} ({other.target}) and {entry.package} ({entry.target})",
                    hint="uninstall one of them",
                )
        if not found:
            raise StageError(
                f"no installed package offers a {self.kind}, which {OURS} itself does",
                hint=f"its installation is older than its code: install {OURS} again",
            )
        return found

    def names(self) -> tuple[str, ...]:
        """The names, in order; nothing is imported."""
        return tuple(self.entries())

    def entry(self, name: str) -> Entry:
        """One of them, not imported.

        Raises:
            UnknownStage: no installed package offers it.
        """
        entries = self.entries()
        if name not in entries:
            raise UnknownStage(
                f"no installed package offers a {self.kind} called {name!r}",
                hint=f"{did_you_mean(name, entries)}`posec3d stages` names them all",
            )
        return entries[name]

    def load(self, name: str) -> T:
        """Import one of them.

        Raises:
            UnknownStage: no installed package offers it.
            StageUnavailable: a package that it needs is not installed, or its import fails otherwise.
            StageError: two packages claim the name, or the module lacks the object.
        """
        entry = self.entry(name)
        try:
            loaded: T = EntryPoint(name, entry.target, self.group).load()
        except PoseC3DError:
            raise
        except ModuleNotFoundError as error:
            module = (error.name or "").partition(".")[0]
            if module == entry.target.partition(".")[0]:
                raise _broken_promise(entry, error) from error
            missing = _PACKAGE_OF_MODULE.get(module, module)
            raise StageUnavailable(
                f"{_named(self.kind, entry)} needs {missing}, which is not installed", hint=f"pip install {missing}"
            ) from error
        except AttributeError as error:
            raise _broken_promise(entry, error) from error
        except Exception as error:
            said = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise StageUnavailable(f"{_named(self.kind, entry)} cannot be imported: {said}") from error
        return loaded


Offered = tuple[EntryPoint, str, str]
"""An entry point, and the name and version of the package that offers it."""


@lru_cache(maxsize=32)
def _offered(group: str, search_path: tuple[tuple[str, int], ...]) -> tuple[Offered, ...]:
    """The entry points of a group, in order of name.

    Kept for as long as the folders on the search path stay as they are: reading the packages takes tens of
    milliseconds, and a command asks dozens of times.
    """
    points = sorted(entry_points(group=group), key=lambda point: point.name)
    # The metadata of a package serves all its points: parsing it takes milliseconds.
    packages = {id(point.dist): point.dist.metadata for point in points if point.dist is not None}
    return tuple(
        (point, "an unknown package", "")
        if point.dist is None
        else (point, packages[id(point.dist)]["Name"], packages[id(point.dist)]["Version"])
        for point in points
    )


def _search_path() -> tuple[tuple[str, int], ...]:
    """The folders that packages are found in, with the times of their last change."""
    return tuple((folder, os.stat(folder or ".").st_mtime_ns) for folder in sys.path if os.path.exists(folder or "."))


STAGES: dict[str, Registry[type[Any]]] = {
    "detector": Registry("posec3d.detectors", "detector stage"),
    "pose": Registry("posec3d.poses", "pose stage"),
    "builder": Registry("posec3d.builders", "builder stage"),
    "classifier": Registry("posec3d.classifiers", "classifier stage"),
}
"""The stages by kind, as model cards call it; what each has to offer: `posec3d_cli.stages.protocols`."""
NETWORKS: Registry[Any] = Registry("posec3d.networks", "network")
"""Classes of `posec3d_cli.nets.layers.Recognizer`, by the `architecture` of cards."""
POSE_FORMATS: Registry[Any] = Registry("posec3d.pose_formats", "pose format")
"""Objects as `posec3d_cli.pose_files.formats.PoseFormat` describes them."""
OUTPUTS: Registry[Any] = Registry("posec3d.outputs", "output")
"""Objects as `posec3d_cli.output.tables.TableFormat` describes them, by the suffix without its dot."""
REGISTRIES: tuple[Registry[Any], ...] = (*STAGES.values(), NETWORKS, POSE_FORMATS, OUTPUTS)
"""Everything that a package can add."""


def load_stage(kind: str, name: str) -> type[Any]:
    """Import the class of one stage.

    Raises:
        UnknownStage: there is no such kind, or no installed package offers the stage.
        StageError: as `Registry.load`.
    """
    if kind not in STAGES:
        raise UnknownStage(f"there is no kind of stage called {kind!r}", hint=f"kinds are: {', '.join(STAGES)}")
    return STAGES[kind].load(name)


def foreign_version(kind: str, name: str) -> str:
    """The package and version that an installed stage comes from; empty where it is this package."""
    entry = STAGES[kind].entry(name)
    return "" if entry.built_in else f"{entry.package} {entry.version}"


def _named(kind: str, entry: Entry) -> str:
    return f"the {kind} {entry.name!r} of {entry.package}"


def _broken_promise(entry: Entry, error: Exception) -> StageError:
    return StageError(
        f"{entry.package} offers {entry.target}, which does not exist: {error}", hint=f"install {entry.package} again"
    )
