"""Every setting of a pipeline: its default, the values it takes, and what depends on it."""

from __future__ import annotations

import dataclasses
import math
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli import config
from posec3d_cli.config import MOST_DETECT_EVERY, PipelineConfig, help_of
from posec3d_cli.errors import ConfigError
from posec3d_cli.sampling import clips

DEFAULTS = {
    "pipeline": "light",
    "detector": None,
    "pose": None,
    "classifiers": (),
    "ensemble_weights": (),
    "builder": None,
    "detector_settings": {},
    "pose_settings": {},
    "classifier_settings": {},
    "detect_every": 1,
    "views": None,
    "flip": None,
    "window_seconds": None,
    "stride_seconds": None,
    "timeline": False,
    "person": None,
    "largest": False,
    "roi": None,
    "people": None,
    "min_score": None,
    "device": "auto",
    "precision": "auto",
    "reader": "pyav",
    "offline": None,
    "weights_dir": None,
    "cache_dir": "default",
}
OTHERS = {
    "pipeline": "hrnet",
    "detector": "d",
    "pose": Path("p"),
    "classifiers": ("a", Path("b")),
    "ensemble_weights": (2.0, 1.0),
    "builder": "estimator-heatmap",
    "detector_settings": {"max_people": 2},
    "pose_settings": {"batch": 4},
    "classifier_settings": {"people": "each"},
    "detect_every": 3,
    "views": 2,
    "flip": False,
    "window_seconds": 0,
    "people": "each",
    "min_score": 0.5,
    "device": "cuda:1",
    "precision": "fp32",
    "reader": "decord",
    "offline": True,
    "weights_dir": Path("w"),
    "cache_dir": None,
}
WRONG = {
    "classifiers": ["posec3d-daily"],
    "ensemble_weights": ["2:1", (-1.0,), (0.0, 0.0), (math.nan,), (math.inf, 1.0)],
    "detect_every": [0, -1, MOST_DETECT_EVERY + 1, 1.5],
    "views": [0, -3, 2.5],
    "window_seconds": [-1, math.nan, math.inf],
    "people": ["everybody", ""],
    "min_score": [-0.1, 1.1, math.nan],
    "precision": ["fp16", None],
    "reader": ["opencv"],
    "cache_dir": ["/somewhere"],
}


def test_each_field_has_its_default_and_says_what_it_is():
    made = PipelineConfig()
    assert {one.name: getattr(made, one.name) for one in dataclasses.fields(made)} == DEFAULTS
    for name in DEFAULTS:
        assert f"\n        {name}: " in PipelineConfig.__doc__
        assert help_of(name).endswith(".")


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_value_out_of_range_is_refused_with_the_name_and_the_value(name, value):
    with pytest.raises(ConfigError) as raised:
        PipelineConfig(**{name: value})
    assert name.removeprefix("ensemble_") in raised.value.what
    if not isinstance(value, tuple):
        assert str(value) in raised.value.what


def test_weights_are_as_many_as_the_classifiers_that_are_named():
    with pytest.raises(ConfigError, match=r"the weights 1 are 1, and a\+b is 2 classifiers"):
        PipelineConfig(classifiers=("a", "folder/b"), ensemble_weights=(1.0,))


def test_a_config_is_a_plain_value():
    made, same = PipelineConfig(**OTHERS), PipelineConfig(**OTHERS)
    assert made == same == pickle.loads(pickle.dumps(made))
    assert made != PipelineConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.device = "cpu"
    with pytest.raises(TypeError, match="assignment"):
        made.detector_settings["max_people"] = 3
    assert made.settings_of("detector") == {"max_people": 2}


def test_what_it_was_made_of_may_change_afterwards():
    settings, names = {"batch": 4}, ["a"]
    made = PipelineConfig(pose_settings=settings, classifiers=names)
    settings["batch"] = 5
    names.append("b")
    assert (made.pose_settings, made.classifiers) == ({"batch": 4}, ("a",))


def test_results_depend_on_what_shapes_them_and_on_nothing_else():
    names = {"reader", "device", "detect_every"}
    assert set(PipelineConfig().fingerprint_fields("poses")) == names
    names |= {"builder", "ensemble_weights", "precision", "views", "flip", "window_seconds", "people", "stride_seconds"}
    names |= {"timeline", "person", "largest", "roi"}
    assert set(PipelineConfig().fingerprint_fields("answers")) == names


def test_the_ways_to_take_people_are_those_of_the_cards():
    assert [clips.ClipSampling(people=people).people for people in config.PEOPLE] == list(config.PEOPLE)


@given(st.integers(1, MOST_DETECT_EVERY), st.integers(1), st.floats(0, 1e9), st.floats(0, 1))
def test_every_value_in_range_is_taken(every, views, window, score):
    made = PipelineConfig(detect_every=every, views=views, window_seconds=window, min_score=score)
    assert pickle.loads(pickle.dumps(made)) == made


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=4))
def test_weights_of_as_many_classifiers_are_taken(weights):
    names = [f"model-{number}" for number in range(len(weights))]
    assert PipelineConfig(classifiers=names, ensemble_weights=weights).ensemble_weights == tuple(weights)
