"""Which objects a detector of mmdet knows, by its data set and its heads."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from posec3d_cli.stages.detectors.mmdet import _class_names


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
