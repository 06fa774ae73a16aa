"""Write the README of a trained model: labels, data, command, accuracy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posec3d_cli.errors import counted
from posec3d_cli.training.objects import CHOICE, ObjectChoice

if TYPE_CHECKING:
    from posec3d_cli.training.summary import Trained

GENERATED = "This page is written anew by every training; take this line out to keep your own words."
CURVES, CONFUSION = "curves.png", "confusion.png"


def readme(folder: Path, trained: Trained) -> str:
    """The page as Markdown, with the plots that exist in the folder."""
    parts = [
        f"# {folder.name}\n",
        f"A {trained.config.architecture} network that reads {_read(trained)}, for {len(trained.actions)} "
        f"actions: {', '.join(trained.actions)}.\n",
        f"{GENERATED}\n",
        "## Data\n",
        _clips(trained.clips),
        "## Training\n",
        f"    {trained.command}\n",
        *([f"{trained.start.sentences()}\n"] if trained.start else []),
        f"{counted(sum(entry['epoch'] > 0 for entry in trained.history), 'epoch')}; settings and figures of each: "
        "`training.json`.\n",
        _plot(folder, CURVES, "Loss and accuracy over the epochs"),
        "## Measured\n",
        _measured(trained),
        _plot(folder, CONFUSION, "Confusion matrix of the validation clips"),
        "## Use\n",
        f"    posec3d predict VIDEO --classifier {json.dumps(str(folder))}\n",
    ]
    return "\n".join(part for part in parts if part)


def _read(trained: Trained) -> str:
    """What the network reads, in words."""
    if trained.config.rgb is None:
        return f"{trained.config.stream}s"
    return "the frames of videos" + ("" if trained.config.reads == "rgb" else f" beside {trained.config.stream}s")


def _clips(clips: Mapping[str, Mapping[str, int]]) -> str:
    sources = sorted({source for part in clips.values() for source in part})
    rows = [
        f"| {source} | {clips['training'].get(source, 0)} | {clips['held_out'].get(source, 0)} |" for source in sources
    ]
    return "\n".join(["| source | training clips | validation clips |", "|---|---:|---:|", *rows, ""])


def _measured(trained: Trained) -> str:
    parts = {name: part for name, part in trained.figures.items() if "top1" in part}
    objects = [_objects(trained.figures[CHOICE]), ""] if CHOICE in trained.figures else []
    if not parts:
        said = (
            "Not yet: the training is not complete."
            if any(trained.clips["held_out"].values())
            else "There are no validation clips, so nothing was measured."
        )
        return "\n".join([said, "", *objects])
    lines = [
        "On the validation clips; clips of one source are never split. The best epoch was chosen on the same clips,",
        "so expect a little less on others. The interval is Wilson's, of 95 %.\n",
        "| validation clips | number | top-1 | interval | top-5 | mean class |",
        "|---|---:|---:|---|---:|---:|",
        *(_row(name, part) for name, part in parts.items()),
        "",
    ]
    if "by_label" in trained.figures:
        lines += [*_by_label(trained.figures["by_label"]), ""]
    if "calibration" in trained.figures:
        lines += [_calibration(trained.figures["calibration"]), ""]
    return "\n".join([*lines, *objects])


def _objects(choice: Mapping[str, Any]) -> str:
    """What was decided about objects; the strength was chosen on the same clips as the best epoch."""
    said = ObjectChoice(**choice).sentence()
    return f"{said} What each class of objects adds to each action: `objects.csv`." if choice["kept"] else said


def _by_label(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The labels before and after the model was extended, as a table."""
    rows = [
        f"| {label} | {one['clips']} | {'new' if one['correct_before'] is None else one['correct_before']} "
        f"| {one['correct']} |"
        for label, one in counts.items()
        if one["clips"]
    ]
    rest = sum(not one["clips"] for one in counts.values())
    said = [f"\nOf {counted(rest, 'more label')} there are no validation clips."] if rest else []
    return [
        "| label | validation clips | correct before it was extended | after |",
        "|---|---:|---:|---:|",
        *rows,
        *said,
    ]


def _row(name: str, part: Mapping[str, Any]) -> str:
    low, high = part["top1_interval"]
    return (
        f"| {name} | {part['clips']} | {part['top1']:.1%} | {low:.0%} to {high:.0%} | {part['top5']:.1%} "
        f"| {part['mean_class']:.1%} |"
    )


def _calibration(figures: Mapping[str, Any]) -> str:
    return (
        f"Logits are divided by {figures['temperature']:.3g}, fitted on {figures['clips']} validation clips with "
        f"people: the expected calibration error there went from {figures['ece_before']:.3f} to "
        f"{figures['ece_after']:.3f}."
    )


def _plot(folder: Path, name: str, caption: str) -> str:
    return f"![{caption}]({name})\n" if (folder / name).exists() else ""
