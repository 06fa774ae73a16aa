"""Write poses.json: the poses that the default pipeline finds in the films of tests/drawn_people.py.

    python tests/golden/make_poses.py

To be run after posec3d_cli.results.POSES_VERSION was raised because poses changed on purpose. It writes
nothing where the version is the stored one: caches would then hand out poses of the old code.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[0]), str(HERE.parents[1])]

from drawn_people import poses_of  # noqa: E402

from posec3d_cli.results import POSES_VERSION  # noqa: E402


def main() -> None:
    """Run the pipeline."""
    file = HERE / "poses.json"
    if file.exists() and json.loads(file.read_text())["version"] == POSES_VERSION:
        sys.exit(f"{file} holds the poses of version {POSES_VERSION}: raise posec3d_cli.results.POSES_VERSION first")
    with tempfile.TemporaryDirectory() as folder:
        golden = {"version": POSES_VERSION, "poses": poses_of(Path(folder))}
    file.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
