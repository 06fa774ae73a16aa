"""Which classifiers a live source can have: its frames are not kept, so that they read poses alone."""

from __future__ import annotations

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageMismatch, listed
from posec3d_cli.hub.catalog import list_cards
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.recognition.members import reading_frames

_MOST_NAMED = 3


def check_classifiers(config: PipelineConfig) -> None:
    """Refuse classifiers that read frames, before any weights are fetched, and name some that do not.

    Raises:
        StageMismatch: one of the config's classifiers reads frames.
    """
    readers = reading_frames(resolve(config).classifiers, config.builder)
    if not readers:
        return
    labels = {label for card in readers for label in card.labels}
    known = [card for card in list_cards("classifier") if labels.issubset(card.labels)]
    # The pose half of the same network first, then those that know no more labels.
    networks = {card.name.removesuffix("-rgb").removesuffix("-init") for card in readers}
    known.sort(key=lambda card: (not any(card.name.startswith(one) for one in networks), len(card.labels)))
    others = [card.name for card in known if not reading_frames([card], None)]
    instead = "leave out --classifier, or name one that was trained with --arch slowonly or stgcn++"
    if others:
        instead = f"--classifier {' or '.join(others[:_MOST_NAMED])} knows the same labels from poses alone"
    names = listed([card.name for card in readers])
    raise StageMismatch(f"{names} needs the frames of a video, and live keeps the poses of a source only", hint=instead)
