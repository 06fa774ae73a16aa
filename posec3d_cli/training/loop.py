"""The training loop: SGD with cosine learning rate and an average of the weights; resumes at any epoch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.dataset import Sample
from posec3d_cli.types import ActionScores, ClassifierInput

EVERY = "all"  # the key of the accuracy on all validation clips, beside those by origin
_BATCH_NORM_STEPS = 20
_LEAST_LIKELY = 1e-6  # so that one clip does not decide the validation loss

Samples = Dataset[tuple[Sample, Tensor]]
Epochs = Callable[[int], Samples]
State = dict[str, Any]


@dataclass(frozen=True)
class Validation:
    """How well a network answers the validation clips.

    Attributes:
        accuracy: top-1: "all", and by origin; empty without validation clips.
        loss: the mean of -log p of the true labels, in nats; None without validation clips.
    """

    accuracy: Mapping[str, float] = field(default_factory=dict)
    loss: float | None = None


Score = Callable[[Recognizer], Validation]


@dataclass(frozen=True)
class EpochMetrics:
    """Metrics of a training after an epoch.

    Attributes:
        epoch: counted from 1; 0 is the new head on the frozen backbone of a pretrained model, before fine-tuning.
        epochs: the number of epochs of the training, at most.
        loss: the mean over the steps of the epoch; of epoch 0, of the head on the features.
        rate: the learning rate of its last step.
        validation: of the averaged network.
    """

    epoch: int
    epochs: int
    loss: float
    rate: float
    validation: Validation

    @property
    def accuracy(self) -> Mapping[str, float]:
        """Top-1 of the validation clips, see `Validation`."""
        return self.validation.accuracy


class TrainingCallback:
    """The callback of a training; the methods of this class do nothing."""

    def network(self, number: int) -> None:
        """Called when the training of network `number`, counted from 0, begins or resumes."""

    def features(self, done: int, total: int) -> None:
        """Called when the frozen backbone has read `done` of `total` samples for a new head."""

    def frames(self, done: int, total: int) -> None:
        """Called when the frames of `done` of `total` clips are decoded."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Called when step `step` of `steps` of an epoch is done (all counted from 1)."""

    def epoch(self, progress: EpochMetrics) -> None:
        """Called when an epoch is done and its checkpoint is written."""

    def finished(self, epoch: int, best: int) -> None:
        """Called when a network is done: its last epoch, and the epoch whose weights are the model."""

    def measuring(self) -> None:
        """Called when all networks are done, before the model is measured on the validation clips."""


class NetworkClassifier:
    """A network in training as a classifier stage: validation uses the code of predictions."""

    def __init__(self, network: Recognizer, outputs: Sequence[str]) -> None:
        self.network, self.outputs, self.labels = network, tuple(outputs), tuple(dict.fromkeys(outputs))
        self.device = next(network.parameters()).device

    @torch.inference_mode()
    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """The mean probabilities over the views of each volume."""
        arrays = zip(*(volume.arrays for volume in volumes), strict=True)
        views = [torch.from_numpy(np.concatenate(same)).to(self.device) for same in arrays]
        logits = self.network(*(array.contiguous(memory_format=self.network.layout) for array in views)).float()
        probabilities = logits.softmax(-1).cpu()
        if probabilities.ndim == 3:  # of several heads
            probabilities = probabilities.mean(1)
        parts = probabilities.split([len(volume) for volume in volumes])
        return [ActionScores.of_outputs(part.mean(0).numpy(), self.outputs) for part in parts]


def validate(
    network: Recognizer, clips: Sequence[LabeledClip], outputs: Sequence[str], config: TrainingConfig
) -> Validation:
    """Top-1 accuracy of all clips and by origin, and the loss; background clips are left out.

    A clip without an answer is wrong, and counts in the loss as if every label were as likely.
    """
    labeled = [clip for clip in clips if clip.label != BACKGROUND]
    if not labeled:
        return Validation()
    network.eval()
    classifier = NetworkClassifier(network, outputs)
    recognizer = ActionRecognizer(
        [Member(config.builder, classifier, config.sampling, interactions=config.interactions)]
    )
    hits: dict[str, list[bool]] = {}
    losses = []
    results = recognizer.recognize_many(map(as_video_poses, labeled), frames=[clip.frames for clip in labeled])
    for clip, result in zip(labeled, results, strict=True):
        scores = result.scores
        correct = scores is not None and scores.top(1)[0][0] == clip.label
        likely = 1 / len(recognizer.labels)
        if scores is not None:
            likely = float(scores.probabilities[scores.labels.index(clip.label)])
        losses.append(-math.log(max(likely, _LEAST_LIKELY)))
        for name in (EVERY, clip.origin):
            hits.setdefault(name, []).append(correct)
    return Validation({name: float(np.mean(some)) for name, some in sorted(hits.items())}, float(np.mean(losses)))


