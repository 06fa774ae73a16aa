"""MMAction2's own RGBPose-Conv3D: its test pipelines and recognizers, as its configurations name them."""

from __future__ import annotations

import copy
from pathlib import Path

import golden_people
import numpy as np
import torch
from published_posec3d import FLIP_JOINTS
from published_rgbpose import frame, weights

FOLDER = Path(".mim") / "configs" / "skeleton" / "posec3d" / "rgbpose_conv3d"


def published_probabilities(load, case, *, width):
    """`(C,)` of the golden people in front of the frames of the formula: the mean of the softmax, of both heads.

    Args:
        load: imports a published module by its name, as the fixture `published` does.
        case: a `published_rgbpose.Case`.
        width: channels of the stem of the RGB pathway; 64 in the configuration.
    """
    load("mmaction.datasets.transforms")
    load("mmaction.models")
    with load("mmengine").DefaultScope.overwrite_default_scope("mmaction"), torch.random.fork_rng():
        return _probabilities(load, case, width)


def _probabilities(load, case, width):
    registry = load("mmaction.registry")
    config = load("mmengine").Config.fromfile(Path(load("mmaction").__file__).parent / FOLDER / f"{case.config}.py")
    if case.config == "rgbpose_conv3d":
        config.model.backbone.rgb_pathway.base_channels = width
        config.model.backbone.pose_pathway.base_channels = width // 2
        config.model.cls_head.in_channels = [32 * width, 8 * width]
    else:
        config.model.backbone.base_channels = width if case.config == "rgb_only" else width // 2
        config.model.cls_head.in_channels = 32 * width if case.config == "rgb_only" else 8 * width
    model = registry.MODELS.build(config.model).eval()
    model.load_state_dict(weights(model))
    state = np.random.get_state()  # the published samplers seed it
    shown = [_answers(load, model, registry.TRANSFORMS, config.test_pipeline, case, mirrored=False)]
    if case.flip:
        shown.append(_answers(load, model, registry.TRANSFORMS, config.test_pipeline, case, mirrored=True))
    np.random.set_state(state)
    return np.mean(shown, axis=0)


def _answers(load, model, transforms, pipeline, case, *, mirrored):
    """The mean over the views, and over the heads where there are two."""
    keypoints, scores = golden_people.arrays(**case.people)
    results = {**golden_people.annotation(**case.people), "start_index": 0, "modality": "Pose", "filename": "golden"}
    # In single precision: the RGB half takes its crop from joints that nothing has widened yet.
    results |= {"keypoint": keypoints.astype(np.float32), "keypoint_score": scores.astype(np.float32)}
    for step in copy.deepcopy([dict(step) for step in pipeline]):
        if "num_clips" in step:
            step["num_clips"] = case.views
        if mirrored and step["type"] in ("GeneratePoseTarget", "FormatShape") and "flip" not in results:
            results = transforms.build({"type": "Flip", "flip_ratio": 1, **FLIP_JOINTS})(results)
        made = transforms.build(step)
        if step["type"] == "MMDecode":  # the decoder alone is ours
            made._get_video_reader = lambda filename: None
            made._decord_load_frames = lambda reader, numbers: [frame(int(number)) for number in numbers]
        results = made(results)
    inputs = results["inputs"]
    inputs = {name: [value] for name, value in inputs.items()} if isinstance(inputs, dict) else [inputs]
    sample = load("mmaction.structures").ActionDataSample()
    with torch.inference_mode():
        given = model.data_preprocessor({"inputs": inputs, "data_samples": [sample]})
        [answer] = model(**given, mode="predict")
    scores = answer.pred_score
    heads = [scores[name] for name in ("rgb", "pose")] if case.config == "rgbpose_conv3d" else [scores]
    return torch.stack(list(heads)).mean(0).numpy()
