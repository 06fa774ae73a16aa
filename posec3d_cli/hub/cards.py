"""Model cards and pipeline cards as values, the files of weights that a card names, and what their TOML holds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from posec3d_cli.config import Kind
from posec3d_cli.errors import BadCard
from posec3d_cli.hub.sources import parse_source
from posec3d_cli.schema import BadSetting, Text

File = TypeVar("File")
OBJECTS = "objects"
"""The name of the file that says what objects mean to a classifier."""
ONNX = "onnx"
"""The name of the file that holds all networks of a classifier as an ONNX model, see `posec3d_cli.export`."""
Bytes = Annotated[int, Meta(gt=0, description="a number of bytes above 0")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="64 lower-case hexadecimal digits")]
Sha256Prefix = Annotated[str, Meta(pattern=r"^[0-9a-f]{1,63}$", description="1 to 63 lower-case hexadecimal digits")]
Sources = Annotated[tuple[str, ...], Meta(min_length=1, description="a list of sources, at least one")]


def network_files(files: Mapping[str, File]) -> dict[str, File]:
    """Of the files of a classifier, by name, those that are weights of a network of torch: one file per network."""
    return {name: file for name, file in files.items() if name not in (OBJECTS, ONNX)}


class CardTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a card."""


class WeightFile(CardTable, frozen=True):
    """One file that a model needs; an entry of `[[files]]`.

    Attributes:
        name: the name that the stage uses.
        sources: where it is downloaded from, first choice first; see `posec3d_cli.hub.sources`.
        sha256: 64 lower-case hexadecimal digits; empty where the card does not know them.
        size: in bytes; None where the card does not know it.
        sha256_prefix: the known first digits of the hash; empty where none is known.
    """

    name: Text
    sources: Sources
    sha256: Sha256 = ""
    size: Bytes | None = None
    sha256_prefix: Sha256Prefix = ""

    def __post_init__(self) -> None:
        for source in self.sources:
            try:
                parse_source(source)
            except ValueError as error:
                raise BadSetting(f"sources holds {source!r}: {error}") from error
        if bool(self.sha256) != (self.size is not None):
            absent, given = ("size", "sha256") if self.sha256 else ("sha256", "size")
            raise BadSetting(f"{absent} is missing, and {given} is there", hint="state both, or neither")
        if self.sha256 and self.sha256_prefix:
            raise BadSetting("sha256_prefix is not allowed beside sha256", hint="leave it out")

    @property
    def filename(self) -> str:
        """The file's own name, as its first source calls it."""
        return parse_source(self.sources[0]).filename


class Conversion(CardTable, frozen=True):
    """How a TensorFlow.js graph, the files `topology` and `weights`, becomes the ONNX model that the stage reads.

    Attributes:
        start: the node whose output the model takes as its input.
        image_size: side of the square images in pixels.
        outputs: the nodes that the model returns.
    """

    start: Text
    image_size: Annotated[int, Meta(gt=0, description="a whole number above 0")]
    outputs: Annotated[tuple[Text, ...], Meta(min_length=1, description="a list of texts, at least one")]


class ModelTable(CardTable, frozen=True, kw_only=True):
    """The table of `model.toml`: as `ModelCard`, but `labels` is the name of a list of `models/labels/`."""

    kind: Kind
    stage: Text
    summary: Text
    licence: Text
    data_terms: Text
    verified: bool = False
    labels: Text | None = None
    recipe: dict[str, Any] = {}
    files: tuple[WeightFile, ...] = ()
    convert: Conversion | None = None

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise BadSetting(f"two files have the same name: {', '.join(names)}")
        unknown = [file.name for file in self.files if not file.sha256]
        if self.verified and unknown:
            raise BadSetting(
                f"the model cannot be verified while the sha256 of {', '.join(unknown)} is not known",
                hint="state sha256 and size, or verified = false",
            )
        for number, file in enumerate(self.files):
            plain = [source for source in file.sources if source.lower().startswith("http:") and not file.sha256]
            if plain:
                raise BadSetting(
                    f"files[{number}].sources holds {plain[0]!r}, but plain http needs a sha256",
                    hint="state sha256 and size, or take an https: address",
                )
        if self.convert and {"topology", "weights"} - set(names):
            raise BadSetting(f"convert needs files called topology and weights; there is {', '.join(names)}")


@dataclass(frozen=True)
class ModelCard:
    """A model card.

    Attributes:
        name: the name of its folder.
        kind: "detector", "pose" or "classifier".
        stage: the entry point of the stage that runs it.
        summary: one line.
        licence: of the weights.
        data_terms: what the training data allows.
        files: the weights; empty for a model without any.
        recipe: the stage's settings, as nested plain dicts.
        labels: the label of each output of the network, in order, of which several may have the same; empty where the
            model has none.
        folder: where the card lies.
        verified: whether these weights have been fetched and run.
        conversion: the conversion of the files for the stage; None where it reads them as they are.
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

    @property
    def distinct_labels(self) -> tuple[str, ...]:
        """Each label once, in the order in which they appear."""
        return tuple(dict.fromkeys(self.labels))


class PipelineTable(CardTable, frozen=True):
    """A pipeline card of `models/pipelines/`: one model per stage, by name."""

    summary: Text
    detector: Text
    pose: Text
    classifier: Text


class PipelineCard(PipelineTable, frozen=True, kw_only=True):
    """A pipeline card with the name of its file."""

    name: str


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
