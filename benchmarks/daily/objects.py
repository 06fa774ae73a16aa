"""Fit what objects mean to the models that ship, and add it to their folders.

    python benchmarks/daily/objects.py SETS MODEL [MODEL…] [--strength S]

Reads the clips of `jhmdb.csv` and `web.csv` in SETS (see sets.py) that are trained on, from pose files which hold
objects, fits one `ObjectReading` for all of the models, whose labels are the same, keeps what it says of things that
people hold, and writes `objects.csv` into each folder and into its card. Without `--strength`, prints what each
strength does to half `a` of the validation clips. `--all` keeps furniture, vehicles, animals and whatever else too.
"""

from __future__ import annotations

import argparse
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tomli_w
from ship import clips_of, recognizer_of

from posec3d_cli import ActionRecognizer, LabeledClip
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.hub.cards import OBJECTS
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.training.objects import STRENGTHS, reading_of

VALIDATED = ("jhmdb_a", "web_known_a")
"""The tables of clips that `jhmdb.csv` and `web.csv` also hold, and that are not learned from."""

HELD = {
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "remote",
    "cell phone",
    "book",
    "scissors",
    "hair drier",
    "toothbrush",
}
"""Classes of COCO that are held, thrown or ridden by hand and foot; others tell of the place and not of the action."""


def held(reading: ObjectReading) -> ObjectReading:
    """What a reading says of the classes of `HELD`."""
    places = [place for place, name in enumerate(reading.names) if name in HELD]
    return replace(reading, names=tuple(reading.names[place] for place in places), weights=reading.weights[:, places])


def apart_from(clips: Sequence[LabeledClip], others: Sequence[LabeledClip]) -> list[LabeledClip]:
    """The clips that are not among others, which another table may name: what stands behind the source counts."""
    left_out = {clip.name.partition("/")[2] for clip in others}
    return [clip for clip in clips if clip.name.partition("/")[2] not in left_out]


def with_strength(recognizer: ActionRecognizer, reading: ObjectReading, strength: float) -> ActionRecognizer:
    """The recognizer whose members read objects so."""
    members = [replace(member, objects=reading.scaled(strength) if strength else None) for member in recognizer.members]
    return ActionRecognizer(members, used=recognizer.used, sampling=recognizer.sampling)


def ship(model: Path, reading: ObjectReading, strength: float) -> None:
    """Write the reading into a model folder and its card."""
    reading.scaled(strength).write(model / "objects.csv")
    card = tomllib.loads((model / "model.toml").read_text(encoding="utf-8"))
    body = (model / "objects.csv").read_bytes()
    entry = {
        "name": OBJECTS,
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "sources": ["file:objects.csv"],
    }
    card["files"] = [*(file for file in card["files"] if file["name"] != OBJECTS), entry]
    (model / "model.toml").write_text(tomli_w.dumps(card), encoding="utf-8")


def main() -> None:
    """Fit, and write or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--strength", type=float, metavar="S", help="Write the reading, with weights times S.")
    parser.add_argument("--all", action="store_true", help="Of all classes, not only of what is held.")
    given = parser.parse_args()
    learned = clips_of([given.sets / "jhmdb.csv", given.sets / "web.csv"])
    validated = clips_of([given.sets / f"{part}.csv" for part in VALIDATED])
    recognizer = recognizer_of(given.models)
    reading, seen = reading_of(recognizer, apart_from(learned, validated))
    if reading is None:
        raise SystemExit(f"no class of objects is seen often enough in the clips of {given.sets}")
    print(f"{seen} clips have objects")
    if not given.all:
        reading = held(reading)
    if given.strength is not None:
        for model in given.models:
            ship(model, reading, given.strength)
        return
    for part in VALIDATED:
        clips = [clip for clip in clips_of([given.sets / f"{part}.csv"]) if clip.label in recognizer.labels]
        for strength in (0.0, *STRENGTHS):
            right = sum(
                one.correct for one in evaluate(with_strength(recognizer, reading, strength), clips).predictions
            )
            print(f"{part}: strength {strength}: {right} of {len(clips)}")


if __name__ == "__main__":
    main()
