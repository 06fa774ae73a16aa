"""Read the labeled clips of an evaluation: their poses, without duplicates, perturbed if asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posec3d_cli.cli.batch_run import find_people
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note

if TYPE_CHECKING:
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.datasets.clips import LabeledClip
    from posec3d_cli.datasets.labeled_dataset import LabeledDataset, UnreadableClip


@dataclass(frozen=True, eq=False)
class ClipsToEvaluate:
    """Labeled clips with their poses.

    Attributes:
        clips: the clips that are evaluated.
        unreadable: clips that are not, because they could not be read.
        left_out: the reason for each duplicate, by the name of the clip.
        training_clips: the names of the clips that the classifier was trained on.
    """

    clips: Sequence[LabeledClip]
    unreadable: Sequence[UnreadableClip]
    left_out: Mapping[str, str]
    training_clips: Sequence[str]


def read_clips(
    dataset: LabeledDataset,
    config: PipelineConfig,
    folders: Sequence[Path],
    *,
    every: int,
    workers: int | None,
    cluster: str | None,
    perturb: bool,
) -> ClipsToEvaluate:
    """Estimate or read the poses of labeled clips; print notes about clips that are left out, or known to the model.

    Args:
        dataset: the clips.
        config: the settings of the detector and the pose model.
        folders: of the classifiers.
        every: estimate poses in every N-th frame.
        workers: the number of processes; None: the default for the device.
        cluster: the address of a Ray cluster; None: this machine.
        perturb: perturb the clips.
    """
    from posec3d_cli.datasets.checks import find_duplicates, summarize_notes
    from posec3d_cli.datasets.poses import PoseFrames
    from posec3d_cli.evaluation import perturb as perturbed
    from posec3d_cli.training.seen import learned_from, seen

    clips, unreadable = find_people(dataset, config, frames=PoseFrames(every), workers=workers, cluster=cluster)
    for failed in unreadable:
        note("failed", one_line(f"{failed.name}: {failed.reason}"))
    for text in summarize_notes(clips):
        note("note", one_line(text))
    left_out = {name: reason for name, (_, reason) in find_duplicates(clips).items()}
    for name, reason in left_out.items():
        note("left out", one_line(f"{name}: {reason}"))
    clips = [clip for clip in clips if clip.name not in left_out]
    training_clips = seen(clips, learned_from(folders))
    if training_clips:
        note(
            "warning",
            f"{len(training_clips)} of {len(clips)} clips are training clips of this classifier, so that "
            f"the accuracy is too high; the first is {one_line(training_clips[0])}",
        )
    return ClipsToEvaluate(perturbed.perturb(clips) if perturb else clips, unreadable, left_out, training_clips)
