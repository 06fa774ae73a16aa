"""Interactions: which labels two people do together, and the clips of them that show two people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from posec3d_cli.datasets.clips import BACKGROUND, LabeledClip, LabeledVideo
from posec3d_cli.datasets.labeled_dataset import UnreadableClip
from posec3d_cli.errors import BadDataset, did_you_mean
from posec3d_cli.labels import clean_label


def interactions_among(
    clips: Iterable[LabeledVideo | LabeledClip],
    asked: Sequence[str] | None = None,
    known: Collection[str] = (),
    kept: Collection[str] = (),
) -> tuple[str, ...]:
    """The labels of clips that two people do together, sorted.

    They are those that are asked for. Where none are, they are those whose rows name two people, as 0+3, and those that
    a model to fine-tune reads in pairs.

    Args:
        clips: labeled clips.
        asked: labels; None: the clips decide.
        known: the interactions of the model to fine-tune.
        kept: labels that the trained model has besides those of the clips.

    Raises:
        BadDataset: one that is asked for is no label, or all labels are interactions.
    """
    given = list(clips)
    labels = ({clip.label for clip in given} | {*kept}) - {BACKGROUND}
    if asked is None:
        named = {clip.label for clip in given if isinstance(clip, LabeledVideo) and _names_two(clip)}
        found = (named | {*known}) & labels
    else:
        found = {label for one in asked if (label := clean_label(one))}
    if unknown := sorted(found - labels):
        raise BadDataset(
            f"the interaction {unknown[0]!r} is no label of the clips",
            hint=did_you_mean(unknown[0], labels) or f"they have {', '.join(sorted(labels))}",
        )
    if found and found == labels:
        raise BadDataset(
            "all labels are interactions, and nothing is left that one person does",
            hint="add clips of what people do alone, or train with --people together and without --interactions",
        )
    return tuple(sorted(found))


def without_partner(
    clips: Iterable[LabeledClip], interactions: Collection[str]
) -> tuple[list[LabeledClip], list[UnreadableClip]]:
    """The clips without those of interactions in which fewer than two people are found, and these."""
    kept: list[LabeledClip] = []
    lonely: list[UnreadableClip] = []
    for clip in clips:
        people = int((clip.scores > 0).any(axis=(1, 2)).sum())
        if clip.label in interactions and people == 1:
            lonely.append(UnreadableClip(clip.name, clip.label, "only one person was found, and two do this together"))
        else:
            kept.append(clip)
    return kept, lonely


def shows_two_apart(clips: Iterable[LabeledClip], interactions: Collection[str]) -> bool:
    """Whether a clip shows two people and none of the interactions, as a model needs to tell both apart."""
    return any(clip.label not in interactions and (clip.scores > 0).any(axis=(1, 2)).sum() > 1 for clip in clips)


def _names_two(clip: LabeledVideo) -> bool:
    return clip.segment is not None and isinstance(clip.segment.person, tuple)
