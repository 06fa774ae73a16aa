"""Compare `extract-poses` with the published demos' way of doing it, and with the networks alone, in one run.

    python benchmarks/extraction.py FOLDER [--clips N] [--workers W]

N clips, evenly spread over the sorted videos of the folder, are posed in full:

demo    as the published demo scripts do: one process, each clip written out as JPEG files, all of these detected one
        by one, then all posed one by one. Models are made before the clock starts.
models  the two networks alone on ready tensors, as often as the clips need them: the detector once per frame, the
        pose model in full batches. Once in one process with all threads, once in W processes that share them, each of
        which starts its clock when its models are made.
ours    the whole command `posec3d extract-poses`: start, loading, decoding, linking, writing and recording.

Wall time. The ratio is frames per second over those of the demo.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from posec3d_cli.batch.find import find
from posec3d_cli.catalog import load_card, load_pipeline
from posec3d_cli.device import limit_threads, network_threads, processors
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.poses.movenet import HEADS, IMAGES
from posec3d_cli.poses.tfjs import convert
from posec3d_cli.stages import Detector, PoseEstimator
from posec3d_cli.types import Frame
from posec3d_cli.weights import fetch

CROPS = 16  # people per call of the pose model


def demo(clips: list[Path], detector: Detector, pose: PoseEstimator, folder: Path) -> int:
    """Pose every frame the demos' way; the number of frames."""
    frames = 0
    for number, clip in enumerate(clips):
        files = write_frames(clip, folder / str(number))
        found = [detector.detect([read(file, index)])[0] for index, file in enumerate(files)]
        for index, file in enumerate(files):
            pose.estimate([read(file, index)], [found[index]])
        frames += len(files)
    return frames


def write_frames(clip: Path, folder: Path) -> list[Path]:
    """Every frame of a clip as a JPEG file."""
    folder.mkdir()
    capture = cv2.VideoCapture(str(clip))
    files = []
    while True:
        good, picture = capture.read()
        if not good:
            return files
        files.append(folder / f"{len(files):06}.jpg")
        cv2.imwrite(str(files[-1]), picture)


def read(file: Path, index: int) -> Frame:
    """A frame from its JPEG file."""
    picture = cv2.imread(str(file))
    assert picture is not None
    return Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), index, float(index))


def models_alone(frames: int, crops: int, threads: int, seconds: multiprocessing.Queue[float]) -> None:
    """Run the two networks as often as so many frames and crops need."""
    limit_threads(threads)
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    names = load_pipeline("light")
    pose = load_card(names.pose, "pose")
    files = fetch(pose)
    size = pose.recipe["input_size"]
    interpreter = Interpreter(str(fetch(load_card(names.detector, "detector"))["model"]), num_threads=threads)
    interpreter.allocate_tensors()
    [picture] = interpreter.get_input_details()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    graph = convert(files["topology"], files["weights"], start=IMAGES, image_size=size, outputs=HEADS)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    interpreter.set_tensor(picture["index"], rng.integers(0, 256, picture["shape"], np.uint8))
    batch = rng.uniform(0, 255, (CROPS, size, size, 3)).astype(np.float32)
    interpreter.invoke()
    session.run(None, {"images": batch})
    start = time.perf_counter()
    for _ in range(frames):
        interpreter.invoke()
    for left in range(crops, 0, -CROPS):
        session.run(None, {"images": batch[:left]})
    seconds.put(time.perf_counter() - start)


def in_processes(count: int, frames: int, crops: int) -> float:
    """Seconds of the slowest of `count` processes that share the frames, the crops and the processors."""
    context = multiprocessing.get_context("spawn")
    seconds: multiprocessing.Queue[float] = context.Queue()
    threads = min(network_threads(), max(1, processors() // count))
    share = math.ceil(frames / count), math.ceil(crops / count), threads, seconds
    processes = [context.Process(target=models_alone, args=share) for _ in range(count)]
    for process in processes:
        process.start()
    longest = max(seconds.get() for _ in processes)
    for process in processes:
        process.join()
    return longest


def main() -> None:
    """Pose the clips in every way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--workers", type=int, default=min(8, processors()))
    options = parser.parse_args()
    videos = [found.path for found in find([options.folder])]
    clips = [videos[round(n)] for n in np.linspace(0, len(videos) - 1, min(options.clips, len(videos)))]

    names = load_pipeline("light")
    extractor = PoseExtractor.from_cards(names.detector, names.pose, device="cpu")
    extractor.poses(clips[0])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        start = time.perf_counter()
        frames = demo(clips, extractor.detector, extractor.pose, folder)
        seconds = {"demo": time.perf_counter() - start}
        del extractor
        (folder / "clips.txt").write_text("".join(f"{clip}\n" for clip in clips))
        command = [
            str(Path(sys.executable).with_name("posec3d")),
            "extract-poses",
            "--from-file",
            str(folder / "clips.txt"),
        ]
        command += ["-o", str(folder / "poses"), "--workers", str(options.workers), "--device", "cpu", "--quiet"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "POSEC3D_OFFLINE": "1"})
        seconds["ours"] = time.perf_counter() - start
        written = [clip for file in sorted((folder / "poses").rglob("*.npz")) for clip in read_pose_file(file)]
        assert len(written) == len(clips), (len(written), len(clips))
        assert sum(len(clip) for clip in written) == frames, "the demo and we do not see the same frames"
        crops = sum(len(found) for clip in written for found in clip.detections)
    seconds["models, one process"] = in_processes(1, frames, crops)
    seconds[f"models, {options.workers} processes"] = in_processes(options.workers, frames, crops)
    print(f"{len(clips)} clips, {frames} frames, {crops} people, {processors()} processors\n")
    print("| | seconds | frames/s | ratio |\n|---|---:|---:|---:|")
    for name, took in seconds.items():
        print(f"| {name} | {took:.1f} | {frames / took:.1f} | {seconds['demo'] / took:.2f} |")


if __name__ == "__main__":
    main()
