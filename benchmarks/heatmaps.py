"""Compare the heatmap builder with a loop written from the published formula, in one run.

    python benchmarks/heatmaps.py [--repeats N]

The sample is 300 frames of two people. The published protocol reads ten clips of 48 frames and their mirror images;
the fast mode reads one clip. The loop draws person by person, joint by joint and frame by frame, one window each, as
the formula is written; both sides start from the same pose sequence, crop it, and end with the same float32 volume.
"zeros" is the time to fill a new array of the volume's size with zeros, which no builder can be much faster than.
The two volumes have to agree within 1e-5, else the run fails. Times are processor time, the shortest of the repeats,
taken in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from posec3d_cli.sampling.indices import uniform_test_indices
from posec3d_cli.skeletons import COCO_17, Limbs
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.transforms.heatmaps import HeatmapSpec, compact, fit
from posec3d_cli.types import Floats, Ints, PoseSequence

TOLERANCE = 1e-5


def loop_joint(canvas: Floats, centre: Floats, score: float, sigma: float) -> None:
    """Draw one joint into `(H, W)`: exp(-|p - centre|² / 2σ²) · score within three σ."""
    height, width = canvas.shape
    x, y = float(centre[0]), float(centre[1])
    left, right = max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, width)
    top, bottom = max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, height)
    if left >= right or top >= bottom:
        return
    xs = np.arange(left, right, dtype=np.float32)
    ys = np.arange(top, bottom, dtype=np.float32)[:, None]
    patch = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 2 / sigma**2) * score
    canvas[top:bottom, left:right] = np.maximum(canvas[top:bottom, left:right], patch)


def loop_limb(canvas: Floats, a: Floats, b: Floats, score_a: float, score_b: float, sigma: float) -> None:
    """Draw one limb into `(H, W)`: a Gaussian of the distance to the segment, as high as the lower score."""
    height, width = canvas.shape
    along = b - a
    squared = float(along @ along)
    if squared < 1:
        loop_joint(canvas, a, score_a, sigma)
        return
    low, high = np.minimum(a, b).astype(float), np.maximum(a, b).astype(float)
    left, right = max(int(low[0] - 3 * sigma), 0), min(int(high[0] + 3 * sigma) + 1, width)
    top, bottom = max(int(low[1] - 3 * sigma), 0), min(int(high[1] + 3 * sigma) + 1, height)
    if left >= right or top >= bottom:
        return
    xs = np.arange(left, right, dtype=np.float32)
    ys = np.arange(top, bottom, dtype=np.float32)[:, None]
    share = np.clip(((xs - a[0]) * along[0] + (ys - a[1]) * along[1]) / squared, 0, 1)
    distance = (xs - a[0] - share * along[0]) ** 2 + (ys - a[1] - share * along[1]) ** 2
    patch = np.exp(-distance / 2 / sigma**2) * min(score_a, score_b)
    canvas[top:bottom, left:right] = np.maximum(canvas[top:bottom, left:right], patch)


def loop_draw(keypoints: Floats, scores: Floats, spec: HeatmapSpec) -> Floats:
    """`(T, C, H, W)` from `(T, M, K, 2)` and `(T, M, K)`, by loops over frames, channels and people."""
    limbs: Limbs = spec.limbs if spec.channels == "limbs" else ()
    drawn = np.zeros((len(keypoints), len(limbs) or scores.shape[2], *spec.size), np.float32)
    for frame in range(len(keypoints)):
        for channel in range(drawn.shape[1]):
            for person in range(keypoints.shape[1]):
                points, confidence = keypoints[frame, person], scores[frame, person]
                a, b = limbs[channel] if limbs else (channel, channel)
                if not min(confidence[a], confidence[b]) >= spec.score_threshold:
                    continue
                if not np.isfinite(points[[a, b]]).all():
                    continue
                canvas = drawn[frame, channel]
                if limbs:
                    loop_limb(canvas, points[a], points[b], float(confidence[a]), float(confidence[b]), spec.sigma)
                else:
                    loop_joint(canvas, points[a], float(confidence[a]), spec.sigma)
    return drawn


def loop_build(sequence: PoseSequence, clips: Ints, spec: HeatmapSpec, *, flip: bool) -> Floats:
    """The volume of `HeatmapBuilder.build`, by `loop_draw`: every place in every view is drawn, then mirrored."""
    columns = clips.reshape(-1)
    keypoints = sequence.keypoints[:, columns].swapaxes(0, 1)
    scores = sequence.scores[:, columns].swapaxes(0, 1)
    drawn = loop_draw(fit(keypoints, compact(keypoints, scores, sequence.frame_size, spec), spec), scores, spec)
    if flip:
        drawn = np.concatenate([drawn, drawn[:, list(spec.mirror), :, ::-1]])
    return np.ascontiguousarray(drawn.reshape(-1, clips.shape[1], *drawn.shape[1:]).swapaxes(1, 2))


def walkers(frame_count: int) -> PoseSequence:
    """Two people who sway and drift through an 854 × 480 frame; the second is missing in frames 5, 6 and 7."""
    person = np.arange(2)[:, None, None]
    frame = np.arange(frame_count)[None, :, None]
    joint = np.arange(17)[None, None, :]
    x = 300 + 180 * person + 60 * np.sin(0.7 * joint + 0.11 * frame + person) + 0.9 * frame
    y = 240 + 10 * joint + 25 * np.cos(0.5 * joint + 0.07 * frame + 2 * person)
    scores = 0.5 + 0.5 * np.sin(0.3 * joint + 0.05 * frame + person)
    scores[1, 5:8] = 0
    keypoints = np.stack([x, y], axis=-1).astype(np.float32)
    return PoseSequence(keypoints, scores.astype(np.float32), (480, 854), np.arange(frame_count), Fraction(30), COCO_17)


def fastest(calls: list[Callable[[], Floats]], repeats: int) -> list[float]:
    """The shortest processor time of each call in seconds; the calls, all single-threaded, take turns."""
    times = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, times, strict=True):
            start = time.process_time()
            call()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in times]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the heatmap builder with a straightforward loop.")
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    sequence = walkers(300)
    print(f"{'case':<32} {'loop ms':>9} {'ours ms':>9} {'ratio':>7} {'zeros ms':>9} {'largest difference':>19}")
    for channels in ("joints", "limbs"):
        spec = HeatmapSpec((64, 64), channels=channels)
        builder = HeatmapBuilder(spec)
        for num_clips, flip in ((10, True), (1, True), (1, False)):
            clips = uniform_test_indices(300, num_clips=num_clips)

            def ours(b: HeatmapBuilder = builder, c: Ints = clips, f: bool = flip) -> Floats:
                return b.build(sequence, c, flip=f).values

            def loop(s: HeatmapSpec = spec, c: Ints = clips, f: bool = flip) -> Floats:
                return loop_build(sequence, c, s, flip=f)

            volume = ours()
            difference = float(np.abs(volume - loop()).max())
            slow, fast, floor = fastest([loop, ours, lambda shape=volume.shape: np.full(shape, 0, np.float32)], repeats)
            case = f"{channels}, {num_clips} clip{'s' * (num_clips > 1)}{', mirrored' * flip}"
            times = f"{slow * 1e3:9.1f} {fast * 1e3:9.1f} {slow / fast:6.1f}x {floor * 1e3:9.1f}"
            print(f"{case:<32} {times} {difference:19.1e}")
            if difference > TOLERANCE:
                raise SystemExit(f"the two volumes differ by {difference:.1e}, more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
