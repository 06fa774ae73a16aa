"""One small valid file of every pose format, all of the same person who waves for six frames."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import synthetic_people as people

from posec3d_cli.pose_files import read_pose_file, write_pose_file
from posec3d_cli.pose_files.clip import from_slots, make_video_poses
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import Objects

FRAMES = 6
WIDTH, HEIGHT = 320, 240
OBJECT_NAMES = ("cup", "sports ball")

# Where COCO-17 stands in other sets, from the tools' own lists of joints.
BODY_25 = (0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11)
OPENPOSE_18 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
MEDIAPIPE_33 = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
HALPE_26 = tuple(range(17))


def keypoints(frames=FRAMES):
    """`(T, 17, 2)` in pixels of an image of 320 x 240."""
    return (people.moving("arms", frames) * 150 + (120, 40)).astype(np.float32)


def video_poses(path=Path("walk.mp4"), frames=FRAMES):
    """The same as a clip, with a ball in every other frame; in the second, nothing but people was looked for."""
    shown = from_slots(keypoints(frames)[None], np.full((1, frames, 17), 0.75, np.float32))
    clip = make_video_poses(path, shown, fps=Fraction(25), frame_size=(HEIGHT, WIDTH))
    balls = [Objects.none(OBJECT_NAMES) if t % 2 else ball(t) for t in range(frames)]
    objects = [None if t == 1 else found for t, found in enumerate(balls)]
    people = zip(clip.detections, objects, strict=True)
    return replace(clip, detections=tuple(replace(found, objects=held) for found, held in people))


def ball(frame):
    """A ball in one frame."""
    box = np.array([[10 + frame, 20, 25 + frame, 35]], np.float32)
    return Objects(box, np.array([0.3 + frame / 100], np.float32), np.ones(1, np.int64), OBJECT_NAMES)


def in_set(places, numbers, size, score=0.75):
    """`(size, 3)` x, y, score: the seventeen at `numbers`, every other joint somewhere wrong."""
    joints = np.tile([7.0, 9.0, 0.5], (size, 1))
    joints[list(numbers), :2] = places
    joints[list(numbers), 2] = score
    return joints


def _json(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def rewritten(path, change):
    """The file, its JSON changed in place by `change`."""
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content) or content))
    return path


def counts(path):
    """How many people each frame of a file of one clip shows."""
    [clip] = read_pose_file(path)
    return [len(poses) for poses in clip.poses]


def frame_file(folder, number):
    """The file of a frame of `openpose`."""
    return folder / f"walk_{number:012d}_keypoints.json"


def ours(folder, suffix, frames=FRAMES):
    path = folder / f"ours{suffix}"
    write_pose_file(video_poses(frames=frames), path, suffix)
    return path


def openpose(folder, numbers=BODY_25, size=25, frames=FRAMES):
    path = folder / f"openpose_{size}"
    path.mkdir()
    for number, places in enumerate(keypoints(frames)):
        person = {"person_id": [-1], "pose_keypoints_2d": in_set(places, numbers, size).ravel().tolist()}
        _json(path / f"walk_{number:012d}_keypoints.json", {"version": 1.3, "people": [person]})
    return path


def pose2sim(folder):
    """As Pose2Sim and rtmlib write: in OpenPose's form, with the joints of Halpe-26."""
    path = folder / "walk_json"
    path.mkdir()
    for number, places in enumerate(keypoints()):
        person = {"person_id": [-1], "pose_keypoints_2d": in_set(places, HALPE_26, 26).ravel().tolist()}
        _json(path / f"walk_{number:06d}.json", {"version": 1.3, "people": [person]})
    return path


