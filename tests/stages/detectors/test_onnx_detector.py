from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import pytest
from onnx_factory import Meeting, write_constants, write_dets
from test_efficientdet import overlap

from posec3d_cli import testing
from posec3d_cli.errors import BadCard
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.stages.detectors.object_classes import COCO_80
from posec3d_cli.stages.detectors.onnx import OnnxDetector, decode_classes_of_yolox, decode_dets, decode_yolox
from posec3d_cli.types import Frame

SIZE = (96, 64)
"""(w, h)."""
REAL = [
    ("rtmdet-nano_person_320_end2end.onnx", "rtmdet-nano-person"),
    ("yolox_nano_opencv_zoo.onnx", "yolox-nano"),
]
"""Files of the shared folder, and the cards that fetch them."""


def made(model, recipe, **options):
    card = ModelCard("tiny", "detector", "onnx", "tiny", "none", "none", (), recipe, (), model.parent, True)
    return OnnxDetector.from_card(card, {"model": model}, **options)


def test_boxes_come_back_in_pixels_of_the_frame_with_the_scores_of_what_the_model_saw(tmp_path):
    # A frame of 128 x 128 fills the left two thirds of the input at half its size.
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[40:60, 40:60] = (51, 102, 204)  # red, green, blue
    boxes = [[10, 20, 30, 60], [10, 5, 50, 25], [40, 20, 60, 62]]
    probes = [[0, 25, 25], [2, 25, 25], [0, 32, 90]]  # blue and red of the patch; what is left over
    model = write_dets(tmp_path / "a.onnx", boxes, probes, [0, 0, 0], size=SIZE)
    stage = made(model, {"output": "dets", "input_size": list(SIZE), "channels": "bgr", "std": [255] * 3}, min_area=0)
    [found] = stage.detect([Frame(pixels, 0, 0.0)])
    assert found.scores == pytest.approx([204 / 255, 114 / 255], abs=1e-6)  # 51 / 255 is too weak
    assert found.boxes.tolist() == [[20, 40, 60, 120], [80, 40, 120, 124]]


def test_only_people_count(tmp_path):
    boxes = [[0, 0, 20, 20], [30, 30, 60, 60]]
    model = write_dets(tmp_path / "a.onnx", boxes, [[0, 0, 0]] * 2, [0, 17], size=SIZE)
    recipe = {"output": "dets", "input_size": list(SIZE), "channels": "rgb", "std": [255] * 3}
    white = Frame(np.full((*SIZE[::-1], 3), 255, np.uint8), 0, 0.0)
    assert made(model, recipe).detect([white])[0].boxes.tolist() == [boxes[0]]
    assert made(model, recipe, person_class=17).detect([white])[0].boxes.tolist() == [boxes[1]]


def test_the_undecoded_head_of_yolox_is_decoded_by_hand():
    # An image of 32 x 64: 4 x 8 cells of 8 pixels, then 2 x 4 of 16, then 1 x 2 of 32.
    raw = np.zeros((1, 32 + 8 + 2, 5 + 3), np.float32)
    raw[0, 8 * 2 + 5] = [0.5, 0.25, np.log(2), np.log(3), 0.9, 0.1, 0.8, 0.3]  # row 2, column 5 of the finest
    raw[0, 32 + 4 + 1] = [0, 0, 0, np.log(0.5), 0.5, 0.4, 0.2, 1]  # row 1, column 1 of the next
    raw[0, 32 + 8 + 1] = [-0.5, 1, 0, 0, 1, 1, 0.5, 1]  # column 1 of the coarsest
    boxes, scores = decode_yolox([raw], (64, 32), 1)
    assert boxes[21] == pytest.approx([5.5 * 8 - 8, 2.25 * 8 - 12, 5.5 * 8 + 8, 2.25 * 8 + 12])
    assert boxes[37] == pytest.approx([16 - 8, 16 - 4, 16 + 8, 16 + 4])
    assert boxes[41] == pytest.approx([0.5 * 32 - 16, 32 - 16, 0.5 * 32 + 16, 32 + 16])
    assert scores[[21, 37, 41]] == pytest.approx([0.72, 0.1, 0.5])
    assert np.count_nonzero(scores) == 3


