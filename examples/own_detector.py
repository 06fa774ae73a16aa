"""A detector of your own, checked and used.

    python examples/own_detector.py VIDEO

It finds one person before a plain background: everything that differs from the colour of the frame's border. The
poses inside its boxes come from MoveNet.

For `posec3d predict --detector`, two things are needed. The package that holds the class names it in its
pyproject.toml:

    [project.entry-points."posec3d.detectors"]
    plain-background = "own_detector:PlainBackground"

A folder holds the card of the model, model.toml:

    kind = "detector"
    stage = "plain-background"
    summary = "One person before a plain background"
    licence = "Apache-2.0"
    data_terms = "No training data"

    [recipe]
    difference = 40
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from posec3d_cli import Detections, Frame, ModelCard, PoseC3DError, PoseExtractor, create_stage, load_card
from posec3d_cli.schema import Checked, Count, read_settings
from posec3d_cli.testing import check_detector


class PlainBackground:
    """Finds one person, or nobody, in each frame.

    Args:
        settings: what its card says.
    """

    class Settings(Checked, frozen=True):
        """What the cards may set.

        Attributes:
            difference: how far a colour, of 0 to 255, has to be from the border's to belong to the person.
        """

        difference: Count = 40

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or self.Settings()

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage from the card's recipe; `options` replace its settings."""
        return cls(read_settings(cls.Settings, card, options))

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """At most one box per frame, around everything that is not background."""
        return [self._person(frame) for frame in frames]

    def _person(self, frame: Frame) -> Detections:
        pixels = frame.pixels.astype(np.int16)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        distance = np.abs(pixels - np.median(border, axis=0)).max(axis=2)
        rows, columns = np.nonzero(distance > self.settings.difference)
        if not len(rows):
            return Detections.none()
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections(np.array([box], np.float32), np.ones(1, np.float32))


def main(arguments: Sequence[str]) -> int:
    """Check the detector, then print a line for each of the first ten frames."""
    if len(arguments) != 1:
        print("usage: python examples/own_detector.py VIDEO", file=sys.stderr)
        return 2
    detector = PlainBackground()
    check_detector(detector)
    try:
        pose = create_stage(load_card("movenet-lightning", "pose"))
        video_poses = PoseExtractor(detector, pose).poses(arguments[0], np.arange(10))
    except PoseC3DError as error:
        print(f"error: {error.what}\nhint:  {error.hint}", file=sys.stderr)
        return 1
    for index, found, poses in zip(video_poses.frame_indices, video_poses.detections, video_poses.poses, strict=True):
        for box, scores in zip(found.boxes, poses.scores, strict=True):
            print(f"frame {index}: box {box.round().astype(int).tolist()}, mean joint score {scores.mean():.2f}")
        if not len(found):
            print(f"frame {index}: nobody")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
