"""From keypoints to heatmap volumes: crop around the people, scale to the volume, draw.

Everything here is a pure function of NumPy arrays. Shape letters are those of `posec3d_cli.types`, with F for frames
that are drawn once however many views show them, and C for channels (joints or limbs). Pixel (0, 0) is the centre of
the top-left pixel, of the frame as of the volume. The rules are those of `PoseCompact`, `Resize`, `CenterCrop` and
`GeneratePoseTarget` in pyskl and mmaction2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from posec3d_cli.schema import BadSetting, Checked, Count, Positive, read
from posec3d_cli.skeletons import LIMB_ORDERS, POSEC3D_LIMBS, Limbs, Skeleton, mirror_limbs, skeleton
from posec3d_cli.transforms.gaussians import draw_joints, draw_limbs, joint_marks, keep_largest, limb_marks, unroll
from posec3d_cli.types import Floats, Ints

__all__ = ["Crop", "HeatmapSpec", "compact", "draw_joints", "draw_limbs", "draw_views", "fit", "mirror_volume"]

Resize = Literal["stretch", "short-side-crop"]
Channels = Literal["joints", "limbs"]
Flip = Literal["array", "keypoints"]
Absent = Literal["score", "zero-coordinate"]

Size = Annotated[tuple[Count, Count], Meta(description="(height, width) in pixels")]
Pairs = Annotated[Limbs, Meta(description=f"pairs of joint numbers, or one of {', '.join(LIMB_ORDERS)}")]

Scalar = TypeVar("Scalar", bound=np.generic)


class HeatmapSpec(Checked, frozen=True):
    """How the heatmap volumes of a classifier are drawn. Defaults: those of pyskl's joint configs, except `absent`.

    Attributes:
        size: (H, W) of the volume.
        channels: one channel per joint, or one per limb.
        skeleton: name of the joint set that the poses must have.
        joints: names of the joints that become channels, in order; none means all of them. The others are not looked
            at, nor does the crop take notice of them.
        limbs: the limbs in channel order, where `channels` is "limbs".
        sigma: standard deviation of the Gaussians in volume pixels.
        score_threshold: joints and limbs that score less are not drawn (1e-3 in pyskl, 1e-4 in mmaction2).
        resize: "stretch" scales the crop to `size`, each axis by itself; "short-side-crop" scales its shorter side to
            the (square) size and cuts the middle out of the longer one.
        crop_padding: by what share the box around the people is enlarged.
        crop_min_size: frame pixels; the whole frame is taken where the people's box is narrower or lower than this.
        crop_ratio: height over width of the crop, which grows in one direction to have it.
        crop_may_leave_frame: whether the crop may reach beyond the frame's edges, or ends there.
        crop_exact: whether the crop keeps fractions of a pixel; published models cut its edges to whole pixels, which
            moves and stretches small people.
        flip: mirror views reverse the "array" (mmaction2 1.x, pyskl), or are drawn from mirrored "keypoints", which
            lie one pixel further right (mmaction2 0.x).
        absent: which joints the crop takes no notice of: "score": those that are not drawn either;
            "zero-coordinate": whatever the score, those with a coordinate of exactly 0, axis by axis, as upstream.
    """

    size: Size
    channels: Channels = "joints"
    skeleton: str = "coco-17"
    joints: tuple[str, ...] = ()
    limbs: Pairs = POSEC3D_LIMBS
    sigma: Positive = 0.6
    score_threshold: float = 1e-3
    resize: Resize = "stretch"
    crop_padding: float = 0.25
    crop_min_size: float = 10
    crop_ratio: Positive = 1
    crop_may_leave_frame: bool = True
    crop_exact: bool = False
    flip: Flip = "array"
    absent: Absent = "score"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resize == "short-side-crop" and self.size[0] != self.size[1]:
            raise BadSetting(f"resize 'short-side-crop' needs a square size, got {self.size}")
        known = self.joint_set
        for joint in self.joints:
            if joint not in known.joints:
                raise BadSetting(f"joints names {joint!r}", hint=f"{known.name} has {', '.join(known.joints)}")
            if known.joints[known.mirror[known.joints.index(joint)]] not in self.joints:
                raise BadSetting(f"joints has {joint} without its mirror image", hint="list both sides")
        if len(set(self.joints)) < len(self.joints):
            raise BadSetting(f"joints names a joint twice: {', '.join(self.joints)}")
        if self.joints and self.channels == "limbs":
            raise BadSetting("joints goes with joint channels only", hint="choose limbs with limbs")
        joints = len(known.joints)
        if any(not 0 <= joint < joints for limb in self.limbs for joint in limb):
            raise BadSetting(f"limbs must be pairs of joint numbers below {joints}, got {self.limbs}")

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any], *, where: str = "") -> HeatmapSpec:
        """The spec that a card states: its settings are the attributes; `limbs` may be the name of a limb order.

        Args:
            recipe: the table `recipe.heatmaps` of a classifier's card.
            where: the card's name, for messages.

        Raises:
            BadCard: a setting is unknown, missing or impossible.
        """
        limbs = recipe.get("limbs")
        if isinstance(limbs, str) and limbs in LIMB_ORDERS:
            recipe = {**recipe, "limbs": LIMB_ORDERS[limbs]}
        return read(cls, recipe, where=where, key="recipe.heatmaps")

    def to_recipe(self) -> dict[str, Any]:
        """What `from_recipe` reads, as plain lists, numbers and strings, for a card."""
        recipe: dict[str, Any] = msgspec.to_builtins(self)
        del recipe["limbs" if self.channels == "joints" else "joints"]
        return recipe

    @cached_property
    def joint_set(self) -> Skeleton:
        """The skeleton that `skeleton` names."""
        return skeleton(self.skeleton)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The joints that are drawn, by their numbers in the skeleton."""
        known = self.joint_set.joints
        return tuple(known.index(joint) for joint in self.joints) or tuple(range(len(known)))

    @cached_property
    def joint_mirror(self) -> tuple[int, ...]:
        """The mirror image of each drawn joint, by its number among the drawn joints."""
        return tuple(self.numbers.index(self.joint_set.mirror[number]) for number in self.numbers)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """The channel that each channel becomes in a mirror image."""
        return self.joint_mirror if self.channels == "joints" else mirror_limbs(self.limbs, self.joint_mirror)


