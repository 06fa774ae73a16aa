"""Runs a program and measures the whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What a program took, with all processes that it waited for.

    Attributes:
        seconds: wall time.
        processor_seconds: of all processors, user and system.
        peak: MB of its largest process.
        printed: on stdout.
    """

    seconds: float
    processor_seconds: float
    peak: float
    printed: str


def run(command: Sequence[str]) -> Measured:
    """Run a program; the end of everything where it fails."""
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
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak, said)
