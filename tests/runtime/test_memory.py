"""Frames that are let go do not stay in the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Frames of 1080p in batches, and after each frame a small result that stays: as when poses are extracted.
PROGRAM = """
import sys
import numpy as np
from posec3d_cli.runtime.memory import return_large_blocks

if sys.argv[1] == "True":
    return_large_blocks()
kept = []
for _ in range(12):
    batch = []
    for _ in range(16):
        batch.append(np.full((1080, 1920, 3), 7, np.uint8))
        kept.append(np.zeros((5, 17, 2), np.float32))
        kept.append(np.zeros((900, 17, 2), np.float32))
    batch.clear()
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_large_blocks_go_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", PROGRAM, "True"], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 70, "MB; without, one batch of frames stays, 100 MB"
