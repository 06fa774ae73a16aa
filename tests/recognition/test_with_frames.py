"""A classifier that reads pixels beside poses, from a video to its answer."""

from __future__ import annotations

import fakes
import numpy as np
import pose_file_factory as factory
import pytest
import random_cards
import video_factory

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip
from posec3d_cli.errors import StageMismatch
from posec3d_cli.evaluation.evaluate import as_video_poses, evaluate
from posec3d_cli.evaluation.perturb import perturb
from posec3d_cli.evaluation.speed import measure
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.types import Poses

pytestmark = pytest.mark.usefixtures("one_thread")


class SpreadPose(fakes.Pose):
    """Puts the joints along the diagonal of the box."""

    def estimate(self, frames, detections):
        along = np.linspace(0, 1, 17, dtype=np.float32)[:, None]
        found = []
        for boxes in detections:
            keypoints = boxes.boxes[:, None, :2] * (1 - along) + boxes.boxes[:, None, 2:] * along
            found.append(Poses(keypoints, np.full(keypoints.shape[:2], self.score, np.float32)))
        return found


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 100, size=(96, 48))


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return random_cards.write_rgbpose_card(tmp_path_factory.mktemp("models") / "both", seed=1)


def recognizer_of(*cards, **options):
    config = PipelineConfig(classifiers=tuple(map(str, cards)), device="cpu", precision="fp32", offline=True, **options)
    return ActionRecognizer.from_config(config)


def pipeline_of(*cards, where=lambda index: [30], cache=None, **options):
    extractor = PoseExtractor(fakes.Detector(where), SpreadPose(), cache=cache, made_of="fakes")
    return Pipeline(extractor, recognizer_of(*cards, **options))


def test_poses_are_estimated_in_the_frames_with_poses_alone_and_pixels_read_of_others(clip, card):
    pipeline = pipeline_of(card)
    result = pipeline.predict(clip)
    [window] = pipeline.recognizer.members[0].reads(pipeline.recognizer.sampling).plan(100, 25)
    assert (window.clips.shape, window.rgb_clips.shape) == ((1, 16), (1, 4))
    assert pipeline.extractor.detector.seen == window.indices.tolist()
    assert result.frames_used == 16
    assert result.scores.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert {"crop", "build", "classify"} <= set(result.seconds)
    assert result.to_dict()["clip_sampling"]["rgb_frames"] == 4


def test_a_classifier_of_poses_says_nothing_of_rgb_frames(clip):
    assert "rgb_frames" not in fakes.pipeline().predict(clip).to_dict()["clip_sampling"]


def test_the_answer_depends_on_the_pixels(card, tmp_path):
    red, blue = (
        video_factory.write(tmp_path / f"{name}.mp4", 100, size=(96, 48), colour=colour)
        for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255)))
    )
    one, other = (pipeline_of(card).predict(path).scores.probabilities for path in (red, blue))
    assert np.abs(one - other).max() > 1e-3


def test_one_head_can_be_asked_alone_and_both_are_their_mean(clip, card):
    rgb, pose, both, twice = (
        pipeline_of(card, classifier_settings={"heads": heads}).predict(clip).scores.probabilities
        for heads in (["rgb"], ["pose"], ["rgb", "pose"], ["rgb", "rgb", "pose"])
    )
    assert np.abs(rgb - pose).max() > 1e-3
    assert both == pytest.approx((rgb + pose) / 2, abs=1e-6)
    assert twice == pytest.approx((2 * rgb + pose) / 3, abs=1e-6)


def test_people_alone_views_windows_and_mirror_images(clip, card):
    pipeline = pipeline_of(card, where=lambda index: [25, 70], people="each", window_seconds=2.0, views=2, flip=True)
    result = pipeline.predict(clip)
    assert len(result.windows) == 3
    assert [len(window.people) for window in result.windows] == [2, 2, 2]
    probabilities = [person.scores.probabilities for person in result.windows[0].people]
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-6


def test_nobody_in_the_video_is_an_ordinary_answer(clip, card):
    result = pipeline_of(card, where=lambda index: []).predict(clip)
    assert result.scores is None
    assert result.people == ()


