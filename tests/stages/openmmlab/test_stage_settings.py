"""What the stages `mmdet` and `mmpose` refuse before any of their packages is needed."""

from __future__ import annotations

import pytest

from posec3d_cli.errors import BadCard, StageMismatch, StageUnavailable
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.stages.detectors.mmdet import MMDet
from posec3d_cli.stages.openmmlab import compat
from posec3d_cli.stages.openmmlab.models import ConfigAndCheckpoint
from posec3d_cli.stages.pose_estimators.mmpose import MMPose

STAGES = {"mmdet": MMDet, "mmpose": MMPose}
GIVEN = {"config": "c.py", "weights": "w.pth"}


def made(name, **options):
    return STAGES[name].from_card(load_card(name), {}, **options)


@pytest.mark.parametrize(("name", "kind"), [("mmdet", "detector"), ("mmpose", "pose")])
@pytest.mark.parametrize("key", ["config", "weights"])
def test_a_config_and_weights_are_needed(name, kind, key):
    with pytest.raises(BadCard, match=f"{name}: the setting '{key}'") as raised:
        made(name, **{one: value for one, value in GIVEN.items() if one != key})
    assert f"--set {kind}.{key}=" in raised.value.hint


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize(
    "settings", [{"colour": 1}, {"batch": 0}, {"batch": "many"}, {"cfg_options": 3}, {"config": 3}]
)
def test_settings_that_do_not_fit_are_refused(name, settings):
    with pytest.raises(BadCard, match=next(iter(settings))):
        made(name, **{**GIVEN, **settings})


@pytest.mark.parametrize("name", STAGES)
def test_missing_packages_are_told(name, monkeypatch):
    monkeypatch.setattr(compat, "find_spec", lambda name: None)
    with pytest.raises(StageUnavailable, match=name):
        made(name, **GIVEN)


def test_heatmaps_are_not_handed_on():
    with pytest.raises(StageMismatch, match="heatmaps"):
        made("mmpose", **GIVEN, heatmaps=True)


def test_a_path_among_the_settings_goes_before_the_cards_file(tmp_path):
    card, files = load_card("mmdet"), {"weights": tmp_path}
    assert str(ConfigAndCheckpoint.of(card, files, "c.py", "w.pth", {}).weights) == "w.pth"
    assert ConfigAndCheckpoint.of(card, files, "c.py", None, {}).weights == tmp_path
