"""From a video to its actions, with stages of a few lines."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import shot_factory
import video_factory
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.answers import weighted_mean
from posec3d_cli.config import DEFAULT_PIPELINE, PipelineConfig
from posec3d_cli.errors import BadCard, EmptyVideo, StageMismatch, UnreadableVideo
from posec3d_cli.extraction import extractor as extractor_module
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.hub.catalog import load_pipeline
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.sampling.clips import ClipSampling, Window, used_frames
from posec3d_cli.types import ActionScores, JointHeatmaps


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 100, size=(96, 48))


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("clips") / "still.mp4", 100)


def answer(*probabilities, labels=("a", "b")):
    return ActionScores(np.array(probabilities, np.float32), labels)


def test_only_the_sampled_frames_are_looked_at(clip):
    pipeline = fakes.pipeline()
    result = pipeline.predict(clip)
    (_, clips, _) = pipeline.recognizer.members[0].builder.calls[0]
    assert clips.shape == (1, 8)
    assert pipeline.extractor.detector.seen == sorted(set(clips.ravel().tolist()))
    assert result.frames_used == result.frames_with_person == 8


def test_the_answer_is_the_classifiers(clip):
    result = fakes.pipeline(lambda index: [30]).predict(clip)
    assert result.scores.top(2) == [("left", pytest.approx(0.7)), ("right", pytest.approx(0.3))]
    assert result.mean_keypoint_score == pytest.approx(0.8)
    assert result.warnings == ()
    assert set(result.seconds) == {"decode", "wait", "detect", "pose", "track", "build", "classify"}


def test_nobody_in_the_video_is_an_ordinary_answer(clip):
    result = fakes.pipeline(lambda index: []).predict(clip)
    assert result.scores is None
    assert result.people == ()
    assert result.mean_keypoint_score is None
    assert [window.scores for window in result.windows] == [None]
    assert result.frames_used == 8
    assert result.frames_with_person == 0


def test_nobody_in_the_video_is_an_ordinary_answer_for_each_person_too(clip):
    assert fakes.predict(fakes.pipeline(lambda index: []), clip, people="each", window_seconds=1).scores is None


def test_views_and_mirror_images_are_asked_of_the_builder(clip):
    pipeline = fakes.pipeline()
    fakes.predict(pipeline, clip, views=3, flip=True)
    [(_, clips, flip)] = pipeline.recognizer.members[0].builder.calls
    assert clips.shape == (3, 8)
    assert flip


def test_every_frame_can_be_posed_without_changing_the_answer(clip):
    where = lambda index: [20 + index / 2]  # noqa: E731
    few, pipeline = fakes.pipeline(where).predict(clip), fakes.pipeline(where)
    every = pipeline.predict(clip, every_frame=True)
    assert sorted(pipeline.extractor.detector.seen) == list(range(100))
    assert len(every.video_poses) == 100
    assert every.frames_used == few.frames_used
    assert np.array_equal(every.scores.probabilities, few.scores.probabilities)


def answers_of(result):
    """Everything that an answer says, as plain values."""
    said = result.to_dict()
    used = result.video_poses.part(used_frames(result.sampling.plan(*length_of(result))))
    return {
        **{name: said[name] for name in said if name not in ("seconds", "video")},
        "identities": [who.tolist() for who in used.track_ids],
    }


def length_of(result):
    return result.video.frame_count, result.video.fps


def crowd(index):
    """Three people: one walks, one comes into sight between the frames that are read, one jumps too far to follow."""
    return [10 + index / 3, *([90] if index % 7 else []), *([60 + index % 30] if index % 3 else [])]


@pytest.mark.parametrize("options", [{}, {"people": "each"}, {"people": "each", "window_seconds": 0.8}, {"views": 3}])
@pytest.mark.parametrize("apart", [1, 3, 16])
def test_an_answer_is_the_same_whether_every_frame_is_drawn_or_not(clip, options, apart):
    few, every = fakes.pipeline(crowd), fakes.pipeline(crowd)
    few.extractor.every = every.extractor.every = apart
    alone, drawn = fakes.predict(few, clip, **options), fakes.predict(every, clip, **options, every_frame=True)
    assert len(drawn.video_poses) == 100
    assert answers_of(drawn) == answers_of(alone)


@pytest.mark.parametrize("first", [True, False])
def test_an_answer_is_the_same_when_the_poses_of_the_other_frames_are_kept(clip, tmp_path, first):
    def answer(every_frame):
        pipeline = fakes.pipeline(crowd)
        pipeline.extractor.cache = PoseCache(tmp_path)
        return answers_of(fakes.predict(pipeline, clip, people="each", every_frame=every_frame))

    assert answer(first) == answer(not first) == answer(first)


def test_a_lost_frame_is_replaced_by_the_same_one_whether_every_frame_is_drawn_or_not(clip):
    pipeline = fakes.pipeline(lambda index: [20 + index / 2])
    needed = used_frames(pipeline.recognizer.sampling.plan(100, 25))

    class Lossy:
        def __init__(self, video):
            self.info, self.video = video.info, video

        def read(self, indices):
            return (frame for frame in self.video.read(indices) if frame.index not in (needed[3], 99))

    predictions = []
    for also in (None, np.arange(100)):
        with pipeline.extractor.open(clip) as video:
            video_poses = pipeline.extractor.poses_of(Lossy(video), needed, also=also)
        predictions.append(pipeline.recognizer.recognize(video_poses))
    few, every = predictions
    assert np.array_equal(every.scores.probabilities, few.scores.probabilities)
    assert every.frames_used == few.frames_used == 7
    assert every.warnings == few.warnings
    assert "1 damaged frame could not be decoded and was left out" in few.warnings[0]
    assert every.video_poses.lost.tolist() == [needed[3], 99]


def test_frames_for_drawing_get_the_identities_of_those_that_are_read(clip):
    result = fakes.pipeline(lambda index: [15 + index / 4, 85 - index / 4]).predict(clip, every_frame=True)
    assert [who.tolist() for who in result.video_poses.track_ids] == [[0, 1]] * 100


def test_heatmaps_are_kept_of_the_frames_that_are_read_only(clip):
    class Pose(fakes.Pose):
        def estimate(self, frames, detections):
            maps = JointHeatmaps(np.zeros((1, 17, 3, 3), np.float32), np.zeros((1, 2, 3), np.float32))
            return [replace(one, heatmaps=maps) for one in super().estimate(frames, detections)]

    extractor = PoseExtractor(fakes.Detector(), Pose())
    with extractor.open(clip) as video:
        video_poses = extractor.poses_of(video, np.array([2, 4]), also=np.arange(6))
    assert [one.heatmaps is not None for one in video_poses.poses] == [False, False, True, False, True, False]


@pytest.mark.weights
@pytest.mark.shared
def test_real_people_get_the_same_answer_whether_every_frame_is_drawn_or_not(shared, weights):
    for name in ("efficientdet-lite0", "movenet-lightning", *load_pipeline(DEFAULT_PIPELINE).classifier.split("+")):
        weights(name)
    answers = []
    for every_frame in (False, True):
        config = PipelineConfig(
            detector="efficientdet-lite0", pose="movenet-lightning", device="cpu", detect_every=2, cache_dir=None
        )
        pipeline = Pipeline.from_config(config)
        result = pipeline.predict(shared / "videos" / "hugging.avi", every_frame=every_frame)
        answers.append(answers_of(result))
    few, every = answers
    assert len({who for one in few["identities"] for who in one if who >= 0}) > 1
    assert every == few


def test_people_may_be_looked_for_in_every_nth_of_the_frames_that_are_read(still, monkeypatch):
    extractor = fakes.pipeline().extractor
    monkeypatch.setattr("posec3d_cli.pipeline.PoseExtractor.from_resolved", lambda resolved, **options: extractor)
    pipeline = Pipeline.from_config(PipelineConfig("light", detect_every=3, device="cpu"))
    assert pipeline.recognizer.used.detect_every == 3
    stages = fakes.pipeline()
    stages.extractor.every = 3
    result = stages.predict(still)
    frames = result.video_poses.frame_indices.tolist()
    assert stages.extractor.detector.seen == sorted({*frames[::3], frames[-1]})


def test_frames_go_through_the_stages_in_small_batches(clip, monkeypatch):
    pipeline = fakes.pipeline()
    calls = []
    pipeline.poses(clip, progress=lambda done, total: calls.append((done, total)))
    assert pipeline.extractor.detector.batches == [4] + [16] * 6
    assert calls[0] == (4, 100)
    assert calls[-1] == (100, 100)
    monkeypatch.setattr(extractor_module, "BATCH_BYTES", 3 * 96 * 48 * 3)
    pipeline.poses(clip, np.arange(7))
    assert pipeline.extractor.detector.batches[7:] == [3, 3, 1]


def test_signs_of_life_come_while_a_long_video_is_read(clip):
    calls = []
    fakes.predict(fakes.pipeline(), clip, window_seconds=0.4, progress=lambda done, total: calls.append((done, total)))
    assert calls[-4:] == [(98, 98)] * 4, "once when all are posed, then after every 8 of the 19 windows"


def test_two_people_are_read_together_or_each_alone(clip):
    pipeline = fakes.pipeline(lambda index: [20, 80])
    together = fakes.predict(pipeline, clip, people="together")
    assert together.scores.top(1) == [("left", pytest.approx(0.5))]
    assert [person.scores for person in together.people] == [None, None]
    each = fakes.predict(pipeline, clip, people="each")
    assert sorted(round(float(person.scores.probabilities[1]), 3) for person in each.people) == [0.2, 0.8]
    assert [person.weight for person in each.people] == pytest.approx([0.5, 0.5])
    assert each.scores.top(1)[0][1] == pytest.approx(0.5)


def test_somebody_seen_longer_weighs_more(clip):
    result = fakes.predict(fakes.pipeline(lambda index: [80, 20] if index < 50 else [80]), clip, people="each")
    main, other = result.people
    assert (main.frames, other.frames) == (8, 4)
    assert (main.weight, other.weight) == pytest.approx((4 / 5, 1 / 5))
    # The frames without the other person are empty in the other person's volume: 0.2 in half of the frames.
    assert result.scores.probabilities[1] == pytest.approx((4 * 0.8 + 0.1) / 5)


def test_a_fragment_is_neither_read_alone_nor_counted(clip):
    where = lambda index: [20, 80] if index < 13 else [20]  # noqa: E731
    sampling = ClipSampling(frames=8, people="each", min_share=0.3)
    result = fakes.pipeline(where, sampling=sampling).predict(clip)
    assert [person.frames for person in result.people] == [8]


def test_windows_are_answered_one_by_one_and_averaged(clip):
    pipeline = fakes.pipeline(lambda index: [20] if index < 50 else [80])
    result = fakes.predict(pipeline, clip, window_seconds=2)
    assert [(window.start, window.stop) for window in result.windows] == [(0, 50), (25, 75), (50, 100)]
    right = [float(window.scores.probabilities[1]) for window in result.windows]
    assert right[0] == pytest.approx(0.2)
    assert right[2] == pytest.approx(0.8)
    assert result.scores.probabilities[1] == pytest.approx(np.mean(right), abs=1e-6)


def test_a_window_without_anybody_does_not_count(clip):
    pipeline = fakes.pipeline(lambda index: [20] if index < 30 else [])
    result = fakes.predict(pipeline, clip, window_seconds=1, people="each")
    assert result.windows[-1].scores is None
    assert result.windows[0].scores.probabilities[1] == pytest.approx(0.2)
    assert result.scores.probabilities.sum() == pytest.approx(1)


def test_a_person_keeps_the_identity_over_windows(still):
    result = fakes.predict(fakes.pipeline(lambda index: [20, 80]), still, window_seconds=1, people="each")
    assert [person.id for person in result.people] == [0, 1]
    assert sum(person.weight for person in result.people) == pytest.approx(1)


def test_a_window_of_nothing_reads_the_video_as_one(clip):
    sampling = ClipSampling(frames=8, window_seconds=1, stride_seconds=0.5)
    result = fakes.predict(fakes.pipeline(sampling=sampling), clip, window_seconds=0)
    assert len(result.windows) == 1
    assert len(fakes.pipeline(sampling=sampling).predict(clip).windows) > 1


def test_what_makes_an_answer_uncertain_is_said(clip, tmp_path):
    rarely = fakes.pipeline(lambda index: [20] if index < 30 else [], score=0.1).predict(clip)
    assert any("only 3 of 8 frames used" in warning or "only 2 of 8 frames" in warning for warning in rarely.warnings)
    assert any("0.10" in warning for warning in rarely.warnings)
    short = fakes.pipeline().predict(video_factory.write(tmp_path / "short.mp4", 5))
    assert short.warnings == ("the video has 5 frames and the classifier reads 8: frames are repeated",)
    assert short.frames_used == 5


def test_the_whole_frame_detector_is_named_in_the_warnings(clip):
    pipeline = fakes.pipeline()
    used = pipeline.recognizer.used.models
    used["detector"] = type(used["detector"])("whole-frame", "whole-frame", "cpu", {})
    assert "no detector looked for people" in pipeline.predict(clip).warnings[0]


def test_frames_that_do_not_decode_are_replaced_by_their_neighbours(clip):
    pipeline = fakes.pipeline()

    class Lossy:
        lost = (12, 13)

        def __init__(self, video):
            self.info, self.video = video.info, video

        def read(self, indices):
            return (frame for frame in self.video.read(indices) if frame.index not in self.lost)

    plan = pipeline.recognizer.sampling.plan(100, 25)
    lost = used_frames(plan)[[1, 2]]
    with pipeline.extractor.open(clip) as video:
        lossy = Lossy(video)
        lossy.lost = tuple(lost.tolist())
        video_poses = pipeline.extractor.poses_of(lossy, used_frames(plan))
    result = pipeline.recognizer.recognize(video_poses)
    assert result.frames_used == 6
    assert "2 damaged frames" in result.warnings[0]
    assert result.scores.probabilities[1] == pytest.approx(0.2)


def test_a_frame_that_was_never_looked_at_is_refused(clip):
    pipeline = fakes.pipeline()
    with pytest.raises(StageMismatch, match="are not known"):
        pipeline.recognizer.recognize(pipeline.poses(clip, np.arange(3)))


def test_a_video_of_which_no_frame_decodes_is_refused(clip):
    pipeline = fakes.pipeline()
    with pipeline.extractor.open(clip) as video, pytest.raises(EmptyVideo):
        pipeline.extractor.poses_of(
            type("Lost", (), {"info": video.info, "lost": (0,), "read": lambda *_: iter(())})(), np.arange(1)
        )


def test_a_file_that_is_no_video_is_refused(tmp_path):
    text = tmp_path / "[" / "x].mp4"
    text.parent.mkdir()
    text.write_text("not a video")
    with pytest.raises(UnreadableVideo):
        fakes.pipeline().predict(text)


@pytest.mark.parametrize("verb", ["detect", "estimate", "classify"])
def test_a_stage_that_gives_too_few_results_is_named(clip, verb, monkeypatch):
    pipeline = fakes.pipeline()
    owner = {"detect": fakes.Detector, "estimate": fakes.Pose, "classify": fakes.Classifier}[verb]
    monkeypatch.setattr(owner, verb, lambda self, *inputs: [])
    with pytest.raises(StageMismatch):
        pipeline.predict(clip)


def test_a_reading_comes_from_the_recipe():
    recipe = {"people": "each", "clip": {"frames": 32, "sampler": "mmaction2", "window_seconds": 3.0}}
    assert ClipSampling.from_recipe(recipe) == ClipSampling(32, "mmaction2", "each", window_seconds=3.0)
    assert ClipSampling.from_recipe({}) == ClipSampling()


@pytest.mark.parametrize(
    "clip_table",
    [
        {"frames": 0},
        {"sampler": "random"},
        {"window_seconds": -1},
        {"window_seconds": 2, "stride_seconds": 3},
        {"min_share": 2},
        {"length": 48},
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(clip_table):
    with pytest.raises(BadCard):
        ClipSampling.from_recipe({"clip": clip_table})


def test_a_combination_is_the_weighted_mean():
    both = weighted_mean([answer(1, 0), answer(0.5, 0.5)], [1, 3])
    assert both.probabilities == pytest.approx([0.625, 0.375])
    assert weighted_mean([answer(1, 0), answer(0, 1)], [0, 0]).probabilities == pytest.approx([0.5, 0.5])


def test_answers_with_other_labels_are_not_combined():
    with pytest.raises(StageMismatch, match="different labels"):
        weighted_mean([answer(1, 0), answer(1, 0, labels=("a", "c"))], [1, 1])


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1e6)), min_size=1, max_size=6),
)
def test_a_combination_is_a_distribution_within_its_parts(parts):
    scores = [answer(p, 1 - p) for p, _ in parts]
    result = weighted_mean(scores, [weight for _, weight in parts]).probabilities
    assert result.sum() == pytest.approx(1, abs=1e-5)
    assert min(p for p, _ in parts) - 1e-5 <= result[0] <= max(p for p, _ in parts) + 1e-5


@given(st.sets(st.integers(0, 60), min_size=1, max_size=20), st.data())
def test_a_lost_frame_becomes_the_nearest_seen_one(seen, data):
    clips = np.array([data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=12))], np.int64)
    lost = np.array(sorted(set(clips.ravel().tolist()) - seen), np.int64)
    window = Window(0, 61, clips).without(lost, np.array(sorted(seen), np.int64))
    for before, after in zip(clips[0].tolist(), window.clips[0].tolist(), strict=True):
        assert after in seen
        assert abs(before - after) == min(abs(before - other) for other in seen)
