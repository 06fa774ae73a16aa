"""Options that are given twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from posec3d_cli.cli.app import program


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
    for name, one in (inner or {}).items():
        yield from commands(one, *words, name)


ALL = dict(commands(typer.main.get_command(program())))
SINGLE = [
    (words, option)
    for words, command in ALL.items()
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag and not option.multiple
]


@pytest.mark.parametrize(("words", "option"), SINGLE, ids=lambda one: getattr(one, "name", None) or " ".join(one))
def test_an_option_that_takes_one_value_is_refused_when_it_is_given_twice(posec3d, words, option):
    ran = posec3d(*words, option.opts[0], "1", f"{option.opts[-1]}", "2")
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {option.opts[0]} is given 2 times, and takes one value" in ran.err


def test_every_spelling_of_an_option_counts(posec3d):
    for given in (["-oa.csv", "--output=b.csv"], ["--output", "a.csv", "-o", "b.csv"]):
        assert "is given 2 times" in posec3d("label", "clips", *given).err


def test_a_flag_may_be_repeated_and_may_not_contradict_itself(posec3d):
    assert posec3d("samples", "list", "--json", "--json").code == 0
    ran = posec3d("predict", "none.mp4", "--flip", "--flip", "--no-flip")
    assert ran.code == 2
    assert "--flip and --no-flip contradict each other" in ran.err


def test_values_that_look_like_options_are_no_repetition(posec3d):
    ran = posec3d("predict", "--", "--top", "--top")
    assert ran.code == 1
    assert ran.err.count("there is no file --top") == 2


def test_what_takes_several_values_takes_them(posec3d):
    ran = posec3d("predict", "none.mp4", "--set", "pose.batch=1", "--set", "detector.batch=2")
    assert ran.code == 1
    assert "there is no file none.mp4" in ran.err
