from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, structs

from posec3d_cli.errors import BadCard, ConfigError
from posec3d_cli.schema import BadOption, BadSetting, Checked, Count, Positive, Share, Text, read, read_settings

Pair = Annotated[tuple[Count, Count], Meta(description="a width and a height")]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "nowhere" in self.places:
            raise BadSetting("places holds 'nowhere'", hint="say where")


class Whole(Checked, frozen=True, kw_only=True):
    size: Pair
    way: Literal["up", "down"] = "up"
    share: Share = 0.5
    seconds: Positive | None = None
    even: Annotated[int, Meta(multiple_of=2)] = 2
    parts: tuple[Part, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    only: Literal["this"] = "this"
    flag: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012
    counts: dict[str, int] = {}  # noqa: RUF012
    named: dict[str, Part] = {}  # noqa: RUF012
    some: Annotated[tuple[Part, ...], Meta(description="a few parts")] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.flag and self.way == "down":
            raise BadSetting("flag goes with way = 'up' only")


@dataclass
class Card:
    recipe: dict[str, Any] = field(default_factory=dict)
    name: str = "mine"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "a.toml: x.size is missing"),
        ({"size": 3}, "a.toml: x.size must be a width and a height, got 3"),
        ({"size": [3, 0]}, "a.toml: x.size must be a width and a height, got [3, 0]"),
        ({"size": [3, 3], "way": "left"}, "a.toml: x.way must be one of down, up, got 'left'"),
        ({"size": [3, 3], "share": 1.5}, "a.toml: x.share must be a number in [0, 1], got 1.5"),
        ({"size": [3, 3], "seconds": math.inf}, "a.toml: x.seconds must be a number above 0, got inf"),
        ({"size": [3, 3], "seconds": math.nan}, "a.toml: x.seconds must be a number above 0, got nan"),
        ({"size": [3, 3], "seconds": True}, "a.toml: x.seconds must be a number above 0, got True"),
        ({"size": [3, 3], "even": 3}, "a.toml: x.even must be a whole number, got 3"),
        ({"size": [3, 3], "parts": {}}, "a.toml: x.parts must be a list of tables, got {}"),
        ({"size": [3, 3], "parts": [{"name": "a"}, {}]}, "a.toml: x.parts[1].name is missing"),
        (
            {"size": [3, 3], "parts": [{"name": " "}]},
            "a.toml: x.parts[0].name must be a text that is not empty, got ' '",
        ),
        ({"size": [3, 3], "parts": [{"name": "a", "plcs": 1}]}, "a.toml: unknown key x.parts[0].plcs = 1"),
        (
            {"size": [3, 3], "parts": [{"name": "a", "places": 1}]},
            "a.toml: x.parts[0].places must be a list of texts, got 1",
        ),
        (
            {"size": [3, 3], "parts": [{"name": "a", "places": ["nowhere"]}]},
            "a.toml: x.parts[0].places holds 'nowhere'",
        ),
        ({"size": [3, 3], "pairs": [[1, 2], [3]]}, "a.toml: x.pairs[1] must be a list, got [3]"),
        ({"size": [3, 3], "only": "that"}, "a.toml: x.only must be this, got 'that'"),
        ({"size": [3, 3], "flag": "yes"}, "a.toml: x.flag must be true or false, got 'yes'"),
        ({"size": [3, 3], "flag": True, "way": "down"}, "a.toml: x.flag goes with way = 'up' only"),
        ({"size": [3, 3], "options": 3}, "a.toml: x.options must be a table, got 3"),
        ({"size": [3, 3], "counts": {"a": "b"}}, "a.toml: x.counts must be a table of numbers, got {'a': 'b'}"),
        ({"size": [3, 3], "named": {"a": {"b": 1}}}, "a.toml: x.named must be a table of tables, got {'a': {'b': 1}}"),
        ({"size": [3, 3], "some": [{"name": "a", "b": 1}]}, "a.toml: unknown key x.some[0].b = 1"),
        ({"size": [3, 3], "some": [{"name": 3}]}, "a.toml: x.some must be a few parts, got [{'name': 3}]"),
        (3, "a.toml: x must be a table, got 3"),
    ],
)
def test_a_misfit_is_named_by_place_key_and_value(table, said):
    with pytest.raises(BadCard) as caught:
        read(Whole, table, where="a.toml", key="x")
    assert str(caught.value) == said


def test_hints_say_what_there_is_what_it_must_be_and_what_a_check_says():
    for table, hint in (
        ({"size": [1, 1], "shre": 1}, "did you mean 'share'? there are: size, way, share, "),
        ({}, "it must be a width and a height"),
        ({"size": [1, 1], "parts": [{"name": "a", "places": ["nowhere"]}]}, "say where"),
    ):
        with pytest.raises(BadCard) as caught:
            read(Whole, table)
        assert caught.value.hint.startswith(hint)
    with pytest.raises(BadCard) as caught:
        read(Checked, {"a": 1})
    assert (caught.value.what, caught.value.hint) == ("unknown key a = 1", "there are none")


def test_settings_made_in_python_are_checked_like_those_of_a_table_and_lists_become_tuples():
    assert Whole(size=[1, 2], share=1).size == (1, 2)  # type: ignore[arg-type]
    assert Whole(size=(1, 2)) == read(Whole, {"size": [1, 2]})
    for settings, said in (
        ({"size": (1, 0)}, "size must be a width and a height, got (1, 0)"),
        ({"size": (1, 1), "way": "left"}, "way must be one of down, up, got 'left'"),
        ({"size": (1, 1), "flag": True, "way": "down"}, "flag goes with way = 'up' only"),
    ):
        with pytest.raises(BadSetting) as caught:
            Whole(**settings)
        assert str(caught.value) == said
    with pytest.raises(BadSetting, match="share must be"):
        structs.replace(Whole(size=(1, 1)), share=2)


def test_settings_can_be_pickled_and_compared():
    made = Whole(size=(1, 2), parts=(Part("a"),))
    assert pickle.loads(pickle.dumps(made)) == made


def test_options_replace_what_the_card_says_and_paths_may_stand_for_texts():
    card = Card({"size": [1, 1], "share": 0.25, "parts": [{"name": "a"}]})
    settings = read_settings(Whole, card, {"share": 1, "options": {"a": 1}})
    assert (settings.share, settings.parts[0].name, settings.options) == (1.0, "a", {"a": 1})
    assert read_settings(Part, Card(), {"name": Path("a/b")}).name == "a/b"
    with pytest.raises(BadCard, match=r"^mine: recipe\.share must be a number in \[0, 1\], got 'much'$"):
        read_settings(Whole, card, {"share": "much"})


def test_a_wrong_option_is_told_from_a_wrong_card():
    """What was typed is wrong usage; what stands in a card is not."""
    right, wrong = Card({"size": [3, 3]}), Card({"size": [3, 0]})
    with pytest.raises(BadOption, match="much") as caught:
        read_settings(Whole, right, {"share": "much"})
    assert isinstance(caught.value, ConfigError)
    with pytest.raises(BadOption, match=r"unknown key recipe\.nope"):
        read_settings(Whole, right, {"nope": 1})
    for options in ({}, {"share": "much"}):
        with pytest.raises(BadSetting) as caught:
            read_settings(Whole, wrong, options)
        assert not isinstance(caught.value, ConfigError)
