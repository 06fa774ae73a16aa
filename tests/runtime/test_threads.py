"""Work done side by side."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_numpy_is_imported_with_one_thread_and_nothing_else_is_told_so():
    program = (
        "import os, sys\n"
        "from posec3d_cli.runtime.threads import import_numpy\n"
        "import_numpy()\n"
        "tasks = len(os.listdir('/proc/self/task')) if sys.platform == 'linux' else 1\n"
        "print('numpy' in sys.modules, tasks, os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    for said, expected in (({}, "True 1 None"), ({"OPENBLAS_NUM_THREADS": "1"}, "True 1 1")):
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment | said
        )
        assert ran.stdout.strip() == expected