def fit(
    network: Recognizer,
    epochs: Epochs,
    config: TrainingConfig,
    *,
    score: Score = lambda network: Validation(),
    device: str = "cpu",
    precision: str = "fp32",
    workers: int = 0,
    resume: State | None = None,
    step: Callable[[int, int, int, float], None] = lambda epoch, step, steps, loss: None,
    report: Callable[[EpochMetrics, Recognizer, State], None] = lambda progress, network, state: None,
    stop: Callable[[], bool] = lambda: False,
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
        resume: a state that `report` was given; the training resumes after that epoch. Or `state_of` a network.
        step: called after every step with the epoch, the step, the steps of an epoch and the step's loss.
        report: called after every epoch with the metrics, the averaged network and the state; the state shares
            tensors with the network, so save it at once.
        stop: asked before every epoch whether the training ends early.
    """
    with _random_state(config.seed, device):
        run = _Run(network, epochs, config, device, precision, workers)
        done = 0 if resume is None else run.restore(resume)
        for number in range(done, config.epochs):
            if stop():
                break
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
        self._train_mode()
        losses = []
        for count, (batch, targets) in enumerate(_batches(samples, self.config, self.workers)):
            self.schedule.set(number * self.steps + count)
            losses.append(self._step([one.to(self.device) for one in batch], targets.to(self.device)))
            step(number + 1, count + 1, self.steps, losses[-1])
        if not self.config.frozen_statistics:
            refresh_batch_norm(self.averaged, samples, self.config, self.workers)
        return float(np.mean(losses))

    def _train_mode(self) -> None:
        """Training mode, but for batch normalisation whose statistics are frozen."""
        self.network.train()
        if self.config.frozen_statistics:
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _step(self, batch: Sequence[Tensor], targets: Tensor) -> float:
        with self.rounding:
            logits = self.network(*(one.contiguous(memory_format=self.network.layout) for one in batch))
        loss = self._loss(logits.float(), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 40.0)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of the logits; of several heads the sum of their losses, or one of the mean of their logits."""
        if logits.ndim == 2 or self.config.joint_loss:
            loss: Tensor = self.criterion(logits if logits.ndim == 2 else logits.mean(dim=1), targets)
            return loss
        return torch.stack([self.criterion(head, targets) for head in logits.unbind(dim=1)]).sum()

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
        if not state["epochs"]:
            self.averaged.load_state_dict(state["network"])
            return 0
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.device.startswith("cuda") and "random_cuda" in state:
            torch.cuda.set_rng_state(state["random_cuda"], torch.device(self.device))
        return int(state["epochs"])


def state_of(network: Recognizer) -> State:
    """The state from which a network is trained on: before the first epoch."""
    return {"epochs": 0, "network": network.state_dict()}


def refresh_batch_norm(network: Recognizer, samples: Samples, config: TrainingConfig, workers: int = 0) -> None:
    """Measure the statistics of batch normalisation anew: averaged weights have never seen their own activations."""
    few = itertools.islice(_batches(samples, config, workers), _BATCH_NORM_STEPS)
    device = next(network.parameters()).device
    inputs = (tuple(one.contiguous(memory_format=network.layout).to(device) for one in batch) for batch, _ in few)
    torch.optim.swa_utils.update_bn(((one,) for one in inputs), _Unpacked(network))  # it takes the first of a tuple


class _Unpacked(nn.Module):
    """A network that is given all its inputs as one tuple."""

    def __init__(self, network: Recognizer) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """The logits."""
        logits: Tensor = self.network(*inputs)
        return logits


def _batches(samples: Samples, config: TrainingConfig, workers: int) -> Iterator[tuple[list[Tensor], Tensor]]:
    """Batches of what the network reads, one tensor or several, and of the targets."""
    loader: DataLoader[tuple[Sample, Tensor]] = DataLoader(
        samples, batch_size=config.batch_size, num_workers=workers, drop_last=False
    )
    for inputs, targets in loader:
        yield [inputs] if isinstance(inputs, Tensor) else list(inputs), targets


def _parameters(network: Recognizer, decay: float) -> list[dict[str, Any]]:
    """Weight decay for the kernels, none for biases and normalisation. A group's share is of the learning rate."""
    kernels = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    return [
        {"params": kernels, "weight_decay": decay, "share": 1.0},
        {"params": others, "weight_decay": 0.0, "share": 1.0},
    ]