def test_each_cell_of_yolox_is_of_its_most_probable_class():
    raw = np.zeros((1, 32 + 8 + 2, 5 + 3), np.float32)
    raw[0, 8 * 2 + 5] = [0.5, 0.25, np.log(2), np.log(3), 0.9, 0.1, 0.8, 0.3]
    raw[0, 32 + 4 + 1] = [0, 0, 0, np.log(0.5), 0.5, 0.4, 0.2, 1]
    boxes, scores, numbers = decode_classes_of_yolox([raw], (64, 32))
    assert boxes.tolist() == decode_yolox([raw], (64, 32), 1)[0].tolist()
    assert scores[[21, 37]] == pytest.approx([0.72, 0.5])
    assert numbers[[21, 37]].tolist() == [1, 2]


def test_objects_come_from_the_same_run_as_people_whom_they_do_not_change(tmp_path):
    boxes = [[0, 0, 20, 20], [30, 30, 34, 34], [40, 10, 60, 50], [70, 0, 90, 60]]
    model = write_dets(tmp_path / "a.onnx", boxes, [[0, 0, 0]] * 4, [0, 32, 41, 0], size=SIZE)
    recipe = {"output": "dets", "input_size": list(SIZE), "channels": "rgb", "std": [255] * 3}
    white = Frame(np.full((*SIZE[::-1], 3), 255, np.uint8), 0, 0.0)
    people, both = made(model, recipe), made(model, {**recipe, "classes": "coco-80"})
    assert (people.object_classes, both.object_classes) == ((), COCO_80[1:])
    runs = []
    run = both._session.run
    both._session = type("Counted", (), {"run": lambda self, *given: runs.append(1) or run(*given)})()
    [alone], [found] = people.detect([white]), both.detect([white])
    assert len(runs) == 1
    assert alone.objects is None
    assert np.array_equal(found.boxes, alone.boxes)
    assert np.array_equal(found.scores, alone.scores)
    assert found.objects.class_names == ["sports ball", "cup"]
    assert found.objects.boxes.tolist() == [boxes[1], boxes[2]]
    testing.check_detector(made(model, {**recipe, "classes": "coco-80"}))
    with pytest.raises(BadCard, match=r"a\.onnx.*names a class 41, and the card's classes have the numbers 0 to 39"):
        made(model, {**recipe, "classes": [f"class {number}" for number in range(40)]}).detect([white])


def test_outputs_of_another_kind_are_refused_with_their_shapes():
    with pytest.raises(BadCard, match=r"\(1, 3549, 85\) where \(1, 84, 5 \+ classes\)"):
        decode_yolox([np.zeros((1, 3549, 85))], (64, 64), 0)
    with pytest.raises(BadCard, match=r"\(1, 84, 6\)"):
        decode_yolox([np.zeros((1, 84, 6))], (64, 64), 1)
    with pytest.raises(BadCard, match=r"\(1, 100, 4\) and \(1, 100\)"):
        decode_dets([np.zeros((1, 100, 4)), np.zeros((1, 100))], (64, 64), 0)


def test_a_recipe_that_does_not_fit_is_refused_by_name(tmp_path):
    model = write_dets(tmp_path / "a.onnx", [[0, 0, 9, 9]], [[0, 0, 0]], [0], size=SIZE)
    recipe = {"output": "dets", "input_size": list(SIZE), "channels": "bgr"}
    for changed, complaint in [
        ({"output": "yolo"}, r"recipe.output must be one of dets, yolox, got 'yolo'"),
        ({"brightness": 2}, "brightness"),
        ({"input_size": [64, 64]}, r"must read one float tensor \(N, 3, 64, 64\)"),
        ({"score_threshold": 2}, "score_threshold must be a number in"),
    ]:
        with pytest.raises(BadCard, match=complaint):
            made(model, {**recipe, **changed})
    with pytest.raises(BadCard, match="channels"):
        made(model, {"output": "dets", "input_size": list(SIZE)})
    several = write_constants(
        tmp_path / "b.onnx", np.zeros((4, 0, 5), np.float32), np.zeros((4, 0), np.int64), shape=[4, 3, *SIZE[::-1]]
    )
    with pytest.raises(BadCard, match="one image at a time"):
        made(several, recipe)


def test_a_detector_on_onnx_keeps_the_contract(tmp_path):
    boxes = [[0, 0, 40, 60], [20, 5, 90, 60], [50, 2, 70, 62]]
    model = write_dets(tmp_path / "a.onnx", boxes, [[0, 10, 10], [1, 20, 20], [2, 40, 40]], [0] * 3, size=SIZE)
    stage = made(model, {"output": "dets", "input_size": list(SIZE), "channels": "bgr", "std": [255] * 3})
    testing.check_detector(stage)
    assert any(len(found) for found in stage.detect(testing.sample_frames()))


