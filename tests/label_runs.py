"""What tests of `posec3d label` look at after a run."""

from __future__ import annotations

import csv
from pathlib import Path


def begun(tmp_path):
    return (tmp_path / "journal.txt").read_text().splitlines()


def rows(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def statuses(path="labels.csv"):
    return {row["video"]: row["status"] for row in rows(path)}
