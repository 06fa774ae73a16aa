"""Reading people alone and two by two: which inputs are made, and the one answer that comes of them."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import shot_factory

from posec3d_cli.answers import PairInWindow, PersonInWindow, WindowScores, person_text, read_person
from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.output.json import read_stored, stored
from posec3d_cli.recognition.ensemble import average_windows, check_compatible
from posec3d_cli.recognition.members import interactions_of
from posec3d_cli.recognition.pairs import joined_readings
from posec3d_cli.recognition.stream import WindowStream
from posec3d_cli.types import ActionScores


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("pairs") / "meet.mp4", 200, size=(240, 48))


@pytest.fixture(scope="module")
def answered(film):
    pipeline = fakes.pair_pipeline(fakes.meeting)
    return pipeline, pipeline.predict(film)


def test_only_people_near_each_other_are_read_together(answered):
    pipeline, result = answered
    sequences = [sequence for sequence, _, _ in pipeline.recognizer.members[0].builder.calls]
    assert {len(one.keypoints) for one in sequences} == {1, 2}
    for window in result.windows:
        inside = min(window.stop, 136) - max(window.start, 64)
        if inside <= 0:
            assert window.pairs == ()
        if inside == window.stop - window.start:
            assert [pair.people for pair in window.pairs] == [(0, 1)]


def test_a_pair_has_the_segment_and_people_have_the_rest(answered):
    _, result = answered
    segments = [(one.person, one.answer(0), one.start, one.stop) for one in result.segments]
    assert [one[:2] for one in segments] == [
        (0, "left"), (1, "right"), ((0, 1), "meet"), (0, "left"), (1, "right"),
    ]  # fmt: skip
    _, _, start, stop = segments[2]
    assert abs(start - 64) <= 13  # half a window of 25 frames
    assert abs(stop - 136) <= 13
    assert (segments[0][3], segments[3][2]) == (start, stop)


def test_the_answer_for_people_counts_what_they_do_together(answered):
    _, result = answered
    assert [one.id for one in result.people] == [0, 1]
    for person in result.people:
        assert person.scores.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert dict(person.scores.top(3))["meet"] > 0.2
    assert sum(one.weight for one in result.people) == pytest.approx(1, abs=1e-5)


def test_a_stream_gives_the_same_segments(answered, film):
    pipeline, result = answered
    poses = result.video_poses
    stream = WindowStream(pipeline.recognizer, result.video)
    for start in range(0, 200, 50):
        inside = (poses.frame_indices >= start) & (poses.frame_indices < start + 50)
        stream.add(poses.part(poses.frame_indices[inside]), start + 50)
    streamed = stream.result()
    assert [(one.person, one.start, one.stop) for one in streamed.segments] == [
        (one.person, one.start, one.stop) for one in result.segments
    ]
    assert [one.scores.probabilities.tolist() for one in streamed.people] == [
        pytest.approx(one.scores.probabilities.tolist(), abs=1e-6) for one in result.people
    ]


def test_a_stored_result_comes_back_with_its_pairs(answered):
    _, result = answered
    again = read_stored(stored(result), result.path)
    assert [one.person for one in again.segments] == [one.person for one in result.segments]
    assert [[pair.people for pair in window.pairs] for window in again.windows] == [
        [pair.people for pair in window.pairs] for window in result.windows
    ]
    assert stored(again)["windows"] == stored(result)["windows"]


def test_a_classifier_without_interactions_reads_each_person_alone_and_answers_as_ever(film):
    pipeline = fakes.pair_pipeline(fakes.meeting, interactions=())
    result = pipeline.predict(film)
    assert {len(sequence.keypoints) for sequence, _, _ in pipeline.recognizer.members[0].builder.calls} == {1}
    assert all(isinstance(one.person, int) for one in result.segments)
    assert "pairs" not in stored(result)["windows"][0]


def test_everybody_together_is_one_input_and_nobody_a_pair(film):
    pipeline = fakes.pair_pipeline(fakes.meeting, people="together")
    result = pipeline.predict(film)
    assert {len(sequence.keypoints) for sequence, _, _ in pipeline.recognizer.members[0].builder.calls} == {2}
    assert {one.person for one in result.segments} == {None}


def test_one_person_of_a_pair_is_read_alone_when_asked_for(film):
    pipeline = fakes.pair_pipeline(fakes.meeting)
    recognizer = pipeline.recognizer
    recognizer.selection = replace(recognizer.selection, person=0)
    assert {one.person for one in pipeline.predict(film).segments} == {0}


def scored(*values):
    return ActionScores(np.array(values, np.float32), ("left", "right", "meet"))


def test_members_of_an_ensemble_are_averaged_before_readings_are_joined():
    def window(meet, left):
        people = tuple(PersonInWindow(one, 0.5, scored(left, 1 - left, 0)) for one in (0, 1))
        return WindowScores(0, 25, people[0].scores, people, (PairInWindow((0, 1), scored(0, 1 - meet, meet)),))

    mean = average_windows([window(0.9, 1.0), window(0.3, 0.0)], [1.0, 1.0])
    found = joined_readings(mean, ("meet",))
    assert found.people[0].scores.probabilities == pytest.approx([0.2, 0.2, 0.6])
    assert found.pairs[0].scores.probabilities == pytest.approx([0.2, 0.2, 0.6])
    assert found.pairs[0].together


def test_members_must_agree_on_what_is_done_together():
    first, second = (
        fakes.pair_pipeline(fakes.meeting, interactions=one).recognizer.members[0] for one in (("meet",), ())
    )
    with pytest.raises(StageMismatch, match="the interactions of one are meet, of the other none"):
        check_compatible([first, second], ["a", "b"])


def test_interactions_of_a_card_are_labels_and_not_all_of_them():
    card = load_card("posec3d-ntu60-joint", "classifier")
    named = interactions_of(card, card.labels)
    assert len(named) == 11
    assert "hugging other person" in named
    assert "drink water" not in named
    wrong = replace(card, recipe={**card.recipe, "interactions": ["huging other person"]})
    with pytest.raises(BadCard, match="'huging other person', which is no label") as error:
        interactions_of(wrong, card.labels)
    assert "hugging other person" in error.value.hint
    with pytest.raises(BadCard, match="all labels are interactions"):
        interactions_of(replace(card, recipe={"interactions": list(card.labels)}), card.labels)


@pytest.mark.parametrize("name", ["posec3d-pyskl-ntu120-xsub-joint", "posec3d-0x-ntu120-limb"])
def test_ntu_120_has_26_interactions(name):
    card = load_card(name, "classifier")
    found = interactions_of(card, card.labels)
    assert found == (*card.labels[49:60], *card.labels[105:120])


@pytest.mark.parametrize("person", [None, 3, (0, 12)])
def test_a_person_or_pair_as_text_is_read_back(person):
    assert read_person(person_text(person)) == person


@pytest.mark.parametrize(("cell", "person"), [("3.0", 3), (3.0, 3), ("3+0", (0, 3)), ("", None)])
def test_spreadsheets_may_write_people_otherwise(cell, person):
    assert read_person(cell) == person


@pytest.mark.parametrize("cell", ["Bob", "1+2+3", "-1", "1+", "nan", "1.5"])
def test_other_texts_are_nobody(cell):
    with pytest.raises(ValueError, match="neither a track id nor two"):
        read_person(cell)
