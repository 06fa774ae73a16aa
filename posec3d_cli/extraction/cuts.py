"""Hard cuts: frames at which another shot begins.

Two frames differ by what is where, and by the colours that there are. A camera that moves changes the first more than
the second; a lamp that is lit, or a camera that finds its exposure, changes the second only. A cut changes both, at
once, and for good: the step stands out from those around it, which fast action and a shaking camera do not, and the
scene before it does not come back, as after a flash. (Structure and histogram are the two measures of Boreczky and
Rowe, "Comparison of video shot boundary detection techniques", 1996; that a step has to stand out from its neighbours
is the rule of PySceneDetect's AdaptiveDetector.) Dissolves and fades are no hard cuts.

A frame is kept as its signature, 172 bytes, so that frames need not be held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from posec3d_cli.types import Ints, Pixels

Signature = NDArray[np.uint8]

SMALL = (32, 24)  # width and height that the colours are counted at
CELLS = (12, 9)  # of brightness, across and down
LEVELS = 4  # of each of red, green and blue
SIZE = CELLS[0] * CELLS[1] + LEVELS**3

SUSPECTED = 0.35  # total difference of two frames, perhaps far apart, between which there may be a cut
LEAST = 0.45  # total difference of the two frames at a cut
LEAST_EACH = 0.12  # and of either kind
STANDS_OUT = 3.0  # times the largest step of the frames around
CLEAR = 0.9  # total difference from which one other cut, or the end of a flash, may lie beside it
AROUND = 3  # frames before and after that a step has to stand out from
UNLIKE = 2.0  # times the largest difference within a scene, by which a frame of another one stands out
STAYS = 5  # frames, for which the other scene must not come back; a flash is shorter
DARK = 8  # brightness below which both of two cells may be border
SHOWN = 0.25  # of a frame is the least that is taken to be no border
REACH = max(AROUND, STAYS)
NOISE = 5.0  # brightness that flat frames may differ in by chance, of 255


def signature(pixels: Pixels) -> Signature:
    """`(SIZE,)` the brightness of 12 x 9 cells, then the share of each of 64 colours, in 255ths.

    Args:
        pixels: `(H, W, 3)` RGB.
    """
    step = max(1, min(pixels.shape[:2]) // 120)
    small = cv2.resize(np.ascontiguousarray(pixels[::step, ::step]), SMALL, interpolation=cv2.INTER_AREA)
    cells = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), CELLS, interpolation=cv2.INTER_AREA)
    red, green, blue = np.moveaxis(small.astype(np.int64) * LEVELS // 256, -1, 0)
    colors = np.bincount(((red * LEVELS + green) * LEVELS + blue).ravel(), minlength=LEVELS**3)
    shares = np.round(colors * (255 / colors.sum()))
    return np.concatenate([cells.ravel(), shares]).astype(np.uint8)


def frames_to_check(signatures: Mapping[int, Signature], frames: Sequence[int], frame_count: int) -> Ints:
    """The frames, besides those that are known, whose signatures tell whether there are cuts between `frames`.

    Args:
        signatures: of the frames that are known, all of `frames` among them.
        frames: in order.
        frame_count: of the video.
    """
    needed = {
        frame
        for before, after in _suspects(signatures, frames)
        for frame in range(max(0, before - REACH), min(frame_count, after + REACH))
    }
    return np.array(sorted(needed.difference(signatures)), np.int64)


def find_cuts(signatures: Mapping[int, Signature], frames: Sequence[int]) -> Ints:
    """`(C,)` the frames after the first that begin a new shot, in order.

    The arguments are those of `frames_to_check`, and what that names should be known. Frames that are not, for they do
    not decode, are passed over.
    """
    cuts: list[int] = []
    known = np.array(sorted(signatures), np.int64)
    for before, after in _suspects(signatures, frames):
        first = np.searchsorted(known, before - REACH)
        last = np.searchsorted(known, after + REACH)
        here = known[first:last]
        steps = _steps([signatures[frame] for frame in here.tolist()])
        cuts += [
            frame
            for place, frame in enumerate(here[1:].tolist())
            if before < frame <= after and _is_cut(steps, here, signatures, place)
        ]
    return np.array(cuts, np.int64)


def is_sharp(before: Signature, after: Signature) -> bool:
    """Whether two frames differ as much as the two at a cut."""
    [step] = differences([before], [after])
    return bool(step.sum() >= LEAST and step.min() >= LEAST_EACH)


def is_another_scene(before: Sequence[Signature], after: Signature) -> bool:
    """Whether a frame, some time later, shows another scene than these frames did.

    It then differs from each of them as much as two frames at a cut do, and `UNLIKE` times as much as they differ from
    one another: where a scene itself changes, because somebody comes close or a screen shows a film, a change is none.

    Args:
        before: frames of the scene, in order; at least one.
        after: the later frame.
    """
    apart = differences(before, [after] * len(before))
    nearest = apart[apart.sum(axis=1).argmin()]
    if nearest.sum() < LEAST or nearest.min() < LEAST_EACH:
        return False
    within = [differences(before[:place], [before[place]] * place).sum(axis=1).min() for place in range(1, len(before))]
    return bool(nearest.sum() >= UNLIKE * max(within, default=0.0))


def _suspects(signatures: Mapping[int, Signature], frames: Sequence[int]) -> list[tuple[int, int]]:
    steps = _steps([signatures[frame] for frame in frames]).sum(axis=1)
    return [pair for pair, step in zip(pairwise(frames), steps.tolist(), strict=True) if step >= SUSPECTED]


def _steps(signatures: Sequence[Signature]) -> NDArray[np.float64]:
    """`(T - 1, 2)` the difference of each frame to the next."""
    return differences(signatures[:-1], signatures[1:])


def _is_cut(steps: NDArray[np.float64], frames: Ints, signatures: Mapping[int, Signature], place: int) -> bool:
    """Whether a new shot begins between the frames at `place` and at the next."""
    totals = steps.sum(axis=1)
    if totals[place] < LEAST or steps[place].min() < LEAST_EACH:
        return False
    around = np.concatenate([totals[max(0, place - AROUND) : place], totals[place + 1 : place + 1 + AROUND]])
    others = np.sort(around)[:-1] if totals[place] >= CLEAR else around
    if totals[place] < STANDS_OUT * others.max(initial=0):
        return False
    old = [signatures[frame] for frame in frames[max(0, place + 1 - STAYS) : place + 1].tolist()]
    new = [signatures[frame] for frame in frames[place + 1 : place + 1 + STAYS].tolist()]
    comes_back = differences([old[-1]] * len(new), new).sum(axis=1).min() < LEAST
    was_there = differences(old, [new[0]] * len(old)).sum(axis=1).min() < LEAST
    return not comes_back and not was_there


def differences(before: Iterable[Signature], after: Iterable[Signature]) -> NDArray[np.float64]:
    """`(N, 2)` how much N pairs of frames differ.

    In what is where: 1 minus the correlation of brightness over the cells, from 0 to 2. In their colours: 1 minus the
    intersection of the histograms, from 0 to 1. Black borders, which both have, count for neither.
    """
    count = CELLS[0] * CELLS[1]
    one, other = (np.array([*some]).reshape(-1, SIZE).astype(np.float64) for some in (before, after))
    shown = ~((one[:, :count] < DARK) & (other[:, :count] < DARK))
    parts = np.maximum(shown.sum(axis=1), SHOWN * count)
    spread = [_deviations(some[:, :count], shown) for some in (one, other)]
    sums = [np.square(some).sum(axis=1) + NOISE**2 * parts for some in spread]
    structure = 1 - ((spread[0] * spread[1]).sum(axis=1) + NOISE**2 * parts) / np.sqrt(sums[0] * sums[1])
    common = np.minimum(one[:, count:], other[:, count:])
    whole = (one[:, count:].sum(axis=1) + other[:, count:].sum(axis=1)) / 2
    dark = np.minimum(common[:, 0], (1 - shown.mean(axis=1)) * whole)
    color = (whole - common.sum(axis=1)) / np.maximum(whole - dark, SHOWN * whole)
    return np.stack([structure, color], axis=1)


def _deviations(cells: NDArray[np.float64], shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """From the mean of the cells shown; 0 elsewhere."""
    mean = np.where(shown, cells, 0).sum(axis=1, keepdims=True) / np.maximum(shown.sum(axis=1, keepdims=True), 1)
    return np.where(shown, cells - mean, 0)
