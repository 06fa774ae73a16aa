"""The program that measures how objects mislead: what it pastes, and what it counts."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import synthetic_people as people
from benchmark_modules import imported

from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.types import ActionScores

BALL, CUP = 0, 2
"""The numbers of two kinds of objects."""


@pytest.fixture(scope="module")
def misled():
    with imported("daily", ["ship", "objects", "misled"]) as modules:
        yield modules["misled"]


def test_every_class_has_one_group(misled):
    names = [name for classes in misled.GROUPS.values() for name in classes]
    assert len(set(names)) == len(names)
    assert [list(misled.GROUPS)[number] for number in misled.group_numbers(["cup", "sports ball", "umbrella"])] == [
        "bottle, cup", "ball", "else",
    ]  # fmt: skip


def test_objects_are_pasted_where_they_were_or_at_the_wrist(misled):
    clip = replace(people.labeled_clip("arms"), frame_size=(1000, 1000))
    donor = replace(people.with_object(people.labeled_clip("legs", frames=48), "cup"), frame_size=(500, 500))
    scaled = misled.pasted(clip, donor, CUP, misled.same_place).objects
    assert len(scaled) == 24
    assert np.allclose(scaled[-1].boxes, 2 * donor.objects[-1].boxes)
    held = misled.pasted(clip, donor, CUP, misled.at_wrist).objects
    for frame, objects in enumerate(held):
        [box] = objects.boxes
        middle = (box[:2] + box[2:]) / 2
        assert np.linalg.norm(clip.keypoints[0, frame, [9, 10]] - middle, axis=-1).min() < 1e-3
    assert not any(map(len, misled.pasted(clip, donor, BALL, misled.same_place).objects))


def test_pasted_objects_stand_beside_those_of_the_clip(misled):
    clip = people.with_object(people.labeled_clip("arms"), "sports ball")
    donor = people.with_object(people.labeled_clip("legs"), "cup")
    found = misled.pasted(clip, donor, CUP, misled.same_place).objects[5]
    assert found.class_names == ["sports ball", "cup"]


class Even:
    """Answers "catch" by a little, whatever it is shown, and counts how often."""

    labels = ("catch", "pour")
    calls = 0

    def classify(self, volumes):
        self.calls += len(volumes)
        return [ActionScores(np.array([0.51, 0.49], np.float32), self.labels) for _ in volumes]


def test_right_answers_that_turn_wrong_are_counted_by_kind_and_the_network_runs_once(misled):
    weights = np.zeros((2, 1, 2), np.float32)
    weights[1, 0, 1] = 5
    even = Even()
    reading = ObjectReading(("cup",), even.labels, weights)
    member = Member(fakes.Builder(), even, ClipSampling(frames=8, people="each"), objects=reading)
    caught = [replace(people.labeled_clip("arms", number), label="catch") for number in range(3)]
    poured = replace(people.with_object(people.labeled_clip("legs"), "cup"), label="pour")
    counts = misled.misled(ActionRecognizer([member]), [*caught, poured], donors=2)
    assert counts["bottle, cup"]["at the wrist"] == (3, 3)
    assert counts["ball"]["same place"] == (0, 0)
    assert misled.in_words(0, 0) == "no clip shows one"
    assert misled.in_words(1, 4).startswith("1 of 4, 25.0% (")