def sports2d(folder):
    """A person in pixels, and the same in metres."""
    path = folder / "walk_Sports2D"
    path.mkdir()
    sides = {"left": "L", "right": "R"}
    names = [
        sides.get(joint.split("_")[0], "") + joint.split("_")[-1].capitalize() for joint in (*COCO_17.joints, "neck")
    ]
    head = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"25\t25\t{FRAMES}\t{len(names)}\tm\t25\t0\t{FRAMES}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(names) + 1)),
    ]
    for unit, scale in (("px", 1), ("m", 0.01)):
        rows = []
        for number, places in enumerate(np.concatenate([keypoints(), np.full((FRAMES, 1, 2), 9)], axis=1)):
            cells = [f"{value * scale:.4f}" for x, y in places for value in (x, y, 0)]
            rows.append("\t".join([str(number), f"{number / 25:.3f}", *cells]))
        (path / f"walk_Sports2D_{unit}_person00.trc").write_text("\n".join([*head, *rows]) + "\n")
    return path


def ultralytics(folder):
    frames = []
    for places in keypoints():
        (left, top), (right, bottom) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
        x, y = places.T.tolist()
        person = {
            "name": "person",
            "class": 0,
            "confidence": 0.91,
            "box": {"x1": left, "y1": top, "x2": right, "y2": bottom},
            "keypoints": {"x": x, "y": y, "visible": [0.75] * 17},
        }
        frames.append([person])
    return _json(folder / "ultralytics.json", frames)


def ultralytics_labels(folder, *more, size=f"{WIDTH} {HEIGHT}"):
    """Label texts, counted from 1; `more` are the numbers behind the joints."""
    path = folder / "labels"
    path.mkdir()
    for number, places in enumerate(keypoints(), start=1):
        low, high = (edge / (WIDTH, HEIGHT) for edge in (places.min(axis=0), places.max(axis=0)))
        joints = np.column_stack([places / (WIDTH, HEIGHT), np.full(17, 0.75)])
        values = (0, *(low + high) / 2, *(high - low), *joints.ravel(), *more)
        (path / f"walk_{number}.txt").write_text(" ".join(f"{value:.7g}" for value in values) + "\n")
    if size:
        (path / "frame-size.txt").write_text(size)
    return path


def mediapipe(folder, frames=FRAMES):
    rows = []
    for number, places in enumerate(keypoints(frames)):
        joints = in_set((places + 0.5) / (WIDTH, HEIGHT), MEDIAPIPE_33, 33)
        joints[:, :2] = np.where(joints[:, :2] > 3, 0.1, joints[:, :2])
        landmarks = [{"x": x, "y": y, "z": 0.1, "visibility": score} for x, y, score in joints.tolist()]
        rows.append({"frame": number, "landmarks": landmarks})
    return _json(folder / "mediapipe.json", {"width": WIDTH, "height": HEIGHT, "fps": 25.0, "frames": rows})


def mediapipe_pixels(folder):
    rows = [[[x, y, 0.0, score] for x, y, score in in_set(one, MEDIAPIPE_33, 33).tolist()] for one in keypoints()]
    return _json(folder / "mediapipe_pixels.json", rows)


def alphapose(folder, size=26):
    results = []
    for number, places in enumerate(keypoints()):
        joints = in_set(places, HALPE_26, size)
        low, high = places.min(axis=0), places.max(axis=0)
        results.append(
            {
                "image_id": f"{number}.jpg",
                "category_id": 1,
                "keypoints": joints.ravel().tolist(),
                "score": 2.6,
                "box": [*low.tolist(), *(high - low).tolist()],
                "idx": [0.0],
            }
        )
    return _json(folder / f"alphapose_{size}.json", results)


def alphapose_by_image(folder, form="open"):
    list_, joints = {"open": ("people", "pose_keypoints_2d"), "cmu": ("bodies", "joints")}[form]
    images = {
        f"{number}.jpg": {"version": "AlphaPose v0.3", list_: [{joints: in_set(one, OPENPOSE_18, 18).ravel().tolist()}]}
        for number, one in enumerate(keypoints())
    }
    return _json(folder / f"alphapose_{form}.json", images)


def coco_results(folder):
    results = [
        {"image_id": number, "category_id": 1, "keypoints": in_set(one, HALPE_26, 17).ravel().tolist(), "score": 0.9}
        for number, one in enumerate(keypoints())
    ]
    return _json(folder / "coco_results.json", results)


