"""The exception tree: one root, the branches that its docstring draws, and what every error carries."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from posec3d_cli import errors
from posec3d_cli.errors import PoseC3DError

EVERY = [
    kind for _, kind in inspect.getmembers(errors, lambda one: inspect.isclass(one) and issubclass(one, Exception))
]


def drawn() -> dict[str, str]:
    """The parent of each error, as the module docstring draws it."""
    parents = {}
    for line in errors.__doc__.splitlines():
        if branch := re.search(r"[├└]── (.+)", line):
            first, *others = re.findall(r"\w+", branch[1])
            parents[first] = "PoseC3DError"
            parents |= dict.fromkeys(others, first)
    return parents


def test_the_tree_is_the_one_that_is_drawn():
    apart = (PoseC3DError, errors.UnknownName)  # the root, and a base beside those in the tree
    assert {kind.__name__: kind.__base__.__name__ for kind in EVERY if kind not in apart} == drawn()


def test_errors_of_unknown_names_are_one_kind():
    alike = [kind for kind in EVERY if issubclass(kind, errors.UnknownName)]
    assert alike == [kind for kind in EVERY if kind.__name__.startswith("Unknown")]


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_says_what_and_what_to_do(kind):
    error = kind("x.mp4 is empty", hint="record it again")
    assert (error.what, error.hint, str(error)) == ("x.mp4 is empty", "record it again", "x.mp4 is empty")
    assert kind("x.mp4 is empty").hint == ""


@pytest.mark.parametrize("kind", EVERY)
def test_the_root_catches_every_error(kind):
    with pytest.raises(PoseC3DError, match="no"):
        raise kind("no")


def test_an_error_comes_back_from_another_process_with_its_hint():
    error = pickle.loads(pickle.dumps(errors.UnreadableVideo("x", hint="y")))
    assert (type(error), error.what, error.hint) == (errors.UnreadableVideo, "x", "y")
