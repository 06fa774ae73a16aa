"""Input builders are given the objects of the frames that they read."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
import video_factory


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 50)


def sequences(pipeline):
    return [sequence for sequence, _, _ in pipeline.recognizer.members[0].builder.calls]


def pipeline_with(detector):
    pipeline = fakes.pipeline()
    pipeline.extractor.detector = detector
    return pipeline


def test_a_builder_gets_the_objects_of_each_window_linked_over_its_frames(clip):
    pipeline = pipeline_with(fakes.ObjectDetector(lambda index: 20 + index))
    fakes.predict(pipeline, clip, window_seconds=1.0)
    windows = sequences(pipeline)
    assert len(windows) > 1
    for sequence in windows:
        objects = sequence.objects
        assert objects.names == ("ball", "cup")
        assert objects.columns.tolist() == list(range(len(sequence)))
        assert objects.boxes[:, [0, 2]].mean(axis=1) == pytest.approx(20 + sequence.frame_indices)


def test_each_person_comes_with_the_same_objects(clip):
    pipeline = pipeline_with(fakes.ObjectDetector(where=lambda index: [15, 70]))
    fakes.predict(pipeline, clip, people="each")
    first, second, *_ = sequences(pipeline)
    assert (first.people, second.people) == (1, 1)
    assert np.array_equal(first.objects.boxes, second.objects.boxes)


def test_a_builder_gets_none_where_nobody_looked_for_objects(clip):
    pipeline = pipeline_with(fakes.Detector())
    fakes.predict(pipeline, clip)
    assert [sequence.objects for sequence in sequences(pipeline)] == [None]


def test_objects_are_the_same_whether_every_frame_is_drawn_or_not(clip):
    given = []
    for every_frame in (False, True):
        pipeline = pipeline_with(fakes.ObjectDetector(lambda index: 20 + index if index % 4 else None))
        fakes.predict(pipeline, clip, every_frame=every_frame)
        [sequence] = sequences(pipeline)
        given.append(sequence.objects)
    one, other = given
    assert np.array_equal(one.columns, other.columns)
    assert np.array_equal(one.boxes, other.boxes)
    assert np.array_equal(one.found, other.found)
