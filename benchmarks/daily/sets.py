"""Write the tables of training and validation clips of posec3d-daily.

    posec3d extract-poses DATA/jhmdb -o POSES/jhmdb --detect-every 2
    posec3d extract-poses DATA/web -o POSES/web --detect-every 2
    posec3d extract-poses DATA/jhmdb -o POSES/jhmdb-lightning --pose movenet-lightning --detect-every 3
    python benchmarks/daily/sets.py DATA POSES OUT

DATA holds J-HMDB's training clips (`jhmdb/`, `jhmdb/labels.csv`) and clips from the web (`web/`, `web/clips.csv` with
the columns video, label, source and known). What is validated on is decided by whole source videos of J-HMDB and whole
sources of the web, in two halves: `a` chooses the epoch, `b` is reported. OUT gets

- `jhmdb.csv`, `web.csv`: clips to train on, and those of half `a`;
- `jhmdb_lightning.csv`: of J-HMDB the clips to train on only, with the poses of MoveNet Lightning;
- `validation.txt`: those of half `a`, for `posec3d train --val-list`, with Penn Action's as HELD_OUT names them;
- `jhmdb_a.csv`, `jhmdb_b.csv`, `web_known_a.csv`, `web_known_b.csv`, `web_other_a.csv`, `web_other_b.csv`: each part.

Clips of other actions (`known` 0) that are validated on are never trained on.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).parent
HELD_OUT = HERE.parents[1] / "models" / "posec3d-daily33" / "held_out.txt"
"""The clips of J-HMDB and Penn Action that posec3d-daily33 was not trained on, as nothing fine-tuned from it may be."""
NO_ACTION = ("no_person", "multi")
HALVES = "ab"
Row = tuple[str, str]  # pose file, label


def read_rows(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(table: Path, rows: Iterable[Row]) -> None:
    """Write a table with the columns video and label."""
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["video", "label"])
        writer.writerows(rows)


def pose_file(folder: Path, video: str) -> str:
    """Where `extract-poses` wrote the poses of a video."""
    return str((folder / video).with_suffix(".npz").resolve())


def title(video: str, label: str) -> str:
    """The source video of a J-HMDB clip."""
    return f"{label}/{Path(video).name.partition(f'_{label}_')[0]}"


def halves(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each clip's half: whole groups, the larger first, to the half with fewer clips of the label."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(HALVES, 0))
    total = dict.fromkeys(HALVES, 0)
    chosen = {}
    for name in sorted(groups, key=lambda name: (-len(groups[name]), name)):
        label = name.partition("/")[0]
        half = min(HALVES, key=lambda one: (counts[label][one], total[one], one))
        counts[label][half] += len(groups[name])
        total[half] += len(groups[name])
        chosen.update(dict.fromkeys(groups[name], half))
    return chosen


def held_out(source: str) -> list[str]:
    """The names of the clips of one source in HELD_OUT."""
    return [line for line in HELD_OUT.read_text(encoding="utf-8").splitlines() if line.startswith(source)]


def jhmdb(data: Path, poses: Path, folder: str = "jhmdb") -> dict[str, list[Row]]:
    """The rows of J-HMDB by part: "train", "a" and "b"."""
    labels = {row["video"]: row["label"] for row in read_rows(data / "jhmdb" / "labels.csv")}
    held = {
        line.partition("/")[2] for line in HELD_OUT.read_text(encoding="utf-8").splitlines() if line[:6] == "jhmdb/"
    }
    groups: dict[str, list[str]] = defaultdict(list)
    for video in sorted(held):
        groups[title(video, labels[video])].append(video)
    half = halves(groups)
    parts: dict[str, list[Row]] = defaultdict(list)
    for video, label in labels.items():
        parts[half.get(video, "train")].append((pose_file(poses / folder, video), label))
    return parts


def web(data: Path, poses: Path) -> dict[str, list[Row]]:
    """The rows of the web clips by part: "train", "known_a", "other_a" and so on."""
    sources = dict(csv.reader((HERE / "web_validation.csv").open(encoding="utf-8", newline="")))
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in read_rows(data / "web" / "clips.csv"):
        if row["label"] in NO_ACTION:
            continue
        half = sources.get(row["source"])
        part = f"{'known' if row['known'] == '1' else 'other'}_{half}" if half else "train"
        parts[part].append((pose_file(poses / "web", row["video"]), row["label"]))
    return parts


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "poses", "out"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    clips, films = jhmdb(given.data, given.poses), web(given.data, given.poses)
    write_rows(given.out / "jhmdb.csv", clips["train"] + clips["a"])
    write_rows(given.out / "web.csv", films["train"] + films["known_a"])
    write_rows(given.out / "jhmdb_lightning.csv", jhmdb(given.data, given.poses, "jhmdb-lightning")["train"])
    for half in HALVES:
        write_rows(given.out / f"jhmdb_{half}.csv", clips[half])
        for kind in ("known", "other"):
            write_rows(given.out / f"web_{kind}_{half}.csv", films[f"{kind}_{half}"])
    names = [*(file for file, _ in clips["a"] + films["known_a"]), *held_out("penn_action_train/")]
    (given.out / "validation.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


if __name__ == "__main__":
    main()
