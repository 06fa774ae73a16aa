"""A program in place of posec3d for tests of retraining: `train` says two epochs, `label` answers jump everywhere."""

from __future__ import annotations

PROGRAM = """
import sys, time
from pathlib import Path
command, *rest = sys.argv[1:]
output = Path(rest[rest.index("-o") + 1])
if command == "train":
    truth = Path(rest[0]).read_text()
    if "fail" in truth:
        print("error: it cannot be learned", file=sys.stderr)
        sys.exit(1)
    if "wait" in truth:
        print("waits", flush=True)
        time.sleep(600)
    print("epoch: 1 of 2: loss 1.500, validation top-1: all 25.0%", file=sys.stderr)
    print("epoch: 2 of 2: loss 0.500, validation top-1: all 75.0%", file=sys.stderr)
    output.mkdir()
else:
    assert rest[rest.index("--classifier") + 1].endswith("labels.model-1")
    names = Path(rest[rest.index("--from-file") + 1]).read_text().splitlines()
    rows = [f"{name},ok,jump,0.7" for name in names]
    output.write_text("\\n".join(["video,status,label,score", *rows]) + "\\n")
"""
