"""How well people keep their identities, beside trackers of the library `trackers` on the same detections.

    python benchmarks/tracking.py [--seeds N]

Needs `pip install trackers==2.6.1`, best in an environment of its own; it brings supervision, and HOTA and IDF1 as
TrackEval computes them. The scenes are made, so that every identity is known. HOTA and IDF1
are means over the seeds, 1 where nobody is ever taken for somebody else. Switches, after which somebody has another
identity than before, and fragments, the identities of one person beyond the first, are sums. Whom a tracker leaves
without an identity counts as not found; whom the detector missed counts for nobody.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.tracking.tracker import track_people
from posec3d_cli.types import Detections, Floats, Poses

FPS = 25.0
WIDTH, HEIGHT = 640, 360
JOINT_NOISE = 0.01  # of the body height
BOX_NOISE = 0.015
HIDDEN = 0.5  # share of a box, covered by somebody nearer, from which nobody is found in it

Numbers = NDArray[np.float64]

# x, y of the COCO joints in body heights, of somebody who faces the camera: nose, eyes, ears, then left and right each.
_STANDING = np.array(
    [(0, 0.08), (0.02, 0.06), (-0.02, 0.06), (0.04, 0.07), (-0.04, 0.07)]
    + [
        (side * x, y)
        for x, y in [(0.11, 0.18), (0.14, 0.34), (0.15, 0.48), (0.07, 0.5), (0.08, 0.74), (0.08, 0.97)]
        for side in (1, -1)
    ]
)
_SWING = np.array([0.0] * 7 + [0.06, -0.06, 0.12, -0.12, 0.0, 0.0, 0.08, -0.08, 0.16, -0.16])


@dataclass(frozen=True, eq=False)
class Scene:
    """What a detector and a pose estimator find in T frames, and who it is.

    Attributes:
        detections: T values.
        poses: T values.
        people: T arrays `(N,)`, who each one is; -1 for a false detection.
        seconds: `(T,)`.
    """

    detections: tuple[Detections, ...]
    poses: tuple[Poses, ...]
    people: tuple[NDArray[np.int64], ...]
    seconds: Numbers

    def every(self, step: int) -> Scene:
        """Every `step`-th frame only."""
        return Scene(self.detections[::step], self.poses[::step], self.people[::step], self.seconds[::step])


def filmed(
    centers: Numbers,
    heights: Numbers,
    *,
    seed: int,
    missed: float = 0.0,
    false: float = 0.0,
    absent: NDArray[np.bool_] | None = None,
) -> Scene:
    """A scene of M people who walk.

    Args:
        centers: `(M, T, 2)` the middle of each body, in pixels.
        heights: `(M,)` of the bodies, in pixels; the higher stands nearer.
        seed: of the noise.
        missed: share of detections that are left out.
        false: share of frames with a detection of nobody.
        absent: `(M, T)` who is out of sight when.
    """
    random = np.random.default_rng(seed)
    people, frames = centers.shape[:2]
    pace, phase = random.uniform(1.5, 2.2, people), random.uniform(0, 6, people)
    shown: list[tuple[Detections, Poses, NDArray[np.int64]]] = []
    for t in range(frames):
        boxes, joints, who = [], [], []
        for person in np.argsort(-heights, kind="stable").tolist():
            height = heights[person]
            swing = np.sin(2 * np.pi * pace[person] * t / FPS + phase[person]) * _SWING
            figure = (_STANDING + np.stack([swing, np.zeros(17)], axis=1) - (0, 0.5)) * height + centers[person, t]
            figure = figure + random.normal(0, JOINT_NOISE * height, (17, 2))
            low, high = figure.min(axis=0) - 0.05 * height, figure.max(axis=0) + 0.05 * height
            box = np.concatenate([low, high]) + random.normal(0, BOX_NOISE * height, 4)
            left_out = random.random() < missed or (absent is not None and absent[person, t])
            if left_out or any(_covered(box, other) > HIDDEN for other in boxes):
                continue
            boxes.append(box)
            joints.append(figure)
            who.append(person)
        if random.random() < false:
            size = np.array([60.0, 120.0])
            corner = random.uniform((0, 0), (WIDTH, HEIGHT) - size)
            boxes.append(np.concatenate([corner, corner + size]))
            joints.append(corner + random.uniform((0, 0), size, (17, 2)))
            who.append(-1)
        order = random.permutation(len(who))
        found = np.array(boxes, np.float32).reshape(-1, 4)[order]
        figures: Floats = np.array(joints, np.float32).reshape(-1, 17, 2)[order]
        shown.append(
            (
                Detections(found, random.uniform(0.6, 0.95, len(who)).astype(np.float32)),
                Poses(figures, np.full((len(who), 17), 0.8, np.float32)),
                np.array(who, np.int64)[order],
            )
        )
    detections, poses, names = zip(*shown, strict=True)
    return Scene(detections, poses, names, np.arange(frames) / FPS)


def _covered(box: Numbers, by: Numbers) -> float:
    low, high = np.maximum(box[:2], by[:2]), np.minimum(box[2:], by[2:])
    return float(np.prod(np.maximum(high - low, 0)) / max(np.prod(box[2:] - box[:2]), 1.0))


def _walks(starts: object, speeds: object, frames: int = 125) -> Numbers:
    """`(M, T, 2)` straight ways from `starts`, in pixels, at `speeds`, in pixels per second."""
    first, speed = np.asarray(starts, np.float64), np.asarray(speeds, np.float64)
    return first[:, None] + speed[:, None] * (np.arange(frames) / FPS)[None, :, None]


def jumping(seed: int, share: float = 0.1) -> Scene:
    """One person whose place jumps in every frame, by this share of the frame's height."""
    random = np.random.default_rng(seed)
    height = random.uniform(120, 260)
    centers = _walks([[300, 180]], [[0, 0]]) + random.normal(0, share * HEIGHT, (1, 125, 2))
    return filmed(centers, np.array([height]), seed=seed)