@dataclass(frozen=True)
class Crop:
    """A rectangle in pixels of the frame, whole ones unless `crop_exact`; it may reach beyond the frame.

    Attributes:
        left, top: the place in the frame that becomes (0, 0).
        width, height: its size in pixels.
    """

    left: float
    top: float
    width: float
    height: float


def compact(keypoints: Floats, scores: Floats, frame_size: tuple[int, int], spec: HeatmapSpec) -> Crop:
    """The rectangle around everybody in all given frames (`PoseCompact`), or the whole frame where they are too small.

    Args:
        keypoints: `(..., K, 2)` float32 in frame pixels.
        scores: `(..., K)` float32.
        frame_size: (H, W).
        spec: its `crop_…` settings and `absent`.
    """
    height, width = frame_size
    whole = Crop(0, 0, width, height)
    if spec.absent == "zero-coordinate":
        known = np.isfinite(keypoints) & (keypoints != 0)
    else:
        drawn = (scores >= spec.score_threshold) & (scores > 0) & np.isfinite(keypoints).all(axis=-1)
        known = np.repeat(drawn[..., None], 2, axis=-1)
    xs, ys = keypoints[..., 0][known[..., 0]], keypoints[..., 1][known[..., 1]]
    if not (len(xs) and len(ys)) or min(np.ptp(xs), np.ptp(ys)) < spec.crop_min_size:
        return whole
    # Sums and differences in float32, the rest in double precision: the published checkpoints were trained so.
    centre_x, half_width = float(xs.max() + xs.min()) / 2, float(np.ptp(xs)) / 2 * (1 + spec.crop_padding)
    centre_y, half_height = float(ys.max() + ys.min()) / 2, float(np.ptp(ys)) / 2 * (1 + spec.crop_padding)
    half_height = max(spec.crop_ratio * half_width, half_height)
    half_width = max(half_height / spec.crop_ratio, half_width)
    left, right = centre_x - half_width, centre_x + half_width
    top, bottom = centre_y - half_height, centre_y + half_height
    if not spec.crop_may_leave_frame:
        left, right, top, bottom = max(left, 0), min(right, width), max(top, 0), min(bottom, height)
    if not spec.crop_exact:
        left, right, top, bottom = int(left), int(right), int(top), int(bottom)
    if right <= left or bottom <= top:  # everybody is beyond the edge
        return whole
    return Crop(left, top, right - left, bottom - top)


def fit(keypoints: Floats, crop: Crop, spec: HeatmapSpec) -> Floats:
    """Keypoints in frame pixels, `(..., 2)` float32, moved to volume pixels."""
    scale, offset = volume_scale(crop, spec)
    corner = np.array([crop.left, crop.top], np.float32)
    if spec.absent == "zero-coordinate":
        keypoints = np.where(np.isnan(keypoints), 0, keypoints)
        moved = np.where(keypoints != 0, keypoints - corner, 0)
    else:
        moved = keypoints - corner
    fitted: Floats = moved * scale - offset
    return fitted


