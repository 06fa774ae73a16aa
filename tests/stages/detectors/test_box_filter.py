from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.errors import BadCard
from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.object_classes import ObjectClasses

FRAME = (100, 200)  # height, width


def found(filter_: BoxFilter, *rows: tuple[float, ...]) -> list[list[float]]:
    values = np.array(rows, np.float32).reshape(-1, 5)
    return filter_.apply(values[:, :4], values[:, 4], FRAME).boxes.tolist()


KNOWN = ObjectClasses(("person", "ball", "cup"), person=0)


def objects(filter_: BoxFilter, *rows: tuple[float, ...]) -> list[tuple[str, list[float]]]:
    values = np.array(rows, np.float32).reshape(-1, 6)
    found = filter_.apply_to_objects(values[:, :4], values[:, 4], values[:, 5].astype(np.int64), KNOWN, FRAME)
    assert found.names == ("ball", "cup")
    return list(zip(found.class_names, found.boxes.tolist(), strict=True))


def test_the_best_box_comes_first() -> None:
    assert found(BoxFilter(), (0, 0, 20, 20, 0.4), (50, 0, 80, 40, 0.9)) == [[50, 0, 80, 40], [0, 0, 20, 20]]


def test_a_box_is_cut_at_the_edges_of_the_frame() -> None:
    assert found(BoxFilter(), (-10, -5, 20, 20, 0.9), (150, 50, 900, 900, 0.8)) == [[0, 0, 20, 20], [150, 50, 200, 100]]


def test_weak_and_small_boxes_are_dropped() -> None:
    assert found(BoxFilter(score_threshold=0.5, min_area=101), (0, 0, 90, 90, 0.49), (0, 0, 10, 10, 0.9)) == []


def test_of_two_boxes_on_one_person_the_weaker_goes_and_neighbours_stay() -> None:
    rows = ((0, 0, 40, 80, 0.7), (2, 0, 42, 80, 0.8), (60, 0, 100, 80, 0.6))
    assert found(BoxFilter(), *rows) == [[2, 0, 42, 80], [60, 0, 100, 80]]


def test_at_most_so_many_people_are_kept_and_zero_means_all() -> None:
    rows = [(30 * k, 0, 30 * k + 20, 20, 0.5 + k / 100) for k in range(6)]
    assert len(found(BoxFilter(max_people=2), *rows)) == 2
    assert len(found(BoxFilter(max_people=0), *rows)) == 6


def test_nobody_stays_nobody() -> None:
    assert len(BoxFilter().apply(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), FRAME)) == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"score_threshold": 1.5},
        {"nms_iou": -0.1},
        {"min_area": -1},
        {"max_people": -1},
        {"object_threshold": 1.5},
        {"max_objects": -1},
    ],
)
def test_an_impossible_setting_is_refused_with_its_value(settings: dict[str, float]) -> None:
    with pytest.raises(BadCard, match=r"1\.5|-0\.1|-1"):
        BoxFilter(**settings)  # type: ignore[arg-type]


@given(st.lists(st.tuples(*[st.floats(-300, 500) for _ in range(4)], st.floats(0, 1)), max_size=12))
def test_whatever_comes_in_what_goes_out_lies_in_the_frame_and_falls_in_score(rows: list[tuple[float, ...]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 5)
    kept = BoxFilter().apply(values[:, :4], values[:, 4], FRAME)
    assert (kept.boxes >= 0).all()
    assert (kept.boxes <= [200, 100, 200, 100]).all()
    assert (kept.boxes[:, 2:] > kept.boxes[:, :2]).all()
    assert (np.diff(kept.scores) <= 0).all()


def test_objects_are_what_is_no_person_the_best_first_and_cut_at_the_edges() -> None:
    rows = ((0, 0, 20, 20, 0.3, 1), (0, 0, 20, 20, 0.99, 0), (190, -5, 900, 8, 0.5, 2))
    assert objects(BoxFilter(), *rows) == [("cup", [190, 0, 200, 8]), ("ball", [0, 0, 20, 20])]


def test_objects_have_a_threshold_and_a_limit_of_their_own_and_may_be_small() -> None:
    rows = ((0, 0, 3, 3, 0.11, 1), (50, 0, 53, 3, 0.09, 1), (70, 0, 70.5, 3, 0.9, 1))
    assert objects(BoxFilter(), *rows) == [("ball", [0, 0, 3, 3])]
    assert objects(BoxFilter(object_threshold=0.2), *rows) == []
    many = [(5 * k, 0, 5 * k + 4, 4, 0.5, 1) for k in range(30)]
    assert [len(objects(BoxFilter(max_objects=most), *many)) for most in (20, 3, 0)] == [20, 3, 30]


def test_of_two_boxes_on_one_object_the_weaker_goes_and_one_of_another_class_stays() -> None:
    rows = ((0, 0, 40, 80, 0.7, 1), (2, 0, 42, 80, 0.8, 1), (2, 0, 42, 80, 0.6, 2))
    assert objects(BoxFilter(), *rows) == [("ball", [2, 0, 42, 80]), ("cup", [2, 0, 42, 80])]


@given(st.lists(st.tuples(*[st.floats(-300, 500) for _ in range(4)], st.floats(0, 1), st.integers(0, 2)), max_size=12))
def test_whatever_objects_come_in_what_goes_out_lies_in_the_frame_and_falls_in_score(rows: list) -> None:
    values = np.array(rows, np.float32).reshape(-1, 6)
    numbers = values[:, 5].astype(np.int64)
    kept = BoxFilter().apply_to_objects(values[:, :4], values[:, 4], numbers, KNOWN, FRAME)
    assert (kept.boxes >= 0).all()
    assert (kept.boxes <= [200, 100, 200, 100]).all()
    assert (kept.boxes[:, 2:] - kept.boxes[:, :2] >= 1).all()
    assert (kept.scores >= 0.1).all()
    assert (np.diff(kept.scores) <= 0).all()