def crossing(seed: int) -> Scene:
    """Two people of like size who walk past each other; one hides the other."""
    random = np.random.default_rng(seed)
    speed = random.uniform(80, 140, 2)
    centers = _walks([[80, 190], [560, 185]], [[speed[0], 0], [-speed[1], 0]])
    return filmed(centers, random.uniform(170, 210, 2), seed=seed)


def turning(seed: int) -> Scene:
    """Two people who walk towards each other, meet, and go back."""
    random = np.random.default_rng(seed)
    way = np.concatenate([np.linspace(0, 1, 63), np.linspace(1, 0, 62)])
    reach = random.uniform(90, 110)
    centers = np.stack(
        [np.stack([x + side * reach * way, np.full(125, 185.0)], axis=1) for x, side in ((200, 1), (440, -1))]
    )
    return filmed(centers, random.uniform(170, 210, 2), seed=seed)


def crowd(seed: int) -> Scene:
    """Six people who wander about; a tenth is missed, and in a tenth of the frames somebody is found who is not."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 2.0, (6, 125, 2)).cumsum(axis=1)
    centers = random.uniform((80, 120), (560, 240), (6, 2))[:, None] + steps
    return filmed(centers, random.uniform(90, 170, 6), seed=seed, missed=0.1, false=0.1)


def missed(seed: int) -> Scene:
    """Three people who walk; a third of the detections is missed."""
    random = np.random.default_rng(seed)
    centers = _walks([[80, 180], [300, 190], [560, 170]], random.uniform(-40, 40, (3, 2)) * (1, 0.1))
    return filmed(centers, random.uniform(120, 200, 3), seed=seed, missed=0.33)


def hidden(seed: int) -> Scene:
    """Two people who walk, out of sight for 0.7 seconds each."""
    random = np.random.default_rng(seed)
    centers = _walks([[100, 150], [500, 220]], [[random.uniform(60, 100), 0], [-random.uniform(60, 100), 0]])
    absent = np.zeros((2, 125), bool)
    absent[0, 40:58] = absent[1, 80:98] = True
    return filmed(centers, random.uniform(140, 180, 2), seed=seed, absent=absent)


def panned(seed: int) -> Scene:
    """Three people before a camera that pans, stops at once, and pans back."""
    random = np.random.default_rng(seed)
    speed = random.uniform(12, 20)
    pan = np.cumsum(np.concatenate([np.zeros(25), np.full(30, speed), np.zeros(20), np.full(30, -speed), np.zeros(20)]))
    centers = _walks([[40, 180], [160, 190], [290, 175]], random.uniform(-20, 20, (3, 2)) * (1, 0.1))
    centers[..., 0] += pan
    return filmed(centers, random.uniform(120, 180, 3), seed=seed, missed=0.05)


SCENES: dict[str, Callable[[int], Scene]] = {
    "one person who jumps by a tenth of the frame": jumping,
    "two people pass, one hides the other": crossing,
    "the same, every sixth frame": lambda seed: crossing(seed).every(6),
    "two people meet and turn back": turning,
    "six people wander, some missed, some false": crowd,
    "three people, a third of the detections missed": missed,
    "two people out of sight for 0.7 seconds": hidden,
    "a camera that pans and stops": panned,
}

Ids = list[NDArray[np.int64]]


def ours(scene: Scene) -> Ids:
    """The identities that this package gives."""
    return track_people(scene.detections, scene.poses, seconds=scene.seconds)


def theirs(name: str) -> Callable[[Scene], Ids]:
    """The identities that a tracker of `trackers` gives, with its own settings for the rate of the frames."""
    import supervision as sv
    import trackers

    def track_ids(scene: Scene) -> Ids:
        rate = 1 / float(np.median(np.diff(scene.seconds)))
        tracker = getattr(trackers, name)(frame_rate=rate, lost_track_buffer=round(FPS))
        ids: Ids = []
        for found in scene.detections:
            shown = sv.Detections(
                xyxy=found.boxes.copy(), confidence=found.scores.copy(), class_id=np.zeros(len(found), np.int64)
            )
            shown.data["row"] = np.arange(len(found))
            who = np.full(len(found), -1, np.int64)
            if len(found):
                told = tracker.update(shown)
                if told.tracker_id is not None:
                    who[np.asarray(told.data["row"], np.int64)] = told.tracker_id
            else:
                tracker.update(sv.Detections.empty())
            ids.append(who)
        return ids

    return track_ids


def figures(scene: Scene, ids: Ids) -> dict[str, float]:
    """HOTA, IDF1, switches and fragments of some identities."""
    from trackers.eval import hota, track_id

    truth, told, alike = [], [], []
    for people, who in zip(scene.people, ids, strict=True):
        real, named = np.flatnonzero(people >= 0), np.flatnonzero(who >= 0)
        truth.append(people[real])
        told.append(who[named])
        alike.append((real[:, None] == named[None]).astype(np.float64))
    result = {"HOTA": hota.compute_hota_metrics(truth, told, alike)["HOTA"]}
    result["IDF1"] = track_id.compute_identity_metrics(truth, told, alike)["IDF1"]
    return {**result, "switches": switches(scene, ids), "fragments": split(scene, ids)}


def switches(scene: Scene, ids: Ids) -> int:
    """How often somebody has another identity than when last named."""
    last: dict[int, int] = {}
    count = 0
    for people, who in zip(scene.people, ids, strict=True):
        for person, track_id in zip(people.tolist(), who.tolist(), strict=True):
            if person >= 0 and track_id >= 0:
                count += last.get(person, track_id) != track_id
                last[person] = track_id
    return count


def split(scene: Scene, ids: Ids) -> int:
    """How many identities people have beyond one each."""
    pairs = {
        (person, track_id)
        for people, who in zip(scene.people, ids, strict=True)
        for person, track_id in zip(people.tolist(), who.tolist(), strict=True)
        if person >= 0 and track_id >= 0
    }
    return len(pairs) - len({person for person, _ in pairs})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    ways = {
        "ours": ours,
        "SORT": theirs("SORTTracker"),
        "ByteTrack": theirs("ByteTrackTracker"),
        "OC-SORT": theirs("OCSORTTracker"),
    }
    print("| scene | tracker | HOTA | IDF1 | switches | fragments |")
    print("|---|---|---:|---:|---:|---:|")
    for title, make in SCENES.items():
        for number, (name, way) in enumerate(ways.items()):
            rows = [figures(scene, way(scene)) for scene in map(make, range(options.seeds))]
            hota, idf1 = (np.mean([row[key] for row in rows]) for key in ("HOTA", "IDF1"))
            switched, fragments = (int(sum(row[key] for row in rows)) for key in ("switches", "fragments"))
            scene = "" if number else title
            print(f"| {scene} | {name} | {hota:.3f} | {idf1:.3f} | {switched} | {fragments} |", flush=True)


if __name__ == "__main__":
    main()
