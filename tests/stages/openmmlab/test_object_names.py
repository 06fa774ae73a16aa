"""Which objects a detector of mmdet knows, by its data set and its heads, and which it gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from posec3d_cli.stages.detectors import mmdet
from posec3d_cli.stages.detectors.mmdet import MMDet, _class_names
from posec3d_cli.testing import check_detector
from posec3d_cli.types import Frame


def model(names, *told_apart):
    """A model whose config names these classes, with heads that tell apart so many."""
    network = nn.ModuleList([nn.Module() for _ in told_apart])
    for head, count in zip(network, told_apart, strict=True):
        head.num_classes = count
    return SimpleNamespace(description=lambda: {"classes": names} if names else {}, model=network)


@pytest.mark.parametrize(
    ("names", "told_apart", "known"),
    [
        (("person", "ball", "cup"), [3], ("person", "ball", "cup")),
        (["person", "ball", "cup"], [1, 3, 3], ("person", "ball", "cup")),  # a network of two stages
        (("person", "ball", "cup"), [1], ()),  # of people alone, with the config of a larger data set
        (("person",), [1], ()),
        ((), [3], ()),
        (("person", "ball"), [], ()),
    ],
)
def test_its_classes_are_those_of_its_data_set_if_its_heads_tell_so_many_apart(names, told_apart, known):
    assert _class_names(model(names, *told_apart)) == known


class Published:
    """A model of mmdet that answers the same whatever it is shown."""

    told_apart = 3

    def __init__(self, package, config_and_checkpoint, device):
        self.model = model((), self.told_apart).model

    def data_set(self):
        return SimpleNamespace(pipeline=["load", "resize"])

    def transforms(self, steps):
        return lambda image: image

    def description(self):
        return {"classes": ("ball", "person", "cup")}

    def predict(self, prepared):
        found = SimpleNamespace(
            bboxes=torch.tensor([[0, 0, 40, 80], [5, 5, 9, 9], [20, 0, 60, 80], [30, 30, 50, 60]], dtype=torch.float32),
            scores=torch.tensor([0.9, 0.15, 0.5, 0.4]),
            labels=torch.tensor([1, 0, 1, 2]),
        )
        found.cpu = lambda: found
        return [SimpleNamespace(pred_instances=found) for _ in prepared]


def test_objects_come_with_the_people_whom_they_do_not_change(monkeypatch):
    monkeypatch.setattr(mmdet, "PublishedModel", Published)
    frame = Frame(np.zeros((96, 128, 3), np.uint8), 0, 0.0)
    stage = MMDet(None)
    check_detector(stage)
    [found] = stage.detect([frame])
    assert stage.object_classes == ("ball", "cup")
    assert found.objects.class_names == ["cup", "ball"]
    assert found.objects.boxes.tolist() == [[30, 30, 50, 60], [5, 5, 9, 9]]
    monkeypatch.setattr(Published, "told_apart", 1)
    [alone] = MMDet(None).detect([frame])
    assert alone.objects is None
    assert np.array_equal(found.boxes, alone.boxes)
    assert found.boxes.tolist() == [[0, 0, 40, 80], [20, 0, 60, 80]]
