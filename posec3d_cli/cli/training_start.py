"""What a training starts from: the pipeline's classifier, another model, or nothing; and what is said of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from posec3d_cli.cli.progress import one_line, spelled
from posec3d_cli.cli.render import note
from posec3d_cli.errors import counted, listed

if TYPE_CHECKING:
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.clips import LabeledClip, LabeledVideo
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset, UnreadableClip
    from posec3d_cli.training.config import TrainingConfig
    from posec3d_cli.training.settings import Training

WHOLE = "rgbpose"
"""The network that starts from two models, its halves."""
SCRATCH = "none"
"""The value of --pretrained for a training from random weights."""
_OPTIONS = {"architecture": "--arch", "epochs": "--epochs", "people": "--people", "window": "--window"}


def check_add(add: bool, pretrained: str | None, asked: Mapping[str, Any]) -> None:
    """Refuse options that contradict --add.

    Raises:
        typer.BadParameter: there is one; the message names it.
    """
    if add and pretrained == SCRATCH:
        raise typer.BadParameter("--add and --pretrained none contradict each other: there is no model to add to")
    if add and asked:
        name = next(iter(asked))
        option = _OPTIONS.get(name, f"--{name}")
        raise typer.BadParameter(f"--add and {option} contradict each other: everything but the head stays as it is")


def check_validation(val_list: Path | None, others: Mapping[str, Any], patience: int | None) -> None:
    """Refuse options that contradict each other about validation clips.

    Args:
        val_list: of --val-list.
        others: the options that choose validation clips in another way, with their values or None.
        patience: of --patience.

    Raises:
        typer.BadParameter: two contradict each other; the message names them.
    """
    for option, value in others.items():
        if val_list and value is not None:
            raise typer.BadParameter(f"--val-list and {option} contradict each other: the list alone decides")
    if patience and others["--val-share"] == 0:
        raise typer.BadParameter("--patience needs validation clips, and --val-share 0 leaves none")


def training_of(
    config: PipelineConfig,
    base: TrainingConfig,
    pretrained: str | None,
    asked: Mapping[str, Any],
    *,
    dataset: LabeledDataset,
    interactions: str | None,
    extends: bool,
    **others: Any,
) -> Training:
    """The training of a command.

    Args:
        config: the settings of the pipeline, whose classifier is the default to start from.
        base: settings of the loop.
        pretrained: the model to start from; None: the default, where its network and input are those asked for.
        asked: options of `posec3d_cli.training.setup.make_training` for the network and its input.
        dataset: the clips.
        interactions: of --interactions.
        extends: whether the labels of the pretrained model are kept.
        others: further arguments of `make_training`.

    Raises:
        UnknownModel, BadCard, WeightsMissing, WeightsCorrupt: the model cannot be started from.
        BadDataset: an interaction is no label of the clips, or all labels are.
    """
    from posec3d_cli.datasets.interactions import interactions_among
    from posec3d_cli.hub.catalog import load_card
    from posec3d_cli.hub.resolve import resolve
    from posec3d_cli.training.finetune import load_pretrained
    from posec3d_cli.training.settings import digest_of
    from posec3d_cli.training.setup import make_training, unlike

    start = None
    more: dict[str, Any] = {}
    fetching = {"offline": config.offline, "weights_dir": config.weights_dir}
    if pretrained is not None and asked.get("architecture") == WHOLE and pretrained != SCRATCH:
        names = pretrained.split("+")
        if len(names) != 2 or extends:
            raise typer.BadParameter(
                f"--arch {WHOLE} starts from two models, --pretrained RGB+POSE, or from none; got {pretrained!r}"
            )
        rgb, pose = (load_pretrained(load_card(name, "classifier"), base, **fetching) for name in names)
        others["halves"] = (rgb, pose)
    elif pretrained != SCRATCH:
        card = resolve(config).classifiers[0] if pretrained is None else load_card(pretrained, "classifier")
        start = load_pretrained(card, base, **fetching)
        if pretrained is None:
            network = {key: value for key, value in asked.items() if key not in ("window", "people", "networks")}
            other = unlike(start, **network)
            if other:
                note("note", f"the training starts from random weights: {other}")
                start = None
            elif not extends:
                more = {"networks": 1}
    together = interactions_among(
        dataset.clips,
        None if interactions is None else interactions.split(","),
        () if start is None else start.config.interactions,
        () if start is None or not extends else start.actions,
    )
    if together:
        note("pairs", f"two people are read together for {listed([one_line(label) for label in together])}")
    return make_training(
        base,
        start,
        extends=extends,
        interactions=together,
        clips=len(dataset.clips),
        dataset=digest_of(dataset.clips),
        **{**more, **asked},
        **others,
    )


def check_videos(training: Training, clips: Iterable[LabeledVideo | LabeledClip]) -> None:
    """Refuse clips of poses alone for a network that reads frames, before any pose is estimated.

    Raises:
        BadDataset: there is one; the message names the first.
    """
    from posec3d_cli.datasets.clips import LabeledClip
    from posec3d_cli.errors import BadDataset

    lacking = [clip.name for clip in clips if isinstance(clip, LabeledClip) or clip.is_pose_file]
    if training.config.rgb is not None and lacking:
        raise BadDataset(
            f"{training.config.architecture} reads the frames of the videos, and {counted(len(lacking), 'clip')} have "
            f"poses alone; the first is {one_line(lacking[0])}",
            hint="give the videos, or choose another --arch",
        )


def announce(training: Training, clips: Iterable[LabeledVideo | LabeledClip], device: str) -> None:
    """Try the training, and say what it starts from, which labels will be gone, and how long it takes.

    Raises:
        BadCard, WeightsMismatch: the network cannot be trained; see `posec3d_cli.training.setup.try_training`.
    """
    from posec3d_cli.datasets.clips import VALIDATION
    from posec3d_cli.training.setup import try_training
    from posec3d_cli.training.train import outputs_for

    given = list(clips)
    pretrained = training.pretrained
    outputs = outputs_for([clip for clip in given if clip.part != VALIDATION], pretrained, extends=training.extends)
    seconds = try_training(training, outputs, len(given), device=device)
    if pretrained is not None:
        note("start", f"from {pretrained.card.name}; --pretrained none trains from scratch")
        lost = pretrained.lost_labels(outputs)
        if training.extends:
            new = [label for label in outputs if label not in pretrained.card.labels]
            labels = f"{', '.join(map(one_line, new))} added" if new else "none added, for it has them all"
            note("labels", f"{counted(len(pretrained.actions), 'label')} kept, {labels}")
        elif lost:
            note(
                "warning",
                f"{counted(len(lost), 'label')} of {pretrained.card.name} will be gone "
                f"({listed([one_line(label) for label in lost])}); --add keeps them",
            )
    if training.halves is not None:
        note(
            "start", f"from {' and '.join(half.card.name for half in training.halves)}; --pretrained none: from scratch"
        )
    if seconds:
        note("time", f"after the poses, the training takes at most {spelled(seconds)}")


def with_partners(
    clips: Sequence[LabeledClip], interactions: Collection[str]
) -> tuple[list[LabeledClip], list[UnreadableClip]]:
    """The clips that can be learned from where labels are interactions, and those that cannot; says what is missing."""
    from posec3d_cli.datasets.interactions import shows_two_apart, without_partner

    kept, lonely = without_partner(clips, interactions)
    if interactions and not shows_two_apart(kept, interactions):
        why = "such people will be taken for an interaction"
        note("warning", f"no clip shows two people who each do something alone: {why}")
    return kept, lonely
