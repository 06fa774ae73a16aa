"""Structs of settings, checked by msgspec when they are read from a table and when they are made in Python.

    class Settings(Checked, frozen=True):
        threshold: Share = 0.5
        batch: Count = 4

What does not fit is a `BadSetting` that names key, value and what is wanted. `Meta(description=...)` of an annotated
type says what is wanted in words.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import Meta, inspect, structs

from posec3d_cli.errors import BadCard, ConfigError, did_you_mean

T = TypeVar("T")

Text = Annotated[str, Meta(pattern=r"\S", description="a text that is not empty")]
Count = Annotated[int, Meta(ge=1, description="a whole number of at least 1")]
Positive = Annotated[float, Meta(gt=0, le=sys.float_info.max, description="a number above 0")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number in [0, 1]")]


class BadSetting(BadCard, ValueError):
    """A value that does not fit; in a struct's own checks its text begins with the key."""


class BadOption(BadSetting, ConfigError):
    """A value that was given in place of a card's own does not fit; the card does."""


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Settings whose values fit their types, however they are made; lists become tuples where these are declared.

    Checks of several values at once stand in `__post_init__`, which calls this one and raises `BadSetting`.
    """

    def __post_init__(self) -> None:
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value != field.default:
                structs.force_setattr(self, field.name, read(field.type, value, key=field.name))


@cache
def _fields(kind: type[Checked]) -> tuple[structs.FieldInfo, ...]:
    return structs.fields(kind)  # a tenth of a millisecond, which counts where results are read back by the thousand


class HasRecipe(Protocol):
    """A model card."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The settings of its stage."""
        ...


def read_settings(kind: type[T], card: HasRecipe, options: Mapping[str, Any]) -> T:
    """The settings of a stage: the recipe of its card, with `options` in place of the card's own.

    Args:
        kind: what the stage declares, a subclass of `Checked`.
        card: the card.
        options: as `from_card` was given them; paths may stand for texts.

    Raises:
        BadOption: one of the options is unknown or does not fit.
        BadSetting: a setting of the card is unknown, missing or does not fit.
    """
    values = {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in {**card.recipe, **options}.items()
    }
    try:
        return read(kind, values, where=card.name, key="recipe")
    except BadSetting as error:
        if options and _fits(kind, card.recipe):
            raise BadOption(error.what, hint=error.hint) from error
        raise


def _fits(kind: type[T], values: Mapping[str, Any]) -> bool:
    try:
        read(kind, dict(values))
    except BadSetting:
        return False
    return True


def read(kind: type[T], values: object, *, where: object = "", key: str = "") -> T:
    """What a table, or another plain value, says.

    Args:
        kind: a struct, or any other type that msgspec knows.
        values: the value.
        where: the file or the card that it is from, for messages.
        key: its own key there.

    Raises:
        BadSetting: it does not fit.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        what, hint = _explained(error, inspect.type_info(kind), values, key)
        raise BadSetting(f"{where}: {what}" if where else what, hint=hint) from error


def _explained(error: msgspec.ValidationError, node: Any, value: Any, key: str) -> tuple[str, str]:
    """What msgspec says, in our words, and what to do about it."""
    said, path = re.fullmatch(r"(.*?)(?: - at `\$(.*)`)?", str(error), re.DOTALL).groups()  # type: ignore[union-attr]
    described: tuple[str, Any, Any] | None = None
    for name, number, any_key in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])", path or ""):
        if any_key:  # msgspec does not say which
            return f"{key} must be {_wanted(node)}, got {value!r}", f"it says: {said}"
        if described is None and _description(node):
            described = key, node, value
        node, value = _inner(node, name or int(number)), value[name or int(number)]
        key = f"{_before(key)}{name}" if name else f"{key}[{number}]"
    if error.__cause__ is not None:
        return f"{_before(key)}{error.__cause__}", getattr(error.__cause__, "hint", "")
    if found := re.fullmatch(r"Object missing required field `(.*)`", said):
        return f"{_before(key)}{found[1]} is missing", f"it must be {_wanted(_inner(node, found[1]))}"
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", said):
        known = [field.encode_name for field in _container(node).fields]
        there = f"there are: {', '.join(known)}" if known else "there are none"
        return f"unknown key {_before(key)}{found[1]} = {value[found[1]]!r}", did_you_mean(found[1], known) + there
    key, node, value = described or (key, node, value)
    return f"{key} must be {_wanted(node)}, got {value!r}", ""


def _before(key: str) -> str:
    return f"{key}." if key else ""


def _container(node: Any) -> Any:
    """The type itself, without its constraints and without None."""
    while isinstance(node, inspect.Metadata):
        node = node.type
    if isinstance(node, inspect.UnionType):
        return _container(next(one for one in node.types if not isinstance(one, inspect.NoneType)))
    return node


def _inner(node: Any, key: str | int) -> Any:
    """The type of what stands at a key of a table, or at a place of a list."""
    node = _container(node)
    if isinstance(node, inspect.StructType):
        return next(field.type for field in node.fields if field.encode_name == key)
    return node.item_types[int(key)] if isinstance(node, inspect.TupleType) else node.item_type


def _description(node: Any) -> str:
    if isinstance(node, inspect.UnionType):
        return " or ".join(filter(None, map(_description, node.types)))
    return (node.extra_json_schema or {}).get("description", "") if isinstance(node, inspect.Metadata) else ""


_WORDS: dict[type[Any], str] = {
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.StrType: "a text",
    inspect.StructType: "a table",
}


def _wanted(node: Any) -> str:
    """A type in words."""
    if described := _description(node):
        return described
    node = _container(node)
    if isinstance(node, inspect.LiteralType):
        return ("one of " if len(node.values) > 1 else "") + ", ".join(map(str, node.values))
    if isinstance(node, inspect.VarTupleType | inspect.ListType):
        return f"a list{_of(node.item_type)}"
    if isinstance(node, inspect.DictType):
        return f"a table{_of(node.value_type)}"
    return _WORDS.get(type(node), "a list")


def _of(node: Any) -> str:
    word = _WORDS.get(type(_container(node)), "")
    return f" of {word.split()[-1]}s" if word else ""
