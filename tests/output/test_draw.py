"""People and texts on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.output import draw
from posec3d_cli.skeletons import COCO_17


def figure(track_id, box, label="", **options):
    x1, y1, x2, y2 = box
    joints = np.linspace((x1, y1), (x2, y2), 17, dtype=np.float32)
    return draw.Figure(track_id, np.array(box, np.float32), joints, np.ones(17, np.float32), label, **options)


def test_text_is_shrunk_until_it_fits_and_unknown_letters_become_question_marks():
    image = np.full((60, 90, 3), 128, np.uint8)
    for text in ("a label that is far too long for this picture", "walk"):
        drawn = draw.annotate(image, [], COCO_17.limbs, text)
        assert (drawn != 128).any()
        assert (drawn[40:] == 128).all()
    assert draw.plain("Füße 走る [/x]") == "Fue ?? [/x]".replace("Fue", "Fu?e")


@pytest.mark.parametrize("size", [(8, 8), (48, 64), (1080, 1920)])
def test_people_at_and_beyond_the_edge_can_be_drawn_at_any_size(size):
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    keypoints = np.random.default_rng(0).uniform(-1e4, 1e4, (17, 2)).astype(np.float32)
    keypoints[3] = np.nan
    box = np.array([-50, -50, width + 50, height + 50], np.float32)
    figures = [draw.Figure(n, box, keypoints, np.ones(17, np.float32), "label", faint=n > 5) for n in range(9)]
    drawn = draw.annotate(image, figures, COCO_17.limbs, "walk 90%")
    assert drawn.shape == image.shape
    assert not image.any()
    assert draw.annotate(image, [], COCO_17.limbs).sum() == 0


def test_tags_of_people_who_stand_together_and_the_headline_lie_apart():
    image = np.full((240, 320, 3), 255, np.uint8)
    people = [figure(n, (3, 20, 60, 200), f"#{n} walk 50%") for n in range(4)]
    written = []
    plain = draw.free_place

    def note(size, wanted, room, taken):
        place = plain(size, wanted, room, taken)
        written.append((*place, place[0] + size[0], place[1] + size[1]))
        return place

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "free_place", note)
        draw.annotate(image, people, COCO_17.limbs, "walk 90%")
    assert len(written) == 5
    assert apart(written)
    assert all(x1 >= 0 and y1 >= 0 and x2 <= 320 and y2 <= 240 for x1, y1, x2, y2 in written)


def apart(rectangles):
    return all(
        a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        for number, a in enumerate(rectangles)
        for b in rectangles[:number]
    )


def test_a_tag_stands_on_the_top_left_corner_of_its_box():
    image = np.full((240, 320, 3), 255, np.uint8)
    bare = draw.annotate(image, [figure(1, (100, 100, 180, 220))], COCO_17.limbs)
    drawn = draw.annotate(image, [figure(1, (100, 100, 180, 220), "#1 walk 50%")], COCO_17.limbs)
    rows, columns = np.nonzero((bare != drawn).any(axis=-1))
    assert (columns.min(), rows.max() + 1) == (100, 100)


def test_a_faint_person_is_thinner_and_lies_below_the_others():
    image = np.full((720, 960, 3), 255, np.uint8)
    box = (100, 100, 500, 600)
    strong, faint = (draw.annotate(image, [figure(1, box, faint=one)], COCO_17.limbs) for one in (False, True))
    assert (faint != 255).any(axis=-1).sum() < 0.7 * (strong != 255).any(axis=-1).sum()
    both = draw.annotate(image, [figure(1, box), figure(2, box, faint=True)], COCO_17.limbs)
    assert tuple(both[350, 100]) == draw.COLORS[1]


rectangles = st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 20)] * 2)


@given(st.lists(rectangles, max_size=6), st.tuples(*[st.integers(1, 15)] * 2), st.tuples(*[st.integers(-9, 60)] * 2))
def test_the_free_place_is_the_nearest_there_is(given_, size, wanted):
    taken = [(x, y, x + w, y + h) for x, y, w, h in given_]
    room = (40, 30)
    near = [min(max(one, 0), most - side) for one, most, side in zip(wanted, room, size, strict=True)]
    free = [
        (x, y)
        for x in range(room[0] - size[0] + 1)
        for y in range(room[1] - size[1] + 1)
        if all(x + size[0] <= a or c <= x or y + size[1] <= b or d <= y for a, b, c, d in taken)
    ]
    found = draw.free_place(size, wanted, room, taken)
    if not free:
        assert found is None
        return
    assert found in free
    far = [abs(x - near[0]) + abs(y - near[1]) for x, y in (found, *free)]
    assert far[0] == min(far)


def test_there_is_no_place_in_a_room_that_is_too_small():
    assert draw.free_place((10, 10), (0, 0), (9, 99), []) is None
