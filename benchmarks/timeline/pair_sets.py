"""Write the tables of clips for a classifier of what two people do together, in parts of whole recordings.

    python benchmarks/timeline/pair_sets.py DATA POSES OUT [--parts 4]

DATA holds J-HMDB's training clips (`jhmdb/labels.csv`) and clips from the web (`web/clips.csv` with the columns video,
label, group, source and people), POSES their poses as `posec3d extract-poses` writes them. Each part K is tested on
once, by a model that learned from the others. OUT gets, for each part,

- `learn_K.csv`: clips of handshake, hug, kick, punch and push of UT-Interaction, of actions that one person does, and
  `unknown`, which are other actions of several people;
- `choose_K.txt`: those of them to choose the epoch by, for `posec3d train --val-list`: the part after K;
- `interactions_K.csv`: the clips of UT-Interaction to test on;
- `web_K.csv`, `jhmdb_K.csv`: other clips to test on, of any action of one person, known or not.

A recording is a sequence of UT-Interaction, a source video of J-HMDB and a repository of the web. Fights and arm
wrestling are left out: they are neither one of the interactions nor what people do alone.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TOGETHER = ("handshake", "hug", "kick", "punch", "push")
ALONE = ("catch", "clap", "jump", "pick", "point", "run", "sit", "stand", "throw", "walk", "wave")
LEFT_OUT = ("arm_wrestling", "fight", "multi", "no_person")
OF_UT = re.compile(r"^ut[-_](?:interaction_)?set(\d)[-_]seq(\d+)$")


class Clip(NamedTuple):
    """A pose file, its label, the recording it is from, and which data set that belongs to."""

    video: str
    label: str
    recording: str
    origin: str


def read_rows(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def clips_of(data: Path, poses: Path) -> list[Clip]:
    """All clips whose poses are there."""
    found = []
    for row in read_rows(data / "jhmdb" / "labels.csv"):
        title = Path(row["video"]).name.partition(f"_{row['label']}_")[0]
        label = {"push": "push_object"}.get(row["label"], row["label"])
        found.append(Clip(str(poses / "jhmdb" / row["video"]), label, title, "jhmdb"))
    for row in read_rows(data / "web" / "clips.csv"):
        if row["label"] in LEFT_OUT:
            continue
        video, sequence = str(poses / "web" / row["video"]), OF_UT.match(row["group"])
        if sequence:
            number = "-".join(sequence.groups())
            found.append(Clip(video, row["label"], number, "interactions"))
        elif row["label"] not in TOGETHER:
            found.append(Clip(video, row["label"], row["source"], "web"))
    named = [one._replace(video=str(Path(one.video).with_suffix(".npz").resolve())) for one in found]
    return [one for one in named if Path(one.video).exists()]


def parts_of(clips: Iterable[Clip], count: int) -> dict[tuple[str, str], int]:
    """The part of each recording: the larger first, to the part that has the fewest clips of its labels."""
    recordings: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for clip in clips:
        recordings[clip.origin, clip.recording][clip.label] += 1
    held: list[Counter[str]] = [Counter() for _ in range(count)]
    chosen = {}
    for name in sorted(recordings, key=lambda one: (-recordings[one].total(), one)):
        labels = recordings[name]
        fullness = [(sum(part[one] for one in labels), part.total(), number) for number, part in enumerate(held)]
        chosen[name] = min(fullness)[-1]
        held[chosen[name]].update(labels)
    return chosen


def learned(clip: Clip, people: set[str]) -> str | None:
    """The label that a clip is learned under; of other actions, only clips of several people, as `unknown`."""
    if clip.label in (*TOGETHER, *ALONE):
        return clip.label
    return "unknown" if clip.video in people else None


def write(table: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write a table with the columns video and label."""
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("video", "label"), *rows])


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "poses", "out"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--parts", type=int, default=4)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    clips = clips_of(given.data, given.poses)
    several = {
        str((given.poses / "web" / row["video"]).with_suffix(".npz").resolve())
        for row in read_rows(given.data / "web" / "clips.csv")
        if int(row["people"]) > 1
    }
    parts = parts_of(clips, given.parts)
    for number in range(given.parts):
        test, choose = number, (number + 1) % given.parts
        known = [(one, learned(one, several), parts[one.origin, one.recording]) for one in clips]
        rows = [(one.video, label, part) for one, label, part in known if label and part != test]
        write(given.out / f"learn_{number}.csv", [row[:2] for row in rows])
        chosen = "".join(f"{video}\n" for video, _, part in rows if part == choose)
        (given.out / f"choose_{number}.txt").write_text(chosen, encoding="utf-8")
        for origin in ("interactions", "web", "jhmdb"):
            mine = [(one.video, one.label) for one, _, part in known if part == test and one.origin == origin]
            write(given.out / f"{origin}_{number}.csv", mine)


if __name__ == "__main__":
    main()
