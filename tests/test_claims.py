"""The measurements of the paper's claims: folds, frames, dropped joints and intervals are what the tables say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmark_modules import imported
from hypothesis import given
from hypothesis import strategies as st

MODULES = ("clips", "tables", "accuracy")


@pytest.fixture(scope="module")
def claims():
    with imported("claims", MODULES) as modules:
        yield modules


def clip(claims, number, *, label="walk", group="a", length=30, every=1, scores=0.9):
    generator = np.random.default_rng(number)
    keypoints = generator.uniform(20, 200, (length, 17, 2)).astype(np.float32)
    return claims["clips"].Clip(
        f"{label}/{number}", label, group, keypoints, np.full((length, 17), scores, np.float32), (240, 320), every
    )


def some(claims, clips_of_group=(5, 4, 3, 3, 2, 1, 1)):
    return [
        clip(claims, 100 * group + number, label=label, group=f"{label} {group}")
        for label in ("walk", "run")
        for group, count in enumerate(clips_of_group)
        for number in range(count)
    ]


def test_a_source_is_tested_in_one_fold_and_actions_are_alike_in_each(claims):
    clips = some(claims)
    folds = claims["clips"].fold_of(clips)
    for group in {one.group for one in clips}:
        assert len({fold for one, fold in zip(clips, folds, strict=True) if one.group == group}) == 1
    for label in ("walk", "run"):
        counts = np.bincount([fold for one, fold in zip(clips, folds, strict=True) if one.label == label])
        assert counts.sum() == 19
        assert counts.max() - counts.min() <= 2


@given(length=st.integers(1, 80), view=st.floats(0, 1, exclude_max=True), frames=st.integers(1, 16))
def test_uniform_columns_lie_one_in_each_part(claims, length, view, frames):
    columns_of = claims["clips"].columns_of
    one = clip(claims, 0, length=length)
    for columns in (
        columns_of(one, frames, "uniform", None, view),
        columns_of(one, frames, "uniform", np.random.default_rng(0), 0),
    ):
        edges = np.arange(frames + 1) * length / frames
        assert (columns >= np.floor(edges[:-1])).all()
        assert (columns <= np.minimum(np.ceil(edges[1:]), length - 1)).all()


@given(length=st.integers(2, 80), view=st.floats(0, 1), stride=st.sampled_from([2, 4]), every=st.sampled_from([1, 2]))
def test_strides_count_frames_of_the_video_and_short_clips_begin_again(claims, length, view, stride, every):
    columns = claims["clips"].columns_of(clip(claims, 0, length=length, every=every), 8, stride, None, view)
    assert ((np.diff(columns) * every - stride) % (length * every) == 0).all()
    assert columns.min() >= 0
    assert columns.max() < length
    if 7 * stride // every < length:
        assert (np.diff(columns) > 0).all()


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_at_most_one_end_of_a_limb_is_dropped_in_a_frame(claims, probability):
    scores = np.ones((4000, 17), np.float32)
    dropped = claims["clips"].with_drops(scores, probability, np.random.default_rng(0)) == 0
    assert (scores == 1).all()  # what was given stays as it was
    assert dropped.sum(axis=1).max() == (probability > 0)
    assert dropped.any(axis=1).mean() == pytest.approx(probability, abs=0.03)
    assert not np.delete(dropped, claims["clips"].LIMB_ENDS, axis=1).any()


def test_every_variant_gives_its_network_what_it_reads(claims):
    accuracy, clips = claims["accuracy"], claims["clips"]
    person = clip(claims, 1)
    for name, variant in accuracy.VARIANTS.items():
        for seen in (person, replace(person, scores=person.scores * 0)):
            shown = clips.draw_training(seen, variant, np.random.default_rng(0))
            config = variant.config
            graph = config.architecture == "stgcn++"
            shape = (1, 8, 17, 3) if graph else (config.in_channels, 8, *config.spec.size)
            assert shown.shape == shape, name
            assert shown.dtype == np.float32
            assert np.isfinite(shown).all()
            assert clips.draw_test(seen, variant, 0.0).shape == shape


def test_the_whole_frame_shows_a_person_smaller_than_its_surroundings_do(claims):
    accuracy, clips = claims["accuracy"], claims["clips"]
    small = clip(claims, 2)
    small = replace(small, keypoints=100 + small.keypoints / 10)
    spread = [
        (clips.draw_test(small, accuracy.VARIANTS[name], 0.0).max(axis=(0, 1)) > 0.1).sum()
        for name in ("joints", "whole frame")
    ]
    assert spread[0] > 3 * spread[1]


def test_intervals_are_of_whole_sources(claims):
    interval = claims["tables"].interval
    values = np.tile([0.0, 1.0], 50)
    low, high = interval(values, np.arange(100))
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)
    assert interval(values, np.arange(100) // 2) == (0.5, 0.5)  # every source is half right
    wide = interval(np.repeat([0.0, 1.0], 50), np.arange(100) // 25)
    assert wide[1] - wide[0] > 3 * (high - low)


def test_the_tables_take_every_clip_from_the_network_that_never_saw_it(claims, tmp_path):
    clips = some(claims)
    folds = claims["clips"].fold_of(clips)
    classes = sorted({one.label for one in clips})
    for fold in range(claims["clips"].FOLDS):
        mine = [one for one, own in zip(clips, folds, strict=True) if own == fold]
        right = np.eye(2)[[classes.index(one.label) for one in mine]]
        np.savez(tmp_path / f"joints-{fold}.npz", good=right, bad=1 - right)

    class Data:
        def clips(self, poses):
            return clips

        def folds(self, poses):
            return folds

    seen = claims["tables"].Outcomes(tmp_path, Data())
    assert seen.right(("joints", "good")).all()
    assert not seen.right(("joints", "bad")).any()
    assert len(seen.sources("thunder")) == len(clips)
