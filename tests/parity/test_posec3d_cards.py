"""Our half of the pipeline beside MMAction2's test pipeline and recognizer: dataset pickle in, probabilities out."""

from __future__ import annotations

import json
from pathlib import Path

import golden_people
import numpy as np
import pytest
from published_checkpoints import CASES, THIN, card_of, our_probabilities
from published_posec3d import published_probabilities

GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "posec3d_probabilities.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_the_stored_goldens_are_what_the_published_code_says(name, published):
    theirs = published_probabilities(published, CASES[name], width=THIN)
    assert theirs == pytest.approx(GOLDEN[name], abs=1e-6)


@pytest.mark.parametrize("name", ["ntu60 joint", "ntu60 limb", "k400 joint", "ucf101 joint", "0.x ntu60 joint"])
def test_networks_of_full_width_give_the_published_probabilities(name, published, tmp_path, record_difference):
    case = CASES[name]
    theirs = published_probabilities(published, case, width=32)
    dataset_pickle = golden_people.write_dataset_pickle(tmp_path / "pack.pkl", **case.people)
    ours = our_probabilities(card_of(case, tmp_path, width=32), dataset_pickle)
    record_difference(f"PoseC3D {name}, 20 views, probabilities up to {theirs.max():.2f}", np.abs(ours - theirs).max())
    assert theirs.max() - theirs.min() > 10 / len(theirs)
    assert np.abs(ours - theirs).max() < 1e-4
