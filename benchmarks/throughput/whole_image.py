"""One run of the loop that programs for one person use: each frame read, made small, and given to a pose network whole.

    python benchmarks/throughput/whole_image.py CLIP [--pose CARD]

No detector, no tracking, no action: MoveNet reads the whole image, padded to a square, as its own documentation does.
Who is not in the middle, or small, or one of several, is missed. Prints the frames, those with a clear person, and the
seconds of each step as JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import cv2
import numpy as np

from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.weights import fetch
from posec3d_cli.stages.detectors.letterbox import letterbox
from posec3d_cli.stages.pose_estimators.movenet import MoveNet, decode_joints

CLEAR = 0.3  # mean joint score from which a person counts


def main() -> None:
    """Do it once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--pose", default="movenet-thunder")
    options = parser.parse_args()
    card = load_card(options.pose, "pose")
    session = MoveNet.from_card(card, fetch(card, offline=True))._session
    side = int(session.get_inputs()[0].shape[1])
    seconds = dict.fromkeys(("wait", "pose"), 0.0)
    capture, frames, people = cv2.VideoCapture(options.clip), 0, 0
    while True:
        start = time.perf_counter()
        good, picture = capture.read()
        read = time.perf_counter()
        if not good:
            break
        image = letterbox(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), (side, side), fill=0, shrink=cv2.INTER_AREA)
        _, scores = decode_joints(*session.run(None, {"images": image[None].astype(np.float32)}))
        frames, people = frames + 1, people + int(scores.mean() >= CLEAR)
        seconds["wait"] += read - start
        seconds["pose"] += time.perf_counter() - read
    print(json.dumps({"frames": frames, "people": people, "seconds": seconds}))


if __name__ == "__main__":
    main()
