"""The training loop: SGD with cosine learning rate and an average of the weights; resumes at any epoch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.types import ActionScores, ClassifierInput

EVERY = "all"  # the key of the accuracy on all validation clips, beside those by origin
_BATCH_NORM_STEPS = 20

Epochs = Callable[[int], Dataset[tuple[Tensor, Tensor]]]
Score = Callable[[Recognizer], dict[str, float]]
State = dict[str, Any]


@dataclass(frozen=True)
class EpochMetrics:
    """Metrics of a training after an epoch.

    Attributes:
        epoch: counted from 1.
        epochs: the number of epochs of the training.
        loss: the mean over the steps of the epoch.
        rate: the learning rate of its last step.
        accuracy: top-1 of the validation clips: "all", and by origin; empty without validation clips.
    """

    epoch: int
    epochs: int
    loss: float
    rate: float
    accuracy: dict[str, float]


class TrainingCallback:
    """The callback of a training; the methods of this class do nothing."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Called when step `step` of `steps` of an epoch is done (all counted from 1)."""

    def epoch(self, progress: EpochMetrics) -> None:
        """Called when an epoch is done and its checkpoint is written."""


class NetworkClassifier:
    """A network in training as a classifier stage: validation uses the code of predictions."""

    def __init__(self, network: Recognizer, labels: Sequence[str]) -> None:
        self.network, self.labels = network, tuple(labels)
        self.device = next(network.parameters()).device

    @torch.inference_mode()
    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """The mean probabilities over the views of each volume."""
        views = torch.from_numpy(np.concatenate([volume.values for volume in volumes])).to(self.device)
        probabilities = self.network(views.contiguous(memory_format=self.network.layout)).float().softmax(1).cpu()
        parts = probabilities.split([len(volume.values) for volume in volumes])
        return [ActionScores(part.mean(0).numpy(), self.labels) for part in parts]


def accuracy(
    network: Recognizer, clips: Sequence[LabeledClip], classes: Sequence[str], config: TrainingConfig
) -> dict[str, float]:
    """Top-1 accuracy of all clips and by origin; background clips are left out."""
    labeled = [clip for clip in clips if clip.label != BACKGROUND]
    if not labeled:
        return {}
    network.eval()
    recognizer = ActionRecognizer([Member(config.builder, NetworkClassifier(network, classes), config.sampling)])
    hits: dict[str, list[bool]] = {}
    for clip, prediction in zip(labeled, evaluate(recognizer, labeled).predictions, strict=True):
        for name in (EVERY, clip.origin):
            hits.setdefault(name, []).append(prediction.correct)
    return {name: float(np.mean(correct)) for name, correct in sorted(hits.items())}


def fit(
    network: Recognizer,
    epochs: Epochs,
    config: TrainingConfig,
    *,
    score: Score = lambda network: {},
    device: str = "cpu",
    precision: str = "fp32",
    workers: int = 0,
    resume: State | None = None,
    step: Callable[[int, int, int, float], None] = lambda epoch, step, steps, loss: None,
    report: Callable[[EpochMetrics, Recognizer, State], None] = lambda progress, network, state: None,
) -> Recognizer:
    """Train a network and return the moving average of its weights. The same arguments give the same weights.

    The average spans an eighth of the training at most. Torch's global random state is left as it was.

    Args:
        network: on the processor; trained in place.
        epochs: returns the samples of epoch i, counted from 0; all epochs have the same number of samples.
        config: the settings.
        score: measures the averaged network after every epoch.
        device: where to train.
        precision: "fp32", or "bf16" for the convolutions of the training steps; scores are always taken in fp32.
        workers: processes that draw samples; 0 draws them between the steps, in this one.
        resume: a state that `report` was given; the training resumes after that epoch.
        step: called after every step with the epoch, the step, the steps of an epoch and the step's loss.
        report: called after every epoch with the metrics, the averaged network and the state; the state shares
            tensors with the network, so save it at once.
    """
    with _random_state(config.seed, device):
        run = _Run(network, epochs, config, device, precision, workers)
        done = 0 if resume is None else run.restore(resume)
        for number in range(done, config.epochs):
            loss = run.epoch(number, step)
            figures = score(run.averaged)
            progress = EpochMetrics(number + 1, config.epochs, loss, run.schedule.get_last_rate(), figures)
            report(progress, run.averaged, run.state(number + 1))
        return run.averaged


