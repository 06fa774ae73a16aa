"""How `--set` is read."""

from __future__ import annotations

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.cli.config import stage_settings


def options(*settings, **others):
    return stage_settings(list(settings), **others)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.3", 0.3),
        ("4", 4),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('{"a.b" = 1}', {"a.b": 1}),
        ('"4"', "4"),
        ("configs/rtmdet.py", "configs/rtmdet.py"),
        ("C:\\models\\w.pth", "C:\\models\\w.pth"),
        ("a=b", "a=b"),
        ("", ""),
        ("2024-05-01", "2024-05-01"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_a_value_is_what_toml_says_or_else_a_text(text, value):
    found = options(f"pose.key={text}")["pose_settings"]["key"]
    assert found == value
    assert type(found) is type(value)


def test_each_setting_goes_to_its_stage():
    found = options("detector.batch=1", "pose.batch=2", "classifier.people=each", max_people=2)
    assert found == {
        "detector_settings": {"max_people": 2, "batch": 1},
        "pose_settings": {"batch": 2},
        "classifier_settings": {"people": "each"},
    }
    assert options(max_people=None)["detector_settings"] == {}


def test_a_setting_that_is_given_twice_is_refused_also_where_an_option_of_its_own_gives_it():
    with pytest.raises(typer.BadParameter, match=r"detector\.batch is set twice: 'detector\.batch=3' comes after 1"):
        options("detector.batch=1", "pose.batch=2", "detector.batch=3")
    with pytest.raises(typer.BadParameter, match=r"detector\.score_threshold is set twice"):
        options("detector.score_threshold=0.5", score_threshold=0.1)


@pytest.mark.parametrize(
    "text", ["", "detector", "detector.batch", "batch=1", "detector.=1", "builder.size=1", "=", "."]
)
def test_anything_else_is_refused(text):
    with pytest.raises(typer.BadParameter, match=r"STAGE\.KEY=VALUE"):
        options(text)


def test_a_command_without_a_classifier_takes_no_settings_for_one():
    with pytest.raises(typer.BadParameter, match="one of detector, pose"):
        options("classifier.people=each", stages=("detector", "pose"))


@given(st.text())
def test_no_value_is_too_odd_to_be_read(text):
    assert "key" in options(f"pose.key={text}")["pose_settings"]
