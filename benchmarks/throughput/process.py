"""Runs a program and measures the whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence


def run(command: Sequence[str]) -> tuple[float, float, str]:
    """Wall seconds, peak MB and what the program printed; the end of everything where it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, "POSEC3D_OFFLINE": "1"}
        )
        assert process.stdout is not None
        with process.stdout as stream:
            said = stream.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            errors.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read()}")
    return seconds, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3), said
