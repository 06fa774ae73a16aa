"""Model cards and pipeline cards as values, and the files of weights that a card names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d_cli.errors import BadCard
from posec3d_cli.hub.sources import parse_source
from posec3d_cli.hub.tables import Table

KINDS = ("detector", "pose", "classifier")


@dataclass(frozen=True)
class WeightFile:
    """One file that a model needs.

    Attributes:
        name: how the stage asks for it.
        sha256: 64 lower-case hexadecimal digits; empty where the card does not know them.
        size: in bytes; None where the card does not know it.
        sources: where it can be had, first choice first; see `posec3d_cli.hub.sources`.
        sha256_prefix: the first digits of a hash that is not known; empty where none is known.
    """

    name: str
    sha256: str
    size: int | None
    sources: tuple[str, ...]
    sha256_prefix: str = ""

    @property
    def filename(self) -> str:
        """The file's own name, as its first source calls it."""
        return parse_source(self.sources[0]).filename


@dataclass(frozen=True)
class Conversion:
    """How a TensorFlow.js graph, the files `topology` and `weights`, becomes the ONNX model that the stage reads.

    Attributes:
        start: the node whose output the model takes as its input.
        image_size: side of the square images in pixels.
        outputs: the nodes that the model returns.
    """

    start: str
    image_size: int
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class ModelCard:
    """Everything that is known about one model.

    Attributes:
        name: the name of its folder.
        kind: "detector", "pose" or "classifier".
        stage: the entry point that runs it.
        summary: one line.
        licence: of the weights.
        data_terms: what the training data allows.
        files: the weights; empty for a model without any.
        recipe: the stage's settings, as nested plain dicts.
        labels: in the order of the classes; empty where the model has none.
        folder: where the card lies.
        verified: these very weights have been fetched and run.
        conversion: what the files become before the stage reads them; None where it reads them as they are.
    """

    name: str
    kind: str
    stage: str
    summary: str
    licence: str
    data_terms: str
    files: tuple[WeightFile, ...]
    recipe: Mapping[str, Any]
    labels: tuple[str, ...]
    folder: Path
    verified: bool
    conversion: Conversion | None = None


@dataclass(frozen=True)
class PipelineCard:
    """One model per stage, by name."""

    name: str
    summary: str
    detector: str
    pose: str
    classifier: str


def read_conversion(table: Table) -> Conversion:
    """Read the table `convert` of a card.

    Raises:
        BadCard: a key is missing or its value is of no use.
    """
    found = Conversion(
        start=table.text("start"),
        image_size=table.checked("image_size", table.integer("image_size"), lambda size: size > 0, "above 0"),
        outputs=table.texts("outputs"),
    )
    table.end()
    return found


def read_weight_file(table: Table, name: str | None = None) -> WeightFile:
    """Read one file's entry; `name` stands in where the entry has no `name` key of its own.

    Raises:
        BadCard: a key is missing or its value is of no use.
    """
    name = table.text("name") if name is None else name
    sources = table.sources("sources")
    if not table.has("sha256") and not table.has("size"):
        prefix = ""
        if table.has("sha256_prefix"):
            wanted = "1 to 63 lower-case hexadecimal digits"
            prefix = table.checked("sha256_prefix", table.text("sha256_prefix"), _are_digits(1, 63), wanted)
        plain = next((source for source in sources if source.lower().startswith("http:")), None)
        if plain is not None:
            raise BadCard(
                f"{table.file}: {table.prefix}sources holds {plain!r}, and no sha256 vouches for it",
                hint="state sha256 and size, or take an https: address",
            )
        return WeightFile(name, "", None, sources, prefix)
    return WeightFile(
        name=name,
        sha256=table.checked("sha256", table.text("sha256"), _are_digits(64, 64), "64 lower-case hexadecimal digits"),
        size=table.checked("size", table.integer("size"), lambda size: size > 0, "a number of bytes above 0"),
        sources=sources,
    )


def _are_digits(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(rf"[0-9a-f]{{{least},{most}}}", text) is not None
