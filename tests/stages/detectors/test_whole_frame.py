from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.errors import BadCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.stages.detectors.whole_frame import WholeFrame
from posec3d_cli.types import Frame


def test_every_frame_is_one_person_who_fills_it() -> None:
    frames = [Frame(np.zeros((10, 20, 3), np.uint8), 0, 0.0), Frame(np.zeros((7, 5, 3), np.uint8), 1, 0.1)]
    assert [found.boxes.tolist() for found in WholeFrame().detect(frames)] == [[[0, 0, 20, 10]], [[0, 0, 5, 7]]]


def test_settings_are_refused() -> None:
    with pytest.raises(BadCard, match="size"):
        WholeFrame.from_card(load_card("whole-frame"), {}, size=3)
