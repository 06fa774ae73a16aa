"""Write rgbpose_probabilities.json: what MMAction2 1.2.0 says of the golden people in front of moving patterns.

    python tests/golden/make_rgbpose_golden.py      in the environment of `make parity`

Thin networks of seed 0; which models: tests/published_rgbpose.py. The published configurations are run as they are but
for the width of the networks and the number of views; `tests/parity/test_rgbpose_cards.py` compares full width.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "parity"), str(HERE.parent), str(HERE.parent.parent)]


def main() -> None:
    """Write the file."""
    from published_rgbpose import CASES, THIN
    from published_rgbpose_chain import published_probabilities
    from stand_ins import load, ready

    ready()
    lines = []
    for name, case in CASES.items():
        probabilities = published_probabilities(load, case, width=THIN).tolist()
        lines.append(f"{json.dumps(name)}: {json.dumps([round(value, 8) for value in probabilities])}")
    (HERE / "rgbpose_probabilities.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
