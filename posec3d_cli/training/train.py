"""Train a classifier on labeled clips and write it as a model folder: the work behind `posec3d train`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from msgspec import structs
from torch import nn

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip, source_name_of
from posec3d_cli.datasets.splits import split
from posec3d_cli.errors import BadCard, OutputError
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.evaluation.perturb import perturb
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.nets import build_network, network_class
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.output.plots import plot_confusion, plot_curves
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.calibration import fit_temperature
from posec3d_cli.training.card import LABELS, weights_name, weights_of, write_card, write_weights
from posec3d_cli.training.checkpoint import check_folder, check_settings, load_checkpoint, save_checkpoint
from posec3d_cli.training.config import JOINT, TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.finetune import Pretrained
from posec3d_cli.training.loop import EVERY, EpochMetrics, State, TrainingCallback, accuracy, fit
from posec3d_cli.training.readme import CONFUSION, CURVES
from posec3d_cli.training.seen import RECORD, digests, learned_from
from posec3d_cli.training.settings import Training, settings_of
from posec3d_cli.training.summary import Trained
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.joint_features import JointSpec

HELD_OUT = "held_out.txt"
LOGS = "tensorboard"
WIDTHS = {
    "c3d-light": 16
}  # half of the published one learns as much from some thousands of clips, in a third of the time
ENOUGH_TO_CALIBRATE = 30  # validation clips; fewer give no reliable temperature


def make_training(
    base: TrainingConfig,
    pretrained: Pretrained | None = None,
    *,
    architecture: str | None = None,
    stream: str | None = None,
    size: int | None = None,
    frames: int | None = None,
    width: int | None = None,
    networks: int | None = None,
    window: float | None = None,
    people: str | None = None,
    **others: Any,
) -> Training:
    """The training run for some options; other settings are those of the pretrained model, else the defaults.

    Args:
        base: the settings of the loop.
        pretrained: a model to fine-tune; it fixes the architecture.
        architecture: the network.
        stream: "joint" or "limb".
        size: height and width of the volumes.
        frames: frames per sample.
        width: channels of the network's first stage.
        networks: number of networks.
        window: seconds; 0 for the whole video.
        people: "together" or "each".
        others: attributes of `Training`.

    Raises:
        BadCard: an option contradicts the pretrained weights, or `size` or `people` does not suit a graph network.
    """
    config = pretrained.config if pretrained else base
    options = dict(pretrained.network) if pretrained else {}
    kind = architecture or config.architecture
    reads_joints = network_class(kind).reads == "joints"
    if reads_joints:
        _check_graph(kind, size, people)
    sampling = config.sampling.changed(window_seconds=window, people=people)
    sampling = structs.replace(sampling, frames=frames or sampling.frames)
    config = replace(config, architecture=kind, sampling=sampling, spec=_spec(config, reads_joints, stream, size))
    if pretrained:
        _check_kind(pretrained, config, width)
    elif width or kind in WIDTHS:
        options["base_channels"] = width or WIDTHS[kind]
    count = networks or (len(pretrained.files) if pretrained else 1)
    return Training(config, options, count, pretrained=pretrained, **others)


def _spec(config: TrainingConfig, reads_joints: bool, stream: str | None, size: int | None) -> HeatmapSpec | JointSpec:
    """The input of the network: that of the config, with another stream or size if given."""
    if reads_joints:
        known = isinstance(config.spec, JointSpec) and stream in (None, config.stream)
        return config.spec if known else joint_spec(stream or JOINT)
    spec = config.spec if isinstance(config.spec, HeatmapSpec) else heatmap_spec()
    if stream not in (None, config.stream):
        default = heatmap_spec(stream or JOINT)
        spec = structs.replace(spec, channels=default.channels, joints=default.joints, limbs=default.limbs)
    return structs.replace(spec, size=(size, size)) if size else spec


def _check_graph(architecture: str, size: int | None, people: str | None) -> None:
    """Refuse options that a graph network does not have."""
    if people not in (None, "each"):
        raise BadCard(f"{architecture} reads each person alone, got people {people!r}", hint="leave out --people")
    if size is not None:
        raise BadCard(
            f"{architecture} reads joints, not heatmap volumes of a size; got size {size}",
            hint="leave out --size",
        )


def _check_kind(pretrained: Pretrained, config: TrainingConfig, width: int | None) -> None:
    """Refuse a network that the pretrained weights do not fit; joints may become as many limbs."""
    wanted = {
        "architecture": (pretrained.config.architecture, config.architecture),
        "base_channels": (pretrained.network.get("base_channels"), width),
        "in_channels": (pretrained.config.in_channels, config.in_channels),
    }
    for name, (existing, requested) in wanted.items():
        if None not in (existing, requested) and existing != requested:
            raise BadCard(
                f"{pretrained.card.name} has {name} {existing}, got {requested}",
                hint="leave out the option that sets it",
            )


def train(
    training: Training,
    clips: Sequence[LabeledClip],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    precision: str = "fp32",
    workers: int = 0,
    callback: TrainingCallback | None = None,
) -> dict[str, Any]:
    """Train, write the best epoch as a model folder and the last as a checkpoint, then calibrate and evaluate.

    Args:
        training: the training run.
        clips: the training and validation clips.
        out: the model folder.
        resume: resume from the checkpoint in the folder.
        overwrite: replace the training in the folder.
        device: the device of training, calibration and evaluation.
        precision: the precision of training, calibration and evaluation, "fp32" or "bf16".
        workers: processes that make samples.
        callback: called after every step and epoch.

    Returns:
        The metrics of the validation clips, of each source and of perturbed copies; the calibration.

    Raises:
        OutputExists: the folder holds a model, and neither `resume` nor `overwrite` is set.
        OutputError: the folder cannot be made.
        BadDataset: there is no checkpoint to resume from, or it has other settings or clips.
    """
    training_clips, validation_clips = split(clips, training.held_out, training.config.seed)
    run = _Run(
        training, training_clips, validation_clips, out, device, precision, workers, callback or TrainingCallback()
    )
    run.prepare(resume, overwrite)
    for number in range(len(run.finished), training.networks):
        run.network(number)
    return run.measure()


def check_out(out: Path, networks: int, *, resume: bool = False, overwrite: bool = False) -> None:
    """Refuse a folder that a training of this number of networks must not or cannot write.

    Raises:
        OutputExists, OutputError, BadDataset: see `posec3d_cli.training.checkpoint.check_folder`.
    """
    weights = [weights_name(number) for number in range(networks)]
    written = (*weights, LABELS, RECORD, HELD_OUT, CURVES, CONFUSION, LOGS)
    check_folder(out, written=written, resume=resume, overwrite=overwrite)


class _Run:
    """The state of a training run and its model folder."""

    def __init__(
        self,
        training: Training,
        training_clips: Sequence[LabeledClip],
        validation_clips: Sequence[LabeledClip],
        out: Path,
        device: str,
        precision: str,
        workers: int,
        callback: TrainingCallback,
    ) -> None:
        self.training, self.training_clips, self.validation_clips, self.out = (
            training,
            training_clips,
            validation_clips,
            out,
        )
        self.device, self.precision, self.workers, self.callback = device, precision, workers, callback
        self.classes = _classes(training_clips, training.pretrained)
        config = training.config
        self.options = dict(training.network)
        if not isinstance(config.spec, JointSpec):
            self.options = {"in_channels": config.in_channels, **self.options}
        self.history: list[dict[str, Any]] = []
        self.finished: list[int] = []  # the best epoch of every complete network
        self.loop: State | None = None  # the loop of the network in training
        self.settings = settings_of(training, training_clips, validation_clips, self.classes, precision)
        before = learned_from([training.pretrained.card.folder]) if training.pretrained else frozenset()
        self.learned_from = sorted({one for clip in training_clips for one in digests(clip)} | before)

    def prepare(self, resume: bool, overwrite: bool) -> None:
        """Make the model folder, or load its checkpoint."""
        if resume:
            state = load_checkpoint(self.out)
            check_settings(state["settings"], self.settings)
            self.history, self.finished, self.loop = state["history"], state["finished"], state["loop"]
            return
        check_out(self.out, self.training.networks, overwrite=overwrite)
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            for old in [*weights_of(self.out), *(self.out / LOGS).glob("network-*/events.out.tfevents.*")]:
                old.unlink()
        except OSError as error:
            raise OutputError(f"{self.out} cannot be made: {error.strerror}", hint="choose another folder") from error
        with atomic_write(self.out / HELD_OUT, overwrite=True) as part:
            part.write_text("".join(f"{clip.name}\n" for clip in self.validation_clips), encoding="utf-8")

    def network(self, number: int) -> None:
        """Train network `number`."""
        from tensorboardX import SummaryWriter

        config = replace(self.training.config, seed=self.training.config.seed + number)
        network = _build(config, len(self.classes), self.options)
        if self.training.pretrained is not None:
            self.training.pretrained.load_into(network, number % len(self.training.pretrained.files), self.classes)
        done = self.loop["epochs"] if self.loop else 0
        logs = self.out / LOGS / f"network-{number + 1}"
        with closing(SummaryWriter(str(logs), purge_step=done + 1 if done else None)) as board:
            fit(
                network,
                lambda epoch: TrainingDataset(self.training_clips, self.classes, config, epoch),
                config,
                score=lambda averaged: accuracy(averaged, self.validation_clips, self.classes, config),
                device=self.device,
                precision=self.precision,
                workers=self.workers,
                resume=self.loop,
                step=partial(self._step, number),
                report=lambda progress, averaged, state: self._end_epoch(number, progress, averaged, state, board),
            )
        self.loop = None
        self.finished.append(_best(self.history, number)["epoch"])
        self._save()

    def _step(self, number: int, epoch: int, step: int, steps: int, loss: float) -> None:
        self.callback.step(number * self.training.config.epochs + epoch, step, steps, loss)

    def _end_epoch(self, number: int, progress: EpochMetrics, averaged: nn.Module, state: State, board: Any) -> None:
        """Write the model if the epoch is the best, then the curves and the checkpoint."""
        self.history.append(
            {
                "network": number,
                "epoch": progress.epoch,
                "loss": progress.loss,
                "rate": progress.rate,
                "accuracy": progress.accuracy.get(EVERY),
                "by_origin": {name: value for name, value in progress.accuracy.items() if name != EVERY},
            }
        )
        if _best(self.history, number)["epoch"] == progress.epoch:
            write_weights(self.out, number, averaged)
            write_card(self.out, self._trained({}), number + 1)
        board.add_scalar("loss", progress.loss, progress.epoch)
        board.add_scalar("rate", progress.rate, progress.epoch)
        for name, value in progress.accuracy.items():
            board.add_scalar(f"held-out top-1/{name}", value, progress.epoch)
        board.flush()
        name = CURVES if not number else f"{Path(CURVES).stem}-{number + 1}.png"
        plot_curves([entry for entry in self.history if entry["network"] == number], self.out / name)
        self.loop = state
        self._save()
        in_all = self.training.config.epochs
        self.callback.epoch(
            replace(progress, epoch=number * in_all + progress.epoch, epochs=self.training.networks * in_all)
        )

    def _save(self) -> None:
        save_checkpoint(
            self.out,
            {"settings": self.settings, "history": self.history, "finished": self.finished, "loop": self.loop},
        )

    def _trained(self, figures: dict[str, Any], temperature: float = 1.0) -> Trained:
        training = self.training
        counts = {
            part: dict(Counter(source_name_of(one) for one in some))
            for part, some in (("training", self.training_clips), ("held_out", self.validation_clips))
        }
        return Trained(
            self.classes,
            self.options,
            training.config,
            training.command,
            training.pretrained.card.name if training.pretrained else "",
            counts,
            self.history,
            figures,
            temperature,
            self.device,
            self.precision,
            self.learned_from,
        )

    def measure(self) -> dict[str, Any]:
        """Calibrate and evaluate the model on the validation clips, and complete its card."""
        known = [clip for clip in self.validation_clips if clip.label != BACKGROUND]
        networks = self.training.networks
        write_card(self.out, self._trained({}), networks)
        if not known:
            return {}
        figures: dict[str, Any] = {}
        temperature = 1.0
        if len(known) >= ENOUGH_TO_CALIBRATE:
            calibration = fit_temperature(self.out, known, device=self.device, precision=self.precision)
            if calibration.found:
                temperature = calibration.temperature
                figures["calibration"] = asdict(calibration)
                write_card(self.out, self._trained({}, temperature), networks)
        measured = measure(self.out, known, self.out / CONFUSION, device=self.device, precision=self.precision)
        figures = measured | figures
        write_card(self.out, self._trained(figures, temperature), networks)
        return figures


def measure(
    model: Path, validation_clips: Sequence[LabeledClip], plot: Path | None = None, *, device: str, precision: str
) -> dict[str, Any]:
    """Evaluate a model on validation clips, by source and with perturbed copies; plot the confusion matrix."""
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device=device, precision=precision))
    full_report = evaluate(recognizer, validation_clips)
    predictions: dict[str, list[ClipPrediction]] = {}
    for clip, prediction in zip(validation_clips, full_report.predictions, strict=True):
        predictions.setdefault(source_name_of(clip), []).append(prediction)
    reports = {
        EVERY: full_report,
        **{name: EvaluationReport(full_report.labels, tuple(part)) for name, part in predictions.items()},
    }
    reports["all, harder"] = evaluate(recognizer, perturb(validation_clips))
    if plot is not None:
        plot_confusion(full_report.labels, full_report.confusion, plot)
    return {name: report.figures() for name, report in reports.items()}


def _classes(training_clips: Sequence[LabeledClip], pretrained: Pretrained | None) -> list[str]:
    """The labels, in the order of the model to fine-tune where it has the same."""
    classes = sorted({clip.label for clip in training_clips} - {BACKGROUND})
    if pretrained is not None and sorted(pretrained.card.labels) == classes:
        return list(pretrained.card.labels)
    return classes


def _best(history: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """The epoch of a network with the best validation accuracy, the later of two alike; without any, the last."""
    return max(
        (entry for entry in history if entry["network"] == number),
        key=lambda entry: (-1.0 if entry["accuracy"] is None else entry["accuracy"], entry["epoch"]),
    )


def _build(config: TrainingConfig, classes: int, options: dict[str, Any]) -> Recognizer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return build_network(config.architecture, classes, options)
