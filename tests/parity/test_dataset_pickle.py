"""A dataset pickle of `extract-poses --pyskl-pickle`, read and prepared by mmaction2's `PoseDataset`."""

from __future__ import annotations

import numpy as np
import pose_file_factory as factory

from posec3d_cli.datasets.write_pickle import Labels, write_dataset_pickle
from posec3d_cli.pose_files import read_pose_file

SIDES = {"left_kp": list(range(1, 17, 2)), "right_kp": list(range(2, 17, 2))}
TRAINING = [
    {"type": "UniformSampleFrames", "clip_len": 48},
    {"type": "PoseDecode"},
    {"type": "PoseCompact", "hw_ratio": 1.0, "allow_imgpad": True},
    {"type": "Resize", "scale": (-1, 64)},
    {"type": "RandomResizedCrop", "area_range": (0.56, 1.0)},
    {"type": "Resize", "scale": (56, 56), "keep_ratio": False},
    {"type": "Flip", "flip_ratio": 0.5, **SIDES},
    {"type": "GeneratePoseTarget", "sigma": 0.6, "use_score": True, "with_kp": True, "with_limb": False},
    {"type": "FormatShape", "input_format": "NCTHW_Heatmap"},
    {"type": "PackActionInputs"},
]


def test_a_dataset_pickle_feeds_the_published_training(published, tmp_path):
    datasets = published("mmaction.datasets")
    published("mmengine.registry").init_default_scope("mmaction")
    file = factory.ours(tmp_path, ".npz")
    labels = Labels({"walk/a.mp4": "walk", "run/b.mp4": "run"}, {"walk/a.mp4": "train", "run/b.mp4": "val"})
    write_dataset_pickle(tmp_path / "pack.pkl", [("walk/a.mp4", file), ("run/b.mp4", file)], labels)
    for split, name, number in (("train", "walk/a.mp4", 1), ("val", "run/b.mp4", 0)):
        data = datasets.PoseDataset(ann_file=str(tmp_path / "pack.pkl"), pipeline=TRAINING, split=split)
        [info] = [data.get_data_info(index) for index in range(len(data))]
        assert (info["frame_dir"], info["label"]) == (name, number)
        [clip] = read_pose_file(file)
        assert (info["total_frames"], info["img_shape"]) == (len(clip), (clip.video.height, clip.video.width))
        sample = data[0]
        assert tuple(sample["inputs"].shape) == (1, 17, 48, 56, 56)
        assert 0 < float(sample["inputs"].max()) <= 1
        np.testing.assert_array_equal(sample["data_samples"].gt_label.numpy(), [number])
