"""Frames beside heatmaps: one crop for both, and what a builder of frames refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posec3d_cli import testing
from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.builders.rgb import RGBBuilder, RGBPoseBuilder
from posec3d_cli.transforms.heatmaps import Crop, HeatmapSpec, compact, fit
from posec3d_cli.transforms.pixels import RGBSpec

SPEC, RGB = HeatmapSpec(size=(16, 16)), RGBSpec((64, 64), mean=(0, 0, 0), std=(1, 1, 1))
SEQUENCE = testing.sample_sequence(COCO_17)
CLIPS = np.array([SEQUENCE.frame_indices[:8], SEQUENCE.frame_indices[4:]])
FRAMES = np.random.default_rng(0).integers(0, 256, (2, 2, 64, 64, 3), np.uint8)


def test_heatmaps_are_those_of_a_classifier_of_poses_alone():
    views = RGBPoseBuilder(SPEC, RGB).build(SEQUENCE, CLIPS, flip=True, frames=FRAMES)
    assert np.array_equal(views.heatmaps, HeatmapBuilder(SPEC).build(SEQUENCE, CLIPS, flip=True).values)
    assert np.array_equal(views.rgb[:2], FRAMES.transpose(0, 4, 1, 2, 3))
    assert np.array_equal(views.rgb[2:], views.rgb[:2, ..., ::-1])


def test_the_crop_is_that_of_the_heatmaps_in_all_frames_shown():
    columns = np.searchsorted(SEQUENCE.frame_indices, np.unique(CLIPS))
    keypoints, scores = SEQUENCE.keypoints[:, columns], SEQUENCE.scores[:, columns]
    crop = RGBBuilder(SPEC, RGB).crop(SEQUENCE, CLIPS)
    assert crop == compact(keypoints, scores, SEQUENCE.frame_size, SPEC)
    assert all(float(edge).is_integer() for edge in (crop.left, crop.top, crop.width, crop.height))


def test_heatmaps_may_be_drawn_in_a_crop_that_is_given():
    crop = Crop(100, 50, 200, 300)
    views = RGBPoseBuilder(SPEC, RGB).views(SEQUENCE, CLIPS, FRAMES, crop)
    place = fit(SEQUENCE.keypoints[0, 0, 0], crop, SPEC)
    row, column = np.unravel_index(views.heatmaps[0, 0, 0].argmax(), (16, 16))
    people = fit(SEQUENCE.keypoints[:, 0, 0], crop, SPEC)
    assert min(abs(column - x) + abs(row - y) for x, y in people) <= 1
    assert np.isfinite(place).all()


def test_frames_alone_hold_no_heatmaps():
    views = RGBBuilder(SPEC, RGB).build(SEQUENCE, CLIPS, frames=FRAMES)
    assert [array.shape for array in views.arrays] == [(2, 3, 2, 64, 64)]


@pytest.mark.parametrize("kind", [RGBBuilder, RGBPoseBuilder])
def test_poses_alone_are_refused(kind):
    with pytest.raises(StageMismatch, match="there are poses alone") as caught:
        kind(SPEC, RGB).build(SEQUENCE, CLIPS)
    assert caught.value.hint == "give it the video, or choose a classifier of poses alone"


@pytest.mark.parametrize("shape", [(1, 2, 64, 64, 3), (2, 2, 32, 64, 3), (2, 2, 64, 64), (2, 2, 64, 64, 1)])
def test_frames_of_another_shape_are_refused(shape):
    with pytest.raises(StageMismatch, match=r"frames must have shape \(2, T, 64, 64, 3\), got"):
        RGBPoseBuilder(SPEC, RGB).build(SEQUENCE, CLIPS, frames=np.zeros(shape, np.uint8))


@pytest.mark.parametrize("options", [{"crop_exact": True}, {"resize": "short-side-crop"}])
def test_a_crop_that_frames_cannot_have_is_refused(options):
    with pytest.raises(BadCard, match="frames are cut out in whole pixels"):
        RGBPoseBuilder(HeatmapSpec(size=(16, 16), **options), RGB)


def test_a_card_without_the_table_rgb_is_refused():
    card = ModelCard("mine", "classifier", "rgb", "s", "l", "d", (), {"heatmaps": {"size": [16, 16]}}, (), Path(), True)
    with pytest.raises(BadCard, match="mine: the recipe has no table 'rgb'"):
        RGBBuilder.from_card(card, {})
    made = RGBBuilder.from_card(replace(card, recipe={**card.recipe, "rgb": {"size": [32, 48]}}), {})
    assert made.frame_size == (32, 48)
