"""Training on what was decided: the commands, their curve, and the predictions that come of them."""

from __future__ import annotations

import sys
import time

import pytest
import retraining_program
import review_factory
from clip_results import answered
from review_factory import entered

from posec3d_cli.cli.training_progress import Lines
from posec3d_cli.review import retraining
from posec3d_cli.review.retraining import CurvePoint, read_epoch
from posec3d_cli.training.loop import EpochMetrics, Validation


@pytest.fixture(autouse=True)
def program(tmp_path, monkeypatch):
    path = tmp_path / "program.py"
    path.write_text(retraining_program.PROGRAM)
    monkeypatch.setattr(retraining, "_PROGRAM", (sys.executable, str(path)))


def state(client, *stages):
    for _ in range(600):
        found = client.get("/api/retraining").json()
        if found["stage"] in stages:
            return found
        time.sleep(0.1)
    raise TimeoutError(found)


def decide(client, name, label):
    [row] = client.get("/api/list", params={"query": name}).json()["ids"]
    assert client.post(f"/api/rows/{row}/events", json={"kind": "label", "label": label}).status_code == 200


def two(tmp_path):
    return review_factory.table(
        tmp_path, answered("a.mp4", ("walk", 0.9)), answered("b.mp4", ("run", 0.4)), videos=True, poses=False
    )


def test_the_undecided_rows_get_the_predictions_of_the_new_model(opened, tmp_path):
    client = entered(opened(two(tmp_path)), tmp_path)
    answer = client.post("/api/retraining", json={})
    assert (answer.status_code, "nothing is decided" in answer.json()["error"]) == (400, True)
    decide(client, "a.mp4", "walk")
    assert client.post("/api/retraining", json={}).json()["running"]
    found = state(client, "done", "failed")
    assert (found["stage"], found["error"]) == ("done", "")
    assert found["curve"] == [[1, 2, 1.5, 0.25], [2, 2, 0.5, 0.75]]
    assert found["model"] == str(tmp_path / "labels.model-1")
    rows = {row["name"]: row for row in client.get("/api/rows?ids=0,1").json()["rows"]}
    assert (rows["a.mp4"]["label"], rows["a.mp4"]["said"]) == ("walk", "walk")
    assert (rows["b.mp4"]["label"], rows["b.mp4"]["score"], rows["b.mp4"]["decided"]) == ("jump", 0.7, False)


def test_what_the_command_says_of_a_failure_is_said(opened, tmp_path):
    client = entered(opened(two(tmp_path)), tmp_path)
    decide(client, "a.mp4", "fail")
    client.post("/api/retraining", json={})
    assert state(client, "failed", "done")["error"] == "it cannot be learned"


def test_it_can_be_stopped(opened, tmp_path):
    client = entered(opened(two(tmp_path)), tmp_path)
    decide(client, "a.mp4", "wait")
    client.post("/api/retraining", json={})
    while not client.get("/api/retraining").json()["lines"]:
        time.sleep(0.05)
    assert client.post("/api/retraining/stop", json={}).json()["stage"] == "stopped"
    time.sleep(0.5)
    assert client.get("/api/retraining").json()["stage"] == "stopped"


@pytest.mark.parametrize(
    ("networks", "network", "epoch", "accuracy", "point"),
    [
        (1, 0, 3, {"all": 0.5, "estimated": 0.25}, CurvePoint(3, 24, 1.25, 0.5)),
        (1, 0, 3, {}, CurvePoint(3, 24, 1.25, None)),
        (1, 0, 0, {"all": 0.75}, CurvePoint(0, 0, 1.25, 0.75)),
        (2, 1, 2, {"all": 1.0}, CurvePoint(26, 48, 1.25, 1.0)),
        (2, 1, 0, {"all": 1.0}, None),
    ],
)
def test_the_curve_is_read_off_what_train_says(capsys, networks, network, epoch, accuracy, point):
    lines = Lines(24, networks)
    lines.network(network)
    lines.epoch(EpochMetrics(epoch, 24, 1.25, 0.1, Validation(accuracy)))
    assert read_epoch(capsys.readouterr().err) == point
    assert read_epoch("epoch: 3 of 24: step 1 of 9, loss 0.100\n") is None
