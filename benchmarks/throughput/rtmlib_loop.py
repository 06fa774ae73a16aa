"""One run of rtmlib's loop over a clip: each frame read, its people found and posed, with the given ONNX files.

    python benchmarks/throughput/rtmlib_loop.py CLIP DETECTOR.onnx POSE.onnx

It runs where rtmlib is installed. DETECTOR reads 320 x 320 pixels and POSE 192 x 256. Prints the frames, the people and
the seconds of each step as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import cv2
from rtmlib import Custom


def make(detector: str, pose: str) -> Any:
    """The two models, as rtmlib runs them; it prints what it loads."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return Custom(
            det_class="RTMDet",
            det=detector,
            det_input_size=(320, 320),
            pose_class="RTMPose",
            pose=pose,
            pose_input_size=(192, 256),
            backend="onnxruntime",
            device="cpu",
        )


def main() -> None:
    """Do it once."""
    clip, detector, pose = sys.argv[1:]
    body = make(detector, pose)
    seconds = dict.fromkeys(("wait", "detect", "pose"), 0.0)
    capture, frames, people = cv2.VideoCapture(clip), 0, 0
    while True:
        clock = [time.perf_counter()]
        good, picture = capture.read()
        clock.append(time.perf_counter())
        if not good:
            break
        boxes = body.det_model(picture)
        clock.append(time.perf_counter())
        if len(boxes):  # without a box it would pose the whole frame
            body.pose_model(picture, bboxes=boxes)
        clock.append(time.perf_counter())
        frames, people = frames + 1, people + len(boxes)
        for name, start, stop in zip(seconds, clock[:-1], clock[1:], strict=True):
            seconds[name] += stop - start
    print(json.dumps({"frames": frames, "people": people, "seconds": seconds}))


if __name__ == "__main__":
    main()
