"""The training loop of a PoseC3D classifier."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from posec3d_cli.heatmaps import draw_joints
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.train.augment import Augmentation, at_times, draw_clip
from posec3d_cli.train.examples import ANNOTATED, ESTIMATED, RECORDED, Example
from posec3d_cli.types import Floats


@dataclass(frozen=True)
class Phase:
    """Some epochs at one volume size; small volumes first, then the size of inference.

    Attributes:
        epochs: passes over the (repeated) examples.
        size: height and width of the volume in pixels.
        peak_rate: the highest learning rate of the phase's cosine schedule.
    """

    epochs: int
    size: int
    peak_rate: float


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a training.

    Attributes:
        phases: one after the other.
        frames: T of the volumes.
        sigma: of the Gaussians, in volume pixels.
        joints: the COCO-17 joints that become channels, by name.
        repeats: how often an example is seen per epoch, by origin; a fraction is a share of the examples.
        averaging: how much of the average each step keeps; less where that spans over an eighth of the training.
        padding: the crop's side as a multiple of the people's extent, at validation.
    """

    phases: tuple[Phase, ...]
    frames: int = 16
    sigma: float = 0.6
    score_threshold: float = 0.1
    joints: tuple[str, ...] = tuple(joint for joint in COCO_17.joints if joint[-3:] not in ("eye", "ear"))
    batch_size: int = 16
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    averaging: float = 0.998
    padding: float = 1.25
    repeats: dict[str, float] = field(default_factory=lambda: {ESTIMATED: 3.0, ANNOTATED: 1.2, RECORDED: 1.0})
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    @property
    def channels(self) -> list[int]:
        """The COCO-17 numbers of `joints`."""
        return [COCO_17.joints.index(joint) for joint in self.joints]


@dataclass(frozen=True)
class Progress:
    """What the loop reports after every epoch."""

    epoch: int
    epochs: int
    loss: float
    accuracy: dict[str, float]


class Samples(Dataset[tuple[Tensor, Tensor]]):
    """One epoch of augmented volumes `(K, T, H, W)` and the probabilities `(C,)` to answer.

    Sample i of an epoch is a function of (seed, epoch, i) alone.
    """

    def __init__(
        self, examples: Sequence[Example], classes: Sequence[str], recipe: Recipe, size: int, epoch: int
    ) -> None:
        self.examples, self.classes, self.recipe = examples, list(classes), recipe
        self.size, self.epoch = size, epoch
        generator = np.random.default_rng((recipe.seed, epoch))
        order: list[int] = []
        for number, example in enumerate(examples):
            often = recipe.repeats[example.origin]
            order += [number] * (int(often) + int(generator.random() < often % 1))
        self.order = generator.permutation(order or np.arange(len(examples)))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        generator = np.random.default_rng((recipe.seed, self.epoch, item))
        example = self.examples[self.order[item]]
        still = bool(generator.random() < recipe.augmentation.still)
        keypoints, scores = draw_clip(
            example, self.examples, recipe.frames, recipe.augmentation, generator, still=still
        )
        volume = draw_volume(keypoints, scores, recipe, self.size, generator)
        answer = torch.full((len(self.classes),), 1 / len(self.classes) if still else 0.0)
        if not still:
            answer[self.classes.index(example.label)] = 1
        return torch.from_numpy(volume), answer


def draw_volume(
    keypoints: Floats, scores: Floats, recipe: Recipe, size: int, generator: np.random.Generator | None = None
) -> Floats:
    """`(C, T, size, size)`: the people cropped together and drawn; with a generator, cropped not quite right."""
    keypoints, scores = keypoints[:, :, recipe.channels], scores[:, :, recipe.channels]
    seen = scores >= recipe.score_threshold
    if not seen.any():
        return np.zeros((len(recipe.joints), keypoints.shape[1], size, size), np.float32)
    low, high = keypoints[seen].min(axis=0), keypoints[seen].max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    side = np.full(2, half.max() * recipe.padding)
    if generator is not None:
        middle = middle + generator.uniform(-0.12, 0.12, 2) * half.max()
        side = side * generator.uniform(0.8, 1.3) * np.exp(generator.uniform(-0.12, 0.12, 2))
    placed = (keypoints - (middle - side)) * (size / (2 * side))
    volume = draw_joints(
        placed.transpose(1, 0, 2, 3).astype(np.float32),
        np.ascontiguousarray(scores.transpose(1, 0, 2)),
        size=(size, size),
        sigma=recipe.sigma,
        score_threshold=recipe.score_threshold,
    )
    return np.ascontiguousarray(volume.transpose(1, 0, 2, 3))


def whole_clip(example: Example, recipe: Recipe, size: int) -> Floats:
    """The volume of the acting person over the whole example, sampled in the middle of T equal parts."""
    times = (np.arange(recipe.frames) + 0.5) / recipe.frames * len(example) - 0.5
    times = np.clip(np.round(times), 0, len(example) - 1)
    keypoints, scores = at_times(example.keypoints[:1], example.scores[:1], times)
    return draw_volume(keypoints, scores, recipe, size)


