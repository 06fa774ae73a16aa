"""Work done side by side."""

from __future__ import annotations

import threading

import pytest

from posec3d_cli.errors import BadCard
from posec3d_cli.runtime.threads import ThreadLanes


def test_there_are_as_many_lanes_as_asked_for_or_as_processors_may_be_used(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert ThreadLanes(3).count == 3
    assert ThreadLanes().count == 5
    assert ThreadLanes(3, device="cuda").count == 1


def test_lanes_work_at_the_same_time_and_keep_the_order():
    meeting = threading.Barrier(3, timeout=10)

    def work(item):
        meeting.wait()  # passes only when three are here at once
        return item * 10

    assert ThreadLanes(3).map(work, [3, 1, 2]) == [30, 10, 20]


def test_one_lane_and_one_item_stay_in_the_thread_that_asks():
    def thread(item):
        return threading.get_ident()

    assert ThreadLanes(1).map(thread, [1, 2, 3]) == [threading.get_ident()] * 3
    assert ThreadLanes(3).map(thread, [1]) == [threading.get_ident()]
    assert ThreadLanes(3).map(thread, []) == []


@pytest.mark.parametrize("count", [0, -1])
def test_no_lanes_are_refused(count):
    with pytest.raises(BadCard, match=f"above 0, got {count}"):
        ThreadLanes(count)


def test_what_fails_first_in_order_is_raised():
    def work(item):
        if item:
            raise ValueError(item)

    with pytest.raises(ValueError, match="1"):
        ThreadLanes(2).map(work, [0, 1, 2])
