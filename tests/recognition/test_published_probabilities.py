"""Shipped cards, checkpoints in the published form, a dataset pickle: the probabilities of MMAction2's own PoseC3D."""

import json
from dataclasses import replace
from pathlib import Path

import golden_people
import numpy as np
import pytest
from published_checkpoints import CASES, card_of, our_probabilities

pytestmark = pytest.mark.usefixtures("one_thread")
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "posec3d_probabilities.json").read_text())
TOLERANCE = 5e-6
"""Rounding of float32 in another order of additions; the least that a wrong recipe changes is a hundred times it."""


def answer(name, folder, **changes):
    """Our probabilities, with changed settings of `recipe.clip` and `recipe.heatmaps`."""
    card = card_of(CASES[name], folder)
    parts = {part: {**card.recipe[part], **changes.get(part, {})} for part in ("clip", "heatmaps")}
    dataset_pickle = golden_people.write_dataset_pickle(folder / "pack.pkl", **CASES[name].people)
    return our_probabilities(replace(card, recipe={**card.recipe, **parts}), dataset_pickle)


@pytest.mark.parametrize("name", CASES)
def test_the_probabilities_are_those_of_the_published_code(name, tmp_path):
    assert answer(name, tmp_path) == pytest.approx(GOLDEN[name], abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ntu60 joint", {"clip": {"sampler": "pyskl"}}),
        ("ntu60 joint", {"heatmaps": {"flip": "keypoints"}}),
        ("ntu60 joint, somebody small", {"heatmaps": {"resize": "stretch"}}),
        ("ntu60 limb", {"heatmaps": {"limbs": "posec3d-default"}}),
    ],
)
def test_another_recipe_would_be_noticed(name, changes, tmp_path):
    assert np.abs(answer(name, tmp_path, **changes) - GOLDEN[name]).max() > 100 * TOLERANCE
