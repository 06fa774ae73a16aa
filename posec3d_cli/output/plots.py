"""Plots as PNG files, drawn without a display: confusion matrices and training curves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.types import Ints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL = 0.34  # inches a side of a cell in which three digits can be read
_LARGEST = 40.0  # inches a side of a matrix; the cells of one with more classes shrink
_LEGIBLE = 0.2  # inches a side of the smallest cell that a number is written into
_LONGEST = 40  # letters of a label
_DOTS = 110  # pixels per inch
_LINE, _BEST = "#1f5fa8", "#c8442c"


def plot_confusion(labels: Sequence[str], matrix: Ints, path: Path, *, columns: Sequence[str] | None = None) -> None:
    """Plot a confusion matrix: the larger the share of its row, the darker a cell; each cell has its number.

    Args:
        labels: R names of the rows, the truth.
        matrix: `(R, C)` counts.
        path: of the PNG; a file that is there is replaced.
        columns: C names of the columns, what was answered; None: those of the rows.

    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.figure import Figure

    heads = labels if columns is None else columns
    cell = min(_CELL, _LARGEST / max(matrix.shape))
    high, wide = (cell * count for count in matrix.shape)
    figure = Figure(figsize=(wide, high))
    axes = figure.add_axes((0, 0, 1, 1))  # the labels stand outside; the plot is cropped to what is drawn
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    size = 72 * cell * 0.36  # points; 72 are an inch
    _name_ticks(axes, heads, labels, 72 * min(_CELL * 0.4, cell * 0.7))
    if cell >= _LEGIBLE:
        _rule(axes, *matrix.shape)
        for row, column in zip(*np.nonzero(matrix), strict=True):
            ink = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", color=ink, fontsize=size)
    axes.set_xlabel("answered")
    axes.set_ylabel("true")
    axes.xaxis.set_label_position("top")
    _write(figure, path)


def _name_ticks(axes: Axes, heads: Sequence[str], labels: Sequence[str], size: float) -> None:
    """The names above and on the left."""
    # A dollar sign is a letter here and begins no formula.
    plain: dict[str, Any] = {"fontsize": size, "parse_math": False}
    axes.set_xticks(range(len(heads)), [_short(head) for head in heads], rotation=90, **plain)
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels], **plain)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)


def _rule(axes: Axes, rows: int, columns: int) -> None:
    """A thin line between any two cells."""
    axes.set_xticks(np.arange(0.5, columns - 1), minor=True)
    axes.set_yticks(np.arange(0.5, rows - 1), minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.6)
    axes.tick_params(which="minor", length=0)


def plot_curves(history: Sequence[Mapping[str, Any]], path: Path, *, chosen: int) -> None:
    """Plot the loss and the validation top-1 of every epoch, and mark the epoch whose weights are the model.

    Args:
        history: at least one epoch: "epoch", "loss" and "accuracy", a part in [0, 1] or None where nothing was held
            out or measured.
        path: of the PNG; a file that is there is replaced.
        chosen: the epoch to mark.

    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(8, 6), layout="constrained")
    losses, hits = figure.subplots(2, 1, sharex=True)
    measured = [one for one in history if one["accuracy"] is not None]
    marks: dict[str, Any] = {"color": _LINE, "marker": "."}  # of a single epoch there is no line
    losses.plot([one["epoch"] for one in history], [one["loss"] for one in history], **marks)
    losses.set_ylabel("loss")
    hits.plot([one["epoch"] for one in measured], [one["accuracy"] for one in measured], **marks)
    hits.set_ylabel("held-out top-1")
    hits.set_xlabel("epoch")
    hits.set_ylim(0, 1.02)
    hits.yaxis.set_major_formatter(PercentFormatter(1))
    hits.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    hits.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
    for axes in (losses, hits):
        axes.grid(color="0.9")
    if measured:
        best = next(one for one in measured if one["epoch"] == chosen)
        for axes, value in ((losses, best["loss"]), (hits, best["accuracy"])):
            axes.axvline(best["epoch"], color=_BEST, linewidth=1, linestyle=":")
            axes.plot([best["epoch"]], [value], "o", color=_BEST)
        hits.set_title(f"best: {best['accuracy']:.1%} in epoch {best['epoch']}", color=_BEST, fontsize=10)
    else:
        hits.set_title("no validation clips", fontsize=10)
    _write(figure, path)


def _short(label: str) -> str:
    text = " ".join(printable(label).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _write(figure: Figure, path: Path) -> None:
    with atomic_write(path, overwrite=True) as part, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # an empty box is drawn
        figure.savefig(part, format="png", dpi=_DOTS, bbox_inches="tight", pad_inches=0.1)
