from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.stages.detectors import efficientdet
from posec3d_cli.stages.detectors.efficientdet import EfficientDet
from posec3d_cli.stages.detectors.tflite_graph import without_postprocessing
from posec3d_cli.types import Frame

Weights = Callable[[str], tuple[ModelCard, dict[str, Path]]]


@pytest.mark.weights
@pytest.mark.shared
@pytest.mark.parametrize(("model", "least"), [("efficientdet-lite2", 0.85), ("efficientdet-lite0", 0.75)])
def test_most_people_in_photographs_are_found(weights: Weights, shared: Path, model: str, least: float) -> None:
    import json

    folder = shared / "reference/pairs/coco_people"
    card, files = weights(model)
    stage = EfficientDet.from_card(card, files)
    annotations = json.loads((folder / "test_coco.json").read_text())
    hits = []
    for image in annotations["images"]:
        pixels = np.ascontiguousarray(cv2.imread(str(folder / image["file_name"]))[..., ::-1])
        [found] = stage.detect([Frame(pixels, 0, 0.0)])
        for one in annotations["annotations"]:
            x, y, width, height = one["bbox"]
            if one["image_id"] == image["id"] and not one["iscrowd"] and width * height > 64**2:
                hits.append(max((overlap(box, (x, y, x + width, y + height)) for box in found.boxes), default=0) > 0.5)
    assert len(hits) >= 5
    assert np.mean(hits) >= least


def overlap(a: np.ndarray, b: tuple[float, ...]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


@pytest.mark.weights
def test_an_empty_image_shows_nobody(weights: Weights) -> None:
    card, files = weights("efficientdet-lite0")
    stage = EfficientDet.from_card(card, files)
    frames = [Frame(np.full(shape, 128, np.uint8), k, 0.0) for k, shape in enumerate([(48, 64, 3), (1, 1, 3)])]
    assert [len(found) for found in stage.detect(frames)] == [0, 0]


@pytest.mark.weights
def test_each_image_has_an_interpreter_of_its_own(weights: Weights) -> None:
    card, files = weights("efficientdet-lite0")
    stage = EfficientDet.from_card(card, files, threads=3)
    meeting = threading.Barrier(3, timeout=20)

    class Meeting:
        def __init__(self) -> None:
            self.interpreter, self.invoke = make(), meeting.wait

        def __getattr__(self, name: str) -> object:
            return getattr(self.interpreter, name)

    make, stage._make = stage._make, Meeting
    stage._idle.get()  # the one that the stage was made with
    frames = [Frame(np.full((48, 64, 3), 128, np.uint8), number, 0.0) for number in range(3)]
    stage.detect(frames)  # would wait for ever for the third to begin
    assert stage._idle.qsize() == 3


@pytest.mark.weights
@pytest.mark.shared
def test_images_read_side_by_side_are_answered_as_one_after_the_other(weights: Weights, shared: Path) -> None:
    card, files = weights("efficientdet-lite0")
    images = sorted((shared / "reference/pairs/coco_people").glob("*.jpg"))[:4]
    pixels = [np.ascontiguousarray(cv2.imread(str(image))[..., ::-1]) for image in images]
    frames = [Frame(one, number, 0.0) for number, one in enumerate(pixels * 3)]
    alone, together = (EfficientDet.from_card(card, files, threads=threads).detect(frames) for threads in (1, 3))
    assert sum(map(len, alone)) > len(frames)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)


@pytest.mark.weights
@pytest.mark.shared
@pytest.mark.parametrize("model", ["efficientdet-lite2", "efficientdet-lite0"])
def test_objects_come_from_the_same_run_as_people_whom_they_do_not_change(weights, shared, model):
    card, files = weights(model)
    images = sorted((shared / "reference/pairs/coco_people").glob("*.jpg"))
    frames = [
        Frame(np.ascontiguousarray(cv2.imread(str(image))[..., ::-1]), number, 0.0)
        for number, image in enumerate(images)
    ]
    stage = EfficientDet.from_card(card, files, threads=1)
    runs = []

    class Counted:
        def __init__(self, interpreter):
            self.interpreter = interpreter

        def invoke(self):
            runs.append(1)
            self.interpreter.invoke()

        def __getattr__(self, name):
            return getattr(self.interpreter, name)

    stage._idle.put(Counted(stage._idle.get()))
    found = stage.detect(frames)
    assert len(runs) == len(frames)
    assert len(stage.object_classes) == 79
    alone = EfficientDet.from_card(card, files, classes=[], threads=1)
    assert alone.object_classes == ()
    for one, other in zip(found, alone.detect(frames), strict=True):
        assert other.objects is None
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)
    skiers = found[[image.name for image in images].index("000000197388.jpg")].objects
    assert "skis" in skiers.class_names[:3]


