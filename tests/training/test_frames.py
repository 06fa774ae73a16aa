"""Trainings of networks that read frames: what is kept of the clips, how samples vary, and that they learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
import video_factory

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ESTIMATED
from posec3d_cli.errors import BadCard, BadDataset
from posec3d_cli.extraction.crops import CropRequest, VideoFrames
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training import train
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.training.augment_frames import augmented_views, clip_sequence, random_part
from posec3d_cli.training.config import POSE_PHASES, TrainingConfig
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.frames import keep_frames
from posec3d_cli.training.loop import TrainingCallback
from posec3d_cli.training.setup import make_training, try_training
from posec3d_cli.transforms.heatmaps import Crop

pytestmark = pytest.mark.usefixtures("one_thread")
LABELS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
BASE = TrainingConfig(batch_size=4, repeats=2, epochs=2, augmentation=Augmentation())
SMALL = {"size": 16, "frames": 8, "width": 8}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Clips of two labels that differ in the colour of the picture alone."""
    folder = tmp_path_factory.mktemp("clips")
    made = []
    for label, colour in LABELS.items():
        for number in range(4):
            path = video_factory.write(folder / f"{label}_{number}.mp4", 30, size=(96, 72), colour=colour)
            clip = people.labeled_clip("arms", number)
            keypoints, scores = (np.repeat(array, 30, axis=1)[:, :30] for array in (clip.keypoints, clip.scores))
            clip = replace(
                clip,
                **{"name": f"clips/{label}_{number}", "label": label, "group": f"{label}_{number}"},
                **{"origin": ESTIMATED, "fps": 25.0, "frame_size": (72, 96), "sha256": f"{label}{number}"},
                **{"keypoints": 10 + 50 * _unit(keypoints), "scores": np.asarray(scores > 0, np.float32)},
                frames=VideoFrames(path),
            )
            made.append(clip)
    return made


def _unit(keypoints):
    low, high = keypoints.min(), keypoints.max()
    return ((keypoints - low) / (high - low)).astype(np.float32)


def training_of(architecture="rgbpose", **options):
    return make_training(BASE, architecture=architecture, **{**SMALL, **options})


def kept(clips, training, folder):
    return keep_frames(training, clips, folder)


def test_the_frames_of_a_clip_are_decoded_once_and_look_the_same(clips, tmp_path):
    training = training_of()
    [one] = kept(clips[:1], training, tmp_path)
    columns = np.arange(5, 25)
    crop = training.config.builder.crop(clip_sequence(one, columns, training.config.sampling), columns[None])
    request = CropRequest(np.array([[0, 12, 29]]), crop, (64, 64))
    [after] = one.frames.crops([request])
    assert after.shape == (1, 3, 64, 64, 3)
    kept_numbers = np.load(one.frames.file)["numbers"]
    near = kept_numbers[np.abs(kept_numbers[:, None] - request.clips[0]).argmin(axis=0)]
    [before] = clips[0].frames.crops([replace(request, clips=near[None])])
    assert np.abs(before.astype(int) - after.astype(int)).mean() < 8
    stamp = one.frames.file.stat().st_mtime_ns
    kept(clips[:1], training, tmp_path)
    assert one.frames.file.stat().st_mtime_ns == stamp


def test_only_frames_that_the_views_may_show_are_kept(clips, tmp_path):
    training = training_of(window=0)
    [one] = kept(clips[:1], training, tmp_path)
    [window] = training.config.sampling.changed(views=POSE_PHASES).plan(30, clips[0].frame_rate)
    assert np.load(one.frames.file)["numbers"].tolist() == np.unique(window.rgb_clips).tolist()


def test_frames_that_are_kept_are_kept_once(clips, tmp_path):
    once = kept(clips[:2], training_of(), tmp_path / "first")
    again = kept(once, training_of("rgb-only"), tmp_path / "second")
    assert [clip.frames for clip in again] == [clip.frames for clip in once]
    assert not list((tmp_path / "second").iterdir())


def test_clips_of_poses_alone_are_refused(clips, tmp_path):
    with pytest.raises(BadDataset, match="1 of 2 clips have poses alone; the first is clips/red_0"):
        kept([replace(clips[0], frames=None), clips[1]], training_of(), tmp_path)


def test_samples_are_functions_of_seed_and_number_and_differ(clips, tmp_path):
    training = training_of()
    samples = TrainingDataset(kept(clips, training, tmp_path), sorted(LABELS), training.config, 0)
    again = TrainingDataset(samples.clips, sorted(LABELS), training.config, 0)
    (rgb, heatmaps), target = samples[0]
    assert (rgb.shape, heatmaps.shape, target.shape) == ((3, 2, 64, 64), (13, 8, 16, 16), (2,))
    assert (again[0][0][0] == rgb).all()
    assert (samples[1][0][0] != rgb).any()
    alone = training_of("rgb-only")
    assert TrainingDataset(samples.clips, sorted(LABELS), alone.config, 0)[0][0].shape == (3, 2, 64, 64)


