"""Base of the classifier stages: everything that does not depend on the input of their networks, nor on their runtime.

A card with several weights files is as many networks of one architecture, whose probabilities are averaged. A label
that `labels.txt` repeats stands for several outputs of the network, whose probabilities are summed. Where the card has
the networks as an ONNX file too, ONNX Runtime runs them on the processor, and torch is not imported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from msgspec import field

from posec3d_cli.config import People
from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.hub.cards import ONNX, network_files
from posec3d_cli.nets import network_class
from posec3d_cli.schema import Checked, Count, Positive, Share, Text, read_settings
from posec3d_cli.types import ActionScores, ClassifierInput, Floats

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


Views = tuple[Floats, ...]
"""The arrays of some views, or of one."""


class ClassifierSettings(Checked, frozen=True):
    """Settings of the cards of all classifiers, and of how a classifier runs.

    Attributes:
        architecture: the name of the network.
        network: options of that network.
        people: "together", one input of everybody, or "each", one per tracked person; read by the sampler.
        temperature: divides the logits before the softmax (Guo et al., 2017).
        clip: which frames are shown; read by the sampler.
        min_score: the answer is `unknown` if the best action scores less; read by `posec3d_cli.hub.resolve`.
        interactions: the labels of what two people do together; read by the recognizer.
        precision: "auto", "fp32" or "bf16"; of the backbone, for the head is always fp32.
        views_per_batch: views that pass the network at once; more need more memory and change no result beyond
            rounding. None: as many as suit the device, fewer the larger they are.
    """

    architecture: Text
    network: dict[str, Any] = field(default_factory=dict)
    people: People = "together"
    temperature: Positive = 1.0
    clip: dict[str, Any] = field(default_factory=dict)
    min_score: Share = 0.0
    interactions: tuple[Text, ...] = ()
    precision: str = "auto"
    views_per_batch: Count | None = None


class Networks(Protocol):
    """Networks of one architecture with their weights, on some runtime.

    Attributes:
        device: where they run: "cpu", "cuda", "cuda:N" or "mps".
        precision: "fp32" or "bf16": what they are computed in.
        in_channels: what they read: of volumes K, the joints or limbs; of joints C, the numbers of each; of frames
            alone 3.
    """

    device: str
    precision: str
    in_channels: int

    def logits(self, *views: Floats) -> Floats:
        """B views, one array for each of their arrays -> `(networks, B, O)` float32.

        A network of several heads counts as so many networks.
        """
        ...


class NetworkClassifier(ABC):
    """One network with its weights, or an ensemble of networks, ready to classify.

    Attributes:
        builder: the builder that makes what the networks read.
        reads: what that is.
        network_reads: what its networks call that.
        Settings: what its cards set, the table that tells the builder how among it.
        batch_sizes: by type of device, the largest batch, measured in what `extent` counts of a view.
    """

    builder: ClassVar[str]
    reads: ClassVar[type]
    Settings: ClassVar[type[ClassifierSettings]]
    network_reads: ClassVar[str]
    batch_sizes: ClassVar[Mapping[str, int]]

    def __init__(
        self,
        networks: Networks,
        outputs: Sequence[str],
        *,
        temperature: float = 1.0,
        views_per_batch: int | None = None,
    ) -> None:
        """Classify with `networks`.

        Args:
            networks: the answer is the mean of their probabilities.
            outputs: the label of each of the O outputs of a head; the probabilities of outputs with the same label are
                summed.
            temperature: above 0; divides the logits before the softmax (Guo et al., 2017).
            views_per_batch: views that pass the network at once; more need more memory and change no result beyond
                rounding. By default, as many as suit the device, fewer the larger they are.
        """
        if views_per_batch is not None and views_per_batch < 1:
            raise ValueError(f"views_per_batch must be at least 1, got {views_per_batch}")
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.networks = networks
        self._outputs = tuple(outputs)
        self._temperature = temperature
        self._views_per_batch = views_per_batch

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the networks that the card's recipe names, of its ONNX file or of each of its weights files.

        Args:
            card: a classifier's card with labels.
            files: at least one file of networks, of whatever names; weights stored in half precision are widened to
                float32.
            device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
            options: settings that replace those of `card.recipe`.

        Raises:
            BadCard: the recipe lacks a setting or holds an unknown one, or there are no labels.
            WeightsMismatch: the tensors of the file are not those of the network.
            DeviceError: the device cannot run in this precision.
        """
        settings = read_settings(cls.Settings, card, options)
        on_torch = not cls._runs_onnx(files, device, settings.precision)
        if on_torch:
            cls._check_reads(card.name, settings.architecture)
        if not card.labels:
            raise BadCard(
                f"{card.name}: a classifier needs labels", hint="put labels.txt beside the card, one per line"
            )
        weights = network_files(files)
        if on_torch and not weights:
            raise BadCard(f"{card.name}: {cls.__name__} reads weights files, the card names none")
        if not on_torch:
            from posec3d_cli.stages.classifiers.onnx_networks import OnnxNetworks

            networks: Networks = OnnxNetworks(
                files[ONNX], cls.network_reads, len(card.labels), device=device, precision=settings.precision
            )
        else:
            from posec3d_cli.stages.classifiers.torch_networks import TorchNetworks, load_networks

            modules = load_networks(
                card.name, weights.values(), settings.architecture, len(card.labels), settings.network
            )
            networks = TorchNetworks(modules, device=device, precision=settings.precision)
        return cls(networks, card.labels, temperature=settings.temperature, views_per_batch=settings.views_per_batch)

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Whether the device "auto" means the processor: where the card has its networks as an ONNX file."""
        named = dict.fromkeys((file.name for file in card.files), card.folder)
        return cls._runs_onnx(named, "cpu", card.recipe.get("precision", "auto"))

    @classmethod
    def _check_reads(cls, name: str, architecture: str) -> None:
        reads = network_class(architecture).reads
        if reads != cls.network_reads:
            raise BadCard(
                f"{name}: {cls.__name__} runs networks of {cls.network_reads}, and {architecture!r} reads {reads}"
            )

    @staticmethod
    def _runs_onnx(files: Mapping[str, Path], device: str, precision: object) -> bool:
        """Whether ONNX Runtime runs the networks: on the processor where it can, elsewhere where there is no other."""
        if ONNX not in files:
            return False
        return not network_files(files) or (device == "cpu" and precision in ("auto", "fp32"))

    @property
    def labels(self) -> tuple[str, ...]:
        """The C action labels."""
        return tuple(dict.fromkeys(self._outputs))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The label of each of the O outputs of a network."""
        return self._outputs

    @property
    def device(self) -> str:
        """Where the networks run."""
        return self.networks.device

    @property
    def precision(self) -> str:
        """ "fp32" or "bf16": what the convolutions are computed in."""
        return self.networks.precision

    @property
    def temperature(self) -> float:
        """What the logits are divided by before the softmax."""
        return self._temperature

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """One `ActionScores` per volume, or clip: the mean over its views of the softmax over classes.

        They may differ in V, in T and in size; views of the same shape share batches, whichever volume they are of.

        Raises:
            StageMismatch: one is not what the network reads, or holds no view.
        """
        self._check(volumes)
        sums = np.zeros((len(volumes), len(self._outputs)), np.float64)
        for owners, batch in self._batches(volumes):
            np.add.at(sums, owners, _softmax(self._logits(batch) / self._temperature).mean(axis=0))
        return [
            ActionScores.of_outputs(total / len(volume), self._outputs)
            for total, volume in zip(sums, volumes, strict=True)
        ]

    def logits(self, volumes: Sequence[ClassifierInput]) -> list[Floats]:
        """What `classify` softens with the temperature and averages: of each volume, `(networks, V, O)` float32.

        Raises:
            StageMismatch: as `classify`.
        """
        self._check(volumes)
        views: list[list[Floats]] = [[] for _ in volumes]
        for owners, batch in self._batches(volumes):
            for owner, view in zip(owners, self._logits(batch).swapaxes(0, 1), strict=True):
                views[owner].append(view)
        return [np.stack(some, axis=1) for some in views]

    def _logits(self, views: Views) -> Floats:
        """B views -> `(networks, B, O)` float32."""
        return self.networks.logits(*views)

    def _check(self, volumes: Sequence[ClassifierInput]) -> None:
        for volume in volumes:
            if not isinstance(volume, self.reads):
                raise StageMismatch(
                    f"the classifier reads a {self.reads.__name__}, got a {type(volume).__name__}",
                    hint=f"the builder {self.builder!r} makes what it reads",
                )
            self.check_view(*(array.shape[1:] for array in volume.arrays))
            if len(volume) == 0:
                raise StageMismatch(f"a volume must hold at least one view, got shape {volume.arrays[0].shape}")

    @staticmethod
    @abstractmethod
    def extent(*shapes: tuple[int, ...]) -> int:
        """How large a view of these shapes is, one for each of its arrays, in the unit of `batch_sizes`."""

    @abstractmethod
    def check_view(self, *shapes: tuple[int, ...]) -> None:
        """Refuse a view of these shapes, with `StageMismatch`, unless the networks read such."""

    def _batches(self, volumes: Sequence[ClassifierInput]) -> Iterator[tuple[list[int], Views]]:
        """Stacked views of equal shape, each with the index of the volume that it is of."""
        groups: dict[tuple[tuple[int, ...], ...], list[tuple[int, Views]]] = {}
        for index, volume in enumerate(volumes):
            shapes = tuple(array.shape[1:] for array in volume.arrays)
            groups.setdefault(shapes, []).extend((index, view) for view in zip(*volume.arrays, strict=True))
        most = self.batch_sizes[self.device.partition(":")[0]]
        for shapes, group in groups.items():
            size = self._views_per_batch or max(1, most // self.extent(*shapes))
            for start in range(0, len(group), size):
                chunk = group[start : start + size]
                arrays = zip(*(view for _, view in chunk), strict=True)
                yield [index for index, _ in chunk], tuple(map(np.stack, arrays))


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares
