"""Stages by name, from entry points; the built-in stages use the same road as those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posec3d_cli.catalog import suggest
from posec3d_cli.device import USE_AUTO, same_device
from posec3d_cli.downloads import Progress
from posec3d_cli.errors import BadCard, StageError, StageUnavailable, UnknownStage
from posec3d_cli.stages import GROUPS
from posec3d_cli.weights import fetch

if TYPE_CHECKING:
    from posec3d_cli.catalog import ModelCard

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
            hint=f"{suggest(name, stages)}`posec3d stages` names them all",
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


def create(
    card: ModelCard,
    *,
    device: str = "cpu",
    offline: bool | None = None,
    progress: Progress | None = None,
    weights_dir: str | Path | None = None,
    **options: Any,
) -> Any:
    """Make the stage that runs a model: import it, fetch its weights, hand both over.

    Args:
        card: the model.
        device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
        offline: as in `weights.fetch`.
        progress: as in `weights.fetch`.
        weights_dir: as in `weights.fetch`.
        options: settings that replace those of the card's recipe.

    Raises:
        StageError: the stage cannot be had, as in `load_stage`, or does not run on the device.
        ModelError: the weights cannot be had, as in `weights.fetch`, or the stage refuses the card.
    """
    stage = load_stage(card.kind, card.stage)
    files = fetch(card, offline=offline, progress=progress, weights_dir=weights_dir)
    made = stage.from_card(card, _Files(card, files), device=device, **options)
    runs_on = getattr(made, "device", "cpu")
    if runs_on is not None and not same_device(str(runs_on), device):
        raise StageUnavailable(
            f"the {card.kind} stage {card.stage!r} cannot run on {device!r}: it runs on {str(runs_on)!r}", hint=USE_AUTO
        )
    return made


class _Files(dict[str, Path]):
    """The files of a card by name; one that the stage asks for and the card does not name is the card's fault."""

    def __init__(self, card: ModelCard, files: Mapping[str, Path]) -> None:
        super().__init__(files)
        self._card = card

    def __missing__(self, name: str) -> Path:
        named = ", ".join(map(repr, self)) or "none"
        raise BadCard(
            f"{self._card.name}: its stage {self._card.stage!r} needs a file called {name!r}; there is {named}"
        )


def _broken_promise(entry: StageEntry, error: Exception) -> StageError:
    return StageError(
        f"{entry.package} offers {entry.target}, which does not exist: {error}", hint=f"install {entry.package} again"
    )


def _entry(kind: str, point: EntryPoint) -> StageEntry:
    package = point.dist.name if point.dist is not None else "an unknown package"
    version = point.dist.version if point.dist is not None else ""
    return StageEntry(kind, point.name, package, version, point.value)