def coco_annotations(folder):
    images = [
        {"id": 900 + number, "width": WIDTH, "height": HEIGHT, "file_name": f"walk/{number:06d}.jpg"}
        for number in range(FRAMES)
    ]
    annotations = [
        {
            "id": number,
            "image_id": 900 + number,
            "category_id": 1,
            "iscrowd": 0,
            "num_keypoints": 17,
            "bbox": [60, 40, 120, 160],
            "keypoints": in_set(one, HALPE_26, 17, score=2).ravel().tolist(),
        }
        for number, one in enumerate(keypoints())
    ]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    return _json(folder / "coco_annotations.json", content)


def _mmpose_frames(first):
    frames = []
    for number, places in enumerate(keypoints()):
        joints = in_set(places, HALPE_26, 17)
        instance = {
            "keypoints": joints[:, :2].tolist(),
            "keypoint_scores": joints[:, 2].tolist(),
            "bbox": [[60.0, 30.0, 180.0, 210.0]],
            "bbox_score": 0.875,
        }
        frames.append({"frame_id": number + first, "instances": [instance]})
    return frames


def mmpose(folder):
    return _json(folder / "mmpose.json", _mmpose_frames(0))


def mmpose_demo(folder):
    names = {str(number): joint for number, joint in enumerate(COCO_17.joints)}
    content = {"meta_info": {"keypoint_id2name": names}, "instance_info": _mmpose_frames(1)}
    return _json(folder / "mmpose_demo.json", content)


def pyskl_pickle(folder, **changes):
    annotation = {
        "frame_dir": "walk",
        "label": 0,
        "total_frames": FRAMES,
        "img_shape": (HEIGHT, WIDTH),
        "original_shape": (HEIGHT, WIDTH),
        "keypoint": keypoints()[None],
        "keypoint_score": np.full((1, FRAMES, 17), 0.75, np.float16),
        **changes,
    }
    path = folder / "pack.pkl"
    path.write_bytes(pickle.dumps({"split": {"train": ["walk"]}, "annotations": [annotation]}))
    return path


FORMATS = {
    "our archive": lambda folder: ours(folder, ".npz"),
    "our document": lambda folder: ours(folder, ".json"),
    "our pickle": lambda folder: ours(folder, ".pkl"),
    "pyskl pickle": pyskl_pickle,
    "OpenPose BODY_25": openpose,
    "OpenPose COCO": lambda folder: openpose(folder, OPENPOSE_18, 18),
    "OpenPose's form of Halpe-26": lambda folder: openpose(folder, HALPE_26, 26),
    "OpenPose's form of COCO-WholeBody": lambda folder: openpose(folder, HALPE_26, 133),
    "OpenPose's form of Halpe Full-Body": lambda folder: openpose(folder, HALPE_26, 136),
    "Pose2Sim": pose2sim,
    "Sports2D": sports2d,
    "Ultralytics": ultralytics,
    "Ultralytics label texts": ultralytics_labels,
    "MediaPipe": mediapipe,
    "MediaPipe in pixels": mediapipe_pixels,
    "AlphaPose Halpe-26": alphapose,
    "AlphaPose COCO": lambda folder: alphapose(folder, 17),
    "AlphaPose whole body": lambda folder: alphapose(folder, 136),
    "AlphaPose open": alphapose_by_image,
    "AlphaPose cmu": lambda folder: alphapose_by_image(folder, "cmu"),
    "COCO results": coco_results,
    "COCO annotations": coco_annotations,
    "mmpose inferencer": mmpose,
    "mmpose demo": mmpose_demo,
}
SIZED = {
    *("our archive", "our document", "our pickle", "pyskl pickle"),
    *("MediaPipe", "COCO annotations", "Ultralytics label texts"),
}
RATED = {"our archive", "our document", "our pickle", "MediaPipe", "Sports2D"}