@contextmanager
def _random_state(seed: int, device: str) -> Iterator[None]:
    """A context with torch's random state (for dropout) and denormals set for training; restored afterwards."""
    cuda = [torch.device(device)] if device.startswith("cuda") else []
    flush_denormal = float(torch.tensor(2.0**-140) * 1) == 0
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        torch.set_flush_denormal(True)  # vanishing gradients would slow a processor down tenfold
        try:
            yield
        finally:
            torch.set_flush_denormal(flush_denormal)


class _Cosine:
    """The learning rate: up to the peak over the warm-up, then down to 0 along a half cosine."""

    def __init__(self, optimizer: torch.optim.Optimizer, config: TrainingConfig, steps: int) -> None:
        self.optimizer, self.peak, self.steps = optimizer, config.peak_learning_rate, steps
        self.rising = max(1, round(config.warmup * steps))
        self.last = 0.0

    def set(self, step: int) -> None:
        """Set the rate of a step, counted from 0."""
        if step < self.rising:
            part = (step + 1) / self.rising
        else:
            part = (1 + math.cos(math.pi * (step - self.rising) / max(1, self.steps - self.rising))) / 2
        self.last = part * self.peak
        for group in self.optimizer.param_groups:
            group["lr"] = self.last * group["share"]

    def get_last_rate(self) -> float:
        """The rate that was set last."""
        return self.last


class _Run:
    """The state of the loop: a network, its optimiser and its average."""

    def __init__(
        self, network: Recognizer, epochs: Epochs, config: TrainingConfig, device: str, precision: str, workers: int
    ) -> None:
        self.network, self.epochs, self.config, self.device, self.workers = network, epochs, config, device, workers
        network.to(device)
        network.to(memory_format=network.layout)  # type: ignore[call-overload]
        self.steps = -(-len(epochs(0)) // config.batch_size)  # type: ignore[arg-type]
        total = self.steps * config.epochs
        # In a short training a long average would still hold the first weights.
        decay = max(0.0, min(config.ema_decay, 1 - 8 / total))
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=average)
        self.optimizer = torch.optim.SGD(
            _parameters(network, config.weight_decay), lr=config.peak_learning_rate, momentum=0.9, nesterov=True
        )
        self.schedule = _Cosine(self.optimizer, config, total)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.rounding = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")

    @property
    def averaged(self) -> Recognizer:
        """The network of the averaged weights."""
        return cast(Recognizer, self.average.module)

    def epoch(self, number: int, step: Callable[[int, int, int, float], None]) -> float:
        """Train on the samples of an epoch; returns the mean loss."""
        samples = self.epochs(number)
        self.network.train()
        losses = []
        for count, (batch, targets) in enumerate(_batches(samples, self.config, self.workers)):
            self.schedule.set(number * self.steps + count)
            losses.append(self._step(batch.to(self.device), targets.to(self.device)))
            step(number + 1, count + 1, self.steps, losses[-1])
        refresh_batch_norm(self.averaged, samples, self.config, self.workers)
        return float(np.mean(losses))

    def _step(self, batch: Tensor, targets: Tensor) -> float:
        with self.rounding:
            logits = self.network(batch.contiguous(memory_format=self.network.layout))
        loss: Tensor = self.criterion(logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 40.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def state(self, done: int) -> State:
        """The state after `done` epochs, everything that the next epochs depend on."""
        state = {
            "epochs": done,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        if self.device.startswith("cuda"):
            state["random_cuda"] = torch.cuda.get_rng_state(torch.device(self.device))
        return state

    def restore(self, state: State) -> int:
        """Restore a state; returns its number of epochs."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.device.startswith("cuda") and "random_cuda" in state:
            torch.cuda.set_rng_state(state["random_cuda"], torch.device(self.device))
        return int(state["epochs"])


def refresh_batch_norm(
    network: Recognizer, samples: Dataset[tuple[Tensor, Tensor]], config: TrainingConfig, workers: int = 0
) -> None:
    """Measure the statistics of batch normalisation anew: averaged weights have never seen their own activations."""
    few = itertools.islice(_batches(samples, config, workers), _BATCH_NORM_STEPS)
    torch.optim.swa_utils.update_bn(
        (batch.contiguous(memory_format=network.layout) for batch, _ in few),
        network,
        device=next(network.parameters()).device,
    )


def _batches(
    samples: Dataset[tuple[Tensor, Tensor]], config: TrainingConfig, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        samples, batch_size=config.batch_size, num_workers=workers, drop_last=False
    )
    yield from loader


def _parameters(network: Recognizer, decay: float) -> list[dict[str, Any]]:
    """Weight decay for the kernels, none for biases and normalisation. A group's share is of the learning rate."""
    kernels = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": decay, "share": 1.0},
        {"params": others, "weight_decay": 0.0, "share": 1.0},
    ]
