from __future__ import annotations

import numpy as np
import pytest
from onnx_factory import write_constants, write_model

from posec3d_cli.errors import BadCard
from posec3d_cli.runtime.onnx import ImageInput, open_session

RED_GREEN_BLUE = np.array([[[[10, 20, 30]]]], np.uint8)


def seen(image):
    return image.tensor(RED_GREEN_BLUE).ravel().tolist()


def test_channels_come_in_the_models_order_and_mean_and_std_belong_to_that_order():
    assert seen(ImageInput([1, 1], "rgb")) == [10, 20, 30]
    assert seen(ImageInput([1, 1], "bgr")) == [30, 20, 10]
    assert seen(ImageInput([1, 1], "bgr", [30, 10, 0], [1, 2, 5])) == [0, 5, 2]


def test_images_become_rows_of_channels():
    pixels = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    tensor = ImageInput([5, 4], "rgb").tensor(pixels)
    assert (tensor.shape, tensor.dtype) == ((2, 3, 4, 5), np.float32)
    assert tensor[1, 2, 3, 4] == pixels[1, 3, 4, 2]
    assert tensor.flags.c_contiguous


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"input_size": 320}, "input_size must be a width and a height in pixels, got 320"),
        ({"input_size": [320]}, r"got \[320\]"),
        ({"input_size": [320, 0]}, r"got \[320, 0\]"),
        ({"input_size": [320.0, 320]}, r"got \[320\.0, 320\]"),
        ({"channels": "grey"}, "channels must be one of bgr, rgb, got 'grey'"),
        ({"mean": 0.5}, r"mean must be three numbers, got 0\.5"),
        ({"mean": [0.5, True, 0]}, "mean must be three numbers"),
        ({"std": [1, 0, 1]}, r"std must be three numbers above 0, got \[1, 0, 1\]"),
    ],
)
def test_an_impossible_setting_is_refused_with_its_value(settings, complaint):
    with pytest.raises(BadCard, match=complaint):
        ImageInput(**{"input_size": [4, 4], "channels": "rgb", **settings})


@pytest.mark.parametrize(
    ("shape", "batch"), [([1, 3, 4, 6], 1), (["N", 3, 4, 6], None), ([8, 3, "height", "width"], 8), ([None] * 4, None)]
)
def test_a_model_says_how_many_images_it_reads_at_once(tmp_path, shape, batch):
    model = write_constants(tmp_path / "a.onnx", np.zeros(1, np.float32), shape=shape)
    assert ImageInput([6, 4], "rgb").check(open_session(model, stage="test"), 1) == batch


@pytest.mark.parametrize("shape", [[1, 3, 6, 4], [1, 4, 6, 3], [1, 3, 4], [1, 1, 4, 6]])
def test_a_model_of_another_input_is_refused_with_both_shapes(tmp_path, shape):
    model = write_constants(tmp_path / "a.onnx", np.zeros(1, np.float32), shape=shape)
    with pytest.raises(BadCard, match=r"\(N, 3, 4, 6\), but reads tensor\(float\) \[1, ") as caught:
        ImageInput([6, 4], "rgb").check(open_session(model, stage="test"), 1)
    assert str(shape) in caught.value.what


def test_a_model_with_too_few_outputs_is_refused(tmp_path):
    model = write_constants(tmp_path / "a.onnx", np.zeros(1, np.float32), shape=[1, 3, 4, 6])
    with pytest.raises(BadCard, match="must have 2 outputs, but has 1"):
        ImageInput([6, 4], "rgb").check(open_session(model, stage="test"), 2)


@pytest.mark.parametrize(
    ("graph", "reads"),
    [
        ("m () => (float out) { out = Constant <value_float = 1.0> () }", "but reads nothing"),
        ("m (float input) => (float out) { out = Identity (input) }", r"tensor\(float\) of a single number"),
        ("m (string[1, 3, 4, 6] input) => (string[1, 3, 4, 6] out) { out = Identity (input) }", r"tensor\(string\)"),
        ("m (int64[1, 3, 4, 6] input) => (int64[1, 3, 4, 6] out) { out = Identity (input) }", r"tensor\(int64\)"),
        ("m (seq(float[N]) a) => (float[N] b) { i = Constant <value_int = 0> () b = SequenceAt (a, i) }", "seq"),
        ("m (float[1, 3, 4, 6] a, float[2] b) => (float[1, 3, 4, 6] c) { c = Identity (a) }", r"and tensor\(float\)"),
        ("m (float[3, 4, 6] input) => (float[3, 4, 6] out) { out = Identity (input) }", r"\[3, 4, 6\]"),
        ("m (float[1, 1, 3, 4, 6] input) => (float[1, 1, 3, 4, 6] out) { out = Identity (input) }", r"\[1, 1, 3"),
    ],
)
def test_a_model_that_reads_no_image_is_refused_with_what_it_reads(tmp_path, graph, reads):
    session = open_session(write_model(tmp_path / "a.onnx", graph), stage="test")
    with pytest.raises(BadCard, match=reads):
        ImageInput([6, 4], "rgb").check(session, 1)
