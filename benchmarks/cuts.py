"""How many hard cuts are found, and how often something else is taken for one.

    python benchmarks/cuts.py FOLDER [--pairs N]

FOLDER holds clips of one shot each, such as J-HMDB. Every clip with a cut is a false alarm. N pairs of clips, chosen by
chance, are joined: the cut counts as found where it is named at its very frame, and any other is a wrong one. The
frames are looked at one by one, every sixth, and every sixteenth; what is read besides, to tell a cut from a pan, is
said as a share of all frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from posec3d_cli.extraction.cuts import Signature, find_cuts, frames_to_check, signature
from posec3d_cli.video import open_video


def signatures(path: Path) -> list[Signature]:
    """One per frame of a video."""
    with open_video(path) as video:
        return [signature(frame.pixels) for frame in video.frames()]


def cuts(shown: list[Signature], apart: int) -> tuple[list[int], int]:
    """The cuts that are found where every `apart`-th frame is looked at, and how many others are read for it."""
    frames = list(range(0, len(shown), apart))
    known = {frame: shown[frame] for frame in frames}
    more = frames_to_check(known, frames, len(shown)).tolist()
    known.update({frame: shown[frame] for frame in more})
    return find_cuts(known, frames).tolist(), len(more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix in (".avi", ".mp4"))
    clips = [signatures(path) for path in paths]
    random = np.random.default_rng(0)
    pairs = [random.choice(len(clips), 2, replace=False).tolist() for _ in range(options.pairs)]
    print("| a frame looked at | clips | false alarms | joined | found | wrong | read besides |")
    print("|---" + "|---:" * 6 + "|")
    for name, apart in (("every", 1), ("every 6th", 6), ("every 16th", 16)):
        alone = [cuts(clip, apart) for clip in clips]
        joined = [(len(clips[one]), cuts(clips[one] + clips[other], apart)[0]) for one, other in pairs]
        found = sum(place in cut for place, cut in joined)
        wrong = sum(len(set(cut) - {place}) for place, cut in joined)
        besides = sum(more for _, more in alone) / sum(map(len, clips))
        alarms = sum(bool(cut) for cut, _ in alone)
        print(f"| {name} | {len(clips)} | {alarms} | {len(joined)} | {found} | {wrong} | {besides:.1%} |", flush=True)


if __name__ == "__main__":
    main()
