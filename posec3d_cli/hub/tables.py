"""Typed reading of TOML cards: what does not fit is named with its file, key and value."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from posec3d_cli.errors import BadCard
from posec3d_cli.hub.sources import parse_source

T = TypeVar("T")


def read_toml(file: Path) -> dict[str, Any]:
    """The table in `file`.

    Raises:
        BadCard: the file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCard(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadCard(f"{file} is not valid TOML: {error}") from error


class Table:
    """A TOML table that hands out each value once, typed.

    Args:
        file: where it was read, for messages.
        values: what was read.
        prefix: what precedes its keys in messages.

    Every method raises BadCard for a key that is missing or a value that does not fit.
    """

    def __init__(self, file: Path, values: Mapping[str, Any], prefix: str = "") -> None:
        self.file = file
        self.prefix = prefix
        self.values = dict(values)

    def has(self, key: str) -> bool:
        """Whether the key is there and nobody asked for it yet."""
        return key in self.values

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value: str = self._take(key, str, "a text")
        return self.checked(key, value, lambda text: bool(text.strip()), "a text that is not empty")

    def integer(self, key: str) -> int:
        """A whole number."""
        value: int = self._take(key, int, "a whole number")
        return self.checked(key, value, lambda number: not isinstance(number, bool), "a whole number")

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value: bool = self._take(key, bool, "true or false", default)
        return value

    def table(self, key: str) -> dict[str, Any]:
        """A table; an absent one is empty."""
        value: dict[str, Any] = self._take(key, dict, "a table", {})
        return value

    def tables(self, key: str) -> list[dict[str, Any]]:
        """A list of tables; an absent one is empty."""
        value: list[dict[str, Any]] = self._take(key, list, "a list of tables", [])
        return self.checked(key, value, lambda items: all(isinstance(x, dict) for x in items), "a list of tables")

    def texts(self, key: str) -> tuple[str, ...]:
        """At least one text."""
        value: list[str] = self._take(key, list, "a list of texts")
        fits = bool(value) and all(isinstance(text, str) and text.strip() for text in value)
        return tuple(self.checked(key, value, lambda _: fits, "a list of texts, at least one"))

    def sources(self, key: str) -> tuple[str, ...]:
        """At least one well-formed source."""
        value: list[str] = self._take(key, list, "a list of sources")
        self.checked(key, value, bool, "at least one source")
        for source in value:
            try:
                parse_source(source)
            except (TypeError, ValueError) as error:
                raise BadCard(f"{self.file}: {self.prefix}{key} holds {source!r}: {error}") from error
        return tuple(value)

    def checked(self, key: str, value: T, fits: Callable[[T], bool], wanted: str) -> T:
        """Return `value` if it fits, else refuse it."""
        if not fits(value):
            raise BadCard(f"{self.file}: {self.prefix}{key} must be {wanted}, got {value!r}")
        return value

    def end(self) -> None:
        """Refuse keys that nobody asked for."""
        for key, value in self.values.items():
            raise BadCard(f"{self.file}: unknown key {self.prefix}{key} = {value!r}", hint="is it misspelt?")

    def _take(self, key: str, kind: type, wanted: str, default: Any = None) -> Any:
        if key not in self.values:
            if default is not None:
                return default
            raise BadCard(f"{self.file}: the key {self.prefix}{key} is missing", hint=f"it must be {wanted}")
        return self.checked(key, self.values.pop(key), lambda value: isinstance(value, kind), wanted)