def volume_scale(crop: Crop, spec: HeatmapSpec) -> tuple[Floats, Floats]:
    """How a crop becomes the volume: a point at (x, y) in the crop lies at (x, y) * scale - offset, both `(2,)`."""
    height, width = spec.size
    if spec.resize == "short-side-crop":
        factor = height / min(crop.width, crop.height)
        width, height = int(crop.width * factor + 0.5), int(crop.height * factor + 0.5)
    scale = np.array([width / crop.width, height / crop.height], np.float32)
    offset = np.array([(width - spec.size[1]) // 2, (height - spec.size[0]) // 2], np.float32)
    return scale, offset


def draw_views(keypoints: Floats, scores: Floats, frames: Ints, spec: HeatmapSpec, *, flip: bool = False) -> Floats:
    """Draw every view of a sequence. The Gaussians of a frame are worked out once, however many views show it.

    Args:
        keypoints: `(F, M, K, 2)` float32 in volume pixels.
        scores: `(F, M, K)` float32.
        frames: `(V, T)` numbers below F.
        spec: how to draw.
        flip: append the mirror image of each view.

    Returns:
        `(V, C, T, H, W)` float32; `(2V, C, T, H, W)` with `flip`.
    """
    views, length = frames.shape
    volume = np.zeros((2 * views if flip else views, len(spec.mirror), length, *spec.size), np.float32)
    marks = _marks(keypoints, scores, spec)
    _spread(marks, frames, volume[:views])
    if flip and spec.flip == "array":
        _spread(_mirror_marks(marks, spec), frames, volume[views:])
    elif flip:
        _spread(_marks(*_mirror_keypoints(keypoints, scores, spec), spec), frames, volume[views:])
    return volume


@dataclass(frozen=True, eq=False)
class _Marks:
    """The drawn pixels of F frames, frame by frame: how many each frame has, `(F,)`, and of each its channel, its cell
    (row * W + column) and its value."""

    counts: Ints
    channels: Ints
    cells: Ints
    values: Floats


def _marks(keypoints: Floats, scores: Floats, spec: HeatmapSpec) -> _Marks:
    settings: dict[str, Any] = {"size": spec.size, "sigma": spec.sigma, "score_threshold": spec.score_threshold}
    if spec.channels == "joints":
        places, values = joint_marks(keypoints, scores, **settings)
    else:
        places, values = limb_marks(keypoints, scores, spec.limbs, **settings)
    planes, cells = np.divmod(places, math.prod(spec.size))
    frames, channels = np.divmod(planes, len(spec.mirror))
    return _Marks(np.bincount(frames, minlength=len(keypoints)), channels, cells, values)


def _mirror_marks(marks: _Marks, spec: HeatmapSpec) -> _Marks:
    width = spec.size[1]
    channels = np.array(spec.mirror)[marks.channels]
    return replace(marks, channels=channels, cells=marks.cells + (width - 1) - 2 * (marks.cells % width))


def _mirror_keypoints(keypoints: Floats, scores: Floats, spec: HeatmapSpec) -> tuple[Floats, Floats]:
    """`Flip` of mmaction2 0.x: x becomes W - x, which is one more than where the reversed array has it."""
    mirror = list(spec.joint_mirror)
    x = keypoints[..., 0]
    mirrored_x = np.where((x == 0) & (spec.absent == "zero-coordinate"), x, spec.size[1] - x)
    mirrored = np.stack([mirrored_x, keypoints[..., 1]], axis=-1)
    return mirrored[..., mirror, :], scores[..., mirror]


def _spread(marks: _Marks, frames: Ints, volume: Floats) -> None:
    """Write marks into `volume`, `(V, C, T, H, W)` zeros, wherever `frames`, `(V, T)`, shows their frame."""
    views, channels, length, *size = volume.shape
    plane = math.prod(size)
    corners = np.arange(views)[:, None] * (channels * length * plane) + np.arange(length) * plane
    shown = frames.reshape(-1)
    slot, mark = unroll((np.cumsum(marks.counts) - marks.counts)[shown], marks.counts[shown])
    places = (marks.channels * (length * plane) + marks.cells)[mark] + corners.reshape(-1)[slot]
    keep_largest(volume.reshape(-1), places, marks.values[mark])


def mirror_volume(volume: NDArray[Scalar], channels: Sequence[int]) -> NDArray[Scalar]:
    """The mirror image of `(..., C, T, H, W)` values: columns reversed, left and right channels swapped.

    Args:
        volume: the values.
        channels: `(C,)` the channel that each becomes, as `HeatmapSpec.mirror` gives it.
    """
    mirrored: NDArray[Scalar] = np.ascontiguousarray(volume[..., list(channels), :, :, ::-1])
    return mirrored
