"""Results of clips, made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from posec3d_cli.errors import InputError
from posec3d_cli.results import ClipResult, Failure
from posec3d_cli.types import ActionScores


def failed(name, what="broken"):
    """The result of a clip that has no answer."""
    return ClipResult.failed(Path(name), Failure.of(InputError(what)), name=name)


def answered(name, *best, warnings=()):
    """The result of a clip whose best actions, if any, have these probabilities: ("walk", 0.7)."""
    scores = ActionScores(np.array([score for _, score in best], np.float32), tuple(label for label, _ in best))
    return replace(failed(name), error=None, scores=scores if best else None, frames_used=8, warnings=warnings)
