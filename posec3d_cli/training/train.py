"""Train a classifier on labeled clips and write it as a model folder: the work behind `posec3d train`."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip, LabeledVideo, source_name_of
from posec3d_cli.datasets.splits import split
from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.hub.resolve import MIN_SCORE
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.output.plots import plot_curves
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.training.calibration import fit_temperature
from posec3d_cli.training.card import LABELS, OBJECTS_TABLE, files_of, weights_name, write_card, write_weights
from posec3d_cli.training.checkpoint import check_folder, check_settings, load_checkpoint, save_checkpoint
from posec3d_cli.training.config import AUTO, TrainingConfig
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.epochs import best_epoch, ends_early
from posec3d_cli.training.extend import extend_head, extended_outputs
from posec3d_cli.training.finetune import Pretrained, load_halves, set_head
from posec3d_cli.training.frames import keep_frames
from posec3d_cli.training.head import feature_samples, features_of, fit_head, head_loss
from posec3d_cli.training.loop import EVERY, EpochMetrics, State, TrainingCallback, fit, state_of, validate
from posec3d_cli.training.measure import compare_labels, measure
from posec3d_cli.training.objects import CHOICE, ObjectChoice, choose_objects
from posec3d_cli.training.readme import CONFUSION, CURVES
from posec3d_cli.training.seen import RECORD, digests, learned_from
from posec3d_cli.training.settings import Training, settings_before_poses, settings_of
from posec3d_cli.training.setup import build
from posec3d_cli.training.summary import EXTENDED, FITTED, KEPT, NEW, Start, Trained

HELD_OUT = "held_out.txt"
LOGS = "tensorboard"
FRAMES = "frames"
ENOUGH_TO_CALIBRATE = 30  # validation clips; fewer give no reliable temperature


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
        The metrics of the validation clips, of each source and of perturbed copies; the calibration; of an extended
        model "by_label", see `posec3d_cli.training.measure.compare_labels`; where training clips have objects,
        `posec3d_cli.training.objects.CHOICE`, see `ObjectChoice` there.

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
    run.keep_frames()
    for number in range(len(run.finished), training.networks):
        run.network(number)
    run.callback.measuring()
    return run.measure()


def check_out(out: Path, networks: int, *, resume: bool = False, overwrite: bool = False) -> None:
    """Refuse a folder that a training of this number of networks must not or cannot write.

    Raises:
        OutputExists, OutputError, BadDataset: see `posec3d_cli.training.checkpoint.check_folder`.
    """
    weights = [weights_name(number) for number in range(networks)]
    written = (*weights, OBJECTS_TABLE, LABELS, RECORD, HELD_OUT, CURVES, CONFUSION, LOGS)
    check_folder(out, written=written, resume=resume, overwrite=overwrite)


def check_resume(out: Path, training: Training, precision: str) -> None:
    """Refuse to resume with other settings than those of the checkpoint, as far as they are known before the poses.

    Raises:
        BadDataset: there is no checkpoint, or a setting differs.
    """
    now = settings_before_poses(training, precision)
    before = load_checkpoint(out)["settings"]
    check_settings({name: before.get(name) for name in now}, now)


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
        self.outputs = outputs_for(training_clips, training.pretrained, extends=training.extends)
        self.history: list[dict[str, Any]] = []
        self.finished: list[int] = []  # the best epoch of every complete network
        self.loop: State | None = None  # the loop of the network in training
        self.settings = settings_of(training, training_clips, validation_clips, self.outputs, precision)
        before = learned_from([training.pretrained.card.folder]) if training.pretrained else frozenset()
        self.objects = self._kept_objects()
        self.watched_clips = validation_clips  # after every epoch
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
            for old in [*files_of(self.out), *(self.out / LOGS).glob("network-*/events.out.tfevents.*")]:
                old.unlink()
        except OSError as error:
            raise OutputError(f"{self.out} cannot be made: {error.strerror}", hint="choose another folder") from error
        with atomic_write(self.out / HELD_OUT, overwrite=True) as part:
            part.write_text("".join(f"{clip.name}\n" for clip in self.validation_clips), encoding="utf-8")

    def keep_frames(self) -> None:
        """Decode the frames that the network reads, each once, into a folder that goes when the training is done."""
        if self.training.config.rgb is not None and len(self.finished) < self.training.networks:
            keep = partial(keep_frames, self.training, folder=self.out / FRAMES, progress=self.callback.frames)
            self.training_clips, self.watched_clips = map(keep, (self.training_clips, self.validation_clips))

    def network(self, number: int) -> None:
        """Train network `number`."""
        from tensorboardX import SummaryWriter

        training = self.training
        self.callback.network(number)
        config = replace(training.config, seed=training.config.seed + number)
        network = build(training, len(self.outputs), config.seed)
        done = self.loop["epochs"] if self.loop else 0
        logs = self.out / LOGS / f"network-{number + 1}"
        with closing(SummaryWriter(str(logs), purge_step=done + 1 if done else None)) as board:
            report = partial(self._end_epoch, number, board)
            if self.loop is None and training.pretrained is not None:
                self._start(network, number, config, training.pretrained, report)
            if self.loop is None and training.halves is not None:
                load_halves(network, training.halves, self.outputs)
            if not training.extends:
                fit(
                    network,
                    lambda epoch: TrainingDataset(self.training_clips, self.outputs, config, epoch),
                    config,
                    score=lambda averaged: validate(averaged, self.watched_clips, self.outputs, config),
                    device=self.device,
                    precision=self.precision,
                    workers=self.workers,
                    resume=self.loop,
                    step=self.callback.step,
                    report=report,
                    stop=lambda: self._ends(number, config.patience),
                )
        self.loop = None
        self.finished.append(best_epoch(self.history, number))
        self._save()
        last = max(entry["epoch"] for entry in self.history if entry["network"] == number)
        self.callback.finished(last, self.finished[-1])

    def _ends(self, number: int, patience: int) -> bool:
        """Whether the training of a network ends before its last epoch.

        Without validation clips nothing says whether fine-tuning gains, and of few clips it often loses: a new head
        stays as it is fitted, unless patience is endless.
        """
        pretrained = self.training.pretrained
        fitted = (
            pretrained is not None and self.training.starts_from_features and not pretrained.keeps_head(self.outputs)
        )
        if fitted and patience and all(entry["accuracy"] is None for entry in self.history):
            return True
        return ends_early(self.history, number, patience)

    def _start(
        self,
        network: Recognizer,
        number: int,
        config: TrainingConfig,
        pretrained: Pretrained,
        report: Callable[[EpochMetrics, Recognizer, State], None],
    ) -> None:
        """Load the pretrained weights, fit a new head where the outputs differ, and report that as epoch 0."""
        of = number % len(pretrained.files)
        pretrained.load_into(network, of, self.outputs)
        if not self.training.starts_from_features:
            return
        network.to(self.device)
        loss = 0.0
        if not pretrained.keeps_head(self.outputs):
            samples = feature_samples(self.training_clips, self.outputs, config)
            features = features_of(
                network, samples, device=self.device, workers=self.workers, progress=self.callback.features
            )
            if self.training.extends:
                head = extend_head(
                    features, pretrained.head(of), self.outputs, seed=config.seed, smoothing=config.label_smoothing
                )
            else:
                head = fit_head(features, smoothing=config.label_smoothing)
            set_head(network, head)
            loss = head_loss(features, head)
        progress = EpochMetrics(
            0, config.epochs, loss, 0.0, validate(network, self.validation_clips, self.outputs, config)
        )
        report(progress, network, state_of(network))

    def _end_epoch(self, number: int, board: Any, progress: EpochMetrics, averaged: nn.Module, state: State) -> None:
        """Write the model if the epoch is the best, then the curves and the checkpoint."""
        self.history.append(
            {
                "network": number,
                "epoch": progress.epoch,
                "loss": progress.loss,
                "rate": progress.rate,
                "accuracy": progress.accuracy.get(EVERY),
                "validation_loss": progress.validation.loss,
                "by_origin": {name: value for name, value in progress.accuracy.items() if name != EVERY},
            }
        )
        if best_epoch(self.history, number) == progress.epoch:
            write_weights(self.out, number, averaged)
            write_card(self.out, self._trained({}), number + 1)
        board.add_scalar("loss", progress.loss, progress.epoch)
        board.add_scalar("rate", progress.rate, progress.epoch)
        for name, value in progress.accuracy.items():
            board.add_scalar(f"held-out top-1/{name}", value, progress.epoch)
        board.flush()
        name = CURVES if not number else f"{Path(CURVES).stem}-{number + 1}.png"
        entries = [entry for entry in self.history if entry["network"] == number]
        plot_curves(entries, self.out / name, chosen=best_epoch(self.history, number))
        self.loop = state
        self._save()
        self.callback.epoch(progress)

    def _save(self) -> None:
        save_checkpoint(
            self.out,
            {"settings": self.settings, "history": self.history, "finished": self.finished, "loop": self.loop},
        )

    def _trained(self, figures: dict[str, Any], temperature: float | None = None) -> Trained:
        training = self.training
        counts = {
            part: dict(Counter(source_name_of(one) for one in some))
            for part, some in (("training", self.training_clips), ("held_out", self.validation_clips))
        }
        return Trained(
            self.outputs,
            training.options,
            training.config,
            training.command,
            None if training.pretrained is None else self._started_from(training.pretrained),
            counts,
            self.history,
            figures,
            self._kept("temperature", 1.0) if temperature is None else temperature,
            self._kept(MIN_SCORE, 0.0),
            self.device,
            self.precision,
            self.learned_from,
            self.objects,
        )

    def _kept_objects(self) -> ObjectReading | None:
        """What objects mean to the pretrained model, where its labels are kept."""
        pretrained = self.training.pretrained
        if pretrained is None or pretrained.objects is None or self.training.config.objects != AUTO:
            return None
        if not self.training.extends and not pretrained.keeps_head(self.outputs):
            return None
        return pretrained.objects.for_labels(list(dict.fromkeys(self.outputs)))

    def _kept(self, setting: str, default: float) -> float:
        """A setting of the card of the model that is extended; the default for every other training."""
        pretrained = self.training.pretrained
        if pretrained is None or not self.training.extends:
            return default
        return float(pretrained.card.recipe.get(setting, default))

    @property
    def _learns_objects(self) -> bool:
        """Whether objects may come to mean something: where labels are kept, so is what objects mean to them."""
        return self.training.config.objects == AUTO and not self.training.extends and self.objects is None

    def _started_from(self, pretrained: Pretrained) -> Start:
        training = self.training
        if not training.starts_from_features:
            head = NEW
        elif pretrained.keeps_head(self.outputs):
            head = KEPT
        else:
            head = EXTENDED if training.extends else FITTED
        numbers = sorted({entry["network"] for entry in self.history})
        return Start(
            pretrained.card.name,
            pretrained.digests,
            pretrained.card.licence,
            pretrained.card.data_terms,
            head,
            [best_epoch(self.history, number) for number in numbers],
            training.config.frozen_statistics,
        )

    def measure(self) -> dict[str, Any]:
        """Calibrate and evaluate the model on the validation clips, and complete its card.

        A model that is extended keeps its temperature: the clips are of few of its labels.
        """
        shutil.rmtree(self.out / FRAMES, ignore_errors=True)
        known = [clip for clip in self.validation_clips if clip.label != BACKGROUND]
        networks = self.training.networks
        figures: dict[str, Any] = {}
        with_objects = sum(bool(clip.objects) for clip in self.training_clips) if self._learns_objects else 0
        if with_objects and not known:
            figures[CHOICE] = asdict(ObjectChoice(False, with_objects))
        write_card(self.out, self._trained(figures), networks)
        if not known:
            return figures
        temperature = None
        if len(known) >= ENOUGH_TO_CALIBRATE and not self.training.extends:
            calibration = fit_temperature(self.out, known, device=self.device, precision=self.precision)
            if calibration.found:
                temperature = calibration.temperature
                figures["calibration"] = asdict(calibration)
                write_card(self.out, self._trained({}, temperature), networks)
        if with_objects:
            self.objects, choice = choose_objects(
                self.out, self.training_clips, known, device=self.device, precision=self.precision
            )
            figures[CHOICE] = asdict(choice)
            write_card(self.out, self._trained({}, temperature), networks)
        measured = measure(self.out, known, self.out / CONFUSION, device=self.device, precision=self.precision)
        figures = measured | figures
        if self.training.extends and self.training.pretrained is not None:
            figures["by_label"] = compare_labels(
                self.out, self.training.pretrained, known, device=self.device, precision=self.precision
            )
        write_card(self.out, self._trained(figures, temperature), networks)
        return figures


def outputs_for(
    training_clips: Iterable[LabeledVideo | LabeledClip], pretrained: Pretrained | None, *, extends: bool = False
) -> list[str]:
    """The labels of the outputs, in the order of the model to fine-tune where it has the same, or is extended."""
    classes = sorted({clip.label for clip in training_clips} - {BACKGROUND})
    if pretrained is not None and extends:
        return extended_outputs(pretrained.card.labels, classes)
    if pretrained is not None and sorted(pretrained.card.labels) == classes:
        return list(pretrained.card.labels)
    return classes
