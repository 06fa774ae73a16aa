"""A drawn person whom the real detector and pose models take for one, in a film without losses."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import synthetic_people

from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.skeletons import COCO_17

SIZE = (320, 240)
FRAMES = 6
_SKIN, _SHIRT, _TROUSERS, _DARK = (224, 172, 140), (40, 70, 160), (50, 50, 60), (45, 35, 30)


def image(frame):
    """`(240, 320, 3)`: somebody who raises both arms, in front of grass and sky."""
    drawn = np.full((*SIZE[::-1], 3), (120, 150, 110), np.uint8)
    drawn[:150] = (170, 190, 215)
    joints = synthetic_people.moving("arms")[frame] * 180 + np.array([160, 30])
    places = {name: tuple(int(value) for value in joint) for name, joint in zip(COCO_17.joints, joints, strict=True)}

    def limb(one, other, colour, width):
        cv2.line(drawn, places[one], places[other], colour, width)

    for side in ("left", "right"):
        limb(f"{side}_hip", f"{side}_knee", _TROUSERS, 19)
        limb(f"{side}_knee", f"{side}_ankle", _TROUSERS, 15)
        limb(f"{side}_shoulder", f"{side}_elbow", _SHIRT, 15)
        limb(f"{side}_elbow", f"{side}_wrist", _SKIN, 12)
    corners = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
    cv2.fillPoly(drawn, [np.array([places[corner] for corner in corners])], _SHIRT)
    limb("left_shoulder", "right_shoulder", _SHIRT, 15)
    x, y = places["nose"]
    cv2.ellipse(drawn, (x, y), (9, 12), 0, 0, 360, _SKIN, -1)
    cv2.ellipse(drawn, (x, y - 7), (9, 6), 0, 180, 360, _DARK, -1)
    for eye in ("left_eye", "right_eye"):
        cv2.circle(drawn, places[eye], 1, _DARK, -1)
    return drawn


def write(path, *, narrow=False):
    """The film; with `narrow`, stored at half its width in pixels that are shown twice as wide as high."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = SIZE[0] // (2 if narrow else 1), SIZE[1]
        stream.pix_fmt = "yuv444p"
        stream.codec_context.sample_aspect_ratio = Fraction(2 if narrow else 1)
        for number in range(FRAMES):
            stored = np.ascontiguousarray(image(number)[:, :: 2 if narrow else 1])
            frame = av.VideoFrame.from_ndarray(stored, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def poses_of(folder):
    """What the default pipeline keeps of each film: boxes, their scores, joints and their scores, rounded."""
    extractor = PoseExtractor.from_config(PipelineConfig("light", device="cpu", cache_dir=None))

    def rounded(arrays, digits):
        return [np.round(array.astype(np.float64), digits).tolist() for array in arrays]

    kept = {}
    for name, narrow in (("square pixels", False), ("wide pixels", True)):
        video_poses = extractor.poses(write(folder / f"{name}.mp4", narrow=narrow))
        kept[name] = {
            "boxes": rounded((found.boxes for found in video_poses.detections), 1),
            "box_scores": rounded((found.scores for found in video_poses.detections), 3),
            "keypoints": rounded((poses.keypoints for poses in video_poses.poses), 1),
            "scores": rounded((poses.scores for poses in video_poses.poses), 3),
        }
    return kept
