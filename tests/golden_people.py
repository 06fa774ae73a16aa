"""The people of the golden values, given by a formula."""

from __future__ import annotations

import pickle

import numpy as np

FRAME_SIZE = (480, 854)


def arrays(frame_count, people=2, scale=1.0):
    """`(M, T, 17, 2)` places and `(M, T, 17)` scores, float16 as the published pose files store them."""
    v, t, m = np.arange(17), np.arange(frame_count)[:, None], np.arange(people)[:, None, None]
    x = 300 + 180 * m * scale + scale * 60 * np.sin(0.7 * v + 0.11 * t + m) + scale * 0.9 * t
    y = 240 + scale * 10 * v + scale * 25 * np.cos(0.5 * v + 0.07 * t + 2 * m)
    scores = (0.5 + 0.5 * np.sin(0.3 * v + 0.05 * t + m)).astype(np.float16)
    keypoints = np.stack([x, y], axis=-1).astype(np.float16)
    if people > 1:
        keypoints[1, 5:8], scores[1, 5:8] = 0, 0
    return keypoints, scores


def annotation(frame_count, people=2, scale=1.0):
    """The same as an entry of a published dataset pickle."""
    keypoints, scores = arrays(frame_count, people, scale)
    return {
        **{"frame_dir": "golden", "total_frames": frame_count, "label": 0},
        **{"img_shape": FRAME_SIZE, "original_shape": FRAME_SIZE},
        **{"keypoint": keypoints, "keypoint_score": scores},
    }


def write_dataset_pickle(path, **options):
    """A dataset pickle of that one clip."""
    path.write_bytes(pickle.dumps({"split": {"all": ["golden"]}, "annotations": [annotation(**options)]}))
    return path
