"""Viterbi smoothing: the most probable sequence of actions of one person, from the scores of successive windows.

Each window gives evidence, the logarithm of the probability of each action; each change of the action costs
`SWITCH_COST`. The sequence of the largest sum is taken: a few windows that prefer another action by little
change nothing.
How the cost was chosen, and what other methods do on the same videos: `benchmarks/timeline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.answers import UNKNOWN
from posec3d_cli.types import ActionScores

SWITCH_COST = 0.5
"""Nats that a change of the action costs, whatever the two actions are: of windows that half overlap."""
LEAST = 1e-6
"""A probability that no classifier is surer about: the floor before a logarithm is taken."""

Evidence = NDArray[np.float64]


def evidence(scores: ActionScores, min_score: float = 0.0) -> Evidence:
    """`(C + 1,)` the logarithms of the probabilities of C actions and, last, of `UNKNOWN`.

    `UNKNOWN` counts as probable as `min_score`, or as the classifier's own label of that name where that is more. So of
    a single window the most probable action is named exactly where it reaches `min_score`.
    """
    probabilities = scores.probabilities.astype(np.float64).copy()
    unknown = min_score
    if UNKNOWN in scores.labels:
        place = scores.labels.index(UNKNOWN)
        unknown = max(unknown, float(probabilities[place]))
        probabilities[place] = 0.0
    return np.log(np.maximum([*probabilities, unknown], LEAST))


class ViterbiSmoother:
    """Smooths the evidence of successive windows about one person.

    `add` takes windows as they come, so that it serves live sources too: `latest` is the best state of the newest
    window so far, which later windows may still change; `path` is the best sequence of all.

    Args:
        switch_cost: what a change of the state costs, in nats.
    """

    def __init__(self, switch_cost: float = SWITCH_COST) -> None:
        self.switch_cost = switch_cost
        self._totals: Evidence | None = None
        self._came_from: list[NDArray[np.int16]] = []

    def add(self, of_window: Evidence) -> None:
        """Add the evidence of the next window, `(S,)` of S states."""
        stay = np.arange(len(of_window), dtype=np.int16)
        if self._totals is None:
            self._came_from.append(stay)
            self._totals = of_window.astype(np.float64)
            return
        best = int(self._totals.argmax())
        switched = self._totals[best] - self.switch_cost
        self._came_from.append(np.where(switched > self._totals, np.int16(best), stay))
        self._totals = np.maximum(self._totals, switched) + of_window
        self._totals -= self._totals.max()  # else the sums grow without end

    @property
    def latest(self) -> int:
        """The best state of the newest window, given the windows so far.

        Raises:
            ValueError: there was no window.
        """
        if self._totals is None:
            raise ValueError("there was no window")
        return int(self._totals.argmax())

    def path(self) -> list[int]:
        """The best state of each window."""
        if self._totals is None:
            return []
        states = [self.latest]
        for came_from in reversed(self._came_from[1:]):
            states.append(int(came_from[states[-1]]))
        return states[::-1]


def merge_short(states: list[int], lengths: Sequence[float], shortest: float) -> list[int]:
    """The states with runs shorter than `shortest` frames given to a neighbour, the shortest run first.

    Args:
        states: of successive windows.
        lengths: of what each window stands for, in frames.
        shortest: in frames.

    Returns:
        The state of each window. A run goes to the longer neighbour; a single run stays, however short it is.
    """
    runs: list[list[Any]] = []  # state, frames, windows
    for state, length in zip(states, lengths, strict=True):
        if runs and runs[-1][0] == state:
            runs[-1][1] += length
            runs[-1][2] += 1
        else:
            runs.append([state, length, 1])
    while len(runs) > 1:
        place = min(range(len(runs)), key=lambda one: runs[one][1])
        if runs[place][1] >= shortest:
            break
        sides = [side for side in (place - 1, place + 1) if 0 <= side < len(runs)]
        runs[place][0] = runs[max(sides, key=lambda one: runs[one][1])][0]
        joined: list[list[Any]] = []
        for run in runs:
            if joined and joined[-1][0] == run[0]:
                joined[-1][1] += run[1]
                joined[-1][2] += run[2]
            else:
                joined.append(run)
        runs = joined
    return [state for state, _, windows in runs for _ in range(windows)]
