"""Recognize the actions in several videos; one that cannot be read does not stop the others.

    python examples/predict_many.py VIDEO...

The exit code is 0 if every video was answered, else 1. The weights are fetched on first use.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from posec3d_cli import ClipResult, Pipeline, PipelineConfig, PoseC3DError


def outcomes(pipeline: Pipeline, videos: Iterable[Path]) -> Iterator[tuple[Path, ClipResult | PoseC3DError]]:
    """Each video with its answer, or with what went wrong, as soon as it is known."""
    for video in videos:
        try:
            yield video, pipeline.predict(video)
        except PoseC3DError as error:
            yield video, error


def line(outcome: ClipResult | PoseC3DError) -> str:
    """One outcome in a few words."""
    if isinstance(outcome, PoseC3DError):
        return f"failed: {outcome.what}"
    if outcome.scores is None:
        return "no person"
    return ", ".join(f"{label} {100 * probability:.1f} %" for label, probability in outcome.scores.top(3))


def main(videos: Sequence[str]) -> int:
    """Make the stages once, use them for every video, print a line for each."""
    try:
        pipeline = Pipeline.from_config(PipelineConfig("light"))
    except PoseC3DError as error:
        print(f"error: {error.what}\nhint:  {error.hint}", file=sys.stderr)
        return 1
    failed = 0
    for video, outcome in outcomes(pipeline, map(Path, videos)):
        failed += isinstance(outcome, PoseC3DError)
        print(f"{video}: {line(outcome)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