def accuracy(
    network: nn.Module, examples: Sequence[Example], classes: Sequence[str], recipe: Recipe
) -> dict[str, float]:
    """Top-1 on whole clips, by origin."""
    size = recipe.phases[-1].size
    network.eval()
    hits: dict[str, list[bool]] = {}
    with torch.inference_mode():
        for start in range(0, len(examples), recipe.batch_size):
            part = examples[start : start + recipe.batch_size]
            volumes = torch.from_numpy(np.stack([whole_clip(example, recipe, size) for example in part]))
            best = network(volumes.contiguous(memory_format=torch.channels_last_3d)).argmax(1).tolist()
            for example, guess in zip(part, best, strict=True):
                hits.setdefault(example.origin, []).append(classes[guess] == example.label)
    return {origin: float(np.mean(good)) for origin, good in sorted(hits.items())}


def fit(
    network: nn.Module,
    training: Sequence[Example],
    validation: Sequence[Example],
    classes: Sequence[str],
    recipe: Recipe,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    workers: int = 0,
    report: Callable[[Progress, nn.Module], None] = lambda progress, network: None,
) -> nn.Module:
    """Train a network and return the moving average of its weights. The same arguments give the same weights.

    The average spans an eighth of the training at most. Torch's global random state is left as it was.

    Args:
        network: on the processor; trained in place.
        training: what it learns from.
        validation: what it is measured on after every epoch; may be empty.
        classes: the C labels in the order of the network's outputs.
        recipe: the settings.
        device: where to train.
        precision: "fp32", or "bf16" for the convolutions of the training steps; validation is always in fp32.
        workers: processes that draw samples; 0 draws them between the steps, in this one.
        report: called after every epoch with the figures and the averaged network.
    """
    with _own_state(recipe.seed, device):
        return _fit(network, training, validation, classes, recipe, device, precision, workers, report)


@contextmanager
def _own_state(seed: int, device: str) -> Iterator[None]:
    """Torch's random numbers (dropout draws from them) and rounding as training wants them; put back afterwards."""
    cuda = [torch.device(device)] if device.startswith("cuda") else []
    flushed = float(torch.tensor(2.0**-140) * 1) == 0
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        torch.set_flush_denormal(True)  # vanishing gradients would slow a processor down tenfold
        try:
            yield
        finally:
            torch.set_flush_denormal(flushed)


def _fit(
    network: nn.Module,
    training: Sequence[Example],
    validation: Sequence[Example],
    classes: Sequence[str],
    recipe: Recipe,
    device: str,
    precision: str,
    workers: int,
    report: Callable[[Progress, nn.Module], None],
) -> nn.Module:
    network.to(device)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    steps = _steps(training, classes, recipe)
    # In a short training a long average would still hold the first weights.
    decay = max(0.0, min(recipe.averaging, 1 - 8 / sum(steps)))
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    smooth = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=average)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    rounding = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")
    done = 0
    for phase in recipe.phases:
        optimizer = torch.optim.AdamW(_parameters(network, recipe.weight_decay), lr=phase.peak_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            phase.peak_rate,
            total_steps=sum(steps[done : done + phase.epochs]),
            pct_start=0.15,
            cycle_momentum=False,
        )
        for _ in range(phase.epochs):
            samples = Samples(training, classes, recipe, phase.size, done)
            network.train()
            losses = [
                _step(network, volumes.to(device), answers.to(device), criterion, optimizer, schedule, smooth, rounding)
                for volumes, answers in _batches(samples, recipe, workers)
            ]
            settle(smooth.module, samples, recipe, workers)
            done += 1
            figures = accuracy(smooth.module, validation, classes, recipe) if validation else {}
            report(Progress(done, len(steps), float(np.mean(losses)), figures), smooth.module)
    return smooth.module


def _steps(training: Sequence[Example], classes: Sequence[str], recipe: Recipe) -> list[int]:
    """The number of steps of every epoch."""
    sizes = [phase.size for phase in recipe.phases for _ in range(phase.epochs)]
    counts = [len(Samples(training, classes, recipe, size, epoch)) for epoch, size in enumerate(sizes)]
    return [-(-count // recipe.batch_size) for count in counts]


def settle(network: nn.Module, samples: Samples, recipe: Recipe, workers: int = 0, batches: int = 60) -> None:
    """Measure the statistics of batch normalisation anew: averaged weights have never seen their own activations."""
    few = itertools.islice(_batches(samples, recipe, workers), batches)
    torch.optim.swa_utils.update_bn(
        (volumes.contiguous(memory_format=torch.channels_last_3d) for volumes, _ in few),
        network,
        device=next(network.parameters()).device,
    )


def _batches(samples: Samples, recipe: Recipe, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        samples, batch_size=recipe.batch_size, num_workers=workers, drop_last=False
    )
    yield from loader


def _step(
    network: nn.Module,
    volumes: Tensor,
    answers: Tensor,
    criterion: nn.Module,
    optimizer: Any,
    schedule: Any,
    smooth: Any,
    rounding: torch.autocast,
) -> float:
    with rounding:
        logits = network(volumes.contiguous(memory_format=torch.channels_last_3d))
    loss: Tensor = criterion(logits.float(), answers)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    schedule.step()
    smooth.update_parameters(network)
    return float(loss.detach())


def _parameters(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for the kernels, none for biases and normalisation."""
    kernels = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
