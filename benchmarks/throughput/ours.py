"""One run of ours over a clip whose people are given: what `predict` or `extract-poses` do, on any networks.

    python benchmarks/throughput/ours.py CLIP --given POSES --detector CARD --pose CARD [--classifier CARD]

Without a classifier every frame is posed, as `extract-poses` does. Prints the frames posed and the seconds of each
stage as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from given import GivenDetector, GivenPose, read_given

from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.pipeline import Pipeline


def parser() -> argparse.ArgumentParser:
    """The options that say which networks read what."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("clip", type=Path, nargs="+")
    made.add_argument("--given", type=Path)
    made.add_argument("--detector", required=True)
    made.add_argument("--pose", required=True)
    made.add_argument("--classifier")
    made.add_argument("--detect-every", type=int, default=1)
    made.add_argument("--no-flip-test", action="store_true")
    return made


def make(options: argparse.Namespace) -> tuple[PoseExtractor, Pipeline | None]:
    """The stages; the people come from the file."""
    settings: dict[str, Any] = {"device": "cpu", "offline": True}
    if options.no_flip_test:
        settings["pose_options"] = {"flip_test": False}
    if options.classifier is None:
        whole = None
        extractor = PoseExtractor.from_cards(options.detector, options.pose, every=options.detect_every, **settings)
    else:
        settings["detect_every"] = options.detect_every
        whole = Pipeline.from_cards(options.detector, options.pose, options.classifier, **settings)
        extractor = whole.extractor
    if options.given is not None:
        boxes, poses = read_given(options.given)
        extractor.detector = GivenDetector(extractor.detector, boxes)
        extractor.pose = GivenPose(extractor.pose, poses)
    return extractor, whole


def main() -> None:
    """Do it once."""
    options = parser().parse_args()
    extractor, whole = make(options)
    [clip] = options.clip
    if whole is None:
        posed = extractor.poses(clip)
        seconds = posed.seconds
    else:
        prediction = whole.predict(clip, views=1, flip=False)
        posed, seconds = prediction.posed, prediction.seconds
    print(json.dumps({"frames": len(posed), "people": sum(map(len, posed.poses)), "seconds": dict(seconds)}))


if __name__ == "__main__":
    main()