def test_images_are_read_side_by_side(tmp_path):
    model = write_dets(tmp_path / "a.onnx", [[0, 0, 40, 60]], [[0, 10, 10]], [0], size=SIZE)
    stage = made(model, {"output": "dets", "input_size": list(SIZE), "channels": "bgr", "std": [255] * 3}, threads=3)
    stage._session = Meeting(stage._session, 3)
    frames = [Frame(np.full((64, 96, 3), 100 + 50 * number, np.uint8), number, 0.0) for number in range(3)]
    scores = [float(found.scores[0]) for found in stage.detect(frames)]
    assert scores == pytest.approx([100 / 255, 150 / 255, 200 / 255])


@pytest.mark.shared
@pytest.mark.parametrize(("file", "name"), REAL)
def test_the_card_of_a_real_export_names_its_content(shared, file, name):
    [known] = load_card(name).files
    content = (shared / "weights" / file).read_bytes()
    assert (known.sha256, known.size) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.shared
@pytest.mark.parametrize(("file", "name"), REAL)
def test_real_exports_keep_the_contract(shared, file, name):
    testing.check_detector(made(shared / "weights" / file, load_card(name).recipe))


@pytest.mark.shared
@pytest.mark.parametrize(("file", "name"), REAL)
def test_real_exports_find_people_where_people_marked_them(shared, file, name):
    folder = shared / "reference/pairs/coco_people"
    stage = made(shared / "weights" / file, load_card(name).recipe)
    annotations = json.loads((folder / "test_coco.json").read_text())
    found = []
    for image in annotations["images"]:
        pixels = np.ascontiguousarray(cv2.imread(str(folder / image["file_name"]))[..., ::-1])
        [people] = stage.detect([Frame(pixels, 0, 0.0)])
        for one in annotations["annotations"]:
            x, y, width, height = one["bbox"]
            if one["image_id"] == image["id"] and not one["iscrowd"] and width * height > 64**2:
                best = max((overlap(box, (x, y, x + width, y + height)) for box in people.boxes), default=0)
                found.append(best)
    assert len(found) == 11
    assert min(found) > 0.7


@pytest.mark.shared
@pytest.mark.parametrize(("file", "name"), REAL)
def test_a_real_export_needs_what_its_recipe_says(shared, file, name):
    """Of an image of five skiers it finds fewer, or finds what is not there, when it is shown something else."""
    pixels = cv2.imread(str(shared / "reference/pairs/coco_people/000000197388.jpg"))[..., ::-1]
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0)

    recipe = load_card(name).recipe

    def total(**changed):
        stage = made(shared / "weights" / file, {**recipe, **changed}, max_people=0)
        return float(stage.detect([frame])[0].scores.sum())

    assert 3 < total() < 5
    if "mean" in recipe:
        assert not 1 < total(mean=[0] * 3, std=[1] * 3) < 6
    else:
        assert total(std=[255] * 3) < 1


def test_the_recipe_can_be_given_without_a_card(tmp_path):
    model = write_dets(tmp_path / "a.onnx", [[0, 0, 40, 60]], [[0, 10, 10]], [0], size=SIZE)
    stage = OnnxDetector(
        model, OnnxDetector.Settings(output="dets", input_size=SIZE, channels="rgb", std=(255, 255, 255))
    )
    [found] = stage.detect([Frame(np.full((*SIZE[::-1], 3), 255, np.uint8), 0, 0.0)])
    assert found.boxes.tolist() == [[0, 0, 40, 60]]


@pytest.mark.shared
def test_a_real_export_finds_objects_where_they_are(shared):
    pixels = cv2.imread(str(shared / "reference/pairs/coco_people/000000197388.jpg"))[..., ::-1]
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0)
    recipe = load_card("yolox-nano").recipe
    with_objects = made(shared / "weights/yolox_nano_opencv_zoo.onnx", recipe)
    people = made(shared / "weights/yolox_nano_opencv_zoo.onnx", {**recipe, "classes": []})
    [found], [alone] = with_objects.detect([frame]), people.detect([frame])
    assert np.array_equal(found.boxes, alone.boxes)
    assert np.array_equal(found.scores, alone.scores)
    assert "skis" in found.objects.class_names
