"""The published RGBPose-Conv3D from decoded frames and a dataset pickle to probabilities, beside ours."""

from __future__ import annotations

import json
from pathlib import Path

import golden_people
import numpy as np
import pytest
from published_rgbpose import CASES, FULL, THIN, card_of, our_probabilities
from published_rgbpose_chain import published_probabilities

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "rgbpose_probabilities.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_the_stored_goldens_are_what_the_published_code_says(name, published):
    theirs = published_probabilities(published, CASES[name], width=THIN)
    assert theirs == pytest.approx(GOLDEN[name], abs=1e-6)


@pytest.mark.parametrize("name", ["1 view", "RGB alone"])
def test_networks_of_full_width_give_the_published_probabilities(name, published, tmp_path, record_difference):
    case = CASES[name]
    theirs = published_probabilities(published, case, width=FULL)
    dataset_pickle = golden_people.write_dataset_pickle(tmp_path / "pack.pkl", **case.people)
    ours = our_probabilities(case, card_of(case, tmp_path, width=FULL), dataset_pickle)
    record_difference(f"RGBPose-Conv3D, {name}, probabilities up to {theirs.max():.2f}", np.abs(ours - theirs).max())
    assert theirs.max() - theirs.min() > 1 / len(theirs)
    assert np.abs(ours - theirs).max() < 1e-4
