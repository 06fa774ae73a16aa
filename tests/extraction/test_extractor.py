"""Where the stages run: where a user says, or nowhere; "auto" lets each run where it can. What ran is recorded."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageUnavailable
from posec3d_cli.extraction.extractor import PoseExtractor


@pytest.fixture
def gpu(monkeypatch):
    """A machine on which torch finds a GPU."""
    monkeypatch.setattr("posec3d_cli.stages.create.resolve_device", lambda name: "cuda" if name == "auto" else name)


def devices(detector, pose, device):
    made = PoseExtractor.from_config(PipelineConfig(detector=detector, pose=pose, device=device, offline=True))
    return {kind: used.device for kind, used in made.models.items()}


@pytest.mark.weights
@pytest.mark.usefixtures("gpu")
def test_auto_records_that_a_stage_runs_on_the_processor_beside_a_gpu(weights):
    weights("efficientdet-lite0"), weights("movenet-lightning")
    made = devices("efficientdet-lite0", "movenet-lightning", "auto")
    assert made == {"detector": "cpu", "pose": "cpu"}


@pytest.mark.weights
@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps"])
@pytest.mark.parametrize("detector", ["efficientdet-lite0", "whole-frame"])
def test_a_named_device_is_used_by_both_stages_or_refused(weights, detector, device):
    weights("efficientdet-lite0"), weights("movenet-lightning")
    refused = {"efficientdet-lite0": "efficientdet", "whole-frame": "movenet"}[detector]
    with pytest.raises(StageUnavailable, match=f"the stage '{refused}' cannot run on '{device}'") as caught:
        devices(detector, "movenet-lightning", device)
    assert "--device auto" in caught.value.hint


@pytest.mark.weights
class Session:
    """Of a network that takes images of 192 x 192 pixels, and is never run."""

    def get_inputs(self):
        return [SimpleNamespace(shape=["N", 192, 192, 3])]


def test_a_detector_without_a_network_is_recorded_on_the_processor(weights, monkeypatch):
    """No device is refused by it, for it looks at nothing."""
    weights("movenet-lightning")
    monkeypatch.setattr("posec3d_cli.stages.create.resolve_device", lambda name: "cuda")
    monkeypatch.setattr(
        "posec3d_cli.stages.pose_estimators.movenet.open_session", lambda model, *, stage, device: Session()
    )
    assert devices("whole-frame", "movenet-lightning", "cuda") == {"detector": "cpu", "pose": "cuda"}
