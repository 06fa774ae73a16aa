"""Our half of the pipeline with RGBPose-Conv3D, beside what MMAction2 said of the same poses and frames."""

from __future__ import annotations

import json
from pathlib import Path

import golden_people
import numpy as np
import pytest
from published_rgbpose import CASES, card_of, our_probabilities

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "rgbpose_probabilities.json").read_text())

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", CASES)
def test_probabilities_are_the_published_ones(name, tmp_path):
    case = CASES[name]
    dataset_pickle = golden_people.write_dataset_pickle(tmp_path / "pack.pkl", **case.people)
    ours = our_probabilities(case, card_of(case, tmp_path), dataset_pickle)
    assert max(GOLDEN[name]) - min(GOLDEN[name]) > 1 / len(ours)
    assert np.abs(ours - GOLDEN[name]).max() < 1e-4