def test_without_augmentation_a_sample_is_what_a_prediction_reads(clips, tmp_path):
    training = training_of(window=0)
    [one] = kept(clips[:1], training, tmp_path)
    builder, sampling = training.config.builder, training.config.sampling
    arrays = augmented_views(one, builder, sampling, Augmentation.none(), np.random.default_rng(0))
    [window] = sampling.plan(30, one.frame_rate)
    sequence = clip_sequence(one, np.unique(window.clips), sampling)
    crop = builder.crop(sequence, window.clips)
    [frames] = one.frames.crops([CropRequest(window.rgb_clips, crop, builder.frame_size)])
    expected = builder.build(sequence, window.clips, frames=frames)
    for array, wanted in zip(arrays, expected.arrays, strict=True):
        assert np.array_equal(array, wanted[0])


def test_a_random_part_lies_within_the_crop_and_is_large():
    generator = np.random.default_rng(0)
    for _ in range(200):
        part = random_part(Crop(-5, 7, 60, 40), generator)
        assert -5 <= part.left <= part.left + part.width <= 55
        assert 7 <= part.top <= part.top + part.height <= 47
        assert part.width * part.height >= 0.4 * 60 * 40


@pytest.mark.parametrize("architecture", ["rgbpose", "rgb-only"])
def test_a_model_is_trained_stops_resumes_and_tells_colours_apart(architecture, clips, tmp_path):
    training = training_of(architecture, epochs=3)

    class Stop(TrainingCallback):
        def epoch(self, progress):
            if progress.epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(training, clips, tmp_path / "model", callback=Stop())
    assert list((tmp_path / "model" / "frames").iterdir())
    decoded = []

    class Count(TrainingCallback):
        def frames(self, done, total):
            decoded.append((done, total))

    train.train(training, clips, tmp_path / "model", resume=True, callback=Count())
    assert sum(total for done, total in decoded if done == total) == 8
    assert not (tmp_path / "model" / "frames").exists()
    config = PipelineConfig(classifiers=(str(tmp_path / "model"),), device="cpu", precision="fp32")
    recognizer = ActionRecognizer.from_config(config)
    assert recognizer.needs_frames
    card = load_card(str(tmp_path / "model"), "classifier")
    assert card.stage == {"rgbpose": "rgbpose", "rgb-only": "rgb"}[architecture]
    assert (card.recipe["clip"]["frames"], card.recipe["clip"]["rgb_frames"]) == (8, 2)


def test_two_halves_become_one_that_begins_where_they_are(clips, tmp_path):
    rgb, pose = training_of("rgb-only"), make_training(BASE, architecture="slowonly", size=16, frames=8, width=4)
    for name, one in (("rgb", rgb), ("pose", pose)):
        train.train(replace(one, config=replace(one.config, epochs=1)), clips, tmp_path / name)
    halves = tuple(load_pretrained(load_card(str(tmp_path / name), "classifier"), BASE) for name in ("rgb", "pose"))
    whole = make_training(BASE, architecture="rgbpose", halves=halves, lateral="pose-to-rgb", epochs=1)
    assert whole.options == {"in_channels": 13, "lateral": "pose-to-rgb", "rgb_channels": 8, "pose_channels": 4}
    assert try_training(whole, sorted(LABELS), 8) > 0
    train.train(whole, clips, tmp_path / "whole")
    assert load_card(str(tmp_path / "whole"), "classifier").recipe["network"]["lateral"] == "pose-to-rgb"
    with pytest.raises(BadCard, match="no model of frames alone"):
        make_training(BASE, architecture="rgbpose", halves=halves[::-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 12}, "at least 16 pixels"),
        ({"frames": 10}, "multiple of 4"),
        ({"lateral": "up"}, "cannot be built"),
    ],
)
def test_options_that_do_not_suit_are_refused(options, message):
    with pytest.raises(BadCard, match=message):
        try_training(training_of(**options), ["a", "b"], 8)


@pytest.mark.parametrize("options", [{"lateral": "both"}, {"joint_loss": True}])
def test_networks_of_one_pathway_have_none_to_join(options):
    for architecture in ("rgb-only", "slowonly"):
        with pytest.raises(BadCard, match="no pathways to join"):
            make_training(BASE, architecture=architecture, **options)


def test_one_loss_is_another_than_two(clips, tmp_path):
    losses = []
    for joint in (False, True):
        training = training_of(joint_loss=joint, epochs=1)
        reports = []

        class Keep(TrainingCallback):
            def epoch(self, progress, reports=reports):
                reports.append(progress.loss)

        train.train(training, clips, tmp_path / str(joint), callback=Keep())
        losses.append(reports[0])
    assert losses[0] > 1.5 * losses[1]
