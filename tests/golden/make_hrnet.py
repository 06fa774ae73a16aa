"""Write hrnet.npz: what MMPose makes of seeded weights, sample heatmaps and sample boxes.

    PYTHONPATH=.:tests/parity:tests python tests/golden/make_hrnet.py PATH_TO_MMPOSE_0X

To be run where MMPose 1.3.2 can be imported, as `make parity` arranges. Its own functions give the values of 1.x.
Those of 0.x come from the functions of `PARTS`, as they stand in the source of MMPose 0.x: taken out of their modules
one by one, because these no longer import. Inputs are not stored: `tests/hrnet_factory.py` makes them again.
"""

import ast
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from conftest import stand_in_for_torchvision
from hrnet_factory import sample_boxes, sample_heatmaps, seeded_network

from posec3d_cli.stages.openmmlab.compat import prepare_packages
from posec3d_cli.testing import sample_frames

WIDTH = 8
SIZE = (64, 96)
SIZES = {"tall": (192, 256), "small": SIZE}
PAIRS = [[left, left + 1] for left in range(1, 17, 2)]
PARTS = {
    "mmpose/apis/inference.py": ("_xyxy2xywh", "_box2cs"),
    "mmpose/core/post_processing/post_transforms.py": (
        "flip_back", "transform_preds", "get_affine_transform", "_get_3rd_point", "rotate_point",
    ),
    "mmpose/core/evaluation/top_down_eval.py": (
        "_get_max_preds", "_taylor", "_gaussian_blur", "keypoints_from_heatmaps",
    ),
}  # fmt: skip


def functions_of(checkout: Path) -> SimpleNamespace:
    """The functions in `PARTS`, each compiled from its own source."""
    names: dict = {"np": np, "cv2": cv2}
    for file, wanted in PARTS.items():
        for node in ast.parse((checkout / file).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name in wanted:
                exec(compile(ast.Module([node], []), file, "exec"), names)
    return SimpleNamespace(**names)


def model_of_mmpose(unbiased: bool, **test_cfg: bool) -> torch.nn.Module:
    """A narrow HRNet of MMPose with seeded weights."""
    import mmpose
    from mmengine.config import Config
    from mmpose.apis import init_model

    name = "td-hm_hrnet-w32_8xb64-210e_coco-256x192.py"
    folder = Path(mmpose.__file__).parent / ".mim/configs/body_2d_keypoint/topdown_heatmap/coco"
    config = Config.fromfile(str(folder / name))
    config.codec.update(input_size=SIZE, heatmap_size=(SIZE[0] // 4, SIZE[1] // 4), unbiased=unbiased)
    config.model.head.update(decoder=config.codec, in_channels=WIDTH)
    for count, stage in enumerate(("stage2", "stage3", "stage4"), start=2):
        config.model.backbone.extra[stage].num_channels = tuple(WIDTH * 2**branch for branch in range(count))
    config.model.test_cfg.update(output_heatmaps=True, **test_cfg)
    for part in config.test_dataloader.dataset.pipeline:
        if part.type == "TopdownAffine":
            part.input_size = SIZE
    model = init_model(config, device="cpu")
    model.load_state_dict(seeded_network(WIDTH).state_dict(), strict=True)
    return model


def regions_1x(boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    from mmpose.datasets.transforms import TopdownAffine
    from mmpose.structures.bbox import bbox_xyxy2cs

    centers, scales = bbox_xyxy2cs(boxes, padding=1.25)
    return centers, TopdownAffine._fix_aspect_ratio(scales, size[0] / size[1])


def regions_0x(old: SimpleNamespace, boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    config = SimpleNamespace(data_cfg={"image_size": size})
    both = [old._box2cs(config, box) for box in old._xyxy2xywh(boxes)]
    return np.stack([center for center, _ in both]), np.stack([scale for _, scale in both])


def poses_0x(old: SimpleNamespace, network: torch.nn.Module, image: np.ndarray, process: str) -> tuple:
    """What 0.x does to the people of one image (RGB), flip test and shift on."""
    centers, scales = regions_0x(old, sample_boxes(), SIZE)
    crops = [
        cv2.warpAffine(image, old.get_affine_transform(c, s, 0, SIZE), SIZE, flags=cv2.INTER_LINEAR)
        for c, s in zip(centers, scales, strict=True)
    ]
    x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    with torch.no_grad():
        straight, mirrored = (network.head.forward(network.extract_feat(one)).numpy() for one in (x, x.flip(3)))
    back = old.flip_back(mirrored, PAIRS)
    back[:, :, :, 1:] = back[:, :, :, :-1]
    return old.keypoints_from_heatmaps((straight + back) * 0.5, centers, scales, post_process=process)


def main(checkout: Path) -> None:
    """Compute and store everything."""
    prepare_packages("mmpose")
    stand_in_for_torchvision()
    from mmpose.apis import inference_topdown
    from mmpose.codecs import MSRAHeatmap
    from mmpose.structures.bbox import get_warp_matrix

    old = functions_of(checkout)
    boxes, maps, stored = sample_boxes(), sample_heatmaps(), {}
    for name, size in SIZES.items():
        centers, scales = regions_1x(boxes, size)
        stored[f"warp 1.x {name}"] = [get_warp_matrix(c, s, 0.0, size) for c, s in zip(centers, scales, strict=True)]
        centers, scales = regions_0x(old, boxes, size)
        stored[f"warp 0.x {name}"] = [
            old.get_affine_transform(c, s, 0, size) for c, s in zip(centers, scales, strict=True)
        ]
    whole = np.tile(np.array([16, 24], np.float32), (len(maps), 1))  # a region as large as the heatmap, in pixels
    for decoding, unbiased, process in (("quarter", False, "default"), ("dark", True, "unbiased")):
        codec = MSRAHeatmap(input_size=(16, 24), heatmap_size=(16, 24), sigma=2, unbiased=unbiased)
        both = [codec.decode(one) for one in maps]
        stored[f"cells 1.x {decoding}"] = [keypoints[0] for keypoints, _ in both]
        stored["peaks"] = [scores[0] for _, scores in both]
        cells, _ = old.keypoints_from_heatmaps(maps, whole / 2, whole / 200, post_process=process)
        stored[f"cells 0.x {decoding}"] = cells
    image = sample_frames(1)[0].pixels
    cases = {"flip": {}, "plain": {"flip_test": False}, "unshifted": {"shift_heatmap": False}}
    for decoding in ("quarter", "dark"):
        for case, test_cfg in cases.items():
            model = model_of_mmpose(decoding == "dark", **test_cfg)
            people = inference_topdown(model, np.ascontiguousarray(image[..., ::-1]), boxes)
            stored[f"poses 1.x {decoding} {case}"] = [one.pred_instances.keypoints[0] for one in people]
            stored[f"scores 1.x {decoding} {case}"] = [one.pred_instances.keypoint_scores[0] for one in people]
            if case == "flip" and decoding == "quarter":
                stored["heatmaps"] = [one.pred_fields.heatmaps.numpy() for one in people[:2]]
        process = "default" if decoding == "quarter" else "unbiased"
        keypoints, peaks = poses_0x(old, model, image, process)
        stored[f"poses 0.x {decoding} flip"], stored[f"scores 0.x {decoding} flip"] = keypoints, peaks[..., 0]
    arrays = {name: np.asarray(value, np.float32) for name, value in stored.items()}
    np.savez_compressed(Path(__file__).parent / "hrnet.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
