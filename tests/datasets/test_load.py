"""From labelled sources to examples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import fakes
import numpy as np
import pose_file_factory as factory
import pytest
import synthetic_people as people
import video_factory

from posec3d_cli.datasets.clip_lists import match_clips, read_clip_list, set_validation
from posec3d_cli.datasets.clips import ESTIMATED, TRAINING, VALIDATION
from posec3d_cli.datasets.labeled_dataset import collect_poses
from posec3d_cli.datasets.load import load_dataset, read_label_map
from posec3d_cli.datasets.poses import PoseFrames, estimate_in_process
from posec3d_cli.datasets.splits import Splits
from posec3d_cli.errors import BadDataset
from posec3d_cli.extraction.extractor import PoseExtractor


def nobody_estimates(videos, segments):
    pytest.fail("no video is read, so no models are needed")


def extractor(where=lambda index: [20 + index]):
    return PoseExtractor(fakes.Detector(where), fakes.Pose())


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clips"
    for label, count in (("walk", 12), ("run", 10)):
        (folder / label).mkdir(parents=True)
        video_factory.write(folder / label / "one.mp4", count)
    return folder


def read(*sources, stages=None, every=1, **options):
    return collect_poses(
        load_dataset(sources, {}, **options), estimate_in_process(stages or extractor(), PoseFrames(every))
    )


def test_a_table_of_actions_is_read(tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source,label,action\npack,stroll,walk\npack,rest,\n")
    assert read_label_map(table) == {("pack", "stroll"): "walk", ("pack", "rest"): ""}
    table.write_text("source,label\npack,stroll\n")
    with pytest.raises(BadDataset, match="columns source, label, action"):
        read_label_map(table)
    with pytest.raises(BadDataset, match=r"none\.csv cannot be read"):
        read_label_map(tmp_path / "none.csv")


def test_a_list_of_clips_is_read(tmp_path):
    (tmp_path / "names.txt").write_text("a/b c.mp4\n\n d\n")
    assert read_clip_list(tmp_path / "names.txt") == ("a/b c.mp4", " d")
    (tmp_path / "names.txt").write_text("\n")
    with pytest.raises(BadDataset, match="names no clips"):
        read_clip_list(tmp_path / "names.txt")


def test_dataset_pickles_need_no_models_and_take_their_joint_names(tmp_path):
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2))
    labeled_clips, problems = collect_poses(
        load_dataset([dataset_pickle], {("pack", "arms"): "wave", ("pack", "legs"): ""}), nobody_estimates
    )
    assert [(one.name, one.label) for one in labeled_clips] == [("pack/arms_0", "wave"), ("pack/arms_1", "wave")]
    assert problems == []


def test_folders_tables_and_dataset_pickles_are_put_together_and_joined_by_label(folder, tmp_path):
    (folder / "run" / "bad.mp4").write_text("not a video")
    table = tmp_path / "mine.csv"
    table.write_text("video,label\nclips/walk/one.mp4,legs\n")
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(1))
    found = load_dataset([folder, table, dataset_pickle], {("clips", "walk"): "legs", ("clips", "run"): "arms"})
    assert found.labels == Counter(legs=3, arms=3)
    assert [video.name for video in found.videos] == [
        "clips/run/bad.mp4",
        "clips/run/one.mp4",
        "clips/walk/one.mp4",
    ]
    labeled_clips, [bad] = collect_poses(found, estimate_in_process(extractor()))
    assert [(one.name, one.label) for one in labeled_clips] == [
        ("clips/run/one.mp4", "arms"),
        ("clips/walk/one.mp4", "legs"),
        ("mine/clips/walk/one.mp4", "legs"),
        ("pack/arms_0", "arms"),
        ("pack/legs_0", "legs"),
    ]
    assert (bad.name, bad.label) == ("clips/run/bad.mp4", "arms")
    assert "bad.mp4" in bad.reason


def test_some_labels_may_be_left_out(folder):
    found = load_dataset([folder], {}).of({"walk", "fly"})
    assert [clip.name for clip in found.clips] == ["clips/walk/one.mp4"]


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="neither a folder of labelled clips, a table of them, nor a dataset pickle"):
        load_dataset([tmp_path / "none"], {})
    with pytest.raises(BadDataset, match=r"^http://example\.org/clips is neither") as caught:
        load_dataset([Path("http://example.org/clips")], {})
    assert caught.value.hint.startswith("download it first")


def test_two_sources_of_one_name_are_refused(folder, tmp_path):
    other = people.write_dataset_pickle(tmp_path / "clips.pkl", people.labeled_clips(1))
    with pytest.raises(BadDataset, match="two sources are called 'clips'") as caught:
        load_dataset([folder, other], {})
    assert "rename" in caught.value.hint
    with pytest.raises(BadDataset, match="two sources are called 'clips'"):
        load_dataset([folder, folder / "run" / ".."], {})


def test_two_clips_of_one_name_in_a_dataset_pickle_are_refused(tmp_path):
    dataset_pickle = people.write_dataset_pickle(
        tmp_path / "pack.pkl", [people.labeled_clip("arms", 1), people.labeled_clip("arms", 1)]
    )
    with pytest.raises(BadDataset, match="1 names stand for several clips each, the first is 'pack/arms_1'"):
        load_dataset([dataset_pickle], {})


def test_clips_that_are_not_asked_for_are_not_posed(folder, tmp_path):
    stages = extractor()
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2))
    labeled_clips, problems = read(folder, dataset_pickle, stages=stages, only=["pack/legs_1", "clips/run/one.mp4"])
    assert [one.name for one in labeled_clips] == ["clips/run/one.mp4", "pack/legs_1"]
    assert not problems
    assert stages.detector.seen == list(range(10))


def test_clips_that_are_asked_for_must_be_there(folder):
    with pytest.raises(BadDataset, match="2 of the 3 clips listed are not in the data, the first is 'clips/a'"):
        load_dataset([folder], {}, only=["clips/run/one.mp4", "clips/b", "clips/a"])


def test_the_poses_of_videos_become_examples(folder):
    labeled_clips, problems = read(folder)
    assert not problems
    assert [(one.name, one.label, one.origin, len(one), one.fps) for one in labeled_clips] == [
        ("clips/run/one.mp4", "run", ESTIMATED, 10, 25.0),
        ("clips/walk/one.mp4", "walk", ESTIMATED, 12, 25.0),
    ]
    assert labeled_clips[0].group != labeled_clips[1].group
    assert np.allclose(labeled_clips[1].keypoints[0, :, 0, 0], 20 + np.arange(12))
    assert np.allclose(labeled_clips[1].scores, 0.8)


def test_between_posed_frames_poses_are_interpolated(folder):
    (_, walk), _ = read(folder, every=3)
    assert len(walk) == 12
    assert np.allclose(walk.keypoints[0, :, 0, 0], 20 + np.minimum(np.arange(12), 9), atol=1e-4)


def test_frames_that_do_not_decode_leave_the_others_in_their_places(tmp_path):
    clip = video_factory.write(tmp_path / "whole.avi", 20, codec="mjpeg", pix_fmt="yuvj420p")
    folder = tmp_path / "clips"
    (folder / "walk").mkdir(parents=True)
    broken = video_factory.zeroed(clip, folder / "walk" / "broken.avi", range(5, 8))
    used = extractor()
    [one], problems = read(folder, stages=used)
    assert not problems
    seen = sorted(used.detector.seen)
    assert len(seen) < 20, f"{broken} decodes as if it were whole"
    assert np.allclose(one.keypoints[0, seen, 0, 0], 20 + np.array(seen), atol=1e-4)


def test_a_clip_without_anybody_is_an_example_that_shows_nothing(folder):
    labeled_clips, problems = read(folder, stages=extractor(lambda index: []))
    assert not problems
    assert [one.keypoints.shape for one in labeled_clips] == [(1, 10, 17, 2), (1, 12, 17, 2)]
    assert not any(one.scores.any() for one in labeled_clips)


def test_of_pose_files_nothing_is_estimated(posed_folder):
    labeled_clips, problems = collect_poses(load_dataset([posed_folder], {}), nobody_estimates)
    assert not problems
    assert [(one.name, one.label, one.origin, len(one), one.fps) for one in labeled_clips] == [
        ("posed/run/openpose_25", "run", ESTIMATED, 9, 30.0),
        ("posed/walk/ours.npz", "walk", ESTIMATED, 10, 25.0),
    ]
    assert np.allclose(labeled_clips[1].keypoints[0], factory.keypoints(10))


def test_pose_files_and_videos_share_a_folder(posed_folder):
    video_factory.write(posed_folder / "run" / "one.mp4", 8)
    labeled_clips, _ = read(posed_folder)
    assert [one.name for one in labeled_clips] == ["posed/run/one.mp4", "posed/run/openpose_25", "posed/walk/ours.npz"]


def test_pose_files_that_cannot_be_read_are_problems(posed_folder):
    (posed_folder / "walk" / "bad.json").write_text("{}")
    people.write_dataset_pickle(posed_folder / "walk" / "pack.pkl", people.labeled_clips(1))
    labeled_clips, problems = collect_poses(load_dataset([posed_folder], {}), nobody_estimates)
    reasons = {one.name: one.reason for one in problems}
    assert len(labeled_clips) == 2
    assert "no known pose format" in reasons["posed/walk/bad.json"]
    assert "holds 2 clips" in reasons["posed/walk/pack.pkl"]


def test_clips_are_called_by_their_file_their_path_or_their_whole_name(folder):
    found = load_dataset([folder], {})
    for name in ("clips/run/one.mp4", "run/one.mp4", "./run/one.mp4", "run\\one.mp4 ", str(folder / "run" / "one.mp4")):
        assert match_clips(found, [name]) == {"clips/run/one.mp4"}
    with pytest.raises(BadDataset, match=r"'one\.mp4' may be any of 2 clips: clips/run/one\.mp4, clips/walk/one\.mp4"):
        match_clips(found, ["one.mp4"])
    video_factory.write(folder / "run" / "two.mp4", 3)
    assert match_clips(load_dataset([folder], {}), ["two.mp4"]) == {"clips/run/two.mp4"}


def test_listed_clips_are_validated_on_and_all_others_learnt_from(tmp_path):
    dataset_pickle = people.write_dataset_pickle(
        tmp_path / "pack.pkl",
        people.labeled_clips(3),
        split={"train": ["arms_0", "legs_0"], "val": ["arms_1", "legs_1"]},
    )
    found = load_dataset([dataset_pickle], {}, splits=Splits())
    assert "its split train (2 clips) is for training, its split val (2 clips) is for validation" in found.notes[0]
    assert [(clip.name, clip.part) for clip in found.clips] == [
        ("pack/arms_0", TRAINING),
        ("pack/arms_1", VALIDATION),
        ("pack/legs_0", TRAINING),
        ("pack/legs_1", VALIDATION),
    ]
    held = set_validation(found, ["arms_1"])
    assert [(clip.name, clip.part) for clip in held.clips] == [
        ("pack/arms_0", TRAINING),
        ("pack/arms_1", VALIDATION),
        ("pack/legs_0", TRAINING),
    ]
    assert held.notes[1:] == ("1 clip of validation splits is not listed and left out",)
    assert [clip.part for clip in load_dataset([dataset_pickle], {}).clips] == [""] * 6


def test_predictions_in_a_labelled_folder_are_refused_or_only_learnt_from(folder):
    table = folder / "labels.csv"
    table.write_text("video,status,label,score,guess\nrun/one.mp4,ok,run,0.9,\nwalk/one.mp4,ok,unknown,0.2,walk\n")
    with pytest.raises(BadDataset, match="is a table of predictions, and none of its 2 rows is corrected"):
        load_dataset([folder], {})
    [clip] = load_dataset([folder], {}, pseudo_labels=True).clips
    assert (clip.name, clip.label, clip.part) == ("clips/run/one.mp4", "run", TRAINING)


def test_labels_are_the_same_however_they_are_written(folder, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("video;label\nclips/run/one.mp4; developpe\u0301 \n")
    (folder / "run").rename(folder / "developpe\u0301")
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(1))
    table.write_text(table.read_text().replace("run", "developp\u00e9"))
    actions = tmp_path / "actions.csv"
    actions.write_text("Source;Label;Action\npack;arms; developpe\u0301\npack;legs;walk\n")
    found = load_dataset([folder, table, dataset_pickle], read_label_map(actions))
    assert found.labels == Counter({"developp\u00e9": 3, "walk": 2})


def test_a_table_that_is_no_csv_is_refused(tmp_path):
    (tmp_path / "labels.jsonl").write_text("{}")
    with pytest.raises(BadDataset, match="is no CSV table"):
        load_dataset([tmp_path / "labels.jsonl"], {})


def test_examples_know_the_file_that_they_are_from(folder):
    (run, walk), _ = read(folder)
    assert len(run.sha256) == len(walk.sha256) == 64
    assert run.sha256 != walk.sha256


@pytest.mark.parametrize("asked", [{"split": "val"}, {"splits": Splits("a", None)}, {"splits": Splits(None, "b")}])
def test_a_split_of_data_that_has_none_is_refused(tmp_path, asked):
    (tmp_path / "clips" / "walk").mkdir(parents=True)
    (tmp_path / "clips" / "walk" / "a.mp4").write_bytes(b"x")
    with pytest.raises(BadDataset, match=r"the split '\w+' is asked for, and only dataset pickles have splits"):
        load_dataset([tmp_path / "clips"], {}, **asked)


def test_a_dataset_gives_its_clips_with_poses(folder, tmp_path):
    pickle = people.write_dataset_pickle(tmp_path / "more.pkl", people.labeled_clips(1))
    dataset = load_dataset([str(folder), pickle])
    clips, unreadable = dataset.with_poses(extractor(), every=3)
    assert [clip.name for clip in clips] == ["clips/run/one.mp4", "clips/walk/one.mp4", "more/arms_0", "more/legs_0"]
    assert [len(clip) for clip in clips[:2]] == [10, 12]
    assert unreadable == []
    with pytest.raises(BadDataset, match=r"poses of 2 videos are not known, the first is clips/run/one\.mp4") as caught:
        dataset.with_poses()
    assert caught.value.hint.startswith("give a PoseExtractor")
    assert len(load_dataset([pickle]).with_poses()[0]) == 2
