import json


def test_everything_that_can_be_added_to_is_listed_with_its_package(posec3d):
    lines = [line.split("\t")[:2] for line in posec3d("stages").out.splitlines()]
    assert lines[0] == ["kind", "name"]
    assert ["pose", "movenet"] in lines
    assert ["detector", "whole-frame"] in lines
    assert ["network", "stgcn++"] in lines
    assert ["pose format", "openpose"] in lines
    assert ["output", "parquet"] in lines


def test_the_stages_as_json_hold_the_same(posec3d):
    entries = json.loads(posec3d("stages", "--json").out)
    [movenet] = [entry for entry in entries if entry["name"] == "movenet"]
    assert movenet["kind"] == "pose"
    assert movenet["package"] == "posec3d-cli"
    assert movenet["target"] == "posec3d_cli.stages.pose_estimators.movenet:MoveNet"
