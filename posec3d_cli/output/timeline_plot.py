"""Plot timelines and joint angles: PNG, SVG, or HTML that holds the SVG."""

from __future__ import annotations

import html
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posec3d_cli.answers import UNKNOWN
from posec3d_cli.files.writing import atomic_write, check_free, printable
from posec3d_cli.results import VideoPoses
from posec3d_cli.transforms.angles import angles_of, joint_angles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_SUFFIXES = (".png", ".svg", ".html")
# The colours of Okabe and Ito (2008), and paler ones of the same for more labels.
_COLORS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#7f7f7f",
    "#f5cf80", "#aad9f4", "#80ceb9", "#f7f1a0", "#80b8d8", "#eaae80", "#e5bcd3", "#444444",
)  # fmt: skip
_UNKNOWN = "#dddddd"
_WIDTH, _ROW, _EDGES = 12.0, 0.45, 1.1  # inches
_LETTER = 0.011  # of the width of the plot, for a label in its bar
_DOTS = 110  # pixels per inch


@dataclass(frozen=True)
class Bar:
    """A segment as it is drawn.

    Attributes:
        row: whose it is; rows appear in order.
        label: of the action, which decides the colour.
        start: in seconds.
        stop: in seconds.
        probability: None where there is none.
    """

    row: str
    label: str
    start: float
    stop: float
    probability: float | None = None


def colors_of(labels: Sequence[str]) -> dict[str, str]:
    """A colour per label, the most frequent first; unknown is grey."""
    order = [label for label, _ in Counter(one for one in labels if one != UNKNOWN).most_common()]
    return {label: _COLORS[number % len(_COLORS)] for number, label in enumerate(order)} | {UNKNOWN: _UNKNOWN}


def plot_timeline(
    bars: Sequence[Bar], seconds: float, title: str, path: Path, *, start: float = 0.0, overwrite: bool = False
) -> None:
    """Plot one row per person over time, coloured by label, with a legend.

    Args:
        bars: the segments.
        seconds: length of the video.
        title: above the plot.
        path: its suffix is one of `PLOT_SUFFIXES`.
        start: when its first frame is shown, in seconds.
        overwrite: replace a file that is there.

    Raises:
        OutputExists, OutputError: the file is there, or cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    rows = list(dict.fromkeys(bar.row for bar in bars)) or ["nobody"]
    colors = colors_of([bar.label for bar in bars])
    figure = Figure(figsize=(_WIDTH, _EDGES + _ROW * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for bar in bars:
        place, length = rows.index(bar.row), bar.stop - bar.start
        axes.barh(place, length, left=bar.start, height=0.8, color=colors[bar.label], edgecolor="white", linewidth=0.8)
        if length > _LETTER * seconds * len(bar.label):
            axes.text(
                bar.start + length / 2, place, printable(bar.label), ha="center", va="center", fontsize=8,
                parse_math=False,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [printable(row) for row in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(start, start + max(seconds, 1e-3))
    axes.set_xlabel("seconds")
    axes.xaxis.set_major_formatter(lambda value, place: _clock(value))
    axes.set_title(printable(title), fontsize=10, parse_math=False)
    shown = [label for label in colors if any(bar.label == label for bar in bars)]
    if shown:
        handles = [Patch(color=colors[label], label=printable(label)) for label in shown]
        legend = figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
    said = [
        f"{bar.row}: {bar.label} from {_clock(bar.start)} to {_clock(bar.stop)}"
        + ("" if bar.probability is None else f", {100 * bar.probability:.0f} %")
        for bar in bars
    ]
    _write(figure, title, said, path, overwrite)


def plot_angles(video_poses: VideoPoses, title: str, path: Path, *, overwrite: bool = False) -> None:
    """Plot the joint angles of everybody over time: a plot per angle, a line per person.

    A line has a gap where the person is not in sight, or a joint of the angle is only guessed.

    Raises:
        OutputExists, OutputError: the file is there, or cannot be written.
    """
    from matplotlib.figure import Figure

    names = list(angles_of(video_poses.skeleton))
    curves: dict[int, list[list[float]]] = {}
    last: dict[int, int] = {}
    columns = zip(video_poses.frame_indices.tolist(), video_poses.track_ids, video_poses.poses, strict=True)
    for column, (frame, ids, poses) in enumerate(columns):
        degrees = joint_angles(poses.keypoints, poses.scores, video_poses.skeleton)
        for row, person in enumerate(ids.tolist()):
            if person >= 0:
                curve = curves.setdefault(person, [])
                if last.get(person, column - 1) < column - 1:
                    curve.append([np.nan] * (len(names) + 1))
                curve.append([video_poses.video.seconds(frame), *degrees[row].tolist()])
                last[person] = column
    rows = max(1, (len(names) + 1) // 2)
    figure = Figure(figsize=(_WIDTH, 0.6 + 1.6 * rows), layout="constrained")
    plots = np.atleast_1d(figure.subplots(rows, 2, sharex=True, sharey=True)).ravel()
    for number, name in enumerate(names):
        for person, values in curves.items():
            drawn = np.array(values)
            color = _COLORS[person % len(_COLORS)]
            plots[number].plot(drawn[:, 0], drawn[:, number + 1], linewidth=1, color=color, label=f"person {person}")
        plots[number].set_title(name.replace("_", " "), fontsize=8)
        plots[number].set_ylim(0, 180)
    if curves and names:
        figure.legend(*plots[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False)
    figure.suptitle(printable(title), fontsize=10, parse_math=False)
    _write(figure, title, [], path, overwrite)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}" if minutes else f"{rest:.1f}"


def _write(figure: Figure, title: str, said: Sequence[str], path: Path, overwrite: bool) -> None:
    check_free(path, overwrite=overwrite)
    kind = path.suffix.lower().removeprefix(".")
    with atomic_write(path, overwrite=overwrite) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # an empty box is drawn
        if kind != "html":
            figure.savefig(part, format=kind, dpi=_DOTS)
            return
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg")
        svg = drawn.getvalue()
        rows = "".join(f"<li>{html.escape(printable(one))}</li>" for one in said)
        head = f'<!doctype html><meta charset="utf-8"><title>{html.escape(printable(title))}</title>'
        style = "<style>body{font-family:sans-serif;margin:1em}svg{max-width:100%;height:auto}</style>"
        part.write_text(f"{head}{style}{svg[svg.index('<svg') :]}<ul>{rows}</ul>\n", encoding="utf-8")