@pytest.mark.weights
@pytest.mark.shared
@pytest.mark.parametrize("model", ["efficientdet-lite2", "efficientdet-lite0"])
@pytest.mark.parametrize("thresholds", [{}, {"score_threshold": 0.02, "object_threshold": 0.03, "max_people": 0}])
def test_boxes_are_those_of_the_post_processing_in_the_graph(weights, shared, monkeypatch, model, thresholds):
    card, files = weights(model)
    images = sorted((shared / "reference/pairs/coco_people").glob("*.jpg"))[:6]
    pixels = [np.ascontiguousarray(cv2.imread(str(image))[..., ::-1]) for image in images]
    pixels.append(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    frames = [Frame(one, number, 0.0) for number, one in enumerate(pixels)]
    ours = EfficientDet.from_card(card, files, threads=1, **thresholds)
    assert ours._postprocess is not None
    monkeypatch.setattr(efficientdet, "without_postprocessing", lambda content: (content, None))
    whole = EfficientDet.from_card(card, files, threads=1, **thresholds)
    assert whole._postprocess is None
    found, expected = ours.detect(frames), whole.detect(frames)
    assert sum(map(len, expected)) > len(frames)
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in ((one, other), (one.objects, other.objects)):
            assert np.array_equal(mine.boxes, theirs.boxes)
            assert np.array_equal(mine.scores, theirs.scores)
        assert one.objects.class_names == other.objects.class_names


@pytest.mark.weights
def test_a_graph_that_suppresses_class_by_class_runs_as_it_is(weights, tmp_path):
    card, files = weights("efficientdet-lite0")
    content = files["model"].read_bytes()
    assert without_postprocessing(content)[1] is not None
    changed = with_regular_suppression(content)
    assert without_postprocessing(changed) == (changed, None)
    file = tmp_path / "classes.tflite"
    file.write_bytes(changed)
    frames = [Frame(np.full((48, 64, 3), 128, np.uint8), 0, 0.0)]
    assert [len(found) for found in EfficientDet.from_card(card, {"model": file}).detect(frames)] == [0]


def with_regular_suppression(model: bytes) -> bytes:
    """The same model with another flag in the options of its last op."""
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    options = bytes(graph.Operators(graph.OperatorsLength() - 1).CustomOptionsAsNumpy())
    wanted = {**flexbuffers.Loads(options), "use_regular_nms": 1}
    for place in range(len(options)):
        changed = options[:place] + b"\x01" + options[place + 1 :]
        try:
            found = flexbuffers.Loads(changed)
        except Exception:
            continue
        if found == wanted:
            return model.replace(options, changed)
    raise AssertionError("the flag is not among the options")


@pytest.mark.weights
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.99])
def test_a_model_that_was_cut_off_is_refused_by_name(weights, tmp_path, kept):
    card, files = weights("efficientdet-lite0")
    content = files["model"].read_bytes()
    file = tmp_path / "part.tflite"
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadCard, match=r"part\.tflite"):
        EfficientDet.from_card(card, {"model": file})


@pytest.mark.weights
def test_an_unknown_setting_is_refused_by_name(weights: Weights) -> None:
    card, files = weights("efficientdet-lite0")
    with pytest.raises(BadCard, match="brightness"):
        EfficientDet.from_card(card, files, brightness=2)


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(b"not a model")
    with pytest.raises(BadCard, match=r"model\.tflite"):
        EfficientDet(file)


@pytest.mark.parametrize(
    ("inputs", "outputs", "reads"),
    [
        ([], ["a:1", "a:2", "a:3"], "reads nothing"),
        ([("uint8", [])], ["a:1", "a:2", "a:3"], r"reads uint8 \[\]"),
        ([("float32", [1, 8, 8, 3])], ["a:1", "a:2", "a:3"], r"reads float32 \[1, 8, 8, 3\]"),
        ([("uint8", [1, 8, 6, 3])], ["a:1", "a:2", "a:3"], r"reads uint8 \[1, 8, 6, 3\]"),
        ([("uint8", [1, 8, 8, 3])] * 2, ["a:1", "a:2", "a:3"], "and uint8"),
        ([("uint8", [1, 8, 8, 3])], ["scores"], "returns scores"),
        ([("uint8", [1, 8, 8, 3])], [], "returns nothing"),
    ],
)
def test_another_network_is_refused_with_what_it_reads_and_returns(
    monkeypatch, tmp_path, inputs, outputs, reads
) -> None:
    file = tmp_path / "other.tflite"
    file.write_bytes(b"another network")

    class Other:
        def __init__(self, **options: object) -> None:
            pass

        def allocate_tensors(self) -> None:
            pass

        def get_input_details(self) -> list[dict[str, object]]:
            return [{"index": 0, "dtype": getattr(np, kind), "shape": np.array(shape, int)} for kind, shape in inputs]

        def get_output_details(self) -> list[dict[str, object]]:
            return [{"index": number, "name": name} for number, name in enumerate(outputs)]

    monkeypatch.setattr("ai_edge_litert.interpreter.Interpreter", Other)
    with pytest.raises(BadCard, match=rf"other\.tflite is no EfficientDet-Lite: .*{reads}"):
        EfficientDet(file)


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_another_device_than_the_processor_is_refused(device: str) -> None:
    with pytest.raises(StageUnavailable, match=f"'efficientdet' cannot run on '{device}': LiteRT") as caught:
        EfficientDet.from_card(load_card("efficientdet-lite0"), {}, device=device)
    assert "--device auto" in caught.value.hint
