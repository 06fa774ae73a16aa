"""MMAction2's own PoseC3D: its test pipeline and its recognizer, as its configurations name them."""

from __future__ import annotations

import copy
from pathlib import Path

import golden_people
import torch
from published_checkpoints import weights_of

FLIP_JOINTS = {"left_kp": list(range(1, 17, 2)), "right_kp": list(range(2, 17, 2))}


def published_probabilities(load, case, *, width):
    """`(C,)` of the golden people: 10 views and their mirror images, mean of the softmax.

    Args:
        load: imports a published module by its name, as the fixture `published` does.
        case: a `published_checkpoints.Case`.
        width: channels of the stem; 32 in the configuration.
    """
    load("mmaction.datasets.transforms")
    load("mmaction.models")
    with load("mmengine").DefaultScope.overwrite_default_scope("mmaction"):
        return _probabilities(load, case, width)


def _probabilities(load, case, width):
    registry = load("mmaction.registry")
    folder = Path(load("mmaction").__file__).parent / ".mim" / "configs" / "skeleton" / "posec3d"
    config = load("mmengine").Config.fromfile(folder / f"{case.config}.py")
    config.model.backbone.base_channels = width
    config.model.cls_head.in_channels = 16 * width
    config.model.test_cfg = {"max_testing_views": 4}  # so that memory suffices
    model = registry.MODELS.build(config.model)
    model.load_state_dict(weights_of({name: value.shape for name, value in model.state_dict().items()}))
    inputs = _volume(registry.TRANSFORMS, config.test_pipeline, case)
    sample = load("mmaction.structures").ActionDataSample()
    with torch.inference_mode():
        return model.eval()(inputs[None].float(), [sample], mode="predict")[0].pred_score.numpy()


def _volume(transforms, pipeline, case):
    """`(20, 17, 48, H, W)`, as the test pipeline makes it."""
    steps = [copy.deepcopy(dict(step)) for step in pipeline if step["type"] != "DecompressPose"]
    if not case.redrawn:
        return _run(transforms, steps, case)
    # MMAction2 0.x: `double` draws once more, of joints that `Flip` has mirrored.
    drawing = next(number for number, step in enumerate(steps) if step["type"] == "GeneratePoseTarget")
    steps[drawing]["double"] = False
    flip = {"type": "Flip", "flip_ratio": 1, **FLIP_JOINTS}
    mirrored = [*steps[:drawing], flip, *copy.deepcopy(steps[drawing:])]
    return torch.cat([_run(transforms, steps, case), _run(transforms, mirrored, case)])


def _run(transforms, steps, case):
    results = {**golden_people.annotation(**case.people), "start_index": 0, "modality": "Pose"}
    for step in steps:
        results = transforms.build(step)(results)
    return results["inputs"]
