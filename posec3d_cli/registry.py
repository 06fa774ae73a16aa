"""Stages by name, found through entry points: built-in stages and those of other packages alike."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import StageError, StageUnavailable, UnknownStage, did_you_mean

if TYPE_CHECKING:
    pass
# Where a package is installed under another name than it is imported by.
_PACKAGE_OF_MODULE = {"ai_edge_litert": "ai-edge-litert", "cv2": "opencv-python", "decord": "decord2"}


@dataclass(frozen=True)
class StageEntry:
    """One installed stage, not imported yet.

    Attributes:
        kind: "detector", "pose", "builder" or "classifier".
        name: what a model card calls it.
        package: the distribution that offers it.
        version: of that distribution.
        target: "module:class".
    """

    kind: str
    name: str
    package: str
    version: str
    target: str


def available(kind: str) -> dict[str, StageEntry]:
    """Every installed stage of one kind, by name; nothing is imported.

    Raises:
        UnknownStage: there is no such kind.
        StageError: two packages offer stages of the same name.
    """
    if kind not in GROUPS:
        raise UnknownStage(f"there is no kind of stage called {kind!r}", hint=f"kinds are: {', '.join(GROUPS)}")
    found: dict[str, StageEntry] = {}
    for point in sorted(entry_points(group=GROUPS[kind]), key=lambda point: point.name):
        entry = _entry(kind, point)
        other = found.setdefault(entry.name, entry)
        if other != entry:
            raise StageError(
                f"two packages offer a {kind} stage called {entry.name!r}: "
                f"{other.package} ({other.target}) and {entry.package} ({entry.target})",
                hint="uninstall one of them",
            )
    return found


def load_stage(kind: str, name: str) -> type[Any]:
    """Import the class of one stage.

    Raises:
        UnknownStage: no installed package offers it.
        StageUnavailable: a package that it needs is not installed.
        StageError: two packages claim the name, or the module lacks the class.
    """
    stages = available(kind)
    if name not in stages:
        raise UnknownStage(
            f"no installed package offers a {kind} stage called {name!r}",
            hint=f"{did_you_mean(name, stages)}`posec3d stages` names them all",
        )
    entry = stages[name]
    try:
        loaded: type[Any] = EntryPoint(name, entry.target, GROUPS[kind]).load()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module == entry.target.partition(".")[0]:
            raise _broken_promise(entry, error) from error
        missing = _PACKAGE_OF_MODULE.get(module, module)
        raise StageUnavailable(
            f"the {kind} stage {name!r} of {entry.package} needs {missing}, which is not installed",
            hint=f"pip install {missing}",
        ) from error
    except ImportError as error:
        raise StageUnavailable(f"the {kind} stage {name!r} of {entry.package} cannot be imported: {error}") from error
    except AttributeError as error:
        raise _broken_promise(entry, error) from error
    return loaded


def foreign_version(kind: str, name: str) -> str:
    """The package and version that an installed stage comes from; empty where it is this package."""
    entry = available(kind)[name]
    return "" if entry.package == "posec3d-cli" else f"{entry.package} {entry.version}"


def _broken_promise(entry: StageEntry, error: Exception) -> StageError:
    return StageError(
        f"{entry.package} offers {entry.target}, which does not exist: {error}", hint=f"install {entry.package} again"
    )


def _entry(kind: str, point: EntryPoint) -> StageEntry:
    package = point.dist.name if point.dist is not None else "an unknown package"
    version = point.dist.version if point.dist is not None else ""
    return StageEntry(kind, point.name, package, version, point.value)


GROUPS = {
    "detector": "posec3d.detectors",
    "pose": "posec3d.poses",
    "builder": "posec3d.builders",
    "classifier": "posec3d.classifiers",
}
