"""The names of the classes of networks, by number."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.errors import BadCard
from posec3d_cli.schema import BadSetting, read
from posec3d_cli.stages.detectors.efficientdet import EfficientDet
from posec3d_cli.stages.detectors.object_classes import COCO_80, COCO_90, ClassList, ObjectClasses

# Category ids of COCO's annotation files, which count from 1.
COCO_IDS = {
    "person": 1, "fire hydrant": 11, "stop sign": 13, "bench": 15, "giraffe": 25, "backpack": 27, "umbrella": 28,
    "handbag": 31, "sports ball": 37, "tennis racket": 43, "bottle": 44, "wine glass": 46, "cake": 61, "bed": 65,
    "dining table": 67, "toilet": 70, "tv": 72, "refrigerator": 82, "book": 84, "toothbrush": 90,
}  # fmt: skip


def test_coco_has_eighty_classes_with_and_without_gaps():
    assert (len(COCO_80), len(set(COCO_80)), len(COCO_90)) == (80, 80, 90)
    assert [name for name in COCO_90 if name] == list(COCO_80)
    assert {name: COCO_90.index(name) + 1 for name in COCO_IDS} == COCO_IDS


def test_objects_are_all_classes_but_people_and_gaps():
    known = ObjectClasses.of_list("coco-90", 0)
    assert known.names == COCO_80[1:]
    numbers = np.array([0, 36, 11, 89, 42])
    places = known.positions(numbers)
    assert places[[0, 2]].tolist() == [-1, -1]
    assert [known.names[place] for place in places[[1, 3, 4]]] == ["sports ball", "toothbrush", "tennis racket"]


def test_people_may_have_any_number_and_two_numbers_one_name():
    known = ObjectClasses(("ball", "human", "", "cup", "ball"), person=1)
    assert known.names == ("ball", "cup")
    assert known.positions(np.arange(5)).tolist() == [0, -1, -1, 1, 0]


@pytest.mark.parametrize("names", [(), ("person",)])
def test_a_network_of_people_knows_no_object(names):
    assert not ObjectClasses(names, person=0)


@pytest.mark.parametrize("number", [-1, 3])
def test_a_number_without_a_name_is_refused(number):
    with pytest.raises(BadCard, match=rf"names a class {number}, and the card's classes have the numbers 0 to 2"):
        ObjectClasses(("person", "ball", "cup"), person=0).positions(np.array([1, number]))


@pytest.mark.parametrize("value", ["coco", 3, [3], {"a": 1}])
def test_a_list_of_another_kind_is_refused_with_its_value(value):
    with pytest.raises(BadSetting, match="classes must be coco-80, coco-90 or a list of names"):
        read(ClassList, value, key="classes")
    with pytest.raises(BadCard, match="classes"):
        EfficientDet.Settings(classes=value)


@pytest.mark.parametrize("value", ["coco-80", "coco-90", [], ["person", "ball"]])
def test_a_card_names_a_list_or_the_classes(value):
    assert EfficientDet.Settings(classes=value).classes == (value if isinstance(value, str) else tuple(value))
