"""Write posec3d_probabilities.json: what MMAction2 1.2.0 says of the golden people, with thin networks of seed 0.

    python tests/golden/make_posec3d_golden.py      in the environment of `make parity`

Which models, and of which weights: tests/published_checkpoints.py. The published configurations are run as they are
but for the width of the network; `tests/parity/test_posec3d_cards.py` compares networks of full width.
"""

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "parity"), str(HERE.parent), str(HERE.parent.parent)]


def main() -> None:
    """Write the file."""
    from conftest import stand_in_for_mmaction, stand_in_for_torchvision
    from published_checkpoints import CASES, THIN
    from published_posec3d import published_probabilities

    from posec3d_cli.stages.openmmlab.compat import prepare_packages

    for stage in ("mmdet", "mmpose"):
        prepare_packages(stage)
    stand_in_for_torchvision()
    stand_in_for_mmaction()
    lines = []
    for name, case in CASES.items():
        probabilities = published_probabilities(importlib.import_module, case, width=THIN).tolist()
        lines.append(f"{json.dumps(name)}: {json.dumps([round(value, 8) for value in probabilities])}")
    (HERE / "posec3d_probabilities.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
