"""One run of the published way over a clip: frames written as JPEG files, each detected alone, each posed alone, read.

    python benchmarks/throughput/published.py CLIP --given POSES --models FOLDER

It runs in the environment of `make parity`, on the models that `models.py` wrote, through the functions that the
published demo calls. Who is in each frame is given, after the detector has been run. The poses of all frames are read
once, in one view. Prints the frames and the seconds of each step as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

REPOSITORY = Path(__file__).parent.parent.parent
sys.path.append(str(REPOSITORY / "tests" / "parity"))

from given import read_given  # noqa: E402
from stand_ins import load, ready  # noqa: E402

RTMDET = "rtmdet/rtmdet_m_8xb32-300e_coco.py"
HRNET = "body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py"
RTMPOSE = "body_2d_keypoint/rtmpose/body8/rtmpose-m_8xb256-420e_body8-256x192.py"
POSEC3D = "skeleton/posec3d/slowonly_r50_8xb16-u48-240e_ntu60-xsub-keypoint.py"
NO_DOWNLOAD = {"model.backbone.init_cfg": None}
PEOPLE_ONLY = {"model.bbox_head.num_classes": 1, **NO_DOWNLOAD}


def config_of(package: str, name: str) -> str:
    """A config that the package carries."""
    return str(Path(str(load(package).__file__)).parent / ".mim" / "configs" / name)


def make_detector(weights: Path | None) -> Any:
    """RTMDet-m for people."""
    config = config_of("mmdet", RTMDET)
    return load("mmdet.apis").init_detector(config, weights and str(weights), device="cpu", cfg_options=PEOPLE_ONLY)


def make_pose(name: str, weights: Path | None) -> Any:
    """A top-down model of mmpose."""
    config = load("mmengine").Config.fromfile(config_of("mmpose", name))
    config.merge_from_dict(NO_DOWNLOAD)
    return load("mmpose.apis").init_model(config, weights and str(weights), device="cpu")


def make_recognizer(weights: Path | None) -> Any:
    """PoseC3D, its test pipeline reduced to one view."""
    config = load("mmengine").Config.fromfile(config_of("mmaction", POSEC3D))
    for step in config.test_pipeline:
        if step["type"] == "UniformSampleFrames":
            step["num_clips"] = 1
        if step["type"] == "GeneratePoseTarget":
            step["double"] = False
    return load("mmaction.apis").init_recognizer(config, weights and str(weights), device="cpu")


def write_frames(clip: Path, folder: Path) -> list[str]:
    """Every frame of a clip as a JPEG file."""
    capture = cv2.VideoCapture(str(clip))
    files: list[str] = []
    while True:
        good, picture = capture.read()
        if not good:
            return files
        files.append(str(folder / f"img_{len(files) + 1:06}.jpg"))
        cv2.imwrite(files[-1], picture)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The whole chain; as in the demo, each model is made when its step begins, outside of what the step takes."""
    ready()
    inference = load("mmaction.apis")
    boxes, poses = read_given(options.given)
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[step] = time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        with timed("wait"):
            files = write_frames(options.clip, Path(folder))
        detector = make_detector(options.models / "rtmdet-m.pth")
        with timed("detect"):
            inference.detection_inference(detector, None, files, device="cpu")
        pose = make_pose(HRNET, options.models / "hrnet-w32" / "weights.pth")
        with timed("pose"):
            inference.pose_inference(pose, None, files, [found.boxes for found in boxes[: len(files)]], device="cpu")
        size = cv2.imread(files[0]).shape[:2]
    recognizer = make_recognizer(options.models / "posec3d" / "weights.pth")
    people = [{"keypoints": one.keypoints, "keypoint_scores": one.scores} for one in poses[: len(files)]]
    with timed("classify"):
        inference.inference_skeleton(recognizer, people, size)
    return {"frames": len(files), "people": len(files), "seconds": seconds}


def main() -> None:
    """Do it once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--given", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    options = parser.parse_args()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        said = run(options)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
