"""Models of mmdet and mmpose, from a config and a checkpoint."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import BadCard, StageUnavailable, WeightsMismatch, did_you_mean
from posec3d_cli.nets.checkpoints import load_state_dict
from posec3d_cli.stages.openmmlab.compat import prepare_packages, quiet

if TYPE_CHECKING:
    import torch

    from posec3d_cli.hub.cards import ModelCard


@dataclass(frozen=True)
class ConfigAndCheckpoint:
    """The config and the checkpoint of a model.

    Attributes:
        config: a path, or a name below the configs that the package carries.
        weights: a checkpoint.
        cfg_options: what replaces values of the config, by dotted key, such as `{"model.test_cfg.flip_test": False}`.
    """

    config: str
    weights: Path
    cfg_options: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        card: ModelCard,
        files: Mapping[str, Path],
        config: str | None,
        weights: str | None,
        cfg_options: Mapping[str, Any],
    ) -> ConfigAndCheckpoint:
        """What the settings of a stage say; a path in `weights` goes before the card's file of that name.

        Raises:
            BadCard: no config, or no weights.
        """
        path = files.get("weights") if weights is None else Path(weights).expanduser()
        if config is None or path is None:
            raise BadCard(
                f"{card.name}: the setting {'config' if config is None else 'weights'!r} is missing",
                hint=f"--set {card.kind}.config=CONFIG.py --set {card.kind}.weights=CHECKPOINT.pth",
            )
        return cls(config, path, cfg_options)


class PublishedModel:
    """A model of one of the packages, ready to predict.

    Args:
        package: "mmdet" or "mmpose".
        config_and_checkpoint: which model.
        device: "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        StageUnavailable: a package is missing, or one of those that the config itself asks for.
        BadCard: the config cannot be read, or describes no model.
        WeightsMissing, WeightsCorrupt, WeightsMismatch: the checkpoint does not fit.
    """

    def __init__(self, package: str, config_and_checkpoint: ConfigAndCheckpoint, device: str) -> None:
        import torch

        prepare_packages(package)
        self._package = package
        path = find_config(package, config_and_checkpoint.config)
        state = load_state_dict(config_and_checkpoint.weights)
        with self._refusing(path), quiet():
            from mmengine.config import Config
            from mmengine.model import revert_sync_batchnorm

            self.config = Config.fromfile(path)
            self.config.merge_from_dict(dict(config_and_checkpoint.cfg_options))
            # The modules draw fresh weights, only for these to be replaced.
            with torch.random.fork_rng(devices=[]), self.scope():
                self.model = revert_sync_batchnorm(self._registered("models").MODELS.build(self.config.model))
        load_strictly(self.model, state, name=str(config_and_checkpoint.weights))
        self.model.to(device).eval().requires_grad_(False)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A context in which names in configs are those of the package, and warnings are off."""
        from mmengine.registry import DefaultScope

        with quiet(), DefaultScope.overwrite_default_scope(self.config.get("default_scope", self._package)):
            yield

    def data_set(self) -> Any:
        """The part of the config that describes the data set of the test, wrappers taken off."""
        dataset = self.config.test_dataloader.dataset
        while "pipeline" not in dataset and ("dataset" in dataset or "datasets" in dataset):
            dataset = dataset.dataset if "dataset" in dataset else dataset.datasets[0]
        return dataset

    def description(self) -> Mapping[str, Any]:
        """The classes or joints of the data set, as the config or else the package has them."""
        dataset = self.data_set()
        with self.scope():
            kind = (
                self._registered("datasets").DATASETS.get(dataset["type"])
                if isinstance(dataset["type"], str)
                else dataset["type"]
            )
        return {**getattr(kind, "METAINFO", {}), **dataset.get("metainfo", {})}

    def transforms(self, steps: Sequence[Any]) -> Any:
        """The steps that prepare one image for the model, as one function."""
        from mmengine.dataset import Compose

        self._registered("datasets")
        with self.scope():
            return Compose(list(steps))

    def predict(self, prepared: Sequence[Any]) -> list[Any]:
        """The model's own answers on prepared images of one size, one for each."""
        import torch
        from mmengine.dataset import pseudo_collate

        with torch.inference_mode(), quiet():
            answers: list[Any] = self.model.test_step(pseudo_collate(list(prepared)))
        return answers

    def _registered(self, part: str) -> Any:
        """The package's registries, with what `part` of it offers."""
        importlib.import_module(f"{self._package}.{part}")
        return importlib.import_module(f"{self._package}.registry")

    @contextmanager
    def _refusing(self, path: Path) -> Iterator[None]:
        """Turn what a config raises, which is a program, into errors of posec3d."""
        try:
            yield
        except StageUnavailable:
            raise
        except (ImportError, KeyError) as error:
            what = str(error).strip("'\"").splitlines()[0]
            raise StageUnavailable(
                f"{path} asks for something that is not installed: {what}",
                hint="install the package that it belongs to, such as mmpretrain, or choose another config",
            ) from error
        except Exception as error:
            raise BadCard(f"{path} describes no model of {self._package}: {type(error).__name__}: {error}") from error


def find_config(package: str, name: str) -> Path:
    """A config by its path, or by its name below the configs that the package carries.

    Raises:
        BadCard: there is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = Path(str(importlib.import_module(package).__file__)).parent / ".mim" / "configs"
    if (shipped / name).is_file():
        return shipped / name
    names = [file.relative_to(shipped).as_posix() for file in shipped.rglob("*.py")]
    near = [one for one in names if Path(one).name == path.name]
    raise BadCard(
        f"there is no config {name!r}, neither as a file nor among those of {package}",
        hint=f"did you mean {near[0]!r}?" if near else did_you_mean(name, names).strip(),
    )


_SHOWN = 3  # names of tensors in a message
_HINT = "give the config that the weights were trained with"


def load_strictly(model: Any, state: dict[str, torch.Tensor], *, name: str) -> None:
    """Put the tensors into the model, all of them and no others; the model may know them under older names.

    Raises:
        WeightsMismatch: names or shapes differ; it says how many and which come first.
    """
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:  # of shapes
        reasons = [line.strip() for line in str(error).splitlines()[1:]]
        raise WeightsMismatch(
            f"{name} is of another model than the config: {'; '.join(reasons[:_SHOWN])}", hint=_HINT
        ) from error
    parts = [
        f"{len(names)} {title}: {', '.join(names[:_SHOWN])}"
        for title, names in (("missing", missing), ("unexpected", unexpected))
        if names
    ]
    if parts:
        raise WeightsMismatch(f"{name} is of another model than the config; {'; '.join(parts)}", hint=_HINT)
