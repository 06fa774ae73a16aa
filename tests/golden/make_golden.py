"""Reduce the project's shared golden values to the files beside this program.

    python tests/golden/make_golden.py ../shared/reference/golden

The values come from the unmodified transforms of pyskl 3f6795f and mmaction2 1.2.0 on a skeleton given by a formula
(tests/golden_people.py). Kept are the sampled frame numbers, and of every volume its sum, maximum,
count of non-zero values, crop size, and the sum of each channel of the first frame.
"""

import json
import sys
from pathlib import Path


def main(source: Path) -> None:
    """Write uniform_indices.json and heatmap_totals.json."""
    here = Path(__file__).parent
    indices = json.loads((source / "uniform_sample_u48_10clips_seed255.json").read_text())
    kept = {count: {flavour: row[flavour] for flavour in ("pyskl", "mmaction2")} for count, row in indices.items()}
    (here / "uniform_indices.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")
    volumes = json.loads((source / "heatmaps_synth.json").read_text())
    totals = {
        case: {
            "sum": round(volume["sum"], 4),
            "max": volume.get("max"),
            "nonzero": volume["nonzero"],
            "crop": volume["info"]["PoseCompact"][0],
            "channel_sums": volume.get("clip0_frame0_chan_sums"),
        }
        for case, volume in volumes.items()
    }
    lines = [f'"{case}": {json.dumps(total)}' for case, total in totals.items()]
    (here / "heatmap_totals.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
