"""Write onnx_pose.json: how MMPose 1.3.2 crops and decodes what tests/pose_cases.py makes.

    python tests/golden/make_pose_golden.py

runs in the environment of the parity tests. Kept are the crops of `TopdownAffine`, and the positions and scores of
`SimCCLabel.decode` and `MSRAHeatmap.decode`.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[0]), str(HERE.parents[1])]

from pose_cases import BOXES, CROP_SIZE, gradient, heatmaps, rows_of_cells  # noqa: E402

from posec3d_cli.stages.openmmlab.compat import prepare_packages  # noqa: E402


def main() -> None:
    """Run the published transforms and codecs."""
    prepare_packages("parity", "mmengine", "mmcv", "mmdet", "mmpose")
    from mmpose.codecs import MSRAHeatmap, SimCCLabel
    from mmpose.datasets.transforms import GetBBoxCenterScale, TopdownAffine

    crops = []
    for box in BOXES:
        placed = GetBBoxCenterScale(padding=1.25).transform({"bbox": box[None].copy()})
        crops.append(TopdownAffine(CROP_SIZE).transform({**placed, "img": gradient()})["img"].tolist())
    positions, scores = SimCCLabel(CROP_SIZE, sigma=(1.0, 1.0), normalize=False).decode(*rows_of_cells())
    codec = MSRAHeatmap(CROP_SIZE, heatmap_size=(6, 8), sigma=1)
    decoded = [codec.decode(maps) for maps in heatmaps()]
    golden = {
        "crops": crops,
        "simcc": {"positions": positions.tolist(), "scores": np.round(scores, 6).tolist()},
        "heatmap": {
            "positions": np.concatenate([one[0].reshape(1, -1, 2) for one in decoded]).tolist(),
            "scores": np.concatenate([one[1].reshape(1, -1) for one in decoded]).tolist(),
        },
    }
    (HERE / "onnx_pose.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
