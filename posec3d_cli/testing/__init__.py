"""Contract checks for plugins: stages, networks, pose formats and table formats.

    from posec3d_cli.testing import check_detector

    def test_my_detector_keeps_the_contract():
        check_detector(MyDetector())

Each check runs the thing on small inputs and raises `StageMismatch`, saying what was expected and what came.
They hold for every stage: one result per input, in order; what is absent stays absent; inputs are left as they are;
the same input gives the same result, alone or in a batch.
"""

from posec3d_cli.testing.formats import check_output, check_pose_format
from posec3d_cli.testing.inputs import (
    check_classifier,
    check_volume_builder,
    sample_clips,
    sample_rgb_clips,
    sample_sequence,
    sample_volumes,
)
from posec3d_cli.testing.networks import check_network
from posec3d_cli.testing.stages import (
    check_detector,
    check_pose_estimator,
    sample_detections,
    sample_frames,
)

__all__ = [
    "check_classifier",
    "check_detector",
    "check_network",
    "check_output",
    "check_pose_estimator",
    "check_pose_format",
    "check_volume_builder",
    "sample_clips",
    "sample_detections",
    "sample_frames",
    "sample_rgb_clips",
    "sample_sequence",
    "sample_volumes",
]