def test_poses_may_come_from_the_cache_and_the_answer_stays(clip, card, tmp_path):
    cache = PoseCache(tmp_path / "poses")
    first, second = pipeline_of(card, cache=cache), pipeline_of(card, cache=cache)
    before, after = first.predict(clip), second.predict(clip)
    assert len(first.extractor.detector.seen) == 16
    assert second.extractor.detector.seen == []
    assert np.array_equal(before.scores.probabilities, after.scores.probabilities)


def test_an_ensemble_with_a_classifier_of_poses(clip, card, tmp_path):
    poses = random_cards.write_card(tmp_path / "poses", seed=2)
    alone = [pipeline_of(one).predict(clip).scores.probabilities for one in (card, poses)]
    together = pipeline_of(card, poses, ensemble_weights=(3, 1)).predict(clip).scores.probabilities
    assert together == pytest.approx((3 * alone[0] + alone[1]) / 4, abs=1e-5)


def test_frames_alone_are_read_in_the_crop_of_the_poses(clip, tmp_path):
    card = random_cards.write_rgb_card(tmp_path / "rgb", seed=3)
    left, right = (pipeline_of(card, where=lambda index, x=x: [x]).predict(clip) for x in (20, 70))
    assert np.abs(left.scores.probabilities - right.scores.probabilities).max() > 1e-4


def test_a_pose_file_alone_is_refused_and_the_video_asked_for(card, tmp_path):
    path = next(iter(factory.FORMATS.values()))(tmp_path)
    clip = read_pose_file(path)[0]
    recognizer = recognizer_of(card)
    with pytest.raises(StageMismatch, match="reads the frames of the video beside the poses") as caught:
        recognizer.recognize_file(clip)
    assert "give the video itself" in caught.value.hint
    with pytest.raises(StageMismatch, match="reads the frames of the video"):
        recognizer.recognize(clip)


def test_a_card_without_rgb_frames_is_refused(clip, tmp_path):
    card = random_cards.write_rgbpose_card(tmp_path / "both", seed=1)
    text = (card / "model.toml").read_text()
    (card / "model.toml").write_text(text.replace("rgb_frames = 4\n", ""))
    with pytest.raises(StageMismatch, match="no frames are sampled") as caught:
        pipeline_of(card).predict(clip)
    assert "recipe.clip.rgb_frames" in caught.value.hint


@pytest.mark.parametrize(("old", "new"), [("rgb_frames = 4", "rgb_frames = 8"), ("[64, 64]", "[80, 80]")])
def test_pathways_that_cannot_be_joined_are_refused(old, new, clip, tmp_path):
    card = random_cards.write_rgbpose_card(tmp_path / "both", seed=1)
    (card / "model.toml").write_text((card / "model.toml").read_text().replace(old, new))
    with pytest.raises(StageMismatch, match="4 frames of heatmaps per frame, in a quarter") as caught:
        pipeline_of(card).predict(clip)
    assert "recipe.rgb.size" in caught.value.hint


def labeled(label, frames=None):
    keypoints = np.zeros((1, 100, 17, 2), np.float32)
    keypoints[0] = np.linspace((20, 10), (40, 40), 17)
    scores = np.full((1, 100, 17), 0.9, np.float32)
    size = (48, 96)
    return LabeledClip(f"clips/{label}", label, label, ESTIMATED, keypoints, scores, 25.0, size, frames=frames)


def test_labeled_clips_are_evaluated_with_their_videos(clip, card):
    clips = [labeled(label, VideoFrames(clip)) for label in random_cards.LABELS]
    report = evaluate(recognizer_of(card), clips)
    recognizer = recognizer_of(card)
    alone = [recognizer.recognize(as_video_poses(one), frames=one.frames).scores.probabilities for one in clips]
    for prediction, expected in zip(report.predictions, alone, strict=True):
        assert prediction.scores == pytest.approx(expected, abs=1e-6)


def test_labeled_clips_of_poses_alone_and_perturbed_ones_are_refused(clip, card):
    for clips in ([labeled("arms")], perturb([labeled("arms", VideoFrames(clip))])):
        with pytest.raises(StageMismatch, match="reads the frames of the video beside the poses"):
            evaluate(recognizer_of(card), clips)


def test_the_benchmark_has_the_time_of_the_crops(clip, card):
    speed = measure(pipeline_of(card), clip, every_frame=False, repeats=1)
    assert speed.seconds["crop"] > 0
